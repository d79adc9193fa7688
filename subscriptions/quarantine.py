"""Addresses that mail does not reach, set apart: nothing more is sent there until their owner, or staff, says so."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from subscriptions.choices import DeliveryState, QuarantineCause, SubscriberState
from subscriptions.models import Delivery, Subscriber

# A mailbox that is full or closed may be so for a while: it has this many mails in a row.
PATIENCE = 3

# Enhanced codes (RFC 3463) that say there is no such mailbox, or no such host …
NO_MAILBOX = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")
# … and replies that say so where no enhanced code tells more (RFC 5321, 4.2.3).
NO_MAILBOX_REPLY = re.compile(r"\s*(?:550|551|553)\b")
ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


def quarantine(subscribers: Iterable[int], cause: QuarantineCause, reason: str, *, now: dt.datetime) -> int:
    """Send nothing more to these (by id), for `reason`: the words of whoever refused. Returns how many it struck.

    What is queued for them is skipped when its turn comes. Who has left already stays as they are. A complaint also
    counts for who is set apart because mail did not arrive: staff alone may not take them back.
    """
    heard = Q(state__in=[SubscriberState.ACTIVE, SubscriberState.PENDING])
    if cause == QuarantineCause.COMPLAINT:
        heard |= Q(state=SubscriberState.QUARANTINED, quarantine_cause=QuarantineCause.UNREACHABLE)
    return Subscriber.objects.filter(heard, pk__in=list(subscribers)).update(
        state=SubscriberState.QUARANTINED, quarantined_at=now, quarantine_cause=cause, quarantine_reason=reason[:500]
    )


@transaction.atomic
def release(subscriber: Subscriber) -> bool:
    """Staff take an address back: it stands where it stood, its consent never ended. False when it may not be.

    Whoever complained comes back by a new consent of their own alone.
    """
    held = Subscriber.objects.filter(
        pk=subscriber.pk, state=SubscriberState.QUARANTINED, quarantine_cause=QuarantineCause.UNREACHABLE
    )
    free = {"quarantined_at": None, "quarantine_cause": "", "quarantine_reason": ""}
    confirmed = held.filter(confirmed_at__isnull=False).update(state=SubscriberState.ACTIVE, **free)
    return bool(confirmed or held.update(state=SubscriberState.PENDING, **free))


def note_permanent_failures(words: Mapping[int, str], *, now: dt.datetime) -> None:
    """Mail to these subscribers (by id) was refused for good; `words` are the server's. Their deliveries are failed.

    Who has no mailbox is quarantined at once, others when PATIENCE mails in a row have failed.
    """
    patient = []
    for subscriber_id, said in words.items():
        if names_no_mailbox(said):
            quarantine([subscriber_id], QuarantineCause.UNREACHABLE, said, now=now)
        else:
            patient.append(subscriber_id)
    for subscriber_id in _tired_of(patient):
        quarantine([subscriber_id], QuarantineCause.UNREACHABLE, words[subscriber_id], now=now)


def names_no_mailbox(said: str) -> bool:
    """Whether a server's words say that there is nobody at this address."""
    if ENHANCED.search(said):
        return NO_MAILBOX.search(said) is not None
    return NO_MAILBOX_REPLY.match(said) is not None


def _tired_of(subscribers: list[int]) -> list[int]:
    """Those whose last PATIENCE ended deliveries have all failed."""
    if not subscribers:
        return []
    ended = Delivery.objects.filter(
        subscriber__in=subscribers, state__in=[DeliveryState.SENT, DeliveryState.FAILED]
    ).annotate(place=Window(RowNumber(), partition_by="subscriber", order_by=F("pk").desc()))
    failed: dict[int, int] = {}
    for subscriber_id, state in ended.filter(place__lte=PATIENCE).values_list("subscriber_id", "state"):
        failed[subscriber_id] = failed.get(subscriber_id, 0) + (state == DeliveryState.FAILED)
    return [subscriber_id for subscriber_id, count in failed.items() if count == PATIENCE]
