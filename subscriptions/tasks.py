"""What the worker runs. Tasks are doorbells: they take no facts with them, and read in the tables what is owed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from incidents.clock import run_clock
from subscriptions import importing, limits, retention, watch
from subscriptions.bell import IMPORT, no_ring_waits, ring, ring_once
from subscriptions.delivery import Tally, run_deliveries
from subscriptions.fanout import continues, fan_out, is_held, open_notifications, owing_fan_out
from subscriptions.reminders import open_reminders
from subscriptions.restored import hold_back_if_restored
from subscriptions.staff_reminders import open_staff_reminders, send_staff_reminders

__all__ = ["drain", "import_lists", "ring", "ring_again", "sweep"]

logger = logging.getLogger(__name__)

# Well below the worker's own time limit: one hung answer of a mail server still fits in between.
BUDGET = 20.0
NAP = 0.5


def drain(budget: float = BUDGET) -> str:
    """Pay what is owed until nothing is left; when the time is over, let the next task go on."""
    deadline = time.monotonic() + budget
    if not _try(hold_back_if_restored, timezone.now()):
        return "left to the next sweep"  # nothing may be sent before that is known
    while True:
        watch.stamp()
        steps_went_well = [
            _try(open_notifications, timezone.now()),
            _try(open_reminders, timezone.now()),
            _pay(deadline),
        ]
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
    _try(open_staff_reminders, timezone.now())
    _try(send_staff_reminders, timezone.now())
    _try(limits.forget_old_counts, timezone.now())
    _try(retention.forget, timezone.now())
    _try(importing.forget_uploads, timezone.now())
    _try(_ring_for_imports)
    return drain(budget)


def import_lists(budget: float = BUDGET) -> str:
    """Carry out the lists that staff have confirmed. A task of its own: a long list must hold up no mail."""
    deadline = time.monotonic() + budget
    if not _try(hold_back_if_restored, timezone.now()):
        return "left to the next sweep"
    watch.stamp()
    while (upload := importing.take_import(timezone.now())) is not None:
        try:
            is_finished = importing.carry_on(upload, deadline=deadline, after_each=watch.stamp)
        except Exception:  # its lease keeps it from being tried again at once, and from holding up the others
            logger.exception("The list %s could not be imported to its end", upload.pk)
            continue
        ring_once()  # for the mails that ask
        if not is_finished or time.monotonic() >= deadline:
            ring(IMPORT)
            return "out of time"
    return "nothing is owed for now"


def ring_again() -> None:
    """Ring every bell for which something is owed, unless one waits to be heard."""
    if no_ring_waits():
        ring()
        _ring_for_imports()


def _ring_for_imports() -> None:
    if importing.owed(timezone.now()).exists():
        ring(IMPORT)


def _pay(deadline: float) -> bool:
    """Fan out and send, a slice of the one while the other goes on: the first mail leaves before the last is owed."""
    fan_outs = FanOuts(deadline)
    went_well = _try(_deliver, deadline, fan_outs.one_slice)
    while fan_outs.one_slice():  # all the same when nothing can be sent
        pass
    return went_well and fan_outs.went_well


class FanOuts:
    """What is to be fanned out, slice by slice. One that cannot be must not keep the others waiting.

    But while another process is at one, nothing later about its notice is begun: nobody is to hear of an end first.
    """

    def __init__(self, deadline: float) -> None:
        self.went_well = True
        self._deadline = deadline
        self._owing = owing_fan_out()
        self._slices = 0

    def one_slice(self) -> bool:
        """Owe the next deliveries; whether there were any to owe. Called all the time, so also a sign of life."""
        watch.stamp()
        held: list[int] = []
        for notification_id in list(self._owing):
            if time.monotonic() >= self._deadline:
                break
            if held and continues(notification_id, held):
                continue
            try:
                has_owed = fan_out(notification_id, now=timezone.now())
                is_left = not has_owed and is_held(notification_id)
            except Exception:
                logger.exception("Notification %s could not be fanned out", notification_id)
                self.went_well = has_owed = is_left = False
            if has_owed:
                self._slices += 1
                if self._slices == 2:  # it goes to many: the other worker process may send, too
                    ring_once()
                return True
            if is_left:
                held.append(notification_id)
            else:
                self._owing.remove(notification_id)
        return False


def _deliver(deadline: float, meanwhile: Callable[[], bool]) -> None:
    tally = run_deliveries(deadline - time.monotonic(), meanwhile=meanwhile)
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
