from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from subscriptions.choices import Purpose, SubscriberState
from subscriptions.consent import (
    NotSubscribed,
    change_choices,
    confirm,
    request_manage_link,
    request_subscription,
    unsubscribe,
)
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token, read_token
from tests.make import make_component, make_subscriber, utc

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 6, 9, 0)
HOUR = dt.timedelta(hours=1)


def ask(email="ann@example.com", *, now=NOW, **choices):
    return request_subscription(email, **{"all_components": True, **choices}, language="en", now=now)


def owed():
    return list(Notification.objects.order_by("pk").values_list("purpose", "subscriber__endpoint"))


def test_an_address_is_asked_before_it_is_told_anything():
    subscriber = ask()

    assert subscriber.state == SubscriberState.PENDING
    assert owed() == [(Purpose.CONFIRM, "ann@example.com")]
    assert Delivery.objects.get().subscriber == subscriber


def test_what_is_no_address_leaves_nothing_behind():
    with pytest.raises(ValidationError):
        ask("ann@localhost")

    assert not Subscriber.objects.exists()


def test_confirming_makes_it_active_and_again_changes_nothing():
    subscriber = ask()

    confirm(subscriber, NOW + HOUR)
    confirm(subscriber, NOW + 2 * HOUR)

    subscriber.refresh_from_db()
    assert subscriber.state == SubscriberState.ACTIVE
    assert subscriber.confirmed_at == NOW + HOUR


def test_another_spelling_is_the_same_subscriber():
    assert ask("Ann@Example.com") == ask("ann@EXAMPLE.com")


def test_a_pending_address_is_asked_again_after_a_day_and_not_before():
    ask()
    ask(now=NOW + 23 * HOUR)
    assert len(owed()) == 1

    ask(now=NOW + 24 * HOUR)
    assert owed() == [(Purpose.CONFIRM, "ann@example.com")] * 2


def test_the_last_choice_before_confirming_counts():
    links, images = make_component("Links"), make_component("Images")
    ask(all_components=False, components=[links])

    subscriber = ask(all_components=False, components=[images], now=NOW + HOUR)

    assert list(subscriber.components.all()) == [images]


def test_who_merely_knows_an_active_address_changes_nothing():
    links = make_component("Links")
    subscriber = make_subscriber("ann@example.com", all_components=False, components=[links], now=NOW)
    before = Subscriber.objects.filter(pk=subscriber.pk).values().get()

    ask(now=NOW + HOUR)

    assert Subscriber.objects.filter(pk=subscriber.pk).values().get() == before
    assert list(subscriber.components.all()) == [links]


def test_an_active_address_that_asks_again_is_sent_its_own_link_once_a_day():
    make_subscriber("ann@example.com", now=NOW)
    Notification.objects.all().delete()

    for hours in (1, 2, 26):
        ask(now=NOW + hours * HOUR)

    assert owed() == [(Purpose.MANAGE, "ann@example.com")] * 2


def test_a_manage_link_is_owed_to_active_addresses_alone():
    make_subscriber("ann@example.com", now=NOW)
    make_subscriber("bob@example.com", state="pending", now=NOW)
    make_subscriber("cleo@example.com", state="unsubscribed", now=NOW)
    Notification.objects.all().delete()

    for name in ("ann", "bob", "cleo", "nobody"):
        request_manage_link(f"{name}@example.com", now=NOW)
        request_manage_link(f"{name}@example.com", now=NOW)

    assert owed() == [(Purpose.MANAGE, "ann@example.com")]


def test_unsubscribing_holds_at_once_and_again_changes_nothing():
    subscriber = make_subscriber(now=NOW)

    unsubscribe(subscriber, NOW + HOUR)
    unsubscribe(subscriber, NOW + 2 * HOUR)

    subscriber.refresh_from_db()
    assert subscriber.state == SubscriberState.UNSUBSCRIBED
    assert subscriber.unsubscribed_at == NOW + HOUR


def test_an_old_confirmation_link_does_not_bring_back_who_left():
    subscriber = make_subscriber(state="unsubscribed", now=NOW)

    with pytest.raises(NotSubscribed):
        confirm(subscriber, NOW + HOUR)

    subscriber.refresh_from_db()
    assert subscriber.state == SubscriberState.UNSUBSCRIBED


def test_coming_back_needs_a_new_confirmation_and_voids_older_links_but_those_to_leave():
    subscriber = make_subscriber("ann@example.com", state="unsubscribed", now=NOW)
    old_links = {purpose: make_token(subscriber, purpose) for purpose in (CONFIRM, MANAGE, UNSUBSCRIBE)}
    Notification.objects.all().delete()

    again = ask(now=NOW + HOUR)

    assert (again.pk, again.state) == (subscriber.pk, SubscriberState.PENDING)
    assert owed() == [(Purpose.CONFIRM, "ann@example.com")]
    assert [read_token(token, purpose) for purpose, token in old_links.items()] == [None, None, subscriber]


def test_who_said_no_to_a_confirmation_is_not_asked_again_the_same_day():
    subscriber = ask()
    unsubscribe(subscriber, NOW + HOUR)

    again = ask(now=NOW + 2 * HOUR)

    assert again.state == SubscriberState.UNSUBSCRIBED
    assert len(owed()) == 1


def test_a_quarantined_address_can_come_back_by_confirming_anew():
    subscriber = make_subscriber("ann@example.com", now=NOW)
    Subscriber.objects.filter(pk=subscriber.pk).update(
        state=SubscriberState.QUARANTINED, quarantined_at=timezone.now(), quarantine_cause="unreachable"
    )

    again = ask(now=NOW + HOUR)
    confirm(again, NOW + HOUR)

    assert again.state == SubscriberState.ACTIVE


def test_many_tags_of_one_mailbox_are_asked_ten_times_a_day():
    for number in range(60):
        ask(f"ann+{number}@example.com")

    assert len(owed()) == 10


def test_choices_are_changed_by_active_subscribers_alone():
    links = make_component("Links", group="Mail")
    subscriber = make_subscriber(now=NOW)

    change_choices(subscriber, all_components=False, components=[links], groups=[links.group], now=NOW)
    subscriber.refresh_from_db()
    assert not subscriber.all_components
    assert (list(subscriber.components.all()), list(subscriber.groups.all())) == ([links], [links.group])

    unsubscribe(subscriber, NOW)
    with pytest.raises(NotSubscribed):
        change_choices(subscriber, all_components=True, now=NOW)


def test_everything_forgets_the_single_choices():
    subscriber = make_subscriber(all_components=False, components=[make_component()], now=NOW)

    change_choices(subscriber, all_components=True, now=NOW)

    assert not subscriber.components.exists()
