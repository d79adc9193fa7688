"""What a mail provider's webhook tells (django-anymail): bounces, complaints, and people who left by its own link."""

from __future__ import annotations

from typing import Any

from anymail.signals import EventType, tracking
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.utils import timezone

from subscriptions import consent
from subscriptions.addresses import read_address
from subscriptions.bounces import Verdict, note_delivery
from subscriptions.choices import Channel, DeliveryState
from subscriptions.models import Delivery, Subscriber

VERDICTS = {
    EventType.BOUNCED: Verdict.FAILED,
    EventType.REJECTED: Verdict.FAILED,
    EventType.FAILED: Verdict.FAILED,
    EventType.COMPLAINED: Verdict.COMPLAINT,
}


@receiver(tracking)
def note_event(event: Any, **_signal: Any) -> None:
    """A provider knows our mails by ids of its own, so it is the newest mail to that address that is meant."""
    subscriber = _subscriber(event.recipient or "")
    if subscriber is None:
        return
    now = timezone.now()
    if event.event_type == EventType.UNSUBSCRIBED:
        consent.unsubscribe(subscriber, now)
        return
    verdict = VERDICTS.get(event.event_type)
    delivery = _newest_mail(subscriber)
    if verdict is not None and delivery is not None:
        words = event.mta_response or event.description or event.reject_reason or event.event_type
        note_delivery(delivery, verdict, " ".join(str(words).split()), now=now)


def _subscriber(address: str) -> Subscriber | None:
    try:
        key = read_address(address).key
    except ValidationError:
        return None
    return Subscriber.objects.filter(channel=Channel.EMAIL, endpoint_key=key).first()


def _newest_mail(subscriber: Subscriber) -> Delivery | None:
    """Also one that has failed: the same event told again must not blame the mail before it."""
    ended = [DeliveryState.SENT, DeliveryState.FAILED]
    return subscriber.deliveries.filter(state__in=ended).order_by("-pk").first()
