from __future__ import annotations

import time
import uuid

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from subscriptions import ledger, tasks, watch
from subscriptions.control import pause_notification, resume_notification, retry
from subscriptions.fanout import fan_out, notify_one, open_notifications, owing_fan_out
from subscriptions.models import Delivery, Notification
from tests.make import make_incident, make_page, make_subscribers

pytestmark = pytest.mark.django_db


def owe(*, is_fanned_out: bool = True) -> Notification:
    make_page()
    make_incident()
    *_earlier, notification = open_notifications(timezone.now())
    while is_fanned_out and fan_out(notification.pk, now=timezone.now()):
        pass
    notification.refresh_from_db()
    return notification


def pause(notification: Notification) -> bool:
    return pause_notification(notification, actor_name="Ann", reason="wrong text", now=timezone.now())


def test_a_pause_says_who_and_why_and_a_second_one_changes_nothing():
    notification = owe()

    assert pause(notification)
    assert not pause_notification(notification, actor_name="Ben", reason="me too", now=timezone.now())

    assert (notification.paused_by, notification.pause_reason) == ("Ann", "wrong text")


@pytest.mark.parametrize("is_fanned_out", [True, False])
def test_a_paused_notification_is_neither_owed_nor_sent_and_others_go_on(settings, is_fanned_out):
    make_subscribers(2)
    held, going_on = owe(is_fanned_out=is_fanned_out), owe()
    (reader,) = make_subscribers(1)
    notify_one(reader, "manage")
    pause(held)

    tasks.drain()

    states = set(Delivery.objects.values_list("notification", "state"))
    assert states - {(going_on.pk, "sent"), (held.pk, "queued")} == {(Notification.objects.latest("pk").pk, "sent")}
    assert Delivery.objects.filter(notification=held).count() == (2 if is_fanned_out else 0)
    assert owing_fan_out() == []
    assert not watch.owes(timezone.now())


def test_who_resumes_wakes_the_worker_and_all_the_rest_is_told(settings):
    make_subscribers(3)
    notification = owe()
    pause(notification)
    OrmQ.objects.all().delete()

    assert resume_notification(notification, now=timezone.now())
    assert not resume_notification(notification, now=timezone.now())

    assert OrmQ.objects.count() == 1
    assert (notification.paused_at, notification.paused_by, notification.pause_reason) == (None, "", "")
    tasks.drain()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_beside_a_paused_notification_personal_words_go_first():
    make_subscribers(3)
    pause(owe())
    going_on = owe()
    (reader,) = make_subscribers(1)
    word = notify_one(reader, "manage")

    rows = ledger.claim("email", uuid.uuid4(), now=timezone.now(), size=3)

    assert [row.notification_id for row in rows] == [word.pk, going_on.pk, going_on.pk]


def test_a_paused_backlog_costs_the_others_no_time(django_assert_max_num_queries):
    make_subscribers(3_000)
    pause(owe())
    going_on = owe()

    with django_assert_max_num_queries(13):
        began = time.thread_time()  # of the processor: others may keep us waiting
        rows = ledger.claim("email", uuid.uuid4(), now=timezone.now(), size=100)

    assert {row.notification_id for row in rows} == {going_on.pk}
    assert time.thread_time() - began < 1


def test_what_failed_is_tried_again_as_if_for_the_first_time(settings):
    make_subscribers(2)
    notification = owe()
    failed, sent = notification.deliveries.order_by("pk")
    Delivery.objects.filter(pk=failed.pk).update(state="failed", attempts=8, last_error="550 no")
    Delivery.objects.filter(pk=sent.pk).update(state="sent", sent_at=timezone.now())
    OrmQ.objects.all().delete()

    assert retry(notification.deliveries.all(), now=timezone.now()) == 1

    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == ("queued", 0)
    assert OrmQ.objects.count() == 1
    assert retry(notification.deliveries.all(), now=timezone.now()) == 0
    assert OrmQ.objects.count() == 1
    tasks.drain()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
