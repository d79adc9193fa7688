from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.times import (
    AmbiguousTime,
    NonexistentTime,
    describe,
    describe_window,
    duration_words,
    from_wall_time,
    starts_at,
)
from tests.make import utc

pytestmark = pytest.mark.any_database

ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Amsterdam",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
        "Europe/London",
        "UTC",
    )
]


@pytest.mark.parametrize(
    ("zone", "instant", "words"),
    [
        ("Europe/Amsterdam", utc(2013, 11, 9, 20), "Saturday 9 November 2013, 21:00 CET (20:00 UTC)"),
        ("Europe/Amsterdam", utc(2013, 11, 9, 23), "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"),
        ("Europe/Amsterdam", utc(2013, 7, 9, 20), "Tuesday 9 July 2013, 22:00 CEST (20:00 UTC)"),
        # The clocks go back at 01:00 UTC: the same wall time twice, told apart by its zone.
        ("Europe/Amsterdam", utc(2013, 10, 27, 0, 30), "Sunday 27 October 2013, 02:30 CEST (00:30 UTC)"),
        ("Europe/Amsterdam", utc(2013, 10, 27, 1, 30), "Sunday 27 October 2013, 02:30 CET (01:30 UTC)"),
        ("America/New_York", utc(2024, 3, 10, 6, 59), "Sunday 10 March 2024, 01:59 EST (06:59 UTC)"),
        ("America/New_York", utc(2024, 3, 10, 7, 0), "Sunday 10 March 2024, 03:00 EDT (07:00 UTC)"),
        ("Australia/Lord_Howe", utc(2024, 1, 1, 0), "Monday 1 January 2024, 11:00 UTC+11:00 (00:00 UTC)"),
        ("Asia/Kathmandu", utc(2024, 5, 4, 12), "Saturday 4 May 2024, 17:45 UTC+05:45 (12:00 UTC)"),
        ("Pacific/Kiritimati", utc(2023, 12, 31, 10), "Monday 1 January 2024, 00:00 UTC+14:00 (31 Dec 10:00 UTC)"),
        ("Pacific/Niue", utc(2024, 1, 1, 5), "Sunday 31 December 2023, 18:00 UTC-11:00 (1 Jan 05:00 UTC)"),
        ("Europe/Amsterdam", utc(2024, 2, 28, 23), "Thursday 29 February 2024, 00:00 CET (28 Feb 23:00 UTC)"),
        ("Europe/London", utc(2024, 1, 5, 9), "Friday 5 January 2024, 09:00 GMT"),
        ("UTC", utc(2024, 1, 5, 9), "Friday 5 January 2024, 09:00 UTC"),
    ],
)
def test_a_time_says_weekday_day_month_year_zone_and_utc(zone, instant, words):
    assert describe(instant, ZoneInfo(zone)) == words


@pytest.mark.parametrize(
    ("zone", "start", "end", "words"),
    [
        (
            "Europe/Amsterdam",
            utc(2013, 11, 9, 20),
            utc(2013, 11, 9, 23),
            "Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (20:00 to 23:00 UTC)",
        ),
        (
            "Europe/Amsterdam",
            utc(2013, 10, 26, 22),
            utc(2013, 10, 27, 3),
            "Sunday 27 October 2013, 00:00 CEST to Sunday 27 October 2013, 04:00 CET "
            "(26 Oct 22:00 to 27 Oct 03:00 UTC)",
        ),
        (
            "America/New_York",
            utc(2024, 1, 1, 2),
            utc(2024, 1, 1, 4),
            "Sunday 31 December 2023, 21:00 EST to Sunday 31 December 2023, 23:00 EST (1 Jan 02:00 to 1 Jan 04:00 UTC)",
        ),
        (
            "Europe/London",
            utc(2024, 3, 31, 0),
            utc(2024, 3, 31, 2),
            "Sunday 31 March 2024, 00:00 GMT to Sunday 31 March 2024, 03:00 BST (00:00 to 02:00 UTC)",
        ),
        (
            "UTC",
            utc(2024, 1, 5, 9),
            utc(2024, 1, 5, 10),
            "Friday 5 January 2024, 09:00 UTC to Friday 5 January 2024, 10:00 UTC",
        ),
    ],
)
def test_a_window_says_the_day_at_both_ends(zone, start, end, words):
    assert describe_window(start, end, ZoneInfo(zone)) == words


@pytest.mark.parametrize(
    ("zone", "wall"),
    [
        ("Europe/Amsterdam", dt.datetime(2013, 3, 31, 2, 30)),
        ("America/New_York", dt.datetime(2024, 3, 10, 2, 0)),
        ("Australia/Sydney", dt.datetime(2024, 10, 6, 2, 59)),
        ("Australia/Lord_Howe", dt.datetime(2024, 10, 6, 2, 15)),
        ("Pacific/Apia", dt.datetime(2011, 12, 30, 12, 0)),
    ],
)
def test_a_wall_time_that_the_clocks_skip_is_refused(zone, wall):
    with pytest.raises(NonexistentTime):
        from_wall_time(wall, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "wall", "earlier", "later"),
    [
        ("Europe/Amsterdam", dt.datetime(2013, 10, 27, 2, 30), utc(2013, 10, 27, 0, 30), utc(2013, 10, 27, 1, 30)),
        ("America/New_York", dt.datetime(2024, 11, 3, 1, 0), utc(2024, 11, 3, 5), utc(2024, 11, 3, 6)),
        ("Australia/Lord_Howe", dt.datetime(2024, 4, 7, 1, 45), utc(2024, 4, 6, 14, 45), utc(2024, 4, 6, 15, 15)),
    ],
)
def test_a_wall_time_that_comes_twice_is_asked_about(zone, wall, earlier, later):
    with pytest.raises(AmbiguousTime) as problem:
        from_wall_time(wall, ZoneInfo(zone))

    assert (problem.value.earlier, problem.value.later) == (earlier, later)


def test_nine_to_midnight_in_amsterdam_is_told_apart_in_winter_and_summer():
    zone = ZoneInfo("Europe/Amsterdam")

    assert from_wall_time(dt.datetime(2013, 11, 9, 21), zone) == utc(2013, 11, 9, 20)
    assert from_wall_time(dt.datetime(2013, 11, 10, 0), zone) == utc(2013, 11, 9, 23)
    assert from_wall_time(dt.datetime(2013, 7, 9, 21), zone) == utc(2013, 7, 9, 19)


@given(wall=st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2037, 12, 31)), zone=st.sampled_from(ZONES))
def test_an_accepted_wall_time_is_what_clocks_there_show(wall, zone):
    try:
        instant = from_wall_time(wall, zone)
    except (NonexistentTime, AmbiguousTime):
        return

    assert instant.astimezone(zone).replace(tzinfo=None) == wall


@pytest.mark.parametrize(
    ("day", "hours"), [(dt.date(2013, 3, 31), 23), (dt.date(2013, 10, 27), 25), (dt.date(2013, 11, 9), 24)]
)
def test_a_day_lasts_as_long_as_the_clocks_say(day, hours):
    zone = ZoneInfo("Europe/Amsterdam")

    assert starts_at(day + dt.timedelta(days=1), zone) - starts_at(day, zone) == dt.timedelta(hours=hours)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (dt.timedelta(seconds=10), "1 min"),
        (dt.timedelta(minutes=59), "59 min"),
        (dt.timedelta(hours=3, minutes=10), "3 h 10 min"),
        (dt.timedelta(days=1, minutes=5), "1 day 5 min"),
        (dt.timedelta(days=2, hours=1), "2 days 1 h"),
    ],
)
def test_a_duration_in_words(duration, words):
    assert duration_words(duration) == words
