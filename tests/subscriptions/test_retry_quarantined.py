"""Trying again what failed, where addresses were set apart meanwhile."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from subscriptions.choices import QuarantineCause
from subscriptions.control import retry
from subscriptions.models import Delivery, Notification
from subscriptions.quarantine import quarantine, release
from subscriptions.tasks import drain
from tests.make import make_incident, make_page, make_role, make_subscribers

pytestmark = pytest.mark.django_db


@pytest.fixture
def notification() -> Notification:
    """Failed for two, one of whom is in quarantine."""
    make_page()
    ann, ben = make_subscribers(2)
    notification = Notification.objects.create(
        purpose="update", update=make_incident().updates.get(), fanned_out_at=timezone.now()
    )
    for reader in (ann, ben):
        Delivery.objects.create(notification=notification, subscriber=reader, state="failed", last_error="550 5.1.1 no")
    quarantine([ann.pk], QuarantineCause.UNREACHABLE, "550 5.1.1 no", now=timezone.now())
    return notification


def test_an_address_in_quarantine_is_not_tried_and_can_be_when_it_was_taken_back(notification):
    assert retry(notification.deliveries.all(), now=timezone.now()) == 1
    drain()
    assert list(notification.deliveries.order_by("pk").values_list("state", flat=True)) == ["failed", "sent"]

    assert release(notification.deliveries.get(state="failed").subscriber)
    assert retry(notification.deliveries.all(), now=timezone.now()) == 1
    drain()
    assert set(notification.deliveries.values_list("state", flat=True)) == {"sent"}


def test_staff_are_told_before_they_try(notification, client):
    client.force_login(make_role("Publisher"))
    page = reverse("admin:subscriptions_notification_retry", args=[notification.pk])

    asked = client.get(page).content.decode()
    assert "1 delivery that has failed is tried again" in asked
    assert "1 failed delivery is to an address in quarantine" in asked

    client.post(page, {"sure": "yes"})
    asked = client.get(page).content.decode()
    assert "1 failed delivery is to an address in quarantine" in asked
    assert "Nothing has failed" not in asked
