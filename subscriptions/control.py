"""What staff do to the ledger: hold a notification back, let it go on, try again what failed."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet

from subscriptions.bell import ring
from subscriptions.choices import DeliveryState, SubscriberState
from subscriptions.models import Delivery, Notification


def pause_notification(notification: Notification, *, actor_name: str, reason: str, now: dt.datetime) -> bool:
    """Owe and send nothing more of it. What a sender holds at this moment still goes. False if it was paused before."""
    changed = Notification.objects.filter(pk=notification.pk, paused_at__isnull=True).update(
        paused_at=now, paused_by=actor_name[:150], pause_reason=reason[:300]
    )
    notification.refresh_from_db()
    return changed == 1


def resume_notification(notification: Notification, *, now: dt.datetime) -> bool:
    """Go on where it was paused: whoever was not told yet is told now. False if it was not paused."""
    changed = Notification.objects.filter(pk=notification.pk, paused_at__isnull=False).update(
        paused_at=None, paused_by="", pause_reason=""
    )
    notification.refresh_from_db()
    if changed:
        ring()
    return changed == 1


def to_be_retried(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those that failed. Not to addresses in quarantine: these would be skipped, and when staff have taken the address
    back nothing would be left to be tried."""
    failed = deliveries.filter(state=DeliveryState.FAILED)
    return failed.exclude(subscriber__state=SubscriberState.QUARANTINED)


def retry(deliveries: QuerySet[Delivery], *, now: dt.datetime) -> int:
    """Try failed ones again, as if for the first time; how many those are. Others stay as they are."""
    changed = to_be_retried(deliveries).update(state=DeliveryState.QUEUED, attempts=0, due_at=now)
    if changed:
        ring()
    return changed
