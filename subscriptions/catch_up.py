"""Where open notices stand, for those who ask to hear of them while they are open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from django.db.models import OuterRef, Q, QuerySet, Subquery

from incidents.choices import IncidentStatus
from incidents.models import Incident, IncidentUpdate
from subscriptions.choices import DeliveryState, Purpose
from subscriptions.fanout import notify_one, open_notification
from subscriptions.matching import REACHED, concerned_by, interested_in
from subscriptions.models import Delivery, Notification, Subscriber

# A maintenance that is further away is told again before it begins.
AHEAD = dt.timedelta(days=7)
AT_MOST = 5


def owe_catch_up(subscriber: Subscriber, now: dt.datetime, *, known: Collection[int] = ()) -> None:
    """Owe a subscriber who has just become active, or chosen more, the newest update of each open notice that concerns
    them; not of those whose ids are `known`, which concerned them before.

    To be called in the transaction of that, while it holds the page: nothing is published meanwhile. What a fan-out is
    still to tell them is left to it; the newest AT_MOST of the others are owed.
    """
    owed = 0
    for update in _concerning(subscriber, now):
        if update.incident_id in known or _is_told_anyway(update, subscriber, now):
            continue
        _owe(update, subscriber)
        owed += 1
        if owed == AT_MOST:
            break


def open_notices_of(subscriber: Subscriber, now: dt.datetime) -> set[int]:
    """The ids of those that concern them by what is chosen now."""
    return {update.incident_id for update in _concerning(subscriber, now)}


def _concerning(subscriber: Subscriber, now: dt.datetime) -> Iterator[IncidentUpdate]:
    newest = _newest_of_open_notices(now)
    return (update for update in newest if interested_in(update).filter(pk=subscriber.pk).exists())


def _newest_of_open_notices(now: dt.datetime) -> QuerySet[IncidentUpdate]:
    is_far = Q(status=IncidentStatus.SCHEDULED, work_starts_at__gt=now + AHEAD)
    newest = IncidentUpdate.objects.public().filter(incident=OuterRef("pk")).order_by("-display_at", "-pk")
    open_ones = Incident.objects.public().open().exclude(is_far).annotate(newest=Subquery(newest.values("pk")[:1]))
    return (
        IncidentUpdate.objects.filter(pk__in=open_ones.values("newest"))
        .select_related("incident")
        .order_by("-display_at", "-pk")
    )


def _is_told_anyway(update: IncidentUpdate, subscriber: Subscriber, now: dt.datetime) -> bool:
    """Whether the fan-out of `update` has reached this subscriber, or is going to.

    Its row is held until the caller commits. So a slice that comes later sees what they have chosen, and of one that
    came earlier the cursor says whether it has passed them, when they had not.
    """
    if not update.notify:
        return False
    opened, _is_new = open_notification(update, now)
    fan_out = Notification.objects.select_for_update().get(pk=opened.pk)
    has_passed = fan_out.fanned_out_at is not None or fan_out.cursor >= subscriber.pk
    is_beyond = fan_out.max_subscriber_id is not None and fan_out.max_subscriber_id < subscriber.pk
    if not has_passed and not is_beyond:
        return concerned_by(update).filter(pk=subscriber.pk).exists()
    return Delivery.objects.filter(notification=fan_out, subscriber=subscriber, state__in=REACHED).exists()


def _owe(update: IncidentUpdate, subscriber: Subscriber) -> None:
    """Who left before an earlier catch-up on the same update went out, and is back, gets that one."""
    earlier = Delivery.objects.filter(
        notification__purpose=Purpose.CATCH_UP, notification__update=update, subscriber=subscriber
    )
    if not earlier.exists():
        notify_one(subscriber, Purpose.CATCH_UP, update=update)
    else:
        earlier.filter(state=DeliveryState.SKIPPED).update(state=DeliveryState.QUEUED)
