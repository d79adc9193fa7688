from __future__ import annotations

import pytest

from incidents.models import Incident
from tests.incidents.screens import at, errors, publish, screen
from tests.make import make_component, make_incident, utc

pytestmark = pytest.mark.django_db

SCHEDULE = "/admin/incidents/scheduledmaintenance/schedule/"
STORY = {
    "title": "Work on the power feeds",
    "body": "The application is unavailable during the work.",
    **at("work_starts_at", "2013-11-09", "21:00"),
    **at("work_ends_at", "2013-11-09", "24:00"),
    **at("avoid_starts_at", "2013-11-09", "18:00"),
    **at("avoid_ends_at", "2013-11-09", "24:00"),
}


@pytest.fixture(autouse=True)
def the_day_of_the_notice(time_machine):
    time_machine.move_to(utc(2013, 11, 6, 10), tick=False)


def test_the_story_is_told_in_one_form(edward):
    cabinet = make_incident("A cabinet lost power", status="resolved")
    mailings = make_component("Sending mailings")

    answer = publish(
        edward,
        SCHEDULE,
        **STORY,
        reason="So that it does not happen again.",
        advice_before="Schedule no mailings in these hours.",
        data_statement="none_expected_lost",
        **{
            f"component-{mailings.pk}": "under_maintenance",
            "effects-0-function": "Hyperlink redirects",
            "effects-0-level": "unavailable",
            "effects-0-note": "also in mail already sent",
            "links-0-kind": "caused_by",
            "links-0-target": str(cabinet.pk),
        },
    )

    notice = Incident.objects.scheduled().get()
    assert answer.url == screen("scheduledmaintenance_change", notice.pk)
    assert (notice.work_starts_at, notice.work_ends_at) == (utc(2013, 11, 9, 20), utc(2013, 11, 9, 23))
    assert (notice.avoid_starts_at, notice.avoid_ends_at) == (utc(2013, 11, 9, 17), utc(2013, 11, 9, 23))
    assert (notice.time_zone, notice.status, notice.completes_by_clock) == ("Europe/Amsterdam", "scheduled", False)
    assert notice.affected.get().status == "under_maintenance"
    assert notice.links_out.get().target == cabinet
    mailings.refresh_from_db()
    assert mailings.shown_status == "operational"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("work_ends_at", at("work_ends_at", "2013-11-09", "20:00")),
        ("avoid_starts_at", at("avoid_starts_at", "2013-11-09", "22:00")),
        ("avoid_ends_at", at("avoid_ends_at", "2013-11-09", "23:00")),
        ("avoid_ends_at", at("avoid_ends_at", "", "")),
        ("work_starts_at", at("work_starts_at", "2013-11-09", "")),
        ("work_starts_at", at("work_starts_at", "", "")),
        ("work_starts_at", at("work_starts_at", "9-11-2013", "21:00")),
        ("work_starts_at", at("work_starts_at", "2013-11-09", "9 PM")),
        ("work_starts_at", at("work_starts_at", "0001-01-01", "00:00")),
        ("time_zone", {"time_zone": "CET PM"}),
        ("time_zone", {"time_zone": "../../etc/passwd"}),
    ],
    ids=str,
)
def test_a_wrong_window_is_refused_next_to_the_field(edward, field, change):
    answer = publish(edward, SCHEDULE, **{**STORY, **change})

    assert list(errors(answer)) == [field]
    assert not Incident.objects.exists()


def test_a_maintenance_that_would_be_over_is_refused(edward, time_machine):
    time_machine.move_to(utc(2013, 11, 10, 10), tick=False)

    assert set(errors(publish(edward, SCHEDULE, **STORY))) == {"work_ends_at"}


def test_another_zone_means_other_instants(edward):
    publish(edward, SCHEDULE, **STORY, time_zone="Asia/Kolkata")

    assert Incident.objects.get().work_starts_at == utc(2013, 11, 9, 15, 30)
