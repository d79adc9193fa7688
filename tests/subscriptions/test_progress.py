"""How far a notification has come: counted, in words."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from subscriptions.choices import DeliveryState
from subscriptions.control import pause_notification, resume_notification, retry
from subscriptions.models import Delivery, Notification
from subscriptions.progress import Progress, progress_of
from tests.make import make_incident, make_subscribers, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 3, 2, 9)


def make_notification(*states: str, ago: int = 30, **fields) -> Notification:
    """One that was fanned out, with a delivery in each of `states`; what is sent was sent `ago` seconds ago."""
    fields = {"created_at": NOW, "fanned_out_at": NOW, **fields}
    update = fields.pop("update", None) or make_incident().updates.get()
    notification = Notification.objects.create(purpose="update", update=update, **fields)
    sent_at = timezone.now() - dt.timedelta(seconds=ago)
    Delivery.objects.bulk_create(
        Delivery(
            notification=notification,
            subscriber=subscriber,
            state=state,
            sent_at=sent_at if state == DeliveryState.SENT else None,
            last_error="550 no such mailbox" if state == DeliveryState.FAILED else "",
            attempts=int(state == DeliveryState.FAILED),
        )
        for state, subscriber in zip(states, make_subscribers(len(states)), strict=True)
    )
    return notification


def progress(notification: Notification) -> Progress:
    return progress_of([notification], timezone.now())[notification.pk]


def test_it_counts_each_state_and_tells_the_time_left():
    notification = make_notification(*["sent"] * 60, *["queued"] * 40, "failed", "skipped")

    came = progress(notification)

    assert (came.count("sent"), came.waiting, came.count("failed"), came.total) == (60, 40, 1, 102)
    assert came.percent == 60
    assert came.rate == pytest.approx(2, rel=0.05)
    assert came.words()["left"] == "about 20 seconds"
    assert came.headline() == "Being sent: 62 of 102."


def test_what_was_sent_earlier_than_a_minute_ago_says_nothing_of_the_rate():
    came = progress(make_notification("sent", "queued", ago=90))

    assert (came.rate, came.time_left) == (0, None)
    assert came.words()["rate"] == "–"


def test_while_subscribers_are_still_being_found_it_says_so():
    notification = make_notification("sent", "queued", fanned_out_at=None, cursor=300, max_subscriber_id=1_200)

    came = progress(notification)

    assert not came.is_done
    assert came.words()["found"] == "25% looked at"
    assert came.words()["total"] == "2 so far"
    assert came.percent == 12
    assert came.time_left is None


def test_it_is_done_when_nothing_waits_and_all_are_found():
    assert progress(make_notification("sent", "failed", "skipped")).headline() == "Done: 3 of 3."
    assert progress(make_notification()).is_done
    assert not Progress(None).is_done


def test_counting_takes_two_queries_for_any_number_of_notifications(django_assert_num_queries):
    notifications = [make_notification("sent", "queued") for _one in range(3)]

    with django_assert_num_queries(2):
        assert {came.total for came in progress_of(notifications, timezone.now()).values()} == {2}


def test_pausing_is_written_down_once_and_resuming_forgets_it_and_rings():
    notification = make_notification("queued")

    pause_notification(notification, actor_name="Edward", reason="a wrong date", now=NOW)
    pause_notification(notification, actor_name="Petra", reason="another", now=timezone.now())
    assert (notification.paused_at, notification.paused_by, notification.pause_reason) == (
        NOW,
        "Edward",
        "a wrong date",
    )
    assert progress(notification).headline() == "Paused by Edward: a wrong date"

    OrmQ.objects.all().delete()
    resume_notification(notification, now=timezone.now())
    assert (notification.paused_at, notification.paused_by, notification.pause_reason) == (None, "", "")
    assert OrmQ.objects.exists()


def test_a_failed_delivery_is_tried_anew_and_keeps_what_the_server_said():
    notification = make_notification("failed", "sent")
    OrmQ.objects.all().delete()

    assert retry(Delivery.objects.filter(notification=notification), now=NOW) == 1

    again = Delivery.objects.get(state="queued")
    assert (again.attempts, again.due_at, again.last_error) == (0, NOW, "550 no such mailbox")
    assert OrmQ.objects.exists()
