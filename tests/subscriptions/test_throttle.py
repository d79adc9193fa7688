from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from subscriptions import tasks, watch
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, open_notifications
from subscriptions.limits import MINUTE
from subscriptions.models import Allowance, Delivery
from subscriptions.throttle import rest_of
from tests.make import make_incident, make_page, make_subscribers

pytestmark = pytest.mark.django_db


def owe(*domains: str) -> None:
    make_page()
    for number, domain in enumerate(domains):
        make_subscribers(1, endpoint=f"r{number}@{domain}", endpoint_key=f"r{number}@{domain}")
    make_incident()
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())


def sent_to(domain: str) -> int:
    return Delivery.objects.filter(subscriber__endpoint__endswith=domain, state="sent").count()


def pass_a_minute() -> None:
    Allowance.objects.update(renews_at=timezone.now())
    waiting = Delivery.objects.filter(state="queued")
    for delivery in waiting:
        waiting.filter(pk=delivery.pk).update(due_at=delivery.due_at - MINUTE)


def test_no_more_leaves_in_a_minute_than_allowed_and_the_rest_waits_untried(settings):
    settings.EMAIL_PER_MINUTE = 3
    owe(*["example.com"] * 5)

    run_deliveries(5)
    run_deliveries(5)

    assert sent_to("example.com") == 3
    assert set(Delivery.objects.filter(state="queued").values_list("attempts", "last_error")) == {(0, "")}
    pass_a_minute()
    run_deliveries(5)
    assert sent_to("example.com") == 5


def test_one_domain_at_its_limit_is_overtaken_by_the_others(settings):
    settings.EMAIL_PER_MINUTE_PER_DOMAIN = 2
    owe(*["Slow.example"] * 7, *["fast.example"] * 2)

    run_deliveries(5)

    assert (sent_to("Slow.example"), sent_to("fast.example")) == (2, 2)
    renews_at = Allowance.objects.order_by("-used").first().renews_at
    waiting = Delivery.objects.filter(state="queued").order_by("due_at")
    minutes = [(delivery.due_at - renews_at) // MINUTE for delivery in waiting]
    assert minutes == [0, 0, 1, 1, 2]  # each at its turn
    assert set(waiting.values_list("attempts", flat=True)) == {0}
    pass_a_minute()
    run_deliveries(5)
    assert sent_to("Slow.example") == 4


def test_a_throttled_worker_owes_nothing_for_now_and_is_not_stuck(settings):
    settings.EMAIL_PER_MINUTE = 1
    owe("example.com", "example.com")
    run_deliveries(5)
    now = timezone.now()

    assert dt.timedelta() < rest_of("email", now) <= MINUTE
    assert not watch.owes(now)
    assert not watch.is_stuck(now + dt.timedelta(seconds=31))
    assert watch.owes_soon(now)
    assert watch.owes(now + MINUTE)


def test_a_drain_sleeps_while_the_minute_is_used_up(settings, monkeypatch):
    settings.EMAIL_PER_MINUTE = 1
    owe("example.com", "example.com")
    naps = []

    def nap(seconds: float) -> None:
        naps.append((seconds, sent_to("example.com")))
        pass_a_minute()

    monkeypatch.setattr(tasks.time, "sleep", nap)

    assert tasks.drain() == "nothing is owed for now"

    assert naps == [(tasks.NAP, 1)]
    assert sent_to("example.com") == 2
