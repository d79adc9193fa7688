from __future__ import annotations

import pytest

from incidents.clock import run_clock
from tests.incidents.screens import at, errors, fill, newest, publish, save_draft, screen
from tests.make import make_component, make_maintenance, utc

pytestmark = pytest.mark.django_db

START, END = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)
WORDS = "The work on the power feeds is done."


@pytest.fixture
def maintenance(time_machine, edward):
    """The story's maintenance after its end, waiting for a person."""
    time_machine.move_to(utc(2013, 11, 9, 23, 1, 30), tick=False)
    notice = make_maintenance(
        starts=START, ends=END, components={make_component().pk: "under_maintenance"}, at=utc(2013, 11, 6, 10)
    )
    for now in (START, END):
        run_clock(now)
    notice.refresh_from_db()
    return notice


def test_the_all_clear_closes_the_notice_with_its_answers(edward, maintenance):
    publish(
        edward,
        screen("incident_all_clear", maintenance.pk),
        body=WORDS,
        data_outcome="none_lost",
        **at("actual_ended_at", "2013-11-09", "23:40"),
    )

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.data_outcome) == ("completed", "none_lost")
    assert (maintenance.actual_started_at, maintenance.actual_ended_at) == (START, utc(2013, 11, 9, 22, 40))
    assert (newest(maintenance).status, newest(maintenance).body) == ("completed", WORDS)
    assert newest(maintenance).affected.get().new_status == "operational"


def test_the_planned_times_are_there_to_be_corrected(edward, maintenance):
    sent = fill(edward, screen("incident_all_clear", maintenance.pk))

    assert (sent["actual_started_at_date"], sent["actual_started_at_time"]) == ("2013-11-09", "21:00")
    assert (sent["actual_ended_at_date"], sent["actual_ended_at_time"]) == ("2013-11-10", "00:00")


def test_the_promise_about_data_must_be_answered(edward, maintenance):
    answer = publish(edward, screen("incident_all_clear", maintenance.pk), body=WORDS)

    assert set(errors(answer)) == {"data_outcome"}


@pytest.mark.parametrize(
    "ended", [at("actual_ended_at", "2013-11-09", "20:00"), at("actual_ended_at", "2013-11-10", "09:00")], ids=str
)
def test_work_ends_after_it_began_and_not_in_the_future(edward, maintenance, ended):
    url = screen("incident_all_clear", maintenance.pk)

    assert set(errors(publish(edward, url, body=WORDS, data_outcome="none_lost", **ended))) == {"actual_ended_at"}


def test_a_draft_of_the_all_clear_answers_nothing_before_it_is_published(edward, maintenance):
    url = screen("incident_all_clear", maintenance.pk)
    save_draft(edward, url, body=WORDS, data_outcome="some_lost", **at("actual_ended_at", "2013-11-09", "22:00"))
    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.data_outcome, maintenance.actual_ended_at) == ("verifying", "", None)

    publish(edward, screen("incident_draft", newest(maintenance).pk))

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.data_outcome) == ("completed", "some_lost")
    assert maintenance.actual_ended_at == utc(2013, 11, 9, 21)


def test_work_finished_before_it_was_planned_can_be_closed(edward, time_machine):
    time_machine.move_to(utc(2013, 11, 8, 9, 30, 15), tick=False)
    early = make_maintenance(starts=START, ends=END)

    answer = publish(edward, screen("incident_all_clear", early.pk), body=WORDS, data_outcome="none_lost")

    early.refresh_from_db()
    assert answer.status_code == 302
    assert early.actual_started_at == early.actual_ended_at == utc(2013, 11, 8, 9, 30)
