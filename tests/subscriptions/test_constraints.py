from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from incidents.corrections import edit_update
from subscriptions.models import Delivery, Notification, Subscriber, UploadedList, Watermark
from tests.make import make_incident, make_staff, make_subscribers, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 3, 2, 9)
REMINDER = {"purpose": "reminder", "update": True, "incident": True, "starts_at": NOW, "lead_minutes": 60}


def refused(name: str, create) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        create()
    # SQLite names the columns of a UNIQUE constraint, not the constraint.
    assert name in str(caught.value) or "UNIQUE" in str(caught.value)


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("subscriber_active_is_confirmed", {"state": "active", "confirmed_at": None}),
        ("subscriber_state_known", {"state": "curious"}),
        ("subscriber_quarantined_says_why", {"state": "quarantined"}),
        ("subscriber_once_per_endpoint", {"endpoint": "ANN@example.com", "endpoint_key": "ann@example.com"}),
    ],
)
def test_a_subscriber_that_cannot_be_is_refused(constraint, fields):
    Subscriber.objects.create(endpoint="ann@example.com", endpoint_key="ann@example.com")

    refused(constraint, lambda: Subscriber.objects.create(**{"endpoint": "b@x", "endpoint_key": "b@x", **fields}))


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("notification_once_per_update", {"purpose": "update", "update": True}),
        ("notification_to_all_or_to_one", {"purpose": "update"}),
        ("notification_to_all_or_to_one", {"purpose": "update", "subscriber": True}),
        ("notification_to_all_or_to_one", {"purpose": "confirm", "update": True}),
        ("notification_to_all_or_to_one", {"purpose": "manage", "update": True, "subscriber": True}),
        ("notification_to_all_or_to_one", {"purpose": "gossip", "subscriber": True}),
        ("notification_to_all_or_to_one", {"purpose": "catch_up", "update": True}),
        ("notification_to_all_or_to_one", {**REMINDER, "lead_minutes": None}),
        ("notification_to_all_or_to_one", {**REMINDER, "subscriber": True}),
        ("notification_to_all_or_to_one", {"purpose": "correction", "update": True}),
        ("notification_to_all_or_to_one", {"purpose": "correction", "revision": True}),
        ("notification_revision_id_key", {"purpose": "correction", "update": True, "revision": True}),
        ("notification_once_per_reminder", REMINDER),
        ("notification_once_per_catch_up", {"purpose": "catch_up", "update": True, "subscriber": True}),
        (
            "notification_cursor_in_range",
            {"purpose": "confirm", "subscriber": True, "cursor": 8, "max_subscriber_id": 7},
        ),
    ],
)
def test_a_notification_that_cannot_be_is_refused(constraint, fields):
    update = make_incident().updates.get()
    Notification.objects.create(purpose="update", update=update)
    (subscriber,) = make_subscribers(1)
    edit_update(update, "New.", kind="correction", actor=None)
    revision = update.revisions.get()
    real = {"update": update, "subscriber": subscriber, "incident": update.incident, "revision": revision}
    Notification.objects.create(**{name: real.get(name, value) for name, value in REMINDER.items()})
    Notification.objects.create(purpose="catch_up", update=update, subscriber=subscriber)
    Notification.objects.create(purpose="correction", update=update, revision=revision)
    fields = {name: real.get(name, value) for name, value in fields.items()}

    refused(constraint, lambda: Notification.objects.create(**fields))


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("delivery_once_per_subscriber", {}),
        ("delivery_state_known", {"state": "lost"}),
        ("delivery_sending_is_leased", {"state": "sending"}),
        ("delivery_sending_is_leased", {"state": "sending", "claim": uuid.uuid4()}),
        ("delivery_sending_is_leased", {"state": "sending", "lease_until": NOW}),
        ("delivery_sending_is_leased", {"state": "queued", "claim": uuid.uuid4(), "lease_until": NOW}),
        ("delivery_sending_is_leased", {"state": "sent", "sent_at": NOW, "claim": uuid.uuid4()}),
        ("delivery_sent_has_time", {"state": "sent"}),
    ],
)
def test_a_delivery_that_cannot_be_is_refused(constraint, fields):
    notification = Notification.objects.create(purpose="update", update=make_incident().updates.get())
    ann, ben = make_subscribers(2)
    Delivery.objects.create(notification=notification, subscriber=ann, due_at=timezone.now())
    whose = ben if fields else ann

    refused(constraint, lambda: Delivery.objects.create(notification=notification, subscriber=whose, **fields))


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("upload_is_confirmed_first", {"cursor": 1, "last_line": 1}),
        ("upload_is_confirmed_first", {"lease_until": NOW}),
        ("upload_is_confirmed_first", {"finished_at": NOW}),
        ("upload_cursor_in_range", {"confirmed_at": NOW, "cursor": 2, "last_line": 1}),
    ],
)
def test_an_uploaded_list_that_cannot_be_is_refused(constraint, fields):
    staff = make_staff()

    refused(constraint, lambda: UploadedList.objects.create(uploaded_by=staff, name="x", content=b"", **fields))


def test_a_line_of_a_list_is_refused_once():
    upload = UploadedList.objects.create(uploaded_by=make_staff(), name="x", content=b"")
    upload.refused_lines.create(line=2, reason="No.")

    refused("refused_line_once", lambda: upload.refused_lines.create(line=2, reason="No."))


def test_there_is_one_watermark():
    Watermark.objects.create(pk=1)

    refused("watermark_is_one", lambda: Watermark.objects.create(pk=2))
