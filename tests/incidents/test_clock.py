from __future__ import annotations

import pytest

from incidents.clock import next_move, run_clock
from incidents.models import Component
from tests.make import make_component, make_maintenance, utc

pytestmark = pytest.mark.django_db

START, END = utc(2026, 1, 3, 20), utc(2026, 1, 3, 23)


def test_a_maintenance_starts_at_its_time_and_not_before():
    mailings = make_component()
    maintenance = make_maintenance(starts=START, ends=END, components={mailings.pk: "under_maintenance"})

    assert run_clock(utc(2026, 1, 3, 19, 59, 59)) == []
    run_clock(START)

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.actual_started_at) == ("in_progress", START)
    assert Component.objects.values_list("shown_status", flat=True).get() == "under_maintenance"


def test_the_planned_end_leads_to_verifying_and_no_further():
    maintenance = make_maintenance(starts=START, ends=END)
    for now in (START, END, END, utc(2026, 1, 5)):
        run_clock(now)

    maintenance.refresh_from_db()
    assert maintenance.status == "verifying"
    assert maintenance.updates.count() == 3


def test_the_clock_completes_only_what_staff_left_to_it():
    maintenance = make_maintenance(starts=START, ends=END, completes_by_clock=True)
    for now in (START, END):
        run_clock(now)

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.actual_ended_at) == ("completed", END)


def test_a_draft_does_not_start():
    make_maintenance(starts=START, ends=END, publish=False)

    assert run_clock(utc(2026, 1, 4)) == []


def test_next_move_tells_when_to_look_again():
    make_maintenance(starts=START, ends=END)

    assert next_move(utc(2026, 1, 1)) == START
    assert next_move(END) == END
