from __future__ import annotations

import datetime as dt

import pytest

from incidents.choices import IncidentStatus
from incidents.clock import next_move, run_clock
from incidents.demo import is_empty, load_demo
from incidents.demo.today import next_saturday
from incidents.models import Change, Component, Incident, IncidentLink, IncidentUpdate, Page
from incidents.times import describe
from publishing.loading import load_state
from publishing.state import NoticeState
from tests.make import make_component, make_staff, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 11, 18, 9, 30)  # a Wednesday


@pytest.fixture
def demo():
    load_demo(NOW, password="correct horse battery")


def story_notice(kind: str) -> NoticeState:
    notices = [n for n in load_state(NOW).notices if n.at.year == 2013 and n.kind == kind]
    assert len(notices) == 1
    return notices[0]


def test_the_maintenance_of_2013_has_its_two_windows(demo):
    notice = story_notice("scheduled")

    assert (notice.work_starts_at, notice.work_ends_at) == (utc(2013, 11, 9, 20), utc(2013, 11, 9, 23))
    assert (notice.avoid_starts_at, notice.avoid_ends_at) == (utc(2013, 11, 9, 17), utc(2013, 11, 9, 23))
    assert describe(notice.work_ends_at, notice.zone) == "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"


def test_the_maintenance_of_2013_says_what_each_function_does_meanwhile(demo):
    assert [(e.function, e.level) for e in story_notice("scheduled").effects] == [
        ("Sending mailings", "delayed"),
        ("Follow-up actions", "unavailable"),
        ("Hyperlink redirects", "unavailable"),
        ("Images in mail already sent", "unavailable"),
        ("The application", "unavailable"),
    ]


def test_the_maintenance_of_2013_promises_and_answers_for_data(demo):
    notice = story_notice("scheduled")

    assert (notice.data_statement, notice.data_outcome) == ("none_expected_lost", "none_lost")


def test_the_maintenance_of_2013_gives_advice_and_an_author(demo):
    notice = story_notice("scheduled")

    assert notice.byline == "Edward Touw Feike Wierda"
    assert all([notice.reason_html, notice.advice_before_html, notice.advice_during_html, notice.advice_after_html])


def test_the_all_clear_of_2013_was_posted_when_the_work_was_over(demo):
    notice = story_notice("scheduled")

    assert notice.all_clear.display_at == utc(2013, 11, 9, 23)
    assert (notice.actual_started_at, notice.actual_ended_at) == (utc(2013, 11, 9, 20), utc(2013, 11, 9, 23))
    assert [u.status for u in notice.updates] == ["completed", "in_progress", "scheduled"]
    assert notice.published_at == utc(2013, 11, 6, 9)


def test_incident_and_maintenance_of_2013_are_linked_both_ways(demo):
    incident, maintenance = story_notice("realtime"), story_notice("scheduled")

    assert [(link.label, link.code) for link in maintenance.links] == [("caused by", incident.code)]
    assert [(link.label, link.code) for link in incident.links] == [("led to", maintenance.code)]


def test_the_incident_of_2013_ended_a_day_later_and_was_explained(demo):
    incident = story_notice("realtime")

    assert [u.status for u in incident.updates] == [
        "postmortem",
        "resolved",
        "monitoring",
        "monitoring",
        "identified",
        "investigating",
    ]
    assert incident.started_at.date() == dt.date(2013, 10, 30)
    assert incident.resolved_at.date() == dt.date(2013, 10, 31)
    assert incident.impact == "major"


def test_the_page_has_one_incident_open_and_one_maintenance_ahead(demo):
    state = load_state(NOW)

    assert [(n.title, n.status) for n in state.open_notices] == [("Follow-up actions run late", "identified")]
    assert NOW < state.open_notices[0].next_update_by < NOW + dt.timedelta(hours=1)
    assert [(n.work_starts_at, n.work_ends_at) for n in state.upcoming] == [
        (utc(2026, 11, 21, 20), utc(2026, 11, 21, 23))
    ]
    assert [(n.avoid_starts_at, n.avoid_ends_at) for n in state.upcoming] == [
        (utc(2026, 11, 21, 17), utc(2026, 11, 21, 23))
    ]


def test_every_component_but_one_works_and_most_have_a_past(demo):
    state = load_state(NOW)
    recent = NOW - dt.timedelta(days=90)

    assert {c.name: c.status for c in state.components if c.status != "operational"} == {
        "Follow-up actions": "degraded_performance"
    }
    assert [c.name for c in state.components if any(at > recent for at, _status in c.changes)] == [
        "Follow-up actions",
        "Hyperlink redirects",
        "Images in mail already sent",
        "The application",
    ]


@pytest.mark.parametrize("day", range(7))
def test_the_demo_can_be_loaded_on_any_day_of_the_week_and_in_any_season(day):
    now = utc(2026, 3, 25 + day, 23, 45)  # the clocks are put forward in these days
    load_demo(now, password="correct horse battery")

    told = IncidentUpdate.objects.order_by("pk").values_list("display_at", flat=True)
    assert list(told) == sorted(told)
    assert told.last() < now < next_move(now)
    assert run_clock(now) == []


def test_nobody_is_mailed_for_history(demo):
    assert not IncidentUpdate.objects.filter(notify=True).exists()


def test_all_is_told_by_a_named_person(demo):
    assert not Change.objects.filter(actor=None).exists()
    assert not Incident.objects.filter(byline="").exists()
    assert Page.objects.current().version == Change.objects.count() + 1


@pytest.mark.parametrize("make", [make_component, make_staff])
def test_a_database_that_somebody_uses_is_not_empty(make):
    assert is_empty()

    make()

    assert not is_empty()


def test_next_saturday_is_never_today():
    assert next_saturday(utc(2026, 11, 21, 12)) == dt.date(2026, 11, 28)
    assert next_saturday(utc(2026, 11, 20, 22)) == dt.date(2026, 11, 21)
    assert next_saturday(utc(2026, 11, 20, 23)) == dt.date(2026, 11, 28)  # Saturday already, in Amsterdam


def test_the_demo_names_every_way_a_notice_can_end_well(demo):
    closed = set(Incident.objects.exclude(status__in=["identified", "scheduled"]).values_list("status", flat=True))

    assert closed == {IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM, IncidentStatus.COMPLETED}
    assert IncidentLink.objects.count() == 3
    assert Component.objects.count() == 5
