"""What staff may do about the telling of one notification: hold it, let it go on, try again what failed."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet

from subscriptions.bell import ring
from subscriptions.choices import DeliveryState
from subscriptions.models import Delivery, Notification


def pause_notification(notification: Notification, *, actor_name: str, reason: str, now: dt.datetime) -> None:
    """Owe and send nothing more of it until it is resumed. One that is paused already keeps its first reason."""
    Notification.objects.filter(pk=notification.pk, paused_at=None).update(
        paused_at=now, paused_by=actor_name, pause_reason=reason
    )
    notification.refresh_from_db()


def resume_notification(notification: Notification, *, now: dt.datetime) -> None:
    """Go on where it was paused, at once."""
    Notification.objects.filter(pk=notification.pk).update(paused_at=None, paused_by="", pause_reason="")
    notification.refresh_from_db()
    ring()


def retry(queryset: QuerySet[Delivery], *, now: dt.datetime) -> int:
    """Queue again what failed for good among `queryset`, as if it had never been tried; returns how many.

    What the server said stays with each until it is sent.
    """
    count = queryset.filter(state=DeliveryState.FAILED).update(state=DeliveryState.QUEUED, attempts=0, due_at=now)
    ring()
    return count
