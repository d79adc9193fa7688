"""The states of a delivery, and the only ways from one to another.

A sender claims some deliveries for itself (a claim id and a lease), sends, and settles. Every step compares the claim:
who was overtaken by another changes nothing of what the other holds.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import F, Q

from subscriptions.choices import DeliveryState
from subscriptions.journal import Orphan
from subscriptions.models import ChannelPause, Delivery

# No sender may hold a claim for longer. A sender that died on this host is noticed at once, by its journal; the lease
# is for those that died elsewhere.
LEASE = dt.timedelta(minutes=3)

# What is refused for the moment is tried again after about 2, 4, 8, … minutes, at last every six hours.
FIRST_RETRY = dt.timedelta(minutes=2)
LONGEST_RETRY = dt.timedelta(hours=6)
GIVE_UP_AFTER = dt.timedelta(days=3)
MIN_ATTEMPTS = 8

# A message that was begun when its sender died may have killed it: after so many times it waits, and others go first.
SUSPICIOUS_ATTEMPTS = 3


@dataclass
class Report:
    """What came of the deliveries of one claim, by their ids; with the reason where there is one."""

    accepted: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    untouched: list[int] = field(default_factory=list)
    delayed: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def is_due(channel: str, now: dt.datetime) -> bool:
    return _due(channel, now).exists()


def claim(channel: str, claim_id: uuid.UUID, *, now: dt.datetime, size: int) -> list[Delivery]:
    """Take up to `size` due deliveries of `channel`, the longest due first. Each counts as tried from here on."""
    with transaction.atomic():
        due = _due(channel, now).order_by("due_at", "pk")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        ids = [delivery.pk for delivery in due.only("pk")[:size]]
        Delivery.objects.filter(pk__in=ids, state=DeliveryState.QUEUED).update(
            state=DeliveryState.SENDING, claim=claim_id, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
    claimed = Delivery.objects.filter(pk__in=ids, claim=claim_id).order_by("due_at", "pk")
    return list(claimed.select_related("subscriber", "notification"))


@transaction.atomic
def settle(claim_id: uuid.UUID, report: Report, *, now: dt.datetime) -> None:
    """Write down what came of a claim, and let go of it."""
    held = Delivery.objects.filter(state=DeliveryState.SENDING, claim=claim_id)
    _mark_sent(claim_id, report.accepted, now)
    if report.skipped:
        held.filter(pk__in=report.skipped).update(state=DeliveryState.SKIPPED, **LET_GO)
    if report.untouched:
        _queue_again(held.filter(pk__in=report.untouched))
    for delivery_id, reason in report.failed.items():
        held.filter(pk=delivery_id).update(state=DeliveryState.FAILED, last_error=reason[:500], **LET_GO)
    for delivery in held.filter(pk__in=report.delayed):
        _delay(held, delivery, report.delayed[delivery.pk], now)


@transaction.atomic
def recover(orphan: Orphan, *, now: dt.datetime) -> None:
    """Settle the claim of a dead sender: first what was accepted, then the rest goes back to the queue."""
    _mark_sent(orphan.claim, orphan.accepted, now)
    held = Delivery.objects.filter(state=DeliveryState.SENDING, claim=orphan.claim)
    _queue_in_doubt(held.filter(pk__in=orphan.in_doubt), now)
    _queue_again(held)


def take_over_expired(now: dt.datetime) -> None:
    """Put back into the queue what a sender held for too long. Which of it was sent, nobody here can know."""
    expired = Delivery.objects.filter(state=DeliveryState.SENDING, lease_until__lt=now)
    if expired.exists():  # nearly never: then nobody has to wait for a lock
        with transaction.atomic():
            _queue_in_doubt(expired, now)


def retry_delay(attempts: int) -> dt.timedelta:
    """How long to wait after the `attempts`-th try; never the same twice, so that a crowd spreads out."""
    delay = min(FIRST_RETRY * 2 ** (min(attempts, 20) - 1), LONGEST_RETRY)
    return delay * random.uniform(0.75, 1.25)


def pause_of(channel: str, now: dt.datetime) -> dt.timedelta | None:
    """How long nothing may be tried on `channel`, or None."""
    until = ChannelPause.objects.filter(channel=channel, until__gt=now).values_list("until", flat=True).first()
    return until - now if until else None


@transaction.atomic
def pause(channel: str, reason: str, *, is_refusal: bool, now: dt.datetime) -> None:
    """Try nothing on `channel` for a while, longer each time. A refusal needs a person; an outage may end soon."""
    row, is_new = ChannelPause.objects.select_for_update().get_or_create(
        channel=channel, defaults={"since": now, "until": now, "reason": reason[:500]}
    )
    row.failures = 1 if is_new else row.failures + 1
    first, longest = (60, 900) if is_refusal else (5, 300)
    row.until = now + dt.timedelta(seconds=min(first * 2 ** (min(row.failures, 20) - 1), longest))
    row.reason = reason[:500]
    row.save(update_fields=["failures", "until", "reason"])


def end_pause(channel: str) -> None:
    ChannelPause.objects.filter(channel=channel).delete()


LET_GO = {"claim": None, "lease_until": None}


def _due(channel: str, now: dt.datetime):  # noqa: ANN202
    return Delivery.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now, subscriber__channel=channel)


def _mark_sent(claim_id: uuid.UUID, ids: Iterable[int], now: dt.datetime) -> None:
    """What the other side accepted is sent, also when the claim was lost meanwhile and it waits to be sent again."""
    ours = Q(state=DeliveryState.SENDING, claim=claim_id) | Q(state=DeliveryState.QUEUED)
    Delivery.objects.filter(ours, pk__in=list(ids)).update(
        state=DeliveryState.SENT, sent_at=now, last_error="", **LET_GO
    )


def _queue_again(held) -> None:  # noqa: ANN001
    """Nothing was tried with these: they stand where they stood."""
    held.update(state=DeliveryState.QUEUED, attempts=F("attempts") - 1, **LET_GO)


def _queue_in_doubt(held, now: dt.datetime) -> None:  # noqa: ANN001
    for delivery in held.filter(attempts__gte=SUSPICIOUS_ATTEMPTS):
        _delay(held, delivery, "the sender ended while it sent this", now)
    held.update(state=DeliveryState.QUEUED, **LET_GO)


def _delay(held, delivery: Delivery, reason: str, now: dt.datetime) -> None:  # noqa: ANN001
    """Try again later; or, after days of that, give up."""
    is_hopeless = delivery.attempts >= MIN_ATTEMPTS and now - delivery.created_at > GIVE_UP_AFTER
    state = DeliveryState.FAILED if is_hopeless else DeliveryState.QUEUED
    held.filter(pk=delivery.pk).update(
        state=state, due_at=now + retry_delay(delivery.attempts), last_error=reason[:500], **LET_GO
    )
