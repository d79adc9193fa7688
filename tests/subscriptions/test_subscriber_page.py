"""One subscriber's page: its whole history, and its end."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from subscriptions.delivery import run_deliveries
from subscriptions.models import Subscriber
from tests.make import make_component, make_incident, make_page, make_subscriber, utc
from tests.subscriptions.test_person import tell

pytestmark = pytest.mark.django_db


def page_of(client, subscriber: Subscriber, query: str = "") -> str:
    url = reverse("admin:subscriptions_subscriber_change", args=[subscriber.pk])
    return client.get(url + query).content.decode()


def test_the_page_of_a_subscriber_tells_its_whole_history(admin_client):
    subscriber = make_subscriber("ann@example.com", components=[make_component("Links")], now=utc(2026, 3, 2, 9))
    subscriber.notices.add(make_incident("Followed"))
    subscriber.hears_reminders = False
    subscriber.state, subscriber.quarantined_at = "quarantined", utc(2026, 4, 1, 8)
    subscriber.quarantine_cause = "unreachable"
    subscriber.quarantine_reason = "three in a row"
    subscriber.save()
    tell(subscriber, state="failed", last_error="550 no such mailbox")

    shown = page_of(admin_client, subscriber)

    for words in (
        "Links",
        "Incidents, maintenance",
        "Single notices: Followed",
        "Asked to confirm",
        "2 Mar 2026 09:00 UTC",
        "Quarantined: three in a row",
        "Slow mailings: Investigating",
        "550 no such mailbox",
    ):
        assert words in shown
    assert "reminders of maintenance" not in shown


def test_a_long_history_is_shown_in_pages_without_more_queries(admin_client, django_assert_max_num_queries):
    make_page()
    subscriber = make_subscriber()
    with django_assert_max_num_queries(30) as few:
        page_of(admin_client, subscriber)
    for number in range(51):
        tell(subscriber, title=f"Notice {number}")
    with django_assert_max_num_queries(30) as many:
        first = page_of(admin_client, subscriber)

    assert "Notice 50" in first and "Notice 0:" not in first
    assert "Notice 0:" in page_of(admin_client, subscriber, "?p=2")
    assert len(many) <= len(few) + 1


def test_erasing_in_the_admin_leaves_no_address_behind(admin_client, settings):
    subscriber = make_subscriber("ann@example.com", state="pending")
    run_deliveries(10)
    assert list(settings.OUTBOX_DIR.iterdir())

    admin_client.post(reverse("admin:subscriptions_subscriber_delete", args=[subscriber.pk]), {"post": "yes"})

    assert not Subscriber.objects.exists()
    assert not list(settings.OUTBOX_DIR.iterdir())
    assert "ann@" not in LogEntry.objects.get().object_repr
