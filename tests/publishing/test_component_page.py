"""The page of one function."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from incidents.actions import post_update
from incidents.component_actions import archive_component, set_component_status
from incidents.models import Component
from incidents.past import report_past_incident
from incidents.values import UpdateText
from publishing import plan
from publishing.boundaries import next_boundary
from publishing.formats import component_artefacts
from publishing.generation import live_directory, live_manifest, walk
from publishing.loading import load_component_past, load_state
from publishing.publish import publish_if_stale
from tests.make import make_component, make_incident, make_maintenance, make_page, utc
from tests.publishing.test_html import page
from tests.render import files

pytestmark = pytest.mark.django_db

NOW = utc(2026, 11, 29, 12)


@pytest.fixture
def mail() -> Component:
    make_page()
    return make_component("Mailings", group="Sending", start_date=dt.date(2026, 3, 10))


def trouble(component, status, start, minutes, title="Down"):
    incident = make_incident(title, components={component.pk: status}, at=start)
    over = UpdateText(status="resolved", body="Over.", components={component.pk: "operational"})
    post_update(incident, over, actor=None, at=start + dt.timedelta(minutes=minutes))
    return incident


def read(component, now=NOW):
    return page(f"/components/{component.code}", now)


def test_it_adds_up_thirty_days_ninety_days_and_as_much_of_a_year_as_is_known(mail):
    trouble(mail, "major_outage", utc(2026, 11, 20, 9), 72)
    trouble(mail, "under_maintenance", utc(2026, 10, 1, 9), 180)
    trouble(mail, "partial_outage", utc(2026, 4, 1, 9), 60)

    lines = read(mail).lines

    first = lines.index("30 days")
    assert lines[first + 1 : first + 3] == ["99.82 %", "Major outage: 1 h 12 min"]
    first = lines.index("90 days")
    assert lines[first + 1 : first + 4] == [
        "99.94 %",
        "Major outage: 1 h 12 min",
        "Under maintenance: 3 h, not counted as downtime",
    ]
    first = lines.index("12 months")
    assert lines[first + 1 : first + 4] == [
        "99.97 %",
        "as far as known: since Tuesday 10 March 2026",
        "Major outage: 1 h 12 min",
    ]
    assert "Operational since Friday 20 November 2026, 11:12 CET (10:12 UTC)" in lines


def test_each_day_of_trouble_is_a_link_to_what_is_told_of_it_and_no_other_day_is(mail):
    night = trouble(mail, "partial_outage", utc(2026, 11, 8, 22), 120, "Over night")

    found = read(mail)

    cells = {
        attrs["href"]: attrs["aria-label"] for tag, attrs in found.elements if "aria-label" in attrs and tag == "a"
    }
    assert cells == {
        "#day-2026-11-08": "Sunday 8 November 2026: Partial outage for 1 h",
        "#day-2026-11-09": "Monday 9 November 2026: Partial outage for 1 h",
    }
    anchors = [attrs["id"] for _tag, attrs in found.elements if attrs.get("id", "").startswith("day-")]
    assert anchors == ["day-2026-11-09", "day-2026-11-08"]
    assert found.lines.count("Monday 9 November 2026: Partial outage for 1 h Over night") == 1
    assert [attrs.get("href") for _tag, attrs in found.elements].count(f"/incidents/{night.code}") == 2


def test_the_calendar_holds_twelve_whole_months_and_leaves_unknown_days_unmarked(mail):
    source = files(NOW)[f"/components/{mail.code}"].decode()

    days = re.findall(r'<li(?: class="([^"]*)")? aria-hidden="true">(\d+)</li>', source)

    assert len(days) == 365
    unmarked = [number for marks, number in days if not marks]
    assert len(unmarked) == 31 + 31 + 28 + 9 + 1  # December to 9 March, and tomorrow
    assert [marks for marks, _number in days if "today" in marks] == ["is-operational today"]


def test_the_same_stands_in_a_table_that_says_what_it_is(mail):
    trouble(mail, "degraded_performance", utc(2026, 4, 1, 9), 45)

    found = read(mail)

    lines = found.lines
    first = lines.index("April 2026", lines.index("Mailings: uptime and trouble by month"))
    assert lines[first : first + 7] == [
        "April 2026",
        "Degraded performance",
        "100 %",
        "none",
        "none",
        "45 min",
        "none",
    ]
    rows = [attrs for tag, attrs in found.elements if tag == "th" and attrs["scope"] == "row"]
    assert len(rows) == 9  # of the months in which it was not in use nothing is said


def test_what_is_open_or_planned_about_it_is_named_and_nothing_else(mail):
    make_incident("Elsewhere", components={make_component("Links").pk: "major_outage"}, at=utc(2026, 11, 29, 9))
    make_incident("Slow", components={mail.pk: "degraded_performance"}, at=utc(2026, 11, 29, 9))
    window = {"starts": utc(2026, 12, 1, 20), "ends": utc(2026, 12, 1, 23)}
    make_maintenance("New servers", components={mail.pk: "under_maintenance"}, at=utc(2026, 11, 28), **window)
    trouble(mail, "major_outage", utc(2025, 1, 20, 9), 72, "Long over")

    lines = read(mail).lines

    first = lines.index("Going on now")
    assert lines[first + 1 : first + 3] == ["Investigating Slow", "Scheduled New servers"]
    assert not [line for line in lines if "Elsewhere" in line or "Long over" in line]


def test_what_is_told_later_of_a_day_long_ago_changes_its_percentage(settings, mail):
    publish_if_stale(NOW)
    before = published(settings)[f"/components/{mail.code}"]

    report_past_incident(
        title="Nobody noticed",
        started_at=utc(2026, 4, 5, 8),
        ended_at=utc(2026, 4, 5, 20),
        opening=UpdateText(status="identified", body="Down.", components={mail.pk: "major_outage"}),
        closing=UpdateText(status="resolved", body="Over."),
        actor=None,
        at=NOW,
    )
    publish_if_stale(NOW)

    after = published(settings)[f"/components/{mail.code}"]
    assert (b"Nobody noticed" in before, b"Nobody noticed" in after) == (False, True)
    assert b"98.33\xc2\xa0%" in after  # 12 of the 720 hours of April


def published(settings) -> dict[str, bytes]:
    live = live_directory(settings.SNAPSHOT_DIR)
    return {path: file.read_bytes() for path, _entry, file in walk(live)}


def test_at_midnight_all_pages_are_made_again_in_slices_and_what_happened_comes_first(settings, monkeypatch, mail):
    others = [make_component() for _number in range(5)]
    publish_if_stale(NOW)
    made = []

    def render(site, one, past):
        made.append(one.code)
        return component_artefacts(site, one, past)

    monkeypatch.setattr(plan, "SLICE_SECONDS", -1)
    monkeypatch.setattr(plan, "component_artefacts", render)
    midnight = next_boundary(load_state(NOW))
    set_component_status(others[3], "major_outage", actor=None, at=midnight)

    publish_if_stale(midnight, finish=False)
    assert made == [others[3].code]
    assert live_manifest(settings.SNAPSHOT_DIR).is_finished is False

    publish_if_stale(midnight)
    assert sorted(made) == sorted(one.code for one in [mail, *others])
    assert published(settings) == files(midnight)


def test_while_it_is_in_trouble_the_page_is_made_again_each_hour(mail):
    assert next_boundary(load_state(NOW)) == utc(2026, 11, 29, 23)
    set_component_status(mail, "major_outage", actor=None, at=utc(2026, 11, 29, 11, 10))

    assert next_boundary(load_state(NOW)) == utc(2026, 11, 29, 13)


def test_reading_its_past_takes_as_many_queries_for_one_notice_as_for_many(mail, django_assert_max_num_queries):
    for day in range(1, 21):
        trouble(mail, "major_outage", utc(2026, 11, day, 9), 10)
    state = load_state(NOW)

    with django_assert_max_num_queries(8):
        past = load_component_past(mail.code, state.site, state.notices)

    assert (len(past.changes), len(past.traces)) == (40, 20)


def test_an_archived_function_has_no_page(settings, mail):
    publish_if_stale(NOW)
    archive_component(mail, actor=None)
    publish_if_stale(NOW)

    assert f"/components/{mail.code}" not in published(settings)


def test_home_folds_a_group_in_which_all_is_well_once_there_are_many(mail):
    make_component("Links", group="Links", status="partial_outage", shown_status="partial_outage")

    def is_open():
        groups = [attrs for tag, attrs in page(now=NOW).elements if (tag, attrs.get("class")) == ("details", "group")]
        return ["open" in attrs for attrs in groups]

    assert is_open() == [True, True]
    for _number in range(9):
        make_component(group="Sending")
    assert is_open() == [False, True]


def test_mail_about_a_function_begins_with_a_form_that_has_it_ticked(mail):
    hrefs = [attrs.get("href") for _tag, attrs in page(f"/components/{mail.code}").elements]

    assert f"/subscribe/?functions={mail.code}" in hrefs


def test_home_says_the_percentage_of_each_function_and_of_its_group(mail):
    trouble(mail, "major_outage", utc(2026, 11, 20, 9), 129)
    make_component("Links", group="Sending", start_date=dt.date(2026, 3, 10))

    home = page(now=NOW)

    assert [line for line in home.lines if line.endswith("in 90 days") and "%" in line] == [
        "99.89 % in 90 days",
        "100 % in 90 days",
    ]
    assert "99.94 % in 90 days Operational 2 functionstoday" in home.lines
    assert [attrs["href"] for _tag, attrs in home.elements if attrs.get("href") == f"/components/{mail.code}"]


def test_home_counts_no_day_before_a_function_was_in_use():
    make_page()
    for name, day in (("Links", 25), ("Images", 28), ("Clicks", 29)):
        make_component(name, group="Sending", start_date=dt.date(2026, 11, day))

    lines = page(now=NOW).lines

    assert [line for line in lines if " % in " in line] == [
        "100 % in 5 days Operational 3 functionstoday",
        *[
            "100 % in 5 days",
            "100 % in 2 days",
        ],
    ]
    assert "In use since todaytoday" in lines
