from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from publishing.days import component_days
from publishing.state import ComponentState
from tests.make import utc

pytestmark = pytest.mark.any_database

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def component(*changes, created=None, start_date=None):
    created = created or utc(2013, 1, 1)
    return ComponentState(
        code="mailings",
        name="Mailings",
        description="",
        status=changes[-1][1] if changes else "operational",
        group_code="",
        group_name="",
        position=1,
        showcase=True,
        only_show_if_degraded=False,
        start_date=start_date,
        created_at=created,
        updated_at=created,
        first_change_at=changes[0][0] if changes else None,
        changes=changes,
    )


def days(component, now, count):
    return {str(day.date): day.spans for day in component_days(component, zone=AMSTERDAM, now=now, count=count)}


def test_a_day_knows_for_how_long_which_status_was_shown_the_worst_first():
    changes = (utc(2013, 11, 9, 9), "partial_outage"), (utc(2013, 11, 9, 10), "major_outage")
    down = component(*changes, (utc(2013, 11, 9, 10, 30), "operational"))

    assert days(down, utc(2013, 11, 10, 11), 2) == {
        "2013-11-09": (
            ("major_outage", dt.timedelta(minutes=30)),
            ("partial_outage", dt.timedelta(hours=1)),
            ("operational", dt.timedelta(hours=22, minutes=30)),
        ),
        "2013-11-10": (("operational", dt.timedelta(hours=12)),),
    }


def test_trouble_across_midnight_belongs_to_both_days_of_the_page_zone():
    down = component((utc(2013, 11, 9, 22, 30), "major_outage"), (utc(2013, 11, 9, 23, 15), "operational"))

    spans = days(down, utc(2013, 11, 10, 11), 2)

    assert spans["2013-11-09"][0] == ("major_outage", dt.timedelta(minutes=30))
    assert spans["2013-11-10"][0] == ("major_outage", dt.timedelta(minutes=15))


def test_the_days_on_which_clocks_change_last_23_and_25_hours():
    assert days(component(), utc(2013, 10, 28, 12), 2)["2013-10-27"] == (("operational", dt.timedelta(hours=25)),)
    assert days(component(), utc(2013, 4, 1, 12), 2)["2013-03-31"] == (("operational", dt.timedelta(hours=23)),)


def test_before_it_was_in_use_a_component_has_no_days():
    new = component(created=utc(2013, 11, 9, 8), start_date=None)
    later = component(created=utc(2013, 1, 1), start_date=dt.date(2013, 11, 10))

    assert days(new, utc(2013, 11, 10, 12), 3) == {
        "2013-11-08": (),
        "2013-11-09": (("operational", dt.timedelta(hours=15)),),
        "2013-11-10": (("operational", dt.timedelta(hours=13)),),
    }
    assert [bool(spans) for spans in days(later, utc(2013, 11, 10, 12), 2).values()] == [False, True]


def test_history_that_was_entered_afterwards_counts_from_its_first_trace():
    imported = component((utc(2013, 11, 8, 12), "major_outage"), created=utc(2013, 11, 10, 9))

    assert days(imported, utc(2013, 11, 10, 11), 3)["2013-11-08"] == (("major_outage", dt.timedelta(hours=11)),)


def test_what_began_before_the_first_day_still_holds_on_it():
    down = component((utc(2013, 6, 1), "degraded_performance"))

    assert days(down, utc(2013, 11, 10, 11), 1)["2013-11-10"] == (("degraded_performance", dt.timedelta(hours=12)),)
