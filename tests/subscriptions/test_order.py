"""Several workers on one database tell the updates of a notice in their order."""

from __future__ import annotations

import time

import pytest
from django.utils import timezone

from incidents.actions import post_update
from incidents.values import UpdateText
from subscriptions import tasks
from subscriptions.models import Delivery, Notification
from tests.make import make_incident, make_page, make_subscribers

pytestmark = pytest.mark.django_db


def test_while_another_process_fans_out_an_update_the_next_of_its_notice_waits_and_other_notices_do_not(monkeypatch):
    make_page()
    make_subscribers(1)
    notice = make_incident()
    post_update(notice, UpdateText(status="resolved", body="Done."), actor=None)
    make_incident("Another")
    tasks.open_notifications(timezone.now())
    start, end, other = Notification.objects.order_by("pk")
    fan_out, held = tasks.fan_out, {start.pk}
    monkeypatch.setattr(tasks, "fan_out", lambda pk, now: pk not in held and fan_out(pk, now=now))
    fan_outs = tasks.FanOuts(time.monotonic() + 60)

    while fan_outs.one_slice():
        pass
    assert list(Delivery.objects.values_list("notification", flat=True)) == [other.pk]

    held.clear()
    while fan_outs.one_slice():
        pass
    assert list(Delivery.objects.order_by("pk").values_list("notification", flat=True)) == [other.pk, start.pk, end.pk]
    due = dict(Delivery.objects.values_list("notification", "due_at"))
    assert due[start.pk] < due[end.pk]
