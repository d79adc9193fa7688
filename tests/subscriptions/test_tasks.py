from __future__ import annotations

import datetime as dt
import os
import uuid

import pytest
import time_machine
from django.contrib import admin
from django.core.checks import run_checks
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from incidents.models import Incident, IncidentUpdate
from statuspage import programs
from subscriptions import checks, schedules, tasks, watch
from subscriptions.journal import Journal
from subscriptions.models import ChannelPause, Delivery, Notification
from tests.make import make_incident, make_maintenance, make_page, make_subscribers

pytestmark = pytest.mark.django_db

HALF_A_MINUTE = dt.timedelta(seconds=31)


def test_a_drain_pays_everything_from_the_update_to_the_mail(settings):
    make_page()
    make_subscribers(2)
    make_incident()

    tasks.drain()

    assert list(Delivery.objects.values_list("state", flat=True)) == ["sent", "sent"]
    assert len(list(settings.OUTBOX_DIR.glob("*.eml"))) == 2
    assert OrmQ.objects.count() == 0


def test_a_drain_that_runs_out_of_time_rings_once_for_its_successor():
    make_page()
    make_subscribers(1)
    make_incident()

    assert tasks.drain(budget=0) == "out of time"
    tasks.drain(budget=0)

    assert [ring.func() for ring in OrmQ.objects.all()] == ["subscriptions.tasks.drain"]


def test_a_sweep_starts_maintenance_and_tells_it_in_one_go():
    make_page()
    make_subscribers(1)
    now = timezone.now()
    hour = dt.timedelta(hours=1)
    make_maintenance(starts=now - hour, ends=now + hour)

    tasks.sweep()

    assert Incident.objects.get().status == "in_progress"
    told = Delivery.objects.values_list("notification__update__status", "state")
    assert set(told) == {("scheduled", "sent"), ("in_progress", "sent")}


def test_one_debt_that_cannot_be_paid_keeps_no_other_waiting(monkeypatch):
    make_page()
    make_subscribers(1)
    make_incident()
    make_incident()
    tasks.open_notifications(timezone.now())
    first, second = Notification.objects.all()
    really = tasks.fan_out
    monkeypatch.setattr(tasks, "run_clock", lambda now: 1 / 0)
    monkeypatch.setattr(tasks, "fan_out", lambda pk, now: 1 / 0 if pk == first.pk else really(pk, now=now))

    assert tasks.sweep() == "left to the next sweep"  # and not "out of time": it does not try again and again

    assert list(Delivery.objects.values_list("notification", "state")) == [(second.pk, "sent")]
    assert OrmQ.objects.count() == 0


def test_the_command_pays_what_is_owed(capsys):
    make_page()
    make_subscribers(1)
    make_incident()

    call_command("deliver")

    assert capsys.readouterr().out == "Nothing is owed.\n"
    assert Delivery.objects.get().state == "sent"


def test_schedules_are_installed_once_and_others_removed():
    Schedule.objects.create(name="by hand", func="os.system", args="not python (")
    call_command("schedules", verbosity=0)
    due = Schedule.objects.get().next_run
    call_command("schedules", verbosity=0)

    schedule = Schedule.objects.get()
    assert (schedule.name, schedule.func) == ("sweep", "subscriptions.tasks.sweep")
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == (Schedule.MINUTES, 1, -1)
    assert schedule.next_run == due


def test_a_check_demands_the_schedules():
    assert [found.id for found in run_checks() if found.id == "subscriptions.W001"] == ["subscriptions.W001"]

    schedules.install()

    assert checks.schedules_are_installed() == []
    Schedule.objects.update(func="somewhere.else")
    assert schedules.missing() == ["sweep"]


def test_the_check_says_nothing_of_a_database_that_is_not_migrated(monkeypatch):
    monkeypatch.setattr(checks.connection.introspection, "table_names", list)

    assert checks.schedules_are_installed() == []


@pytest.mark.parametrize(
    ("sender", "found"),
    [
        ("status@example.com", []),
        ("Example status <status@example.com>", []),
        ("status", ["subscriptions.E001"]),
        ("Example status <>", ["subscriptions.E001"]),
        ("stätus@example.com", ["subscriptions.E001"]),
    ],
)
def test_a_check_wants_a_sender_that_servers_take(settings, sender, found):
    settings.DEFAULT_FROM_EMAIL = sender

    assert [problem.id for problem in checks.sender_is_an_address()] == found


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_was_lost_is_rung_again_by_whoever_watches_the_worker():
    make_page()
    make_subscribers(1)
    make_incident()
    watch.stamp()
    now = timezone.now()
    IncidentUpdate.objects.update(published_at=now, display_at=now)
    os.utime(watch._stamp_file(), (now.timestamp(), now.timestamp()))

    def seconds_later(seconds: int) -> tuple[bool, int]:
        """Whether it counts as stuck then, and how many rings wait."""
        with time_machine.travel(now + dt.timedelta(seconds=seconds), tick=False):
            return programs._is_stuck(), OrmQ.objects.count()

    OrmQ.objects.all().delete()
    assert seconds_later(8) == (False, 0)
    assert seconds_later(12) == (False, 1)
    assert seconds_later(14) == (False, 1)
    assert seconds_later(31) == (True, 1)


def test_the_queue_is_not_in_the_admin():
    assert [model for model in admin.site._registry if model._meta.app_label == "django_q"] == []


def test_a_worker_is_stuck_when_it_owes_and_is_silent():
    make_page()
    make_subscribers(1)
    make_incident()
    now = timezone.now()

    assert not watch.is_stuck(now)  # owed for less than half a minute
    assert watch.is_stuck(now + HALF_A_MINUTE)

    watch.stamp()
    assert not watch.is_stuck(timezone.now() + HALF_A_MINUTE / 2)
    os.utime(watch._stamp_file(), (0, 0))
    assert watch.is_stuck(now + HALF_A_MINUTE)

    tasks.drain()
    os.utime(watch._stamp_file(), (0, 0))
    assert not watch.is_stuck(timezone.now() + HALF_A_MINUTE)


def test_a_worker_is_stuck_when_it_is_silent_about_what_it_claimed(settings):
    now = timezone.now()
    journal = Journal(settings.JOURNAL_DIR, uuid.uuid4())

    assert not watch.is_stuck(now)
    assert watch.is_stuck(now + 2 * HALF_A_MINUTE)
    watch.stamp()
    assert not watch.is_stuck(now + HALF_A_MINUTE / 2)
    os.utime(watch._stamp_file(), (0, 0))
    journal.remove()
    assert not watch.is_stuck(now + 2 * HALF_A_MINUTE)
    journal.close()


@pytest.mark.parametrize("debt", ["update", "fan-out", "delivery", "lease"])
def test_every_kind_of_debt_counts(debt):
    make_page()
    make_subscribers(1)
    make_incident()
    now = timezone.now()
    if debt != "update":
        (notification,) = tasks.open_notifications(now)
    if debt in ("delivery", "lease"):
        tasks.fan_out(notification.pk, now=now)
    if debt == "lease":
        Delivery.objects.update(state="sending", claim=uuid.uuid4(), lease_until=now)

    assert watch.owes(timezone.now())


def test_a_paused_channel_is_nothing_to_be_stuck_at():
    make_page()
    make_subscribers(1)
    make_incident()
    now = timezone.now()
    (notification,) = tasks.open_notifications(now)
    tasks.fan_out(notification.pk, now=now)
    hour = dt.timedelta(hours=1)
    ChannelPause.objects.create(channel="email", since=now, until=now + hour, reason="535")

    assert not watch.is_stuck(now + HALF_A_MINUTE)
    assert not watch.owes_soon(now)
    assert watch.owes_soon(now + hour - HALF_A_MINUTE)
    assert watch.is_stuck(now + hour + HALF_A_MINUTE)
