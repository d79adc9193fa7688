"""A database that was restored from a copy tells nobody anything by itself."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from subscriptions import ledger, tasks, watermark
from subscriptions.control import resume_notification
from subscriptions.fanout import fan_out, open_notifications
from subscriptions.models import Delivery, Notification, Subscriber, Watermark
from subscriptions.restored import hold_back_if_restored
from tests.make import make_incident, make_page, make_subscriber, make_subscribers

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def work_once() -> None:
    make_page()
    make_subscribers(2)
    make_incident("Told")
    tasks.drain()
    assert watermark.seen() == watermark.in_database() > 0


def set_back() -> None:
    """As if another day's work were missing from the database."""
    watermark.remember(watermark.in_database() + 10)


def test_each_claim_raises_the_number_here_and_in_the_database(settings):
    work_once()
    before = watermark.seen()

    make_incident()
    tasks.drain()

    assert watermark.seen() == watermark.in_database() == before + 1


def test_after_a_restore_nothing_is_sent_until_staff_let_it_go_on(settings):
    work_once()
    make_incident("Owed in the copy")
    open_notifications(timezone.now())
    make_incident("Not even opened in the copy")
    set_back()

    tasks.drain()
    tasks.sweep()

    held = Notification.objects.filter(paused_at__isnull=False)
    assert sorted(held.values_list("update__incident__title", flat=True)) == [
        "Not even opened in the copy",
        "Owed in the copy",
    ]
    assert "restored from a copy" in held.first().pause_reason
    assert Delivery.objects.exclude(state="sent").count() == 0
    assert watermark.seen() == watermark.in_database()

    for notification in held:
        resume_notification(notification, now=timezone.now())
    tasks.drain()
    assert Delivery.objects.filter(state="sent").count() == 6


def test_after_a_restore_news_are_told(settings):
    work_once()
    set_back()
    tasks.drain()

    make_incident("News")
    tasks.drain()

    assert Delivery.objects.filter(notification__update__incident__title="News", state="sent").count() == 2


def test_personal_words_of_a_copy_are_dropped_and_may_be_asked_for_again(settings):
    work_once()
    asking = make_subscriber("ann@example.com", state="pending")
    set_back()

    tasks.drain()

    assert Delivery.objects.get(subscriber=asking).state == "skipped"
    assert Subscriber.objects.get(pk=asking.pk).confirmation_owed_at is None


def test_a_sender_at_work_notices_a_restore_before_it_claims(settings):
    work_once()
    make_incident()
    (notification,) = open_notifications(timezone.now())
    fan_out(notification.pk, now=timezone.now())
    set_back()

    with pytest.raises(watermark.SetBack):
        ledger.claim("email", uuid.uuid4(), now=timezone.now(), size=10)

    assert set(Delivery.objects.filter(state="queued").values_list("attempts", flat=True)) == {0}


@pytest.mark.parametrize(("age", "is_held"), [(2 * DAY, True), (dt.timedelta(minutes=10), False)])
def test_a_host_that_remembers_nothing_goes_by_the_age_of_the_last_work(settings, age, is_held):
    make_page()
    make_subscribers(1)
    make_incident()
    open_notifications(timezone.now())
    Notification.objects.update(created_at=timezone.now() - age)

    assert hold_back_if_restored(timezone.now()) is is_held

    assert Notification.objects.filter(paused_at__isnull=False).exists() is is_held
    assert watermark.seen() == 0


@pytest.mark.parametrize("content", ["", "junk"])
def test_a_file_that_cannot_be_read_counts_as_none(settings, content):
    work_once()
    (settings.DATA_DIR / "watermark").write_text(content)

    assert watermark.seen() is None
    assert not hold_back_if_restored(timezone.now())
    assert watermark.seen() == Watermark.objects.get().claims
