"""What the worker runs. Tasks are doorbells: they take no facts with them, and read in the tables what is owed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from incidents.clock import run_clock
from subscriptions import limits, retention, watch
from subscriptions.bell import ring, ring_once
from subscriptions.delivery import Tally, run_deliveries
from subscriptions.fanout import fan_out, open_notifications, owing_fan_out
from subscriptions.reminders import open_reminders

__all__ = ["drain", "ring", "sweep"]

logger = logging.getLogger(__name__)

# Well below the worker's own time limit: one hung answer of a mail server still fits in between.
BUDGET = 20.0
NAP = 0.5


def drain(budget: float = BUDGET) -> str:
    """Pay what is owed until nothing is left; when the time is over, let the next task go on."""
    deadline = time.monotonic() + budget
    while True:
        watch.stamp()
        steps_went_well = [_owe(deadline), _try(_deliver, deadline)]
        if not watch.owes_soon(timezone.now()):
            return "nothing is owed for now"
        if time.monotonic() + NAP >= deadline:
            ring_once()
            return "out of time"
        if not all(steps_went_well):
            return "left to the next sweep"
        time.sleep(NAP)


def sweep(budget: float = BUDGET) -> str:
    """Do what the clock asks for, then pay what every lost ring left owing."""
    _try(run_clock, timezone.now())
    _try(limits.forget_old_counts, timezone.now())
    _try(retention.forget, timezone.now())
    return drain(budget)


def _owe(deadline: float) -> bool:
    """Open what is to be told and fan it out; one that cannot be must not keep the others waiting."""
    went_well = _try(open_notifications, timezone.now())
    went_well &= _try(open_reminders, timezone.now())
    for notification_id in owing_fan_out():
        went_well &= _try(_fan_out, notification_id, deadline)
    return went_well


def _fan_out(notification_id: int, deadline: float) -> None:
    while time.monotonic() < deadline and fan_out(notification_id, now=timezone.now()):
        watch.stamp()


def _deliver(deadline: float) -> None:
    tally = run_deliveries(deadline - time.monotonic())
    if tally != Tally():
        logger.info("sent %(sent)d, skipped %(skipped)d, delayed %(delayed)d, failed %(failed)d", vars(tally))


def _try(step: Callable[..., Any], *arguments: Any) -> bool:
    """Whether `step` ended well. What did not is tried again by the next sweep, not at once: it would fail at once."""
    try:
        step(*arguments)
    except Exception:
        logger.exception("A step of the worker failed")
        return False
    return True
