"""Whom an update concerns, by kind, by detail and by what they were told before. Components and groups: test_fanout."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.models import IncidentUpdate
from incidents.values import UpdateText
from subscriptions.fanout import fan_out, notify_one, open_notifications, owing_fan_out
from subscriptions.matching import concerned_by, to_be_reminded
from subscriptions.models import Delivery, Notification
from tests.make import make_component, make_incident, make_maintenance, make_subscribers

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def reader(*, components=(), notices=(), **fields):
    """One active subscriber; of everything, unless parts are named."""
    fields = {"all_components": not components and not notices} | fields
    (subscriber,) = make_subscribers(1, **fields)
    subscriber.components.set(components)
    subscriber.notices.set(notices)
    return subscriber


def post(notice, status, body="More.", **fields):
    return post_update(notice, UpdateText(status=status, body=body, **fields), actor=None)


def newest(notice):
    return notice.updates.order_by("pk").last()


def hears(subscriber, update):
    return concerned_by(update).filter(pk=subscriber.pk).exists()


def tell_all():
    open_notifications(timezone.now())
    for notification_id in owing_fan_out():
        while fan_out(notification_id, now=timezone.now()):
            pass


def maintenance(*, starts_in=HOUR, **fields):
    now = timezone.now()
    return make_maintenance(starts=now + starts_in, ends=now + 2 * HOUR, **fields)


def course(notice, *statuses):
    """The first update of a notice and one more for each status."""
    return [newest(notice), *(post(notice, status) for status in statuses)]


@pytest.mark.parametrize("field", ["hears_incidents", "hears_maintenance"])
def test_who_wants_one_kind_is_not_told_of_the_other(field):
    subscriber = reader(**{field: False})

    heard = [hears(subscriber, newest(make_incident())), hears(subscriber, newest(maintenance()))]

    assert heard == [field == "hears_maintenance", field == "hears_incidents"]


def test_kinds_and_detail_do_not_limit_single_notices():
    notice = make_incident(components={make_component().pk: "major_outage"})
    follower = reader(notices=[notice], hears_incidents=False, only_start_and_end=True)

    assert [hears(follower, update) for update in course(notice, "identified", "resolved")] == [True] * 3
    assert not hears(follower, newest(make_incident()))


def test_start_and_end_of_an_incident_are_the_first_update_the_last_and_a_reopening():
    subscriber = reader(only_start_and_end=True)

    updates = course(make_incident(), "identified", "monitoring", "resolved", "investigating", "identified", "resolved")

    heard = [update.status for update in updates if hears(subscriber, update)]
    assert heard == ["investigating", "resolved", "investigating", "resolved"]


def test_a_postmortem_is_an_end_too():
    subscriber = reader(only_start_and_end=True)
    notice = make_incident()

    assert [hears(subscriber, update) for update in course(notice, "resolved", "postmortem")] == [True, True, True]


def test_start_and_end_of_a_maintenance_are_its_announcement_its_beginning_and_its_end():
    subscriber = reader(only_start_and_end=True)
    notice = maintenance(starts_in=dt.timedelta(0))
    updates = [newest(notice), post(notice, "scheduled")]
    updates += run_clock(timezone.now())
    updates += [post(notice, status) for status in ("in_progress", "verifying", "completed")]

    heard = [update.status for update in updates if hears(subscriber, update)]

    assert heard == ["scheduled", "in_progress", "completed"]


def test_a_cancellation_and_a_moved_window_are_always_told():
    subscriber = reader(only_start_and_end=True)
    notice = maintenance()
    moved = post(notice, "scheduled")
    assert not hears(subscriber, moved)

    moved.was_work_starts_at, moved.was_work_ends_at = notice.work_starts_at, notice.work_ends_at
    moved.save(update_fields=["was_work_starts_at", "was_work_ends_at"])

    assert hears(subscriber, moved)
    assert hears(subscriber, post(notice, "cancelled"))


def test_what_was_posted_without_telling_is_no_start():
    subscriber = reader(only_start_and_end=True)
    notice = make_incident(notify=False)

    assert hears(subscriber, post(notice, "identified"))


def test_for_who_chose_a_component_the_update_that_first_names_it_is_the_start():
    api, web = make_component("API"), make_component("Web")
    of_web, of_api = (reader(components=[part], only_start_and_end=True) for part in (web, api))
    notice = make_incident(components={api.pk: "major_outage"})

    update = post(notice, "identified", components={api.pk: "major_outage", web.pk: "major_outage"})

    assert (hears(of_web, update), hears(of_api, update)) == (True, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"hears_incidents": False},
        {"all_components": False},
        {"only_start_and_end": True},
        {"all_components": False, "hears_incidents": False, "only_start_and_end": True},
    ],
)
def test_whoever_was_told_hears_the_end_and_what_is_between_by_their_present_choices(changes):
    subscriber = reader()
    notice = make_incident(components={make_component().pk: "major_outage"})
    tell_all()
    type(subscriber).objects.filter(pk=subscriber.pk).update(**changes)

    between, end = course(notice, "identified", "resolved")[1:]

    assert (hears(subscriber, between), hears(subscriber, end)) == (False, True)


@pytest.mark.parametrize(("state", "is_told"), [("sending", True), ("sent", True), ("failed", False)])
def test_what_counts_as_told_is_what_was_sent_or_will_be(state, is_told):
    subscriber = reader()
    notice = make_incident(components={make_component().pk: "major_outage"})
    tell_all()
    now = timezone.now()
    fields = {"sending": {"claim": "0" * 32, "lease_until": now}, "sent": {"sent_at": now}}.get(state, {})
    Delivery.objects.update(state=state, **fields)
    type(subscriber).objects.update(all_components=False)

    assert hears(subscriber, post(notice, "resolved")) == is_told


def test_who_only_caught_up_or_was_reminded_hears_the_end():
    notice = maintenance(components={make_component().pk: "under_maintenance"})
    caught_up, reminded, stranger = (reader(components=[make_component()]) for _one in range(3))
    notify_one(caught_up, "catch_up", update=newest(notice))
    reminder = Notification.objects.create(
        purpose="reminder", update=newest(notice), incident=notice, starts_at=notice.work_starts_at, lead_minutes=60
    )
    Delivery.objects.create(notification=reminder, subscriber=reminded)

    end = post(notice, "cancelled")

    assert [hears(one, end) for one in (caught_up, reminded, stranger)] == [True, True, False]


def test_who_left_hears_not_even_the_end():
    subscriber = reader()
    notice = make_incident()
    tell_all()
    type(subscriber).objects.filter(pk=subscriber.pk).update(state="unsubscribed")

    assert not hears(subscriber, post(notice, "resolved"))


def test_a_notice_that_concerned_all_and_now_names_some_is_still_told_to_those_who_were_told():
    web = reader(components=[make_component("Web")])
    notice = make_incident()
    tell_all()
    late = reader(components=[make_component("Mail")])

    update = post(notice, "identified", components={make_component("API").pk: "major_outage"})

    assert (hears(web, update), hears(late, update)) == (True, False)


def test_a_notice_that_no_longer_names_a_component_is_still_told_to_who_chose_it():
    api = make_component("API")
    of_api = reader(components=[api])
    notice = make_incident(components={api.pk: "major_outage"})
    notice.affected.all().delete()

    assert hears(of_api, post(notice, "identified", components={make_component("Web").pk: "major_outage"}))


def test_a_draft_names_nothing_yet():
    api, web = make_component("API"), make_component("Web")
    notice = make_incident(components={api.pk: "major_outage"})
    draft = UpdateText(status="identified", body="Web, too?", components={web.pk: "major_outage"})
    post_update(notice, draft, actor=None, publish=False)

    assert not hears(reader(components=[web]), post(notice, "monitoring"))


def test_reminders_go_to_who_wants_them_and_the_kind_or_follows_the_notice():
    api = make_component("API")
    notice = maintenance(components={api.pk: "under_maintenance"})
    expected = {reader().pk, reader(components=[api]).pk, reader(notices=[notice], hears_maintenance=False).pk}
    reader(hears_reminders=False), reader(hears_maintenance=False), reader(components=[make_component()])
    reader(notices=[notice], hears_reminders=False)

    reminded = to_be_reminded(IncidentUpdate.objects.get())

    assert set(reminded.values_list("pk", flat=True)) == expected
