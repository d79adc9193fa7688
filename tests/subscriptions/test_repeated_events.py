"""Providers tell the same event again when our answer was late."""

from __future__ import annotations

import datetime as dt

import pytest
from anymail.signals import AnymailTrackingEvent, EventType
from django.utils import timezone

from subscriptions.models import Delivery, Notification
from subscriptions.provider_events import note_event
from subscriptions.quarantine import PATIENCE
from tests.make import make_incident, make_subscribers

pytestmark = pytest.mark.django_db


def make_mails(count: int) -> list[Delivery]:
    """To one subscriber, each sent."""
    (reader,) = make_subscribers(1)
    now = timezone.now()
    return [
        Delivery.objects.create(
            notification=Notification.objects.create(purpose="update", update=make_incident().updates.get()),
            subscriber=reader,
            state="sent",
            sent_at=now - dt.timedelta(days=count - number),
        )
        for number in range(count)
    ]


def test_a_bounce_told_again_blames_no_earlier_mail(data_dirs):
    mails = make_mails(PATIENCE + 1)
    bounce = AnymailTrackingEvent(
        event_type=EventType.BOUNCED, recipient=mails[0].subscriber.endpoint, mta_response="552 5.2.2 mailbox full"
    )
    for _again in range(PATIENCE):
        note_event(bounce)

    states = list(Delivery.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["sent"] * PATIENCE + ["failed"]
    mails[0].subscriber.refresh_from_db()
    assert mails[0].subscriber.state == "active"


def test_a_complaint_after_a_bounce_counts(data_dirs):
    (mail,) = make_mails(1)
    told = {"recipient": mail.subscriber.endpoint, "mta_response": "552 5.2.2 mailbox full"}
    note_event(AnymailTrackingEvent(event_type=EventType.BOUNCED, **told))
    note_event(AnymailTrackingEvent(event_type=EventType.COMPLAINED, **told))

    mail.subscriber.refresh_from_db()
    assert mail.subscriber.quarantine_cause == "complaint"
