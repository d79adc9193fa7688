from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from incidents.forms.wall_times import WallTime, WallTimeField
from incidents.models import Incident
from tests.incidents.screens import at, errors, fill, publish, read_form, screen
from tests.make import make_maintenance, utc

SCHEDULE = "/admin/incidents/scheduledmaintenance/schedule/"
WORDS = {"title": "Work", "body": "Soon."}

# What staff type, in which zone, and the instant it is: over both changes of the year, half-hour zones, the outer
# zones, the end of the year, a leap day and midnight.
INSTANTS = [
    ("2013-11-09", "21:00", "Europe/Amsterdam", utc(2013, 11, 9, 20)),
    ("2013-11-09", "24:00", "Europe/Amsterdam", utc(2013, 11, 9, 23)),
    ("2013-11-10", "00:00", "Europe/Amsterdam", utc(2013, 11, 9, 23)),
    ("2026-07-04", "21:00", "Europe/Amsterdam", utc(2026, 7, 4, 19)),
    ("2026-03-29", "01:59", "Europe/Amsterdam", utc(2026, 3, 29, 0, 59)),
    ("2026-03-29", "03:00", "Europe/Amsterdam", utc(2026, 3, 29, 1)),
    ("2026-10-25", "01:59", "Europe/Amsterdam", utc(2026, 10, 24, 23, 59)),
    ("2026-10-25", "03:00", "Europe/Amsterdam", utc(2026, 10, 25, 2)),
    ("2026-03-08", "03:00", "America/New_York", utc(2026, 3, 8, 7)),
    ("2026-11-01", "03:00", "America/New_York", utc(2026, 11, 1, 8)),
    ("2026-04-05", "03:30", "Australia/Lord_Howe", utc(2026, 4, 4, 17)),
    ("2026-02-03", "09:05", "Asia/Kolkata", utc(2026, 2, 3, 3, 35)),
    ("2026-02-03", "09:05", "Asia/Kathmandu", utc(2026, 2, 3, 3, 20)),
    ("2026-02-03", "00:00", "Pacific/Kiritimati", utc(2026, 2, 2, 10)),
    ("2026-02-03", "23:30", "Pacific/Pago_Pago", utc(2026, 2, 4, 10, 30)),
    ("2025-12-31", "24:00", "Europe/Amsterdam", utc(2025, 12, 31, 23)),
    ("2028-02-29", "12:00", "Europe/Amsterdam", utc(2028, 2, 29, 11)),
    ("2026-05-01", "9.05", "UTC", utc(2026, 5, 1, 9, 5)),
    ("2026-05-01", "0905", "UTC", utc(2026, 5, 1, 9, 5)),
]


@pytest.mark.parametrize(("day", "time", "zone", "instant"), INSTANTS)
def test_what_clocks_show_becomes_the_right_instant(day, time, zone, instant):
    field = WallTimeField()

    assert field.settle(field.clean((day, time, "")), ZoneInfo(zone)) == instant


@pytest.mark.parametrize(("day", "time", "zone", "instant"), INSTANTS)
def test_an_instant_is_shown_as_it_can_be_typed_again(day, time, zone, instant):
    field = WallTimeField()

    assert field.settle(field.clean(field.shown(instant, ZoneInfo(zone))), ZoneInfo(zone)) == instant


@pytest.mark.parametrize("which", [0, 1])
def test_both_of_an_hour_that_comes_twice_are_shown_as_they_can_be_typed_again(which):
    field, amsterdam = WallTimeField(), ZoneInfo("Europe/Amsterdam")
    instant = utc(2026, 10, 25, which, 30)

    shown = field.shown(instant, amsterdam)

    assert shown == ("2026-10-25", "02:30", ["first", "second"][which])
    assert field.settle(field.clean(shown), amsterdam) == instant


NO_TIMES = [
    ("2026-02-30", "12:00"),
    ("12", "12:00"),
    ("2026-01-01", "12 AM"),
    ("2026-01-01", "25:00"),
    ("2026-01-01", "24:01"),
    ("1999-12-31", "12:00"),
    ("9999-12-31", "24:00"),
    ("2026-01-01", "1২:00"),
    ("2026-01-01", ""),
    ("", "12:00"),
]


@pytest.mark.parametrize(("day", "time"), NO_TIMES)
def test_what_is_no_day_or_no_time_is_refused(day, time):
    with pytest.raises(ValidationError):
        WallTimeField().clean((day, time, ""))


def test_a_time_that_does_not_exist_is_refused_with_one_that_does():
    with pytest.raises(ValidationError) as refused:
        WallTimeField().settle(WallTime(dt.datetime(2026, 3, 29, 2, 30)), ZoneInfo("Europe/Amsterdam"))

    assert refused.value.messages == [
        "02:30 does not exist on that day in Europe/Amsterdam: clocks are put forward over it. 03:30 does exist."
    ]


@pytest.mark.django_db
def test_a_skipped_time_is_refused_next_to_its_field(edward, time_machine):
    time_machine.move_to(utc(2026, 3, 1), tick=False)
    window = {**at("work_starts_at", "2026-03-29", "02:30"), **at("work_ends_at", "2026-03-29", "05:00")}

    answer = publish(edward, SCHEDULE, **WORDS, **window)

    assert list(errors(answer)) == ["work_starts_at"]
    assert not Incident.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("which", "starts"), [("first", utc(2026, 10, 25, 0, 30)), ("second", utc(2026, 10, 25, 1, 30))]
)
def test_a_time_that_comes_twice_is_asked_about_and_never_guessed(edward, time_machine, which, starts):
    time_machine.move_to(utc(2026, 10, 1), tick=False)
    window = {**at("work_starts_at", "2026-10-25", "02:30"), **at("work_ends_at", "2026-10-25", "05:00")}

    asked = publish(edward, SCHEDULE, **WORDS, **window)

    assert list(errors(asked)) == ["work_starts_at"]
    page = asked.content.decode()
    assert "the first, CEST (UTC+2)" in page and "the second, CET (UTC+1)" in page
    assert "work_starts_at_which" not in read_form(asked).values

    edward.post(SCHEDULE, {**read_form(asked).values, "work_starts_at_which": which, "act": "publish"})
    assert Incident.objects.get().work_starts_at == starts


@pytest.mark.django_db
def test_moving_the_end_keeps_the_hour_that_was_meant(edward, time_machine):
    time_machine.move_to(utc(2026, 10, 1), tick=False)
    notice = make_maintenance(starts=utc(2026, 10, 25, 1, 30), ends=utc(2026, 10, 25, 4))
    url = screen("incident_move", notice.pk)

    assert fill(edward, url)["work_starts_at_which"] == "second"
    publish(edward, url, body="It takes longer.", **at("work_ends_at", "2026-10-25", "06:00"))

    assert Incident.objects.values_list("work_starts_at", "work_ends_at").get() == (
        utc(2026, 10, 25, 1, 30),
        utc(2026, 10, 25, 5),
    )
