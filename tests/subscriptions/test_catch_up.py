"""What those are told who confirm, or choose more, while notices are open."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from incidents.actions import post_update
from incidents.values import UpdateText
from subscriptions import fanout
from subscriptions.consent import Preferences, change_choices, confirm, request_subscription, unsubscribe
from subscriptions.fanout import fan_out, open_notifications, owing_fan_out
from subscriptions.models import Delivery, Notification
from tests.make import make_component, make_incident, make_maintenance, make_subscriber, make_subscribers

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def tell_all():
    open_notifications(timezone.now())
    for notification_id in owing_fan_out():
        while fan_out(notification_id, now=timezone.now()):
            pass


def arrive(**choices):
    """Confirm, and be told by the fan-outs that are still owed; the updates that were told, and how."""
    subscriber = make_subscriber(state="pending", **choices)
    confirm(subscriber, timezone.now())
    return told(subscriber)


def told(subscriber):
    tell_all()
    deliveries = Delivery.objects.filter(subscriber=subscriber, notification__update__isnull=False).order_by("pk")
    return list(deliveries.values_list("notification__purpose", "notification__update__incident__title"))


def post(notice, status):
    return post_update(notice, UpdateText(status=status, body="More."), actor=None)


def test_who_confirms_is_told_once_where_an_open_notice_stands():
    notice = make_incident()
    newest = post(notice, "identified")
    tell_all()
    subscriber = make_subscriber(state="pending")

    confirm(subscriber, timezone.now())
    confirm(subscriber, timezone.now())

    assert told(subscriber) == [("catch_up", notice.title)]
    assert Notification.objects.get(purpose="catch_up").update == newest


def test_what_is_over_or_far_away_is_not_told():
    now = timezone.now()
    post(make_incident("Over"), "resolved")
    for days in (3, 8):
        make_maintenance(f"In {days} days", starts=now + days * DAY, ends=now + (days + 1) * DAY)
    running = make_maintenance("Running", starts=now - DAY, ends=now + DAY)
    post(running, "in_progress")
    tell_all()

    assert set(arrive()) == {("catch_up", "In 3 days"), ("catch_up", "Running")}


def test_only_what_concerns_them_is_told():
    api, web = make_component("API"), make_component("Web", group="Frontend")
    make_incident("API", components={api.pk: "major_outage"})
    make_incident("Web", components={web.pk: "major_outage"})
    tell_all()

    assert arrive(all_components=False, components=[api]) == [("catch_up", "API")]
    assert arrive(all_components=False, groups=[web.group]) == [("catch_up", "Web")]


def test_who_wants_only_start_and_end_is_told_too_for_them_it_is_the_start():
    notice = make_incident()
    post(notice, "identified")
    tell_all()
    subscriber = make_subscriber(state="pending")
    type(subscriber).objects.update(only_start_and_end=True)

    confirm(subscriber, timezone.now())

    assert told(subscriber) == [("catch_up", notice.title)]


def test_an_update_posted_without_telling_is_where_it_stands():
    notice = make_incident()
    tell_all()
    silent = post_update(notice, UpdateText(status="identified", body="Psst.", notify=False), actor=None)

    assert arrive() == [("catch_up", notice.title)]
    assert Notification.objects.get(purpose="catch_up").update == silent


def test_at_most_five_are_told_the_newest():
    notices = [make_incident(f"Incident {number}") for number in range(7)]
    tell_all()

    assert arrive() == [("catch_up", notice.title) for notice in reversed(notices[2:])]


def test_an_update_not_fanned_out_yet_is_left_to_its_fan_out():
    make_incident("New")

    assert arrive() == [("update", "New")]


@pytest.mark.parametrize("begun", [False, True])
def test_it_is_told_once_whether_the_fan_out_has_passed_them_or_not(begun, monkeypatch):
    monkeypatch.setattr(fanout, "SLICE", 2)
    early, late = make_subscriber(state="pending"), None
    make_subscribers(4)
    late = make_subscriber(state="pending")
    make_incident("Going out")
    (notification,) = open_notifications(timezone.now())
    if begun:
        notification.refresh_from_db()
        while notification.cursor < early.pk:
            fan_out(notification.pk, now=timezone.now())
            notification.refresh_from_db()
        assert notification.cursor < late.pk

    newcomer = make_subscriber(state="pending")
    for subscriber in (early, late, newcomer):
        confirm(subscriber, timezone.now())

    expected = ["catch_up", "update", "catch_up"] if begun else ["update"] * 3
    assert [told(subscriber) for subscriber in (early, late, newcomer)] == [[(how, "Going out")] for how in expected]


def test_who_left_and_comes_back_is_not_told_again_what_they_were_told():
    subscriber = make_subscriber("ann@example.com")
    make_incident("Heard")
    tell_all()
    Delivery.objects.update(state="sent", sent_at=timezone.now())
    unsubscribe(subscriber, timezone.now())

    request_subscription("ann@example.com", all_components=True, language="en", now=timezone.now())
    subscriber.refresh_from_db()
    confirm(subscriber, timezone.now())

    assert told(subscriber) == [("update", "Heard")]


def test_a_catch_up_that_was_dropped_when_they_left_is_owed_again_when_they_are_back():
    notice = make_incident()
    tell_all()
    subscriber = make_subscriber("ann@example.com")
    unsubscribe(subscriber, timezone.now())
    Delivery.objects.update(state="skipped")

    request_subscription("ann@example.com", all_components=True, language="en", now=timezone.now())
    subscriber.refresh_from_db()
    confirm(subscriber, timezone.now())

    assert told(subscriber) == [("catch_up", notice.title)]
    assert Delivery.objects.get(notification__purpose="catch_up").state == "queued"


def choose(subscriber, **choices):
    change_choices(subscriber, **{"all_components": False, **choices}, now=timezone.now())


def test_who_chooses_more_is_told_once_where_the_notices_of_that_stand():
    api, web, mail = (make_component(name) for name in ("API", "Web", "Mail"))
    subscriber = make_subscriber(all_components=False, components=[api])
    make_incident("API", components={api.pk: "major_outage"})
    notice = make_incident("Web", components={web.pk: "major_outage"})
    now = timezone.now()
    make_maintenance("Work", starts=now + DAY, ends=now + 2 * DAY, components={mail.pk: "under_maintenance"})
    post(notice, "identified")

    choose(subscriber, components=[api, web], preferences=Preferences(hears_maintenance=False))
    assert sorted(told(subscriber)) == [("update", "API"), *[("update", "Web")] * 2], "left to the fan-outs"

    make_incident("Mail", components={mail.pk: "major_outage"})
    tell_all()
    choose(subscriber, components=[web, mail], preferences=Preferences(hears_maintenance=False))
    assert told(subscriber)[3:] == [("catch_up", "Mail")]

    choose(subscriber, components=[api])
    choose(subscriber, components=[api, web, mail])
    assert told(subscriber)[4:] == [("catch_up", "Work")]


def test_what_came_while_it_was_not_chosen_is_told_when_it_is_again():
    api, web = make_component("API"), make_component("Web")
    subscriber = make_subscriber(all_components=False, components=[api])
    notice = make_incident(components={api.pk: "major_outage"})
    tell_all()
    choose(subscriber, components=[web])
    post(notice, "identified")
    assert told(subscriber) == [("update", notice.title)]

    choose(subscriber, all_components=True)

    assert told(subscriber)[1:] == [("catch_up", notice.title)]


def test_who_follows_one_more_notice_is_told_where_it_stands():
    api, web = make_component("API"), make_component("Web")
    subscriber = make_subscriber(all_components=False, components=[api])
    notice = make_incident(components={web.pk: "major_outage"})
    tell_all()

    choose(subscriber, components=[api], notices=[notice])
    choose(subscriber, components=[api], notices=[notice], preferences=Preferences(only_start_and_end=True))

    assert told(subscriber) == [("catch_up", notice.title)]


def test_it_is_owed_in_the_transaction_that_confirms(monkeypatch):
    make_incident()
    tell_all()
    subscriber = make_subscriber(state="pending")
    monkeypatch.setattr("subscriptions.catch_up.notify_one", lambda *_arguments, **_about: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        confirm(subscriber, timezone.now())

    subscriber.refresh_from_db()
    assert subscriber.state == "pending"


@pytest.mark.django_db(transaction=True)
def test_a_confirmation_waits_for_a_publication_that_has_begun():
    """It could not see the notice yet, and a fan-out right after the commit might not see it confirmed."""
    subscriber = make_subscriber(state="pending")

    def confirm_elsewhere():
        try:
            confirm(subscriber, timezone.now())
        finally:
            connection.close()

    thread = threading.Thread(target=confirm_elsewhere)
    with transaction.atomic():
        notice = make_incident()
        thread.start()
        thread.join(timeout=1)
        is_waiting = thread.is_alive()
    thread.join()

    assert is_waiting
    assert told(subscriber) == [("update", notice.title)]


@pytest.mark.django_db(transaction=True)
def test_everybody_who_confirms_while_updates_go_out_is_told_each_once(monkeypatch):
    """Confirmations, publications and fan-outs at the same moment: whoever is active in the end was told all, once."""
    monkeypatch.setattr(fanout, "SLICE", 3)
    readers = [make_subscriber(state="pending") for _one in range(30)]
    opened = [make_incident("Open before")]
    tell_all()
    problems: list[BaseException] = []
    is_over = threading.Event()

    def run(step):
        try:
            step()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    def confirm_all(some):
        for subscriber in some:
            confirm(subscriber, timezone.now())

    def publish():
        opened.extend(make_incident(f"Number {number}") for number in range(4))

    def tell_again_and_again():
        while not is_over.is_set():
            tell_all()

    workers = [threading.Thread(target=run, args=[tell_again_and_again]) for _one in range(2)]
    others = [threading.Thread(target=run, args=[lambda some=readers[n::2]: confirm_all(some)]) for n in range(2)]
    others.append(threading.Thread(target=run, args=[publish]))
    for thread in workers + others:
        thread.start()
    for thread in others:
        thread.join()
    is_over.set()
    for thread in workers:
        thread.join()
    tell_all()

    assert problems == []
    told_of = Delivery.objects.filter(notification__update__isnull=False)
    pairs = list(told_of.values_list("subscriber", "notification__update__incident"))
    assert sorted(pairs) == sorted((one.pk, notice.pk) for one in readers for notice in opened)
