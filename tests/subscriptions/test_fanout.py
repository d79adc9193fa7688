from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from incidents.actions import post_update
from incidents.models import Component
from incidents.values import UpdateText
from subscriptions import fanout
from subscriptions.bell import ring
from subscriptions.fanout import fan_out, notify_one, open_notifications, owing_fan_out
from subscriptions.matching import concerned_by
from subscriptions.models import Delivery, Notification, Subscriber
from tests.make import make_component, make_incident, make_subscribers, utc

pytestmark = pytest.mark.django_db

DOWN = "major_outage"


def subscriber_of(*parts: object) -> Subscriber:
    (subscriber,) = make_subscribers(1, all_components=False)
    for part in parts:
        (subscriber.components if isinstance(part, Component) else subscriber.groups).add(part)
    return subscriber


def hears(subscriber: Subscriber, incident) -> bool:
    return concerned_by(incident.updates.order_by("pk").last()).filter(pk=subscriber.pk).exists()


def tell(incident=None) -> Notification:
    """Open what is owed, fan it out to the end, and return the newest."""
    open_notifications(timezone.now())
    for notification_id in owing_fan_out():
        while fan_out(notification_id, now=timezone.now()):
            pass
    return Notification.objects.filter(purpose="update").last()


def told(notification: Notification) -> set[int]:
    return set(notification.deliveries.values_list("subscriber", flat=True))


def test_who_chose_everything_hears():
    (everything,) = make_subscribers(1)

    assert hears(everything, make_incident(components={make_component().pk: DOWN}))


def test_who_chose_the_component_hears_and_who_chose_another_does_not():
    api, web = make_component("API"), make_component("Web")
    incident = make_incident(components={api.pk: DOWN})

    assert hears(subscriber_of(api), incident)
    assert hears(subscriber_of(web, api), incident)
    assert not hears(subscriber_of(web), incident)
    assert not hears(subscriber_of(), incident)


def test_who_chose_the_group_hears_of_components_added_later():
    first = make_component("API", group="Backend")
    subscriber, stranger = subscriber_of(first.group), subscriber_of(make_component("Web", group="Frontend").group)
    later = make_component("Queue", group="Backend")
    incident = make_incident(components={later.pk: DOWN})

    assert hears(subscriber, incident)
    assert not hears(stranger, incident)


def test_a_notice_without_components_concerns_everybody():
    assert hears(subscriber_of(make_component()), make_incident())


@pytest.mark.parametrize("state", ["pending", "unsubscribed", "quarantined"])
def test_only_the_active_hear(state):
    make_subscribers(1, state=state, quarantined_at=timezone.now(), quarantine_cause="unreachable")

    assert concerned_by(make_incident().updates.get()).count() == 0


def test_an_update_concerns_all_components_that_its_notice_has_named():
    api, web = make_component("API"), make_component("Web")
    incident = make_incident(components={api.pk: DOWN})
    post_update(incident, UpdateText(status="identified", body="Web, too.", components={web.pk: DOWN}), actor=None)

    assert hears(subscriber_of(api), incident)
    assert hears(subscriber_of(web), incident)


def test_who_heard_of_the_start_hears_of_the_end_whatever_they_chose_since():
    api, web = make_component("API"), make_component("Web")
    reader, stranger = subscriber_of(api), subscriber_of(web)
    incident = make_incident(components={api.pk: DOWN})
    tell()
    reader.components.set([web])
    post_update(incident, UpdateText(status="resolved", body="Done."), actor=None)

    assert told(tell()) == {reader.pk}
    assert not hears(stranger, incident)


def test_who_was_skipped_at_the_start_is_not_held_to_the_end():
    api = make_component("API")
    reader = subscriber_of(api)
    incident = make_incident(components={api.pk: DOWN})
    tell().deliveries.update(state="skipped")
    reader.components.clear()

    assert not hears(reader, incident)


def test_only_published_updates_that_are_to_be_told_are_owed():
    make_incident("Silent", notify=False)
    make_incident("Draft", publish=False)
    incident = make_incident("Told")

    opened = open_notifications(timezone.now())

    assert [notification.update.incident for notification in opened] == [incident]
    assert open_notifications(timezone.now()) == []


def test_fan_out_goes_on_from_its_cursor_and_ends(monkeypatch):
    monkeypatch.setattr(fanout, "SLICE", 2)
    subscribers = make_subscribers(5)
    make_incident()
    (notification,) = open_notifications(timezone.now())

    steps = 0
    while fan_out(notification.pk, now=timezone.now()):
        steps += 1
        make_subscribers(1)  # newcomers come after the frozen end

    notification.refresh_from_db()
    assert told(notification) == {subscriber.pk for subscriber in subscribers}
    assert notification.cursor == notification.max_subscriber_id == subscribers[-1].pk
    assert notification.fanned_out_at is not None
    assert steps == 3


def test_fan_out_without_subscribers_ends_at_once():
    make_incident()

    notification = tell()

    assert notification.fanned_out_at is not None
    assert owing_fan_out() == []


def test_a_slice_that_is_done_again_owes_nobody_twice():
    make_subscribers(3)
    make_incident()
    notification = tell()
    Notification.objects.filter(pk=notification.pk).update(cursor=0, fanned_out_at=None)

    tell()

    assert notification.deliveries.count() == 3


def test_a_slice_that_breaks_off_leaves_no_trace():
    make_subscribers(3)
    make_incident()
    (notification,) = open_notifications(timezone.now())

    with pytest.raises(RuntimeError), transaction.atomic():
        fan_out(notification.pk, now=timezone.now())
        raise RuntimeError("killed before the commit")

    notification.refresh_from_db()
    assert (notification.cursor, Delivery.objects.count()) == (0, 0)


def test_a_slice_costs_as_many_queries_for_three_as_for_one(django_assert_num_queries):
    for count in (1, 3):
        make_subscribers(count)
        incident = make_incident(components={make_component().pk: DOWN})
        (notification,) = open_notifications(timezone.now())

        with django_assert_num_queries(11):  # two of them a savepoint
            fan_out(notification.pk, now=timezone.now())

        assert hears(Subscriber.objects.first(), incident)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_owe_everybody_once(monkeypatch):
    monkeypatch.setattr(fanout, "SLICE", 7)
    subscribers = make_subscribers(60)
    make_incident()
    problems: list[BaseException] = []

    def work() -> None:
        try:
            tell()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    (notification,) = Notification.objects.all()
    assert sorted(notification.deliveries.values_list("subscriber", flat=True)) == [one.pk for one in subscribers]


def test_a_personal_word_is_owed_in_the_callers_transaction():
    (subscriber,) = make_subscribers(1)

    with pytest.raises(RuntimeError), transaction.atomic():
        notify_one(subscriber, "manage")
        assert OrmQ.objects.count() == 1
        raise RuntimeError("the caller failed")

    assert (Notification.objects.count(), Delivery.objects.count(), OrmQ.objects.count()) == (0, 0, 0)


def test_a_personal_word_goes_ahead_of_what_goes_to_many():
    (subscriber,) = make_subscribers(1)
    make_incident()
    tell()

    notification = notify_one(subscriber, "manage")

    first = Delivery.objects.order_by("due_at").first()
    assert first.notification == notification
    assert notification.fanned_out_at is not None


def test_a_bell_that_is_broken_fails_nobody(monkeypatch):
    def broken(*_arguments: object, **_options: object) -> None:
        Subscriber.objects.create(endpoint="x", endpoint_key="x", state="no such state")

    monkeypatch.setattr("subscriptions.bell.async_task", broken)

    with transaction.atomic():
        ring()
        (subscriber,) = make_subscribers(1)

    assert list(Subscriber.objects.all()) == [subscriber]


def test_a_click_wakes_the_worker_after_its_commit(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        make_incident(at=utc(2026, 3, 2, 9))

    assert [ring.func() for ring in OrmQ.objects.all()] == ["subscriptions.tasks.drain"]
