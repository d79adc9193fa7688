"""What the public sees of corrections, of what was posted later, and of post-mortems."""

from __future__ import annotations

import json
import re

import pytest

from incidents.actions import edit_notice, post_update
from incidents.corrections import edit_update, redact_update
from incidents.edits import pieces
from incidents.models import Incident
from incidents.past import report_past_incident
from incidents.values import EffectLine, NoticeDetails, UpdateText
from publishing.days import component_days
from publishing.loading import load_state
from tests.make import make_component, make_incident, make_page, utc
from tests.render import files

pytestmark = pytest.mark.django_db

BEGAN, NOW = utc(2026, 1, 2, 14), utc(2026, 1, 5, 12)


@pytest.fixture(autouse=True)
def page():
    return make_page()


def corrected(kind: str = "correction") -> Incident:
    incident = make_incident(body="Mailings in Oslo wait.", at=BEGAN)
    edit_update(
        incident.updates.get(),
        "Mailings in Riga wait.",
        kind=kind,
        why="Wrong region.",
        actor=None,
        at=utc(2026, 1, 3, 9),
    )
    return incident


def words(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.decode()).split())


def test_the_page_says_corrected_and_holds_the_earlier_text_one_click_away():
    incident = corrected()

    html = files(NOW)[f"/incidents/{incident.code}"].decode()

    (details,) = re.findall(r'<details class="earlier">(.*?)</details>', html, re.DOTALL)
    assert "Mailings in <del>Oslo</del><ins>Riga</ins> wait." in details
    assert "Why it changed: <bdi>Wrong region.</bdi>" in details
    assert "corrected Saturday 3 January 2026, 10:00 CET" in words(html.encode())
    assert "Oslo" not in html.replace(details, "")


def test_a_slip_of_the_pen_is_called_edited():
    incident = corrected("typo")

    text = words(files(NOW)[f"/incidents/{incident.code}"])

    assert ("edited Saturday 3 January 2026" in text, "corrected" in text) == (True, False)


def test_text_and_json_tell_what_it_said_before():
    incident = corrected()
    made = files(NOW)

    text = made[f"/incidents/{incident.code}.txt"].decode()
    (update,) = json.loads(made[f"/incidents/{incident.code}.json"])["incident_updates"]

    assert "Corrected Saturday 3 January 2026, 10:00 CET (09:00 UTC)" in text
    assert "it said:\nWrong region.\n> Mailings in Oslo wait." in text
    assert (update["body"], update["updated_at"]) == ("Mailings in Riga wait.", "2026-01-03T10:00:00.000+01:00")
    assert update["earlier_texts"] == [
        {
            "kind": "correction",
            "until": "2026-01-03T10:00:00.000+01:00",
            "why": "Wrong region.",
            "body": "Mailings in Oslo wait.",
        }
    ]


def test_in_the_public_api_the_text_is_the_one_that_holds_and_its_time_moves():
    corrected()

    (incident,) = json.loads(files(NOW)["/api/v2/incidents.json"])["incidents"]

    (update,) = incident["incident_updates"]
    assert "earlier_texts" not in update
    assert update["body"] == "Mailings in Riga wait."
    assert update["updated_at"] == incident["updated_at"] == "2026-01-03T10:00:00.000+01:00"
    assert update["display_at"] == update["created_at"] == "2026-01-02T15:00:00.000+01:00"


def test_in_feeds_the_entry_is_updated_and_keeps_its_date():
    corrected()

    feed = files(NOW)["/history.atom"].decode()

    assert "<published>2026-01-02T14:00:00Z</published><updated>2026-01-03T09:00:00Z</updated>" in feed
    assert ("Riga" in feed, "Oslo" in feed) == (True, False)


def test_what_was_removed_stands_in_no_file_and_that_it_was_is_said():
    incident = corrected()
    redact_update(incident.updates.get(), "Oslo", actor=None, why="Not public.", at=utc(2026, 1, 4))

    made = files(NOW)

    assert [path for path, body in made.items() if b"Oslo" in body] == []
    assert "A passage was removed. Sunday 4 January 2026" in words(made[f"/incidents/{incident.code}"])


def test_an_edit_of_the_notice_shows_what_it_changed():
    details = NoticeDetails(effects=[EffectLine("Mailings", "delayed")], data_statement="not_yet_known")
    incident = make_incident("Slow mail", details=details, at=BEGAN)
    better = NoticeDetails(effects=[EffectLine("Mailings", "unavailable")], data_statement="none_lost")
    edit_notice(incident, actor=None, title="Slow mailings", details=better, at=utc(2026, 1, 3, 9))

    html = files(NOW)[f"/incidents/{incident.code}"].decode()

    (changed,) = re.findall(r'<details class="earlier">(.*?)</details>', html, re.DOTALL)
    assert re.findall(r"<dt>(.*?)</dt>", changed) == ["Title", "Effects", "Data"]
    assert "Slow <del>mail</del><ins>mailings</ins>" in changed
    assert "<del>Delayed</del><ins>Unavailable</ins>" in changed


def test_the_past_is_dark_when_it_was_and_the_page_is_well_now():
    mail = make_component(created_at=utc(2025, 12, 1))
    report_past_incident(
        title="Mailings waited",
        started_at=BEGAN,
        ended_at=utc(2026, 1, 2, 16),
        opening=UpdateText(status="identified", body="They waited.", components={mail.pk: "major_outage"}),
        closing=UpdateText(status="resolved", body="All are sent."),
        actor=None,
        at=utc(2026, 1, 5, 9),
    )

    state = load_state(NOW)
    (component,) = state.components
    days = component_days(component, zone=state.zone, now=NOW)
    notice = state.notices[0]
    text = words(files(NOW)[f"/incidents/{notice.code}"])

    dark = [(day.date.isoformat(), str(day.trouble[0][1])) for day in days if day.trouble]
    assert dark == [("2026-01-02", "2:00:00")]
    assert state.indicator == "none"
    assert text.count("posted later, on Monday 5 January 2026, 10:00 CET") == 3  # on top, and with each update
    assert json.loads(files(NOW)[f"/incidents/{notice.code}.json"])["backfilled"] is True


def test_what_was_posted_in_time_says_nothing_of_that():
    incident = make_incident(at=BEGAN)
    text = UpdateText(status="resolved", body="Over.", display_at=utc(2026, 1, 2, 15), notify=False)
    post_update(incident, text, actor=None, at=utc(2026, 1, 2, 15, 9))

    assert "posted later" not in words(files(NOW)[f"/incidents/{incident.code}"])


def looked_back() -> Incident:
    incident = make_incident(at=BEGAN)
    for status, body, day in (("resolved", "All is well.", 3), ("postmortem", "### Why\n\nA full disk.", 4)):
        post_update(incident, UpdateText(status=status, body=body), actor=None, at=utc(2026, 1, day))
    return incident


def test_a_post_mortem_has_a_place_of_its_own_and_the_all_clear_keeps_its_own():
    incident = looked_back()
    html = files(NOW)[f"/incidents/{incident.code}"].decode()

    top, _, timeline = html.partition('<h2 id="updates">')

    assert top.index("All is well.") < top.index('<h2 id="postmortem">Post-mortem</h2>') < top.index("A full disk.")
    assert "A full disk." not in timeline
    code = incident.updates.get(status="postmortem").code
    assert html.count(f'id="update-{code}"') == 1
    assert f'<a href="#update-{code}">Read the post-mortem</a>' in timeline


@pytest.mark.parametrize(("now", "is_told"), [(utc(2026, 1, 17, 12), True), (utc(2026, 1, 18, 12), False)])
def test_home_leads_to_it_for_two_weeks(now, is_told):
    looked_back()

    assert ("Post-mortem: <bdi>Slow mailings</bdi>" in files(now)["/"].decode()) is is_told


def test_lists_tell_how_it_ended_and_lead_to_the_long_text():
    looked_back()

    month = words(files(NOW)["/history/2026/01"])

    assert ("All is well." in month, "A full disk." in month, "Read the post-mortem" in month) == (True, False, True)


def test_of_texts_with_little_in_common_each_is_shown_whole():
    assert [(p.kind, p.text) for p in pieces("one two three", "four five six")] == [
        ("gone", "one two three"),
        ("same", "\n"),
        ("new", "four five six"),
    ]


def test_long_texts_are_compared_within_a_moment():
    before = "\n".join(f"Line {number % 7} of many words that are the same" for number in range(900))

    assert pieces(before, f"{before} end")[-1].kind == "new"
