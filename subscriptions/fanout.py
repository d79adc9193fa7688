from __future__ import annotations

from django.utils import timezone

from subscriptions.models import Delivery, Notification, Subscriber


def notify_one(subscriber: Subscriber, purpose: str) -> Notification:
    """Owe one personal mail, in the caller's transaction."""
    notification = Notification.objects.create(purpose=purpose, subscriber=subscriber, fanned_out_at=timezone.now())
    Delivery.objects.create(notification=notification, subscriber=subscriber)
    return notification
