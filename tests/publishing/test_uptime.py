from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace
from zoneinfo import ZoneInfo

import pytest

from publishing.days import component_days, counted_until, drawn_until, year_begins
from publishing.state import SiteState
from publishing.uptime import Uptime, together, uptime_of
from tests.make import utc
from tests.publishing.test_days import AMSTERDAM, component

pytestmark = pytest.mark.any_database

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
TICK = dt.timedelta.resolution


def site(now, zone=AMSTERDAM):
    """One of which only these two are known: nothing else is asked."""
    return SiteState(**{field.name: None for field in fields(SiteState)} | {"zone": zone, "generated_at": now})


def uptime(component, now, count=90):
    until = counted_until(component, site(now))
    return uptime_of(component_days(component, zone=AMSTERDAM, now=until, count=count))


@pytest.mark.parametrize(
    ("lasted", "words"),
    [
        ({}, ""),
        ({"operational": DAY}, "100 %"),
        ({"major_outage": DAY}, "0.00 %"),
        ({"operational": DAY, "major_outage": DAY}, "50.00 %"),
        ({"partial_outage": DAY}, "70.00 %"),
        ({"operational": DAY, "partial_outage": DAY}, "85.00 %"),
        ({"degraded_performance": DAY}, "100 %"),
        ({"operational": DAY, "under_maintenance": DAY}, "100 %"),
        ({"operational": 99_995 * HOUR, "major_outage": 5 * HOUR}, "99.99 %"),  # 99.995
        ({"operational": 90 * DAY - TICK, "major_outage": TICK}, "99.99 %"),
        ({"operational": 3650 * DAY, "partial_outage": TICK}, "99.99 %"),
        ({"operational": 9999 * HOUR, "major_outage": HOUR}, "99.99 %"),
        ({"operational": 9998 * HOUR, "major_outage": 2 * HOUR}, "99.98 %"),
        ({"operational": 2 * HOUR, "major_outage": HOUR}, "66.66 %"),
    ],
)
def test_a_percentage_is_weighed_and_rounded_down(lasted, words):
    assert Uptime(lasted).words.replace("\u00a0", " ") == words


def test_days_on_which_clocks_change_count_with_their_23_and_25_hours():
    calm = component()

    assert uptime(calm, utc(2013, 3, 31, 22), count=2).lasted == {"operational": 23 * HOUR}
    assert uptime(calm, utc(2013, 10, 27, 23), count=2).lasted == {"operational": 25 * HOUR}
    down = component((utc(2013, 10, 26, 22), "major_outage"), (utc(2013, 10, 27, 10, 30), "operational"))
    assert uptime(down, utc(2013, 10, 27, 23), count=2).hundredths == 5000  # 12.5 of 25 hours


def test_time_before_it_was_in_use_is_not_counted():
    new = component(
        (utc(2013, 11, 9, 10), "major_outage"),
        (utc(2013, 11, 9, 11), "operational"),
        created=utc(2013, 11, 9, 9),
        start_date=None,
    )
    later = replace(new, start_date=dt.date(2013, 11, 10))

    assert uptime(new, utc(2013, 11, 10, 23)).lasted == {"operational": 37 * HOUR, "major_outage": HOUR}
    assert uptime(later, utc(2013, 11, 10, 23)).words == "100\u00a0%"
    assert uptime(component(created=utc(2013, 11, 10, 9)), utc(2013, 11, 10, 12)).words == ""


def test_trouble_that_goes_on_counts_up_to_the_last_full_hour_and_a_change_at_once():
    since = utc(2013, 11, 10, 9, 50)
    down = component((since, "major_outage"))

    assert counted_until(down, site(since)) == since
    assert counted_until(down, site(utc(2013, 11, 10, 9, 59))) == since
    assert counted_until(down, site(utc(2013, 11, 10, 11, 30))) == utc(2013, 11, 10, 11)
    assert uptime(down, utc(2013, 11, 10, 11, 30), count=1).of("major_outage") == dt.timedelta(minutes=70)
    up = component((since, "major_outage"), (utc(2013, 11, 10, 11, 20), "operational"))
    assert uptime(up, utc(2013, 11, 10, 11, 30), count=1).of("major_outage") == dt.timedelta(minutes=90)


def test_a_day_counts_only_as_far_as_it_has_come_and_is_drawn_whole():
    calm, now = component(), utc(2013, 11, 10, 12)

    assert counted_until(calm, site(now)) == utc(2013, 11, 9, 23)
    assert drawn_until(calm, site(now)) == utc(2013, 11, 10, 23) - TICK


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana"])
@pytest.mark.parametrize("minutes", [5, 20, 44, 59])
def test_time_is_always_counted_up_to_a_moment_of_today(zone, minutes):
    """Also where days begin within an hour of UTC: what is made anew at midnight knows that it is another day."""
    zone = ZoneInfo(zone)
    for status in ("operational", "major_outage"):
        shown = component((utc(2013, 1, 1), status))
        for hour in range(24):
            now = utc(2013, 11, 10, hour, minutes)
            until = counted_until(shown, site(now, zone))
            assert until <= now
            assert until.astimezone(zone).date() == now.astimezone(zone).date()


def test_a_group_counts_each_function_with_the_time_that_is_known_of_it():
    old, new = Uptime({"operational": 89 * DAY, "major_outage": DAY}), Uptime({"operational": 10 * DAY})

    assert together([old, new, Uptime({})]).hundredths == 9900
    assert together([]).words == ""


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (dt.date(2026, 11, 29), dt.date(2025, 12, 1)),
        (dt.date(2026, 12, 1), dt.date(2026, 1, 1)),
        (dt.date(2026, 1, 31), dt.date(2025, 2, 1)),
        (dt.date(2024, 2, 29), dt.date(2023, 3, 1)),
    ],
)
def test_the_year_is_this_month_and_the_eleven_before_it(today, first):
    assert year_begins(today) == first
