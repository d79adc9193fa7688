"""Pays the debts of the ledger: claims what is due, has it sent, settles."""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from django.conf import settings
from django.utils import timezone

from subscriptions import ledger
from subscriptions.channels import CHANNELS
from subscriptions.channels.errors import DeliveryError, PolicyRefusal
from subscriptions.choices import Purpose, SubscriberState
from subscriptions.journal import Journal, adopted, journals
from subscriptions.ledger import Claimed, Report
from subscriptions.models import Notification
from subscriptions.reminders import overtaken
from subscriptions.senders import Batch, Clock, Crew
from subscriptions.throttle import Throttle, rest_of

logger = logging.getLogger(__name__)

# One claim. Who leaves while a claim is being sent may still get it: so a claim is short in time, too, however slow the
# other side is. When it is slow, claims are as large as what it takes in a second.
BATCH = 3_000
SMALLEST_BATCH = 20
BATCH_SECONDS = 5.0

# How long the thread that claims sleeps at most: after it, it looks whether a sender waits for too long.
TICK = 0.05

# Messages that are kept: the same for thousands, but one for each language and zone, and one for each personal word.
MESSAGES = 1_000


def nothing_else() -> bool:
    return False


@dataclass
class Tally:
    """What one run came to."""

    sent: int = 0
    skipped: int = 0
    delayed: int = 0
    failed: int = 0

    def add(self, report: Report) -> None:
        self.sent += len(report.accepted)
        self.skipped += len(report.skipped)
        self.delayed += len(report.delayed) + len(report.postponed)
        self.failed += len(report.failed)


def run_deliveries(
    budget_seconds: float, *, now: Clock = timezone.now, meanwhile: Callable[[], bool] = nothing_else
) -> Tally:
    """Send what is due until nothing is left, every channel rests, or the time is over. Any number may run at once.

    `meanwhile` is called again and again, while senders are busy: it may make more due, and returns whether it has.
    """
    deadline = time.monotonic() + budget_seconds
    recover_lost_claims(now())
    tally = Tally()
    for name, channel in CHANNELS.items():
        _Run(name, channel, tally, now=now, deadline=deadline, meanwhile=meanwhile).go()
    return tally


def recover_lost_claims(now: dt.datetime) -> None:
    """Settle what dead senders held. Journals first: they know what was sent."""
    for path in journals(settings.JOURNAL_DIR):
        with adopted(path) as orphan:
            if orphan:
                ledger.recover(orphan, now=now)
    ledger.take_over_expired(now)


class _Run:
    """One run through one channel. All that concerns the database happens here; senders are threads beside it."""

    def __init__(
        self,
        name: str,
        channel: ModuleType,
        tally: Tally,
        *,
        now: Clock,
        deadline: float,
        meanwhile: Callable[[], bool],
    ) -> None:
        self._name = name
        self._channel = channel
        self._tally = tally
        self._now = now
        self._began = time.monotonic()
        self._deadline = deadline
        self._meanwhile = meanwhile
        self._throttle = Throttle(name, channel)
        self._crew = Crew(channel, now=now)
        self._batches: list[Batch] = []
        self._messages: dict[tuple[int, str, str, int | None], Any] = {}
        self._is_resting = False
        self._has_sent = False

    def go(self) -> None:
        try:
            while True:
                self._settle()
                has_news = self._meanwhile()
                has_news |= self._may_claim() and self._claim()
                if not has_news and not self._batches:
                    return
                self._crew.tend()
                if not self._is_in_time:
                    self._crew.give_up_late()
                if not has_news:
                    self._crew.news.wait(TICK)
                self._crew.news.clear()
        finally:
            # Only when nobody sends any more may the journals lose their owner: the next run settles what is left.
            self._crew.stop()
            for batch in self._batches:
                batch.journal.close()

    @property
    def _is_in_time(self) -> bool:
        return time.monotonic() < self._deadline

    @property
    def _size(self) -> int:
        """What is sent in a second, as far as that is known."""
        if not self._has_sent:
            return BATCH
        rate = self._tally.sent / (time.monotonic() - self._began)
        return max(SMALLEST_BATCH, min(BATCH, int(rate)))

    def _may_claim(self) -> bool:
        if self._is_resting or not self._is_in_time or self._crew.backlog > 2 * self._size:
            return False
        now = self._now()
        self._is_resting = rest_of(self._name, now) is not None
        return not self._is_resting and ledger.is_due(self._name, now)

    def _claim(self) -> bool:
        """Claim some and feed them to the senders. False when nothing could be done with what is due."""
        claim_id, now = uuid.uuid4(), self._now()
        put_off = self._throttle.put_off
        with ExitStack() as on_error:
            journal = Journal(settings.JOURNAL_DIR, claim_id)
            on_error.callback(journal.close)
            rows = ledger.claim(
                self._name, claim_id, now=now, size=self._size, admit=partial(self._throttle.admit, now=now)
            )
            on_error.pop_all()
        batch = Batch(claim_id, journal, rows, stop_at=min(time.monotonic() + BATCH_SECONDS, self._deadline))
        self._batches.append(batch)
        pointless = overtaken({row.notification_id for row in rows if row.purpose == Purpose.REMINDER}, now)
        for row in rows:
            if not _is_wanted(row) or row.notification_id in pointless:
                batch.end(row, "skipped")
            elif (message := self._message(row)) is None:
                batch.end(row, "untouched")
            else:
                self._crew.feed(batch, row, message)
        return bool(rows) or self._throttle.put_off > put_off

    def _settle(self) -> None:
        """Write down what came of claims that are done, and of those whose time is over what is known by now."""
        for batch in list(self._batches):
            if batch.is_done or (batch.is_over and batch.has_news):
                self._settle_batch(batch)
        if self._crew.down and not self._is_resting:
            self._pause(self._crew.down)

    def _settle_batch(self, batch: Batch) -> None:
        report = batch.report()
        ledger.settle(batch.claim, report, now=self._now())
        self._tally.add(report)
        if batch.is_reported:
            batch.journal.remove()
            batch.journal.close()
            self._batches.remove(batch)
        if report.accepted and not self._has_sent:
            self._has_sent = True
            ledger.end_pause(self._name)
        if batch.refusal:
            self._crew.down = PolicyRefusal(batch.refusal, permanent=True)

    def _message(self, row: Claimed) -> Any:
        """What the subscriber's language and zone get; or what kept it from being made.

        None when the text was edited since the claim: the next one gets the new text, and writes down that it did.
        """
        key = (row.notification_id, row.language, row.time_zone, row.text_revision)
        if key not in self._messages:
            if len(self._messages) >= MESSAGES:
                self._messages.clear()
            message = self._compose(row)
            # Asked after the text was read: as it is the one that the claim wrote down, that text was read.
            if ledger.text_revisions([row.notification_id]).get(row.notification_id) != row.text_revision:
                return None
            self._messages[key] = message
        return self._messages[key]

    def _compose(self, row: Claimed) -> Any:
        related = ("update__incident", "subscriber", "revision")
        notification = Notification.objects.select_related(*related).get(pk=row.notification_id)
        try:
            return self._channel.compose(notification, language=row.language, time_zone=row.time_zone)
        except Exception as problem:  # one notice that cannot be rendered must not silence the others
            logger.exception("Notification %s could not be made", row.notification_id)
            return problem

    def _pause(self, problem: DeliveryError) -> None:
        self._is_resting = True
        logger.error("Sending by %s pauses: %s", self._name, problem)
        ledger.pause(self._name, str(problem), is_refusal=problem.permanent, now=self._now())


def _is_wanted(row: Claimed) -> bool:
    """Consent is asked again with every claim: who left after the fan-out hears nothing more."""
    wanted = SubscriberState.PENDING if row.purpose == Purpose.CONFIRM else SubscriberState.ACTIVE
    return row.state == wanted
