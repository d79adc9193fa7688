from __future__ import annotations

import datetime as dt

import pytest

from incidents.actions import post_update
from incidents.checker import check
from incidents.values import AllClear, EffectLine, NoticeDetails, UpdateText
from tests.make import make_component, make_incident, make_maintenance, make_page, utc

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 1, 9)
STARTS, ENDS = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)
COMPLETE = NoticeDetails(
    effects=[EffectLine("Sending mailings", "delayed")],
    data_statement="none_expected_lost",
    advice_before="Nothing.",
    reason="Every server gets both power sources.",
)


def incident(body: str = "Mailings are slow.", *, promised: bool = True, **fields):
    """A complete incident that says `body`; its update."""
    details = fields.pop("details", COMPLETE)
    made = make_incident(body=body, details=details, at=NOW, **fields)
    update = made.updates.get()
    update.next_update_by = NOW + dt.timedelta(minutes=20) if promised else None
    return update


def maintenance(**fields):
    defaults = {"starts": STARTS, "ends": ENDS, "details": COMPLETE, "at": NOW}
    return make_maintenance(**{**defaults, **fields}).updates.get()


def said_of(body: str, **fields) -> list[str]:
    return [remark.words for remark in check(incident(body, **fields), now=NOW)]


def fields_of(update) -> list[str]:
    return [remark.field for remark in check(update, now=NOW)]


@pytest.mark.parametrize("make", [incident, maintenance])
def test_a_good_notice_has_nothing_to_remark(make):
    assert check(make(), now=NOW) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Down since 10-11-2013.", ["10-11-2013"]),
        ("Down since 10/11/13.", ["10/11/13"]),
        ("Down since 2013-11-10.", []),
        ("Version 1.2.3 of the API is down.", []),
        ("From 12 AM UTC on.", ["12 AM"]),
        ("From 9:30 p.m. UTC on.", ["9:30 p.m."]),
        ("Back at midnight.", ["at midnight"]),
        ("Down since 21:00.", ["21:00"]),
        ("Down since 21:00 CET.", []),
        ("Down from 21:00 to 22:00 UTC.", []),
        ("Down since 21:00 Europe/Amsterdam.", []),
        ("It took 00:21:45 hours.", []),
        ("On Sunday 9 November 2013 we work.", ["Sunday 9 November 2013"]),
        ("On Saturday 9 November 2013 we work.", []),
        ("On Saturday, 9th Nov we work.", []),
        ("On Friday 31 June we work.", []),
        ("On Saturday 9 November 2013, 21:00 CEST.", ["CEST"]),
        ("On 9 July 2013, 21:00 CET.", ["CET"]),
        ("On 9 July 2013, 21:00 CEST; on 9 November 2013, 21:00 CET.", []),
        ("At 15:00 EDT we look again.", []),
        ("Some users cannot sign in.", ["Some users"]),
        ("A small number of our customers cannot sign in.", ["A small number of our customers"]),
        ("Our hosting partner is to blame.", ["is to blame"]),
        ("This was due to human error.", ["human error"]),
        ("We do this to improve our services.", ["to improve our services"]),
        ("We apologise for any inconvenience.", ["any inconvenience"]),
        ("It will be fixed by 22:00 UTC.", ["will be fixed by"]),
        ("ETA: one hour.", ["ETA"]),
        ("We think it is the switch.", ["We think"]),
    ],
)
def test_words_that_readers_trip_over_are_named(body, words):
    assert sorted(said_of(body)) == sorted(words)


def test_a_remark_names_its_field_and_what_to_do():
    (remark,) = check(incident("Down since 10-11-2013."), now=NOW)

    assert (remark.field, remark.words) == ("body", "10-11-2013")
    assert remark.text == "can be read as two days: write the month by name."


def test_zones_that_change_with_the_season_are_held_to_the_day_they_stand_with():
    (remark,) = check(incident("On Tuesday 9 July 2013, 21:00 CET."), now=NOW)

    assert remark.text == "is not in force on Tuesday 9 July 2013: clocks show CEST then."


def test_a_cause_may_be_named_once_it_is_known():
    update = incident("We think it is the switch.", status="identified")

    assert check(update, now=NOW) == []


def test_what_an_incident_leaves_out_is_asked_for():
    assert fields_of(incident(details=NoticeDetails(), promised=False)) == [
        "effects",
        "data_statement",
        "next_update_by",
    ]


def test_components_answer_for_effects_of_an_incident():
    update = incident(
        details=NoticeDetails(data_statement="none_lost"), components={make_component().pk: "major_outage"}
    )

    assert check(update, now=NOW) == []


def test_what_a_maintenance_leaves_out_is_asked_for():
    assert fields_of(maintenance(details=NoticeDetails())) == ["effects", "data_statement", "advice_before", "reason"]


def test_an_all_clear_is_asked_for_the_data_that_was_promised():
    notice = maintenance().incident
    text = UpdateText(status="completed", body="Done without incident.")
    closing = post_update(notice, text, actor=None, at=ENDS)
    answered = post_update(notice, text, actor=None, all_clear=AllClear(data_outcome="none_lost"), at=ENDS)

    assert fields_of(closing) == ["data_outcome"]
    assert fields_of(answered) == []


@pytest.mark.parametrize(
    ("starts", "field"),
    [(NOW + dt.timedelta(hours=71), ["work_starts_at"]), (NOW + dt.timedelta(hours=73), []), (NOW, ["work_starts_at"])],
)
def test_short_notice_is_pointed_out(starts, field):
    assert fields_of(maintenance(starts=starts, ends=starts + dt.timedelta(hours=1))) == field


def test_another_notice_on_the_same_components_at_that_time_is_pointed_out():
    make_page()
    links, images = make_component("Links"), make_component("Images")
    down = {links.pk: "under_maintenance"}
    maintenance(title="At the same time", components=down, starts=STARTS + dt.timedelta(hours=1), ends=ENDS)
    maintenance(title="Elsewhere", components={images.pk: "under_maintenance"})
    maintenance(title="Just before", components=down, starts=STARTS - dt.timedelta(hours=1), ends=STARTS)
    incident(title="Still going on", components={links.pk: "major_outage"})

    remarks = check(maintenance(components=down), now=NOW)

    assert [remark.text for remark in remarks] == [
        "On the same components there is “At the same time” at that time: Saturday 9 November 2013, 22:00 CET to "
        "Sunday 10 November 2013, 00:00 CET (21:00 to 23:00 UTC).",
        "On the same components there is “Still going on” at that time.",
    ]
