from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from incidents.clock import run_clock
from publishing.boundaries import next_boundary
from publishing.formats import history, home
from publishing.loading import load_state
from publishing.notices import load_notices
from publishing.record import a_year_before, load_record
from publishing.state import MaintenanceRecord
from tests.incidents.test_lifecycle import ANNOUNCED, DETAILS, END, HOUR, PATHS, START, WEEK, clear, moved, say
from tests.make import make_incident, make_maintenance, make_page, utc

pytestmark = pytest.mark.django_db

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TODAY, SINCE = dt.date(2026, 6, 1), dt.date(2025, 6, 1)


def walk(*steps, **fields):
    """A maintenance planned for START to END that goes its path."""
    notice = make_maintenance(starts=START, ends=END, at=ANNOUNCED, **fields)
    for step in steps:
        step(notice)
    return notice


def close(*, late: dt.timedelta = dt.timedelta(), at: dt.datetime = END + HOUR):
    return clear(START, END + late, at=at, effects=())


def test_counted_is_what_a_person_said_went_how():
    walk(close())
    walk(close(late=HOUR, at=END + HOUR))
    walk(moved(ANNOUNCED, starts=START - WEEK + HOUR, ends=END), close())
    walk(say("cancelled", ANNOUNCED + HOUR))
    walk()
    make_incident(status="resolved", at=ANNOUNCED)

    assert load_record(TODAY, AMSTERDAM) == MaintenanceRecord(
        since=SINCE, counted=3, kept=2, moved=1, unanswered=0, cancelled=1
    )


def test_what_the_clock_completed_counts_for_nothing_until_a_person_has_looked():
    notice = walk(completes_by_clock=True)
    run_clock(START)
    run_clock(END)
    record = load_record(TODAY, AMSTERDAM)
    assert (record.counted, record.kept, record.unanswered) == (0, 0, 1)

    close()(notice)

    record = load_record(TODAY, AMSTERDAM)
    assert (record.counted, record.kept, record.unanswered) == (1, 1, 0)


def test_it_counts_as_each_notice_says_of_itself(django_assert_num_queries):
    for steps, _statuses, _went in PATHS.values():
        notice = make_maintenance(starts=START, ends=END, details=DETAILS, at=ANNOUNCED)
        for step in steps:
            step(notice)
    courses = [notice.course for notice in load_notices()]

    with django_assert_num_queries(1):
        record = load_record(TODAY, AMSTERDAM)

    kept = [course.has_kept for course in courses if course.has_kept is not None]
    assert (record.counted, record.kept) == (len(kept), sum(kept))
    assert record.counted > record.kept > 0


def test_work_leaves_the_count_a_year_after_it_was_closed_at_midnight_of_the_page():
    make_page()
    walk(close(at=END + HOUR))  # closed on 4 January 2026, 01:00 in Amsterdam
    last = utc(2027, 1, 4, 12)

    assert load_state(last).record.counted == 1
    midnight = next_boundary(load_state(last))
    assert midnight == utc(2027, 1, 4, 23)
    assert load_state(midnight).record.counted == 0


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (dt.date(2026, 6, 1), dt.date(2025, 6, 1)),
        (dt.date(2028, 2, 29), dt.date(2027, 3, 1)),
        (dt.date(2029, 2, 28), dt.date(2028, 2, 28)),
    ],
)
def test_a_year_reaches_back_to_the_same_day(day, before):
    assert a_year_before(day) == before


def shown(now) -> tuple[bool, bool]:
    """Whether the history and the home page tell of the count."""
    state = load_state(now)
    (index,), (front,) = history.page(state), home.page(state)
    return b'id="maintenance"' in index.body, b"/history#maintenance" in front.body


def test_the_count_stands_in_the_history_and_beside_what_is_planned():
    make_page()
    now = utc(2026, 6, 1, 12)
    assert shown(now) == (False, False)

    walk(close())
    assert shown(now) == (True, False)

    make_maintenance(starts=now + WEEK, ends=now + WEEK + HOUR, at=now)
    assert shown(now) == (True, True)
    (index,) = history.page(load_state(now))
    assert "Kept its window: <strong>1 of 1</strong>" in index.body.decode()


def test_nothing_that_can_be_counted_is_said_to_be_so():
    make_page()
    walk(say("cancelled", ANNOUNCED + HOUR))

    (index,) = history.page(load_state(utc(2026, 6, 1, 12)))

    assert "None that can be counted." in index.body.decode()
