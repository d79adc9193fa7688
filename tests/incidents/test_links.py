"""Which other notices a screen offers to link to, and in which order."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents.actions import post_update
from incidents.forms.lines import link_rows
from incidents.values import UpdateText
from tests.make import make_component, make_incident, make_page, utc

pytestmark = pytest.mark.django_db


def offered(notice=None, data=None) -> list[tuple[str, list[str]]]:
    """The groups of the list, with the titles in each."""
    choices = link_rows(notice, data).empty_form.fields["target"].choices
    return [(group, [label.partition(" (")[0] for _pk, label in rows]) for group, rows in list(choices)[1:]]


@pytest.fixture
def mailings():
    make_page()
    return make_component("Mailings")


def make_notices(mailings) -> None:
    held = {mailings.pk: "major_outage"}
    for title, day, components in [("Old", 1, {}), ("Shared", 2, held), ("Newer", 3, {}), ("Shared and over", 4, held)]:
        notice = make_incident(title, started_at=utc(2026, 11, day), components=components)
        if "over" in title or title == "Old":
            post_update(notice, UpdateText(status="resolved", body="Done."), actor=None)


def test_open_notices_come_before_those_that_are_over_each_the_newest_first(mailings):
    make_notices(mailings)

    assert offered() == [("Open now", ["Newer", "Shared"]), ("Earlier", ["Shared and over", "Old"])]


def test_notices_on_the_same_components_come_before_all_others(mailings):
    make_notices(mailings)
    notice = make_incident("This one", components={mailings.pk: "degraded_performance"})

    expected = [
        ("On the same components", ["Shared", "Shared and over"]),
        ("Open now", ["Newer"]),
        ("Earlier", ["Old"]),
    ]
    assert offered(notice) == expected


def test_components_chosen_on_a_form_that_comes_back_count_as_well(mailings):
    make_notices(mailings)
    data = {f"component-{mailings.pk}": "major_outage", "links-TOTAL_FORMS": "1", "links-INITIAL_FORMS": "0"}

    assert offered(data=data)[0] == ("On the same components", ["Shared", "Shared and over"])


def test_a_longer_list_asks_the_database_no_more(mailings):
    make_incident("One")
    with CaptureQueriesContext(connection) as few:
        offered()
    make_notices(mailings)
    with CaptureQueriesContext(connection) as many:
        offered()

    assert len(many) == len(few)
