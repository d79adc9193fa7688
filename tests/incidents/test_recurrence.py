"""On which days a series comes again."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from incidents.recurrence import Recurrence, days_of, occurrence_on, rule_words
from tests.make import utc

SUNDAY = dt.date(2026, 1, 11)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def days(first=SUNDAY, *, until=dt.date(2026, 12, 31), after=dt.date.min, **rule):
    found = days_of(Recurrence(first=first, **rule), after=after, until=until)
    return [f"{day:%d.%m}" for day in found]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"frequency": "weekly", "count": 3}, ["11.01", "18.01", "25.01"]),
        ({"frequency": "weekly", "interval": 2, "until": dt.date(2026, 2, 8)}, ["11.01", "25.01", "08.02"]),
        ({"frequency": "monthly_by_day", "count": 3}, ["11.01", "11.02", "11.03"]),
        ({"frequency": "monthly_by_weekday", "count": 3}, ["11.01", "08.02", "08.03"]),
        ({"frequency": "monthly_by_last_weekday", "count": 3}, ["25.01", "22.02", "29.03"]),
        ({"frequency": "monthly_by_day", "interval": 3, "without_months": (7,)}, ["11.01", "11.04", "11.10"]),
        (
            {"frequency": "monthly_by_day", "first": dt.date(2026, 1, 31)},
            "31.01 31.03 31.05 31.07 31.08 31.10 31.12".split(),
        ),
        ({"frequency": "monthly_by_weekday", "first": dt.date(2026, 1, 31)}, "31.01 30.05 29.08 31.10".split()),
    ],
)
def test_each_rule_gives_its_days(rule, expected):
    assert days(**rule) == expected


def test_a_count_counts_from_the_first_day_whatever_is_asked_for():
    assert days(frequency="weekly", count=3, after=dt.date(2026, 1, 18)) == ["25.01"]


def test_a_rule_without_days_ends():
    assert days(frequency="monthly_by_day", interval=12, without_months=(1,), until=dt.date(2031, 1, 1)) == []


@pytest.mark.parametrize(
    ("day", "starts_at", "remark"),
    [
        (dt.date(2026, 3, 28), utc(2026, 3, 28, 1, 30), ""),
        (
            dt.date(2026, 3, 29),
            utc(2026, 3, 29, 1, 30),
            "02:30 does not exist on that day: clocks are put forward over it. The work starts at 03:30 CEST.",
        ),
        (dt.date(2026, 3, 30), utc(2026, 3, 30, 0, 30), ""),
        (
            dt.date(2026, 10, 25),
            utc(2026, 10, 25, 0, 30),
            "02:30 comes twice on that day. The work starts at the first, 02:30 CEST.",
        ),
        (dt.date(2026, 10, 26), utc(2026, 10, 26, 1, 30), ""),
    ],
)
def test_a_start_stays_at_its_wall_time_and_says_where_clocks_change(day, starts_at, remark):
    found = occurrence_on(day, dt.time(2, 30), dt.timedelta(hours=2), AMSTERDAM)

    assert (found.starts_at, found.ends_at, found.remark) == (starts_at, starts_at + dt.timedelta(hours=2), remark)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"frequency": "weekly"}, "every week on Sunday"),
        ({"frequency": "weekly", "interval": 2}, "every 2 weeks on Sunday"),
        ({"frequency": "monthly_by_day"}, "every month on day 11 of the month"),
        (
            {"frequency": "monthly_by_weekday", "count": 6},
            "every month on the second Sunday of the month, 6 times in all",
        ),
        (
            {"frequency": "monthly_by_last_weekday", "without_months": (12,), "until": dt.date(2026, 12, 27)},
            "every month on the last Sunday of the month, not in December, until Sunday 27 December 2026",
        ),
    ],
)
def test_rules_read_as_people_say_them(rule, words):
    assert rule_words(Recurrence(first=SUNDAY, **rule)) == words
