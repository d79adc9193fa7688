"""What the worker runs. Tasks are doorbells: they take no facts with them, and read in the tables what is owed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from incidents.clock import run_clock
from subscriptions import limits, watch
from subscriptions.bell import ring, ring_once
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, open_notifications, owing_fan_out

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
        _try(_owe, deadline)
        _try(_deliver, deadline)
        if time.monotonic() >= deadline or not watch.owes_soon(timezone.now(), within=deadline - time.monotonic()):
            break
        time.sleep(NAP)
    if watch.owes(timezone.now()):
        ring_once()
    return "drained"


def sweep(budget: float = BUDGET) -> str:
    """Do what the clock asks for, then pay what every lost ring left owing."""
    _try(lambda: run_clock(timezone.now()))
    _try(lambda: limits.forget_old_counts(timezone.now()))
    return drain(budget)


def _owe(deadline: float) -> None:
    open_notifications(timezone.now())
    for notification_id in owing_fan_out():
        while time.monotonic() < deadline and fan_out(notification_id, now=timezone.now()):
            watch.stamp()


def _deliver(deadline: float) -> None:
    tally = run_deliveries(deadline - time.monotonic())
    if tally != type(tally)():
        logger.info("sent %(sent)d, skipped %(skipped)d, delayed %(delayed)d, failed %(failed)d", vars(tally))


def _try(step: Callable[..., Any], *arguments: Any) -> None:
    """One debt that cannot be paid must not keep the others waiting."""
    try:
        step(*arguments)
    except Exception:
        logger.exception("A step of the worker failed; the next sweep tries it again.")
