"""Addresses that never confirmed. Single notices that are over: test_single_notices."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from subscriptions import retention
from subscriptions.consent import NotSubscribed, change_choices, confirm, request_subscription, unsubscribe
from subscriptions.models import Delivery, Subscriber
from tests.make import make_subscriber

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def asked(email="ann@example.com", *, days_ago=8, state="sent"):
    """A pending address, and what became of its confirmation."""
    subscriber = make_subscriber(email, state="pending", now=timezone.now() - days_ago * DAY)
    sent_at = timezone.now() if state == "sent" else None
    Delivery.objects.filter(subscriber=subscriber).update(state=state, sent_at=sent_at)
    return subscriber


def test_an_address_that_never_confirmed_is_erased_after_a_week(monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 2)
    for number in range(5):
        asked(f"a{number}@example.com")
    kept = [asked("b@example.com", days_ago=6), make_subscriber(now=timezone.now() - 30 * DAY)]
    kept.append(make_subscriber(state="unsubscribed", now=timezone.now() - 30 * DAY))

    retention.forget(timezone.now())

    assert list(Subscriber.objects.order_by("pk")) == kept
    assert set(Delivery.objects.values_list("subscriber", flat=True)) <= {one.pk for one in kept}


@pytest.mark.parametrize(("state", "is_kept"), [("queued", True), ("failed", False), ("skipped", False)])
def test_whose_confirmation_is_still_to_be_sent_is_not_erased(state, is_kept):
    asked(state=state)

    retention.forget(timezone.now())

    assert Subscriber.objects.exists() == is_kept


def test_who_was_asked_again_has_a_week_from_then_on():
    asked(days_ago=8)
    request_subscription("ann@example.com", all_components=True, language="en", now=timezone.now() - DAY)
    Delivery.objects.update(state="skipped")

    retention.forget(timezone.now())

    assert Subscriber.objects.count() == 1


def test_a_link_that_was_read_just_before_its_address_was_erased_is_no_error():
    subscriber = asked()
    Subscriber.objects.all().delete()

    unsubscribe(subscriber, timezone.now())
    with pytest.raises(NotSubscribed):
        confirm(subscriber, timezone.now())
    with pytest.raises(NotSubscribed):
        change_choices(subscriber, all_components=True, now=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_who_confirms_at_the_last_moment_is_kept_or_told_that_it_is_too_late():
    readers = [asked(f"a{number}@example.com") for number in range(20)]
    confirmed, problems = set(), []

    def run(step):
        try:
            step()
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    def confirm_all():
        for subscriber in readers:
            try:
                confirm(subscriber, timezone.now())
            except NotSubscribed:
                continue
            confirmed.add(subscriber.pk)

    steps = [confirm_all, lambda: retention.forget(timezone.now())]
    threads = [threading.Thread(target=run, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert set(Subscriber.objects.values_list("pk", flat=True)) == confirmed
