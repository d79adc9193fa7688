"""What waits for staff, read from the facts."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents.actions import post_update
from incidents.choices import ToDoKind
from incidents.clock import run_clock
from incidents.component_actions import set_component_status
from incidents.staff_reminders import step_at, to_dos
from incidents.values import UpdateText
from tests.make import make_component, make_incident, make_maintenance, make_page, make_role, move, utc

pytestmark = pytest.mark.django_db

NOON = utc(2026, 3, 2, 12)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def say(incident, status="identified", *, at=NOON, **fields):
    return post_update(incident, UpdateText(status=status, body="We go on.", **fields), actor=None, at=at)


def kinds(now):
    return [(to_do.kind.value, to_do.is_late) for to_do in to_dos(now)]


def test_a_promised_update_waits_from_five_minutes_before_and_is_late_from_its_time():
    make_page()
    promised = NOON + 20 * MINUTE
    say(make_incident(at=NOON), next_update_by=promised)

    assert kinds(promised - 6 * MINUTE) == []
    assert kinds(promised - 5 * MINUTE) == [("next_update", False)]
    assert kinds(promised) == [("next_update", True)]
    assert [to_do.step for now in (5, 29, 30, 120) for to_do in to_dos(promised + now * MINUTE)] == [1, 1, 2, 3]


def test_a_new_promise_settles_the_old_one():
    make_page()
    incident = make_incident(at=NOON)
    say(incident, next_update_by=NOON + 20 * MINUTE)
    say(incident, at=NOON + 20 * MINUTE, next_update_by=NOON + HOUR)

    assert to_dos(NOON + 25 * MINUTE) == []


def test_an_incident_that_promises_nothing_waits_after_an_hour_without_an_update():
    make_page()
    incident = make_incident(at=NOON - DAY)
    say(incident, at=NOON)

    assert kinds(NOON + 59 * MINUTE) == []
    (to_do,) = to_dos(NOON + 60 * MINUTE)
    assert (to_do.kind, to_do.about, to_do.step) == (ToDoKind.SILENCE, NOON, 0)
    assert [way.path for way in to_do.ways] == [f"/admin/incidents/incident/{incident.pk}/post-update/"]
    say(incident, "resolved", at=NOON + 2 * HOUR)
    assert to_dos(NOON + 9 * HOUR) == []


def test_drafts_do_not_wait():
    make_page()
    make_incident(publish=False, at=NOON)

    assert to_dos(NOON + DAY) == []


def test_an_end_that_comes_near_waits_and_then_the_all_clear_since_that_end():
    make_page()
    maintenance = make_maintenance(starts=NOON, ends=NOON + 2 * HOUR, at=NOON - DAY)
    run_clock(NOON)

    assert kinds(NOON + 104 * MINUTE) == []
    assert kinds(NOON + 105 * MINUTE) == [("planned_end", False)]
    without_a_clock = to_dos(NOON + 121 * MINUTE)
    run_clock(NOON + 121 * MINUTE)
    (to_do,) = to_dos(NOON + 121 * MINUTE)
    assert (to_do.kind, to_do.about) == (ToDoKind.ALL_CLEAR, NOON + 2 * HOUR)
    assert [(t.kind, t.about, t.step) for t in without_a_clock] == [(to_do.kind, to_do.about, to_do.step)]
    say(maintenance, "completed", at=NOON + 3 * HOUR)
    assert to_dos(NOON + 3 * HOUR) == []


def test_an_end_that_is_moved_waits_at_its_new_time():
    make_page()
    maintenance = make_maintenance(starts=NOON, ends=NOON + 2 * HOUR, at=NOON - DAY)
    run_clock(NOON)
    move(maintenance, ends=NOON + 4 * HOUR, at=NOON + 110 * MINUTE)

    assert to_dos(NOON + 119 * MINUTE) == []
    assert kinds(NOON + 225 * MINUTE) == [("planned_end", False)]


def test_work_that_ended_early_waits_for_its_all_clear_since_staff_said_so():
    make_page()
    maintenance = make_maintenance(starts=NOON, ends=NOON + 4 * HOUR, at=NOON - DAY)
    run_clock(NOON)
    say(maintenance, "verifying", at=NOON + HOUR)
    say(maintenance, "in_progress", at=NOON + 2 * HOUR)
    say(maintenance, "verifying", at=NOON + 3 * HOUR)
    say(maintenance, "verifying", at=NOON + 3 * HOUR + MINUTE)

    (to_do,) = to_dos(NOON + 3 * HOUR + MINUTE)
    assert to_do.about == NOON + 3 * HOUR


def test_what_the_clock_completes_waits_for_nobody():
    make_page()
    make_maintenance(starts=NOON, ends=NOON + 2 * HOUR, at=NOON - DAY, completes_by_clock=True)
    run_clock(NOON)

    assert to_dos(NOON + 119 * MINUTE) == []


def test_a_component_that_is_not_well_and_has_no_notice_waits_after_an_hour_and_then_daily():
    make_page()
    component = make_component("API", created_at=NOON - DAY)
    set_component_status(component, "partial_outage", actor=None, at=NOON)

    assert kinds(NOON + 59 * MINUTE) == []
    assert [to_do.step for now in (HOUR, DAY, DAY + HOUR) for to_do in to_dos(NOON + now)] == [0, 0, 1]
    assert "Partial outage" in to_dos(NOON + HOUR)[0].words
    set_component_status(component, "operational", actor=None, at=NOON + DAY)
    assert to_dos(NOON + 2 * DAY) == []


def test_a_component_waits_for_nobody_while_a_notice_names_it_and_again_an_hour_after_that_closed():
    make_page()
    component = make_component("API", created_at=NOON - DAY)
    set_component_status(component, "partial_outage", actor=None, at=NOON)
    incident = make_incident(components={component.pk: "partial_outage"}, at=NOON + MINUTE)

    assert kinds(NOON + 60 * MINUTE + MINUTE) == [("silence", True)]
    say(incident, "resolved", at=NOON + 2 * HOUR)
    assert to_dos(NOON + 179 * MINUTE) == []
    assert kinds(NOON + 3 * HOUR) == [("component", True)]


def test_a_maintenance_that_is_only_announced_explains_no_component():
    make_page()
    component = make_component("API", created_at=NOON - DAY)
    set_component_status(component, "partial_outage", actor=None, at=NOON)
    planned = {component.pk: "under_maintenance"}
    make_maintenance(starts=NOON + DAY, ends=NOON + DAY + HOUR, components=planned, at=NOON)

    assert kinds(NOON + HOUR) == [("component", True)]


@pytest.mark.parametrize(("hours", "step"), [(0, None), (1, 0), (3, 1), (8, 2), (31, 2), (32, 3), (56, 4)])
def test_pauses_grow_to_a_day(hours, step):
    assert step_at(ToDoKind.SILENCE, NOON, NOON + hours * HOUR) == step


def test_the_board_shows_what_waits_without_any_worker(edward):
    make_incident("Slow mailings", at=utc(2026, 3, 2))

    page = edward.get("/admin/")

    (to_do,) = page.context["to_dos"]
    assert (to_do.subject, to_do.is_late) == ("Slow mailings", True)
    assert f'href="{to_do.ways[0].path}"' in page.content.decode()
    assert "/admin/subscriptions/staffchoice/" in page.content.decode()


def test_who_may_not_write_has_nothing_to_do(client):
    make_page()
    make_incident(at=utc(2026, 3, 2))
    user = make_role("Writer")
    user.groups.clear()
    client.force_login(user)

    assert client.get("/admin/").context["to_dos"] == []


def test_what_waits_is_asked_with_as_many_queries_for_three_as_for_one():
    make_page()

    def queries():
        with CaptureQueriesContext(connection) as asked:
            found = [to_do.words for to_do in to_dos(NOON + DAY)]
        return len(found), len(asked)

    def add():
        make_incident(at=NOON)
        make_maintenance(starts=NOON, ends=NOON + HOUR, at=NOON - DAY)
        set_component_status(make_component(created_at=NOON), "partial_outage", actor=None, at=NOON)
        run_clock(NOON + HOUR)
        run_clock(NOON + HOUR)

    add()
    one = queries()
    add()
    add()
    assert (one[0], queries()) == (3, (9, one[1]))
