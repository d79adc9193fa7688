from __future__ import annotations

import json

import pytest

from incidents.actions import post_update
from incidents.component_actions import archive_component
from incidents.values import UpdateText
from publishing.formats import status_api
from publishing.loading import load_state
from tests.make import make_component, make_incident, make_maintenance, make_page, move, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 3, 4, 9, 41, 10, 250000)
INCIDENT_KEYS = (
    "id name status created_at updated_at monitoring_at resolved_at impact shortlink started_at page_id "
    "incident_updates components"
).split()


def files() -> dict[str, dict]:
    artefacts = status_api.page(load_state(NOW))
    return {a.path.removeprefix("/api/v2/").removesuffix(".json"): json.loads(a.body) for a in artefacts}


def test_the_eight_files_have_their_keys_in_order():
    make_page()

    assert {name: list(content) for name, content in files().items()} == {
        "summary": ["page", "components", "incidents", "scheduled_maintenances", "status"],
        "status": ["page", "status"],
        "components": ["page", "components"],
        "incidents": ["page", "incidents"],
        "incidents/unresolved": ["page", "incidents"],
        "scheduled-maintenances": ["page", "scheduled_maintenances"],
        "scheduled-maintenances/upcoming": ["page", "scheduled_maintenances"],
        "scheduled-maintenances/active": ["page", "scheduled_maintenances"],
    }


def test_a_quiet_page_has_empty_lists_and_says_so():
    make_page()

    summary = files()["summary"]

    assert summary["incidents"] == summary["scheduled_maintenances"] == []
    assert summary["status"] == {"indicator": "none", "description": "All Systems Operational"}


def test_an_incident_carries_every_field():
    make_page()
    tracking = make_component("Tracking", group="APIs")
    incident = make_incident(components={tracking.pk: "partial_outage"}, at=utc(2026, 3, 4, 9, 2, 11, 400000))

    row = files()["incidents/unresolved"]["incidents"][0]

    update = incident.updates.get()
    assert list(row) == [*INCIDENT_KEYS, "reminder_intervals"]
    assert row["created_at"] == "2026-03-04T10:02:11.400+01:00"
    assert (row["impact"], row["monitoring_at"], row["shortlink"]) == (
        "major",
        None,
        f"http://127.0.0.1:8000/incidents/{incident.code}",
    )
    assert row["components"][0]["status"] == "partial_outage"
    assert row["incident_updates"] == [
        {
            "id": update.code,
            "status": "investigating",
            "body": "We are looking into it.",
            "incident_id": incident.code,
            "created_at": "2026-03-04T10:02:11.400+01:00",
            "updated_at": "2026-03-04T10:02:11.400+01:00",
            "display_at": "2026-03-04T10:02:11.400+01:00",
            "affected_components": [
                {
                    "code": tracking.code,
                    "name": "APIs - Tracking",
                    "old_status": "operational",
                    "new_status": "partial_outage",
                }
            ],
            "deliver_notifications": True,
            "custom_tweet": None,
            "tweet_id": None,
        }
    ]


def test_utc_is_spelt_z():
    make_page(time_zone="UTC")
    make_incident(at=utc(2026, 3, 4, 9))

    page, incident = files()["incidents"]["page"], files()["incidents"]["incidents"][0]

    assert page["time_zone"] == "Etc/UTC"
    assert incident["created_at"] == "2026-03-04T09:00:00.000Z"


def test_a_maintenance_ends_with_its_window():
    make_page()
    make_maintenance(starts=utc(2026, 3, 8, 2), ends=utc(2026, 3, 8, 3))

    row = files()["scheduled-maintenances/upcoming"]["scheduled_maintenances"][0]

    assert list(row) == [*INCIDENT_KEYS, "scheduled_for", "scheduled_until"]
    assert (row["impact"], row["scheduled_for"]) == ("maintenance", "2026-03-08T03:00:00.000+01:00")


def test_a_moved_maintenance_has_its_new_times_and_no_word_that_clients_do_not_know():
    make_page()
    maintenance = make_maintenance(starts=utc(2026, 3, 8, 2), ends=utc(2026, 3, 8, 3), at=utc(2026, 3, 1))
    announced = files()["scheduled-maintenances/upcoming"]["scheduled_maintenances"][0]
    move(maintenance, starts=utc(2026, 3, 9, 2), ends=utc(2026, 3, 9, 3), at=utc(2026, 3, 2))

    row = files()["scheduled-maintenances/upcoming"]["scheduled_maintenances"][0]

    assert (row["scheduled_for"], row["scheduled_until"]) == (
        "2026-03-09T03:00:00.000+01:00",
        "2026-03-09T04:00:00.000+01:00",
    )
    assert [update["status"] for update in row["incident_updates"]] == ["scheduled", "scheduled"]
    assert list(row["incident_updates"][0]) == list(announced["incident_updates"][0])


def test_a_cancelled_maintenance_is_completed_to_clients_that_know_no_such_word():
    make_page()
    maintenance = make_maintenance(starts=utc(2026, 3, 8, 2), ends=utc(2026, 3, 8, 3))
    post_update(maintenance, UpdateText(status="cancelled", body="Not needed."), actor=None)

    row = files()["scheduled-maintenances"]["scheduled_maintenances"][0]

    assert (row["status"], row["incident_updates"][0]["status"]) == ("completed", "completed")


def test_groups_are_rows_with_the_worst_of_their_children():
    make_page()
    tracking = make_component("Tracking", group="APIs")
    make_incident(components={tracking.pk: "major_outage"})

    rows = {row["name"]: row for row in files()["components"]["components"]}

    assert "components" not in rows["Tracking"]
    assert rows["Tracking"]["group_id"] == rows["APIs"]["id"]
    assert (rows["APIs"]["group"], rows["APIs"]["status"], rows["APIs"]["components"]) == (
        True,
        "major_outage",
        [tracking.code],
    )


def test_an_archived_component_stays_on_the_notices_that_named_it():
    make_page()
    tracking = make_component("Tracking")
    incident = make_incident(components={tracking.pk: "major_outage"})
    post_update(incident, UpdateText(status="resolved", body="Fixed."), actor=None)
    archive_component(tracking, actor=None)

    content = files()

    assert content["components"]["components"] == []
    assert [row["name"] for row in content["incidents"]["incidents"][0]["components"]] == ["Tracking"]


def test_the_full_lists_hold_the_fifty_newest():
    make_page()
    for number in range(52):
        make_incident(f"Incident {number}", at=utc(2026, 1, 1, 0, number))

    content = files()

    assert [row["name"] for row in content["incidents"]["incidents"]][:2] == ["Incident 51", "Incident 50"]
    assert len(content["incidents"]["incidents"]) == 50
    assert len(content["incidents/unresolved"]["incidents"]) == 52


def test_one_update_is_newest_first():
    make_page()
    incident = make_incident(at=utc(2026, 3, 4, 9))
    post_update(incident, UpdateText(status="monitoring", body="Better."), actor=None, at=utc(2026, 3, 4, 9, 30))

    row = files()["incidents"]["incidents"][0]

    assert [update["status"] for update in row["incident_updates"]] == ["monitoring", "investigating"]
    assert row["monitoring_at"] == "2026-03-04T10:30:00.000+01:00"
