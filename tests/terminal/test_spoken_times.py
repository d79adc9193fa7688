"""The clocks of Amsterdam show Wednesday 6 November 2013, 11:30:20 CET, unless a test says otherwise."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from incidents.forms.wall_times import WallTime
from terminal.spoken_times import Toward, read_time
from tests.make import utc

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = utc(2013, 11, 6, 10, 30).replace(second=20)


def read(text, **changes):
    return read_time(text, **{"zone": AMSTERDAM, "now": NOW, **changes})


def wall(*parts):
    return WallTime(dt.datetime(*parts))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", utc(2013, 11, 6, 10, 30)),
        ("in 20 min", utc(2013, 11, 6, 10, 51)),
        ("in 20min", utc(2013, 11, 6, 10, 51)),
        ("In 1 hour 30 minutes", utc(2013, 11, 6, 12, 1)),
        ("in 1 h and 5 m", utc(2013, 11, 6, 11, 36)),
        ("in 2 days", utc(2013, 11, 8, 10, 31)),
        ("20 min ago", utc(2013, 11, 6, 10, 10)),
        ("2013-11-09T21:00+01:00", utc(2013, 11, 9, 20)),
        ("2013-11-09 21:00-0500", utc(2013, 11, 10, 2)),
        ("2013-11-09T20:00Z", utc(2013, 11, 9, 20)),
        ("20:00 UTC", utc(2013, 11, 6, 20)),
        ("10:15 UTC", utc(2013, 11, 7, 10, 15)),
        ("Saturday 9 November 2013, 21:00 CET", utc(2013, 11, 9, 20)),
        ("21:00", wall(2013, 11, 6, 21)),
        ("11:00", wall(2013, 11, 7, 11)),
        ("24:00", wall(2013, 11, 7)),
        ("today 11:00", wall(2013, 11, 6, 11)),
        ("tomorrow 9:05", wall(2013, 11, 7, 9, 5)),
        ("Saturday 21:00", wall(2013, 11, 9, 21)),
        ("sat 21:00", wall(2013, 11, 9, 21)),
        ("Saturday 24:00", wall(2013, 11, 10)),
        ("Wednesday 21:00", wall(2013, 11, 6, 21)),
        ("Wednesday 11:00", wall(2013, 11, 13, 11)),
        ("Tuesday 24:00", wall(2013, 11, 13)),
        ("9 November 21:00", wall(2013, 11, 9, 21)),
        ("9 nov 2013 21:00", wall(2013, 11, 9, 21)),
        ("Sat, 9 Nov, 21:00", wall(2013, 11, 9, 21)),
        ("5 November 21:00", wall(2014, 11, 5, 21)),
        ("29 February 12:00", wall(2016, 2, 29, 12)),
        ("2013-11-09 21:00", wall(2013, 11, 9, 21)),
        ("2013-11-09T21:00", wall(2013, 11, 9, 21)),
    ],
)
def test_a_time_is_read_as_people_mean_it(text, meant):
    assert read(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("11:00", wall(2013, 11, 6, 11)),
        ("11:30", wall(2013, 11, 6, 11, 30)),
        ("21:00", wall(2013, 11, 5, 21)),
        ("Saturday 21:00", wall(2013, 11, 2, 21)),
        ("9 November 21:00", wall(2012, 11, 9, 21)),
        ("yesterday 23:50", wall(2013, 11, 5, 23, 50)),
    ],
)
def test_of_what_has_happened_the_latest_is_meant(text, meant):
    assert read(text, toward=Toward.PAST) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9 pm", "24 hours"),
        ("Saturday midnight", "24 hours"),
        ("09:00 AM", "24 hours"),
        ("10-11-2013 21:00", "month by name"),
        ("9/11 21:00", "month by name"),
        ("soon", "like one of these"),
        ("", "like one of these"),
        ("in 20", "like one of these"),
        ("in 20 parsecs", "like one of these"),
        ("in 999999 days", "like one of these"),
        ("in 99999 weeks 99999 weeks 99999 weeks 99999 weeks 99999 weeks", "like one of these"),
        ("25:00", "like one of these"),
        ("24:01", "like one of these"),
        ("21:60", "like one of these"),
        ("Satruday 21:00", "like one of these"),
        ("t 21:00", "like one of these"),
        ("31 November 2013 21:00", "like one of these"),
        ("2013-02-30 21:00", "like one of these"),
        ("21:00 +99:00", "like one of these"),
        ("٢١:٠٠", "like one of these"),
        ("Friday 9 November 2013, 21:00", "that day is a Saturday 9 November 2013"),
        ("9 November 1013, 21:00", "Check the year"),
        ("9 November 2013, 21:00 CEST", "that is CET"),
        ("9 November 2013, 21:00 EST", "that is CET"),
    ],
)
def test_what_could_be_misread_is_refused_with_the_reason(text, why):
    with pytest.raises(ValidationError) as refused:
        read(text)

    assert why in refused.value.messages[0]


def test_of_a_time_that_comes_twice_the_abbreviation_chooses():
    october = {"now": utc(2013, 10, 20)}

    assert read("27 October 02:30 CEST", **october) == utc(2013, 10, 27, 0, 30)
    assert read("27 October 02:30 CET", **october) == utc(2013, 10, 27, 1, 30)
    assert read("27 October 02:30", **october) == wall(2013, 10, 27, 2, 30)


def test_a_time_that_clocks_skip_is_left_to_be_refused_with_its_zone():
    assert read("30 March 2014, 02:30 CET") == wall(2014, 3, 30, 2, 30)


def test_the_end_of_the_work_is_looked_for_from_its_start_on():
    assert read("24:00", since=utc(2013, 11, 9, 20)) == wall(2013, 11, 10)
    assert read("18:00", since=utc(2013, 11, 9, 20), toward=Toward.PAST) == wall(2013, 11, 9, 18)
    assert read("in 20 min", since=utc(2013, 11, 9, 20)) == utc(2013, 11, 6, 10, 51)
