"""The states of a delivery, and the only ways from one to another.

A sender claims some deliveries for itself (a claim id and a lease), sends, and settles. Every step compares the claim:
who was overtaken by another changes nothing of what the other holds.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from django.db import connection, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from subscriptions import watermark
from subscriptions.choices import DeliveryState
from subscriptions.journal import Orphan
from subscriptions.models import ChannelPause, Delivery, Notification
from subscriptions.quarantine import note_permanent_failures

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

Key = TypeVar("Key")


class Claimed(NamedTuple):
    """A claimed delivery, with what it takes of its notification and of its subscriber, as they were at that moment."""

    pk: int
    notification_id: int
    purpose: str
    subscriber_id: int
    code: str
    link_secret: str
    endpoint: str
    state: str
    language: str
    time_zone: str
    text_revision: int | None


COLUMNS = (
    "pk", "notification_id", "notification__purpose", "subscriber_id", "subscriber__code", "subscriber__link_secret",
    "subscriber__endpoint", "subscriber__state", "subscriber__language", "subscriber__time_zone", "text_revision",
)  # fmt: skip


@dataclass
class Admission:
    """Which of the deliveries that are due may be made now, and when others may, by their ids; the rest waits."""

    now: list[Claimed]
    later: dict[int, dt.datetime] = field(default_factory=dict)


Admit = Callable[[list[Claimed]], Admission]


@dataclass
class Report:
    """What came of the deliveries of one claim, by their ids; with the reason where there is one.

    `postponed` were not tried, and will not be before the given time. `blamed` is by ids of subscribers: those whose
    address was refused for good.
    """

    accepted: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    untouched: list[int] = field(default_factory=list)
    postponed: dict[int, dt.datetime] = field(default_factory=dict)
    delayed: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    blamed: dict[int, str] = field(default_factory=dict)


def is_due(channel: str, now: dt.datetime) -> bool:
    with transaction.atomic():
        return any(_first(due, 1, "pk") for due in _due(channel, now))


def claim(channel: str, claim_id: uuid.UUID, *, now: dt.datetime, size: int, admit: Admit = Admission) -> list[Claimed]:
    """Take up to `size` due deliveries of `channel`, the longest due first. Each counts as tried from here on.

    `admit` may let some of them wait: that is decided in the same transaction. Raises watermark.SetBack.
    """
    with transaction.atomic():
        found: list[Claimed] = []
        for due in _due(channel, now):
            found += map(Claimed._make, _first(_locked(due), size - len(found), *COLUMNS))
            if len(found) == size:
                break
        if not found:
            return []
        admission = admit(found)
        queued = Delivery.objects.filter(state=DeliveryState.QUEUED)
        for until, ids in _by_value(admission.later).items():
            queued.filter(pk__in=_among(ids)).update(due_at=until)
        if admission.now:
            admission.now = _with_texts(queued, admission.now)
            queued.filter(pk__in=_among([row.pk for row in admission.now])).update(
                state=DeliveryState.SENDING, claim=claim_id, lease_until=now + LEASE, attempts=F("attempts") + 1
            )
        claims = watermark.rise()
    watermark.remember(claims)
    return admission.now


@transaction.atomic
def settle(claim_id: uuid.UUID, report: Report, *, now: dt.datetime) -> None:
    """Write down what came of a claim, or of a part of it, and let go of that."""
    held = Delivery.objects.filter(state=DeliveryState.SENDING, claim=claim_id)
    if report.accepted:
        _mark_sent(claim_id, report.accepted, now)
    if report.skipped:
        held.filter(pk__in=_among(report.skipped)).update(state=DeliveryState.SKIPPED, **LET_GO)
    if report.untouched:
        _queue_again(held.filter(pk__in=_among(report.untouched)))
    for until, ids in _by_value(report.postponed).items():
        _queue_again(held.filter(pk__in=_among(ids)), due_at=until)
    for words, ids in _by_value(report.failed).items():
        held.filter(pk__in=_among(ids)).update(state=DeliveryState.FAILED, last_error=words[:500], **LET_GO)
    if report.delayed:
        _delay(held, report.delayed, now)
    if report.blamed:
        note_permanent_failures(report.blamed, now=now)


@transaction.atomic
def recover(orphan: Orphan, *, now: dt.datetime) -> None:
    """Settle the claim of a dead sender: first what was accepted, then the rest goes back to the queue."""
    _mark_sent(orphan.claim, orphan.accepted, now)
    held = Delivery.objects.filter(state=DeliveryState.SENDING, claim=orphan.claim)
    _queue_in_doubt(held.filter(pk__in=_among(orphan.in_doubt)), now)
    _queue_again(held)


def text_revisions(notification_ids: Collection[int]) -> dict[int, int]:
    """For each notification whose update was edited, the last revision of its text."""
    edited = Notification.objects.filter(pk__in=notification_ids, update__edited_at__isnull=False)
    return dict(edited.annotate(last=Max("update__revisions")).values_list("pk", "last"))


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


# How PostgreSQL may not read what is due.
OTHER_WAYS = ("bitmapscan", "seqscan", "hashjoin", "mergejoin", "material", "sort")

LET_GO = {"claim": None, "lease_until": None}


def _with_texts(queued, rows: list[Claimed]) -> list[Claimed]:  # noqa: ANN001
    """`rows` with the text that they will have written down; costs nothing more while no text was edited."""
    revisions = text_revisions({row.notification_id for row in rows})
    if not revisions:
        return rows
    rows = [row._replace(text_revision=revisions.get(row.notification_id)) for row in rows]
    for revision, ids in _by_value({row.pk: row.text_revision for row in rows if row.text_revision}).items():
        queued.filter(pk__in=_among(ids)).update(text_revision=revision)
    return rows


def _due(channel: str, now: dt.datetime) -> Iterator:
    """What is due, as one or more queries to be asked one after the other."""
    queued = _on(channel).filter(state=DeliveryState.QUEUED, due_at__lte=now)
    if not Notification.objects.filter(paused_at__isnull=False).exists():
        yield queued.order_by("due_at")
        return
    # A paused notification may have a million rows in front of all others, and a query in the order of time would look
    # at each of them every time. So: notification by notification, personal words first, from the index on both.
    owed = Delivery.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now, notification=OuterRef("pk"))
    going_on = Notification.objects.filter(Exists(owed), paused_at__isnull=True)
    going_on = going_on.order_by(F("subscriber").asc(nulls_last=True), "pk")
    for notification_id in going_on.values_list("pk", flat=True).iterator(chunk_size=100):
        yield queued.filter(notification=notification_id).order_by()


def _first(due, count: int, *columns: str) -> list[tuple]:  # noqa: ANN001
    """The first `count` rows of what is due; in a transaction.

    PostgreSQL is told to read them from the index, row by row. Its statistics are as old as the last ANALYZE: where a
    fan-out has made a million rows since, it would sort all of them for each claim, and join them with all subscribers.
    Measured with 100,000 waiting: 107 us a mail, and 3 this way.
    """
    rows = due.values_list(*columns)[:count]
    if connection.vendor != "postgresql":
        return list(rows)
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL enable_{way} TO off" for way in OTHER_WAYS))
        found = list(rows)
        cursor.execute("; ".join(f"SET LOCAL enable_{way} TO DEFAULT" for way in OTHER_WAYS))
    return found


def _on(channel: str):  # noqa: ANN202
    if connection.vendor == "postgresql":  # it knows how many subscribers a channel has, if it is asked plainly
        return Delivery.objects.filter(subscriber__channel=channel)
    # Not to be found by any index: SQLite would begin with all subscribers of the channel, and sort what it finds.
    return Delivery.objects.alias(channel=Coalesce("subscriber__channel", Value(""))).filter(channel=channel)


def _locked(due):  # noqa: ANN001, ANN202
    if connection.features.has_select_for_update_skip_locked:
        return due.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return due


def _among(ids: Collection[int]) -> RawSQL:
    """`ids` for `pk__in=…`, as one parameter: a thousand of them cost more to write out than to look up."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def _by_value(values: Mapping[int, Key]) -> dict[Key, list[int]]:
    ids = defaultdict(list)
    for delivery_id, value in values.items():
        ids[value].append(delivery_id)
    return ids


def _mark_sent(claim_id: uuid.UUID, ids: Collection[int], now: dt.datetime) -> None:
    """What the other side accepted is sent, also when the claim was lost meanwhile and it waits to be sent again."""
    ours = Q(state=DeliveryState.SENDING, claim=claim_id) | Q(state=DeliveryState.QUEUED)
    Delivery.objects.filter(ours, pk__in=_among(ids)).update(
        state=DeliveryState.SENT, sent_at=now, last_error="", **LET_GO
    )


def _queue_again(held, **fields: dt.datetime) -> None:  # noqa: ANN001
    """Nothing was tried with these: they stand where they stood."""
    held.update(state=DeliveryState.QUEUED, attempts=F("attempts") - 1, **fields, **LET_GO)


def _queue_in_doubt(held, now: dt.datetime) -> None:  # noqa: ANN001
    suspicious = held.filter(attempts__gte=SUSPICIOUS_ATTEMPTS).values_list("pk", flat=True)
    _delay(held, dict.fromkeys(suspicious, "the sender ended while it sent this"), now)
    held.update(state=DeliveryState.QUEUED, **LET_GO)


def _delay(held, reasons: Mapping[int, str], now: dt.datetime) -> None:  # noqa: ANN001
    """Try again later; or, after days of that, give up."""
    rows = list(held.filter(pk__in=_among(reasons)))
    for row in rows:
        is_hopeless = row.attempts >= MIN_ATTEMPTS and now - row.created_at > GIVE_UP_AFTER
        row.state = DeliveryState.FAILED if is_hopeless else DeliveryState.QUEUED
        row.due_at = now + retry_delay(row.attempts)
        row.last_error = reasons[row.pk][:500]
        row.claim = row.lease_until = None
    held.bulk_update(rows, ["state", "due_at", "last_error", "claim", "lease_until"], batch_size=200)
