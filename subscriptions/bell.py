"""The doorbell of the worker. A lost ring loses nothing: what is owed stands in the tables, and a sweep pays it."""

from __future__ import annotations

import logging

from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

logger = logging.getLogger(__name__)

DRAIN = "subscriptions.tasks.drain"
IMPORT = "subscriptions.tasks.import_lists"


def ring(task: str = DRAIN) -> None:
    """Wake the worker; inside a transaction, once that commits. Never fails whoever rings."""
    try:
        with transaction.atomic():
            async_task(task, save=False)
    except Exception:  # a broker may fail in its own ways, and the caller's work must stand
        logger.exception("The worker could not be woken; the next sweep pays what is owed.")


def ring_once() -> None:
    """Wake the worker unless a ring already waits. Only for debts that are committed: who takes that ring sees them."""
    if no_ring_waits():
        ring()


def no_ring_waits() -> bool:
    return get_broker().queue_size() == 0
