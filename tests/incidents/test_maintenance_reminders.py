from __future__ import annotations

import pytest

from incidents.actions import edit_notice
from incidents.models import Incident, Page
from incidents.values import NoticeDetails
from tests.incidents.screens import at, errors, fill, publish, read_form, save_draft, screen
from tests.make import make_incident, make_maintenance, utc

DAY, HOUR = 24 * 60, 60
START, END = utc(2026, 1, 10, 20), utc(2026, 1, 10, 23)
SCHEDULE = "/admin/incidents/scheduledmaintenance/schedule/"
TEXT = {
    "title": "New power feeds",
    "body": "Servers go off in turn.",
    **at("work_starts_at", "2026-01-10", "21:00"),
    **at("work_ends_at", "2026-01-10", "24:00"),
}


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(utc(2026, 1, 2, 9), tick=False)


def test_the_form_begins_with_what_the_page_says(edward):
    Page.objects.update(reminders=[7 * DAY, HOUR])

    assert fill(edward, SCHEDULE)["reminders"] == "7 days, 1 hour"


def test_a_maintenance_has_reminders_of_its_own(edward):
    refused = publish(edward, SCHEDULE, **TEXT, reminders="2 days, 1")
    assert list(errors(refused)) == ["reminders"]
    assert read_form(refused).values["reminders"] == "2 days, 1"

    publish(edward, SCHEDULE, **TEXT, reminders="1 hour, 2 days")

    notice = Incident.objects.get()
    assert notice.reminders == [2 * DAY, HOUR]
    own_page = edward.get(screen("scheduledmaintenance_change", notice.pk)).content.decode()
    assert "2 days, 1 hour before the work" in own_page


def test_emptied_means_none(edward):
    publish(edward, SCHEDULE, **TEXT, reminders="")

    assert Incident.objects.get().reminders == []


def test_a_draft_keeps_what_was_typed(edward):
    save_draft(edward, SCHEDULE, **TEXT, reminders="3 hours")
    draft = Incident.objects.get().updates.get()

    url = screen("incident_draft", draft.pk)
    save_draft(edward, url, reminders="4 hours", **at("work_ends_at", "2026-01-11", "01:00"))

    notice = Incident.objects.get()
    assert (notice.reminders, notice.work_ends_at) == ([240], utc(2026, 1, 11))


@pytest.mark.django_db
def test_callers_that_say_nothing_of_reminders_get_those_of_the_page():
    page = Page.objects.current()
    page.reminders = [HOUR]
    page.save()
    maintenance = make_maintenance(starts=START, ends=END)
    edit_notice(maintenance, actor=None, title="Feeds", details=NoticeDetails())

    assert Incident.objects.get().reminders == [HOUR]
    assert make_incident().reminders == []


def test_an_edit_adds_no_reminder_whose_moment_has_passed(edward, time_machine):
    notice = make_maintenance(starts=START, ends=END)
    time_machine.move_to(utc(2026, 1, 9, 12), tick=False)  # 32 hours before

    url = screen("incident_edit", notice.pk)
    assert list(errors(publish(edward, url, reminders="2 days, 24 hours"))) == ["reminders"]
    publish(edward, url, reminders="24 hours, 30 minutes")

    assert Incident.objects.get().reminders == [DAY, 30]
    audit = edward.get(screen("scheduledmaintenance_change", notice.pk)).content.decode()
    assert "<td>24 hours, 1 hour</td><td>24 hours, 30 minutes</td>" in audit
