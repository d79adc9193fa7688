"""The real notice this project comes from, told by the verbs at its true times. Every sentence is written anew."""

from __future__ import annotations

import datetime as dt

from incidents.actions import open_incident, post_update, schedule_maintenance
from incidents.models import Component, Incident
from incidents.values import AllClear, EffectLine, LinkTo, NoticeDetails, UpdateText, Window
from tests.make import make_component, make_page, make_staff, utc

ANNOUNCED = utc(2013, 11, 6, 10, 30)
WORK_STARTS = utc(2013, 11, 9, 20)
WORK_ENDS = utc(2013, 11, 9, 23)
AVOID_STARTS = utc(2013, 11, 9, 17)

EFFECTS = [
    EffectLine("The application", "unavailable", "You cannot log in."),
    EffectLine("Links in mail already sent", "unavailable", "A click does not arrive at its page."),
    EffectLine("Images in mail already sent", "unavailable", "Pictures are missing from the mail."),
    EffectLine("Sending mailings", "delayed", "Sent after Sunday 10 November 2013, 00:00 CET."),
    EffectLine("Follow-up actions", "delayed"),
]


def make_components() -> list[Component]:
    make_page()
    names = [("Sending mailings", "Mailings"), ("Links", "Mail already sent"), ("The application", "")]
    return [
        make_component(name, group=group, created_at=utc(2012, 1, 1), start_date=dt.date(2012, 1, 1))
        for name, group in names
    ]


def tell_power_failure(components: list[Component]) -> Incident:
    edward = make_staff("edward", first_name="Edward Touw Feike", last_name="Wierda")
    down = {component.pk: "major_outage" for component in components}
    text = "One cabinet has no power. A **transfer switch** failed during work on a feed."
    incident = open_incident(
        title="Power lost in one server cabinet",
        update=UpdateText(status="identified", body=text, components=down),
        started_at=utc(2013, 10, 30, 8, 6),
        actor=edward,
        at=utc(2013, 10, 30, 8, 14),
    ).incident
    over = UpdateText(status="resolved", body="All servers run, and at full speed.")
    return post_update(incident, over, actor=edward, at=utc(2013, 10, 31, 16, 45)).incident


def announce_work(components: list[Component], because_of: Incident, **fields: object) -> Incident:
    details = NoticeDetails(
        reason="The power failure shall not happen again: each server gets both sources directly.",
        advice_before="Schedule no mailings from Saturday 18:00 until Sunday 00:00 CET.",
        advice_after="Nothing. Mailings that waited are sent by themselves.",
        data_statement="none_expected_lost",
        effects=EFFECTS,
        links=[LinkTo(because_of.pk, "caused_by")],
        byline="Edward Touw Feike Wierda",
    )
    window = Window(
        work_starts_at=WORK_STARTS,
        work_ends_at=WORK_ENDS,
        avoid_starts_at=AVOID_STARTS,
        avoid_ends_at=WORK_ENDS,
        time_zone="Europe/Amsterdam",
    )
    text = UpdateText(
        status="scheduled",
        body="On Saturday evening we connect all our servers to two power sources.",
        components={component.pk: "under_maintenance" for component in components},
        **fields,
    )
    return schedule_maintenance(
        title="Work on the power feeds of all servers",
        window=window,
        update=text,
        details=details,
        actor=None,
        at=ANNOUNCED,
    ).incident


def post_all_clear(maintenance: Incident) -> None:
    text = UpdateText(
        status="completed", body="The work is done, nearly without downtime. Mailings were not delayed.", components={}
    )
    went = AllClear(actual_started_at=WORK_STARTS, actual_ended_at=utc(2013, 11, 9, 22, 40), data_outcome="none_lost")
    post_update(maintenance, text, actor=None, all_clear=went, at=WORK_ENDS)
