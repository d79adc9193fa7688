from __future__ import annotations

import datetime as dt

import pytest
from icalendar import Calendar

from incidents.actions import post_update
from incidents.values import UpdateText
from tests.make import make_component, make_incident, make_maintenance, make_page, move, utc
from tests.render import files

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 7)


def events(path: str = "/calendar.ics") -> list:
    return Calendar.from_ical(files(NOW)[path]).walk("VEVENT")


def story(**fields):
    make_page()
    return make_maintenance(
        starts=utc(2013, 11, 9, 20),
        ends=utc(2013, 11, 9, 23),
        avoid_starts=utc(2013, 11, 9, 17),
        avoid_ends=utc(2013, 11, 9, 23),
        **fields,
    )


def test_both_windows_are_events():
    notice = story()

    assert [(str(e["uid"]), e["dtstart"].dt, e["dtend"].dt) for e in events()] == [
        (f"{notice.code}@127.0.0.1", utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)),
        (f"{notice.code}-avoid@127.0.0.1", utc(2013, 11, 9, 17), utc(2013, 11, 9, 23)),
    ]


def test_what_is_planned_has_an_alarm_and_blocks_nobody():
    story()

    work = events()[0]

    assert (work["status"], work["transp"]) == ("CONFIRMED", "TRANSPARENT")
    assert work.walk("VALARM")[0]["trigger"].dt == -dt.timedelta(hours=1)


def test_a_change_raises_the_sequence_and_keeps_the_uid():
    notice = story()
    before = events()[0]
    post_update(notice, UpdateText(status="scheduled", body="Also the second room."), actor=None)
    after = events()[0]

    assert after["uid"] == before["uid"]
    assert after["sequence"] > before["sequence"]


def test_a_move_moves_the_events_under_the_same_uid():
    notice = story(at=NOW)
    before = events()
    end = utc(2013, 11, 16, 23)
    move(notice, starts=utc(2013, 11, 16, 20), ends=end, avoid_starts=utc(2013, 11, 16, 17), avoid_ends=end, at=NOW)

    after = events()

    assert [event["uid"] for event in after] == [event["uid"] for event in before]
    assert [event["dtstart"].dt for event in after] == [utc(2013, 11, 16, 20), utc(2013, 11, 16, 17)]
    assert after[0]["sequence"] == before[0]["sequence"] + 1


def test_a_cancelled_maintenance_stays_as_cancelled():
    notice = story()
    post_update(notice, UpdateText(status="cancelled", body="Not needed."), actor=None)

    assert {str(event["status"]) for event in events()} == {"CANCELLED"}


def test_a_component_has_the_maintenance_that_concerns_it():
    mailings, images = make_component("Mailings"), make_component("Images")
    story(components={mailings.pk: "under_maintenance"})
    make_incident(components={images.pk: "major_outage"})

    assert len(events(f"/components/{mailings.code}.ics")) == 2
    assert events(f"/components/{images.code}.ics") == []


def test_lines_are_folded_and_end_as_the_rfc_says():
    notice = story(body="Ä " * 400)
    body = files(NOW)[f"/incidents/{notice.code}.ics"]

    assert body.endswith(b"\r\n")
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
