"""Pays the debts of the ledger: claims what is due, sends it, settles."""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from django.conf import settings
from django.utils import timezone

from subscriptions import ledger
from subscriptions.channels import CHANNELS
from subscriptions.channels.errors import ChannelDown, ConnectionLost, DeliveryError, PolicyRefusal
from subscriptions.choices import Purpose, SubscriberState
from subscriptions.journal import Journal, adopted, journals
from subscriptions.ledger import Report
from subscriptions.models import Delivery
from subscriptions.reminders import overtaken

logger = logging.getLogger(__name__)

# One claim, and one connection. Who leaves while a claim is being sent may still get it: so a claim is short in time,
# too, however slow the other side is.
BATCH = 200
BATCH_SECONDS = 5.0

Clock = Callable[[], dt.datetime]


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
        self.delayed += len(report.delayed)
        self.failed += len(report.failed)


def run_deliveries(budget_seconds: float, *, now: Clock = timezone.now) -> Tally:
    """Send what is due until nothing is left, every channel pauses, or the time is over. Any number may run at once."""
    deadline = time.monotonic() + budget_seconds
    recover_lost_claims(now())
    tally = Tally()
    for name, channel in CHANNELS.items():
        run = _Run(name, channel, now=now, deadline=deadline)
        while time.monotonic() < deadline and run.may_continue():
            report = run.send_batch()
            if report is None:
                break
            tally.add(report)
    return tally


def recover_lost_claims(now: dt.datetime) -> None:
    """Settle what dead senders held. Journals first: they know what was sent."""
    for path in journals(settings.JOURNAL_DIR):
        with adopted(path) as orphan:
            if orphan:
                ledger.recover(orphan, now=now)
    ledger.take_over_expired(now)


@dataclass
class _Run:
    """One sender on one channel. Keeps the messages it composed: they are the same for thousands."""

    name: str
    channel: ModuleType
    now: Clock
    deadline: float
    messages: dict[tuple[int, str, str], Any] = field(default_factory=dict)
    has_sent: bool = False

    def may_continue(self) -> bool:
        now = self.now()
        return ledger.is_due(self.name, now) and ledger.pause_of(self.name, now) is None

    def send_batch(self) -> Report | None:
        """Send one claim over one connection; None when the channel is down."""
        try:
            connection = self.channel.connect()
        except ChannelDown as problem:
            self._pause(problem)
            return None
        with closing(connection):
            claim_id = uuid.uuid4()
            journal = Journal(settings.JOURNAL_DIR, claim_id)
            # Whatever ends this block early leaves the journal without an owner: the next run settles it.
            with closing(journal):
                deliveries = ledger.claim(self.name, claim_id, now=self.now(), size=BATCH)
                report = self._send_all(deliveries, connection, journal)
                ledger.settle(claim_id, report, now=self.now())
                journal.remove()
        if report.accepted and not self.has_sent:
            self.has_sent = True
            ledger.end_pause(self.name)
        return report

    def _send_all(self, deliveries: list[Delivery], connection: Any, journal: Journal) -> Report:
        report = Report()
        refused: dict[int, str] = {}
        stop_at = min(time.monotonic() + BATCH_SECONDS, self.deadline)
        pointless = overtaken((delivery.notification for delivery in deliveries), self.now())
        for position, delivery in enumerate(deliveries):
            if time.monotonic() > stop_at or self.now() > delivery.lease_until:
                report.untouched += [later.pk for later in deliveries[position:]]
                break
            if not _is_wanted(delivery) or delivery.notification_id in pointless:
                report.skipped.append(delivery.pk)
                continue
            try:
                message = self._message(delivery)
                journal.begin(delivery.pk)
                connection.send(message, delivery)
            except ChannelDown as problem:
                report.untouched += [later.pk for later in deliveries[position:]]
                self._lost(problem, report)
                break
            except ConnectionLost as problem:
                report.delayed[delivery.pk] = str(problem)
                report.untouched += [later.pk for later in deliveries[position + 1 :]]
                self._lost(problem, report)
                break
            except PolicyRefusal as problem:
                refused[delivery.pk] = str(problem)
            except DeliveryError as problem:
                (report.failed if problem.permanent else report.delayed)[delivery.pk] = str(problem)
            except Exception as problem:  # one notice that cannot be rendered must not silence the others
                logger.exception("Delivery %s could not be made", delivery.pk)
                report.delayed[delivery.pk] = f"{type(problem).__name__}: {problem}"
            else:
                journal.accept(delivery.pk)
                report.accepted.append(delivery.pk)
        (report.failed if report.accepted else report.delayed).update(refused)
        return report

    def _message(self, delivery: Delivery) -> Any:
        subscriber = delivery.subscriber
        key = (delivery.notification_id, subscriber.language, subscriber.time_zone)
        if key not in self.messages:
            self.messages[key] = self.channel.compose(
                delivery.notification, language=subscriber.language, time_zone=subscriber.time_zone
            )
        return self.messages[key]

    def _lost(self, problem: DeliveryError, report: Report) -> None:
        """A server that took some and then hung up has had enough for one connection; one that took none is down."""
        if not report.accepted:
            self._pause(problem)

    def _pause(self, problem: DeliveryError) -> None:
        logger.error("Sending by %s pauses: %s", self.name, problem)
        ledger.pause(self.name, str(problem), is_refusal=problem.permanent, now=self.now())


def _is_wanted(delivery: Delivery) -> bool:
    """Consent is asked again at the last moment: who left after the fan-out hears nothing more."""
    expected = SubscriberState.ACTIVE
    if delivery.notification.purpose == Purpose.CONFIRM:
        expected = SubscriberState.PENDING
    return delivery.subscriber.state == expected
