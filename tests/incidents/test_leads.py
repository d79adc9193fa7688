from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from incidents.leads import leads_words, parse_leads
from incidents.models import Page

DAY, HOUR = 24 * 60, 60
PAGE = "/admin/incidents/page/1/change/"


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("7 days, 24 hours, 1 hour", [7 * DAY, DAY, HOUR]),
        ("1h; 1 Day ;90 min", [DAY, 90, HOUR]),
        ("60 minutes, 1 hour", [HOUR]),
        ("1 week\n2d", [7 * DAY, 2 * DAY]),
        ("5m, 30 days", [30 * DAY, 5]),
        ("", []),
        (" , ", []),
    ],
)
def test_leads_are_read_as_people_write_them(typed, minutes):
    assert parse_leads(typed) == minutes


@pytest.mark.parametrize(
    "typed",
    ["soon", "1", "hours", "1 fortnight", "1.5 hours", "-1 hour", "4 minutes", "31 days", "1 h 30 m", "٣ hours",
     "0 hours", "1h, 2h, 3h, 4h, 5h, 6h"],
)  # fmt: skip
def test_what_cannot_be_read_or_reaches_too_far_is_refused(typed):
    with pytest.raises(ValidationError):
        parse_leads(typed)


def test_what_is_stored_reads_as_it_was_meant():
    leads = [30 * DAY, 7 * DAY, 36 * HOUR, DAY, HOUR, 90, 5]

    words = leads_words(leads)

    assert words == "30 days, 7 days, 36 hours, 24 hours, 1 hour, 90 minutes, 5 minutes"
    assert parse_leads("30 days, 36 hours, 24 hours, 90 minutes, 5 minutes") == [30 * DAY, 36 * HOUR, DAY, 90, 5]


def test_the_page_says_what_a_new_maintenance_begins_with(edward):
    sent = {"name": "Copernica", "time_zone": "Europe/Amsterdam", "language": "en"}

    refused = edward.post(PAGE, {**sent, "reminders": "7 days, soon"})
    assert list(refused.context["adminform"].form.errors) == ["reminders"]
    assert "7 days, soon" in refused.content.decode()
    edward.post(PAGE, {**sent, "reminders": "1 hour, 7 days"})

    assert Page.objects.current().reminders == [7 * DAY, HOUR]
    assert 'value="7 days, 1 hour"' in edward.get(PAGE).content.decode()


def test_a_page_saved_as_it_is_changes_nothing(edward):
    version = Page.objects.current().version
    sent = {"name": "Copernica", "time_zone": "Europe/Amsterdam", "language": "en", "reminders": "24 hours, 1 hour"}

    edward.post(PAGE, {**sent, "icon_shows_state": "on", "uses_style_sheet": "on"})

    assert Page.objects.current().version == version
