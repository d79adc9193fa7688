from __future__ import annotations

import json

import pytest

from incidents.actions import post_update
from incidents.component_actions import set_component_status
from incidents.values import AllClear, EffectAnswer, EffectLine, NoticeDetails, UpdateText
from publishing.formats import notice_json
from publishing.loading import load_state
from tests.make import make_component, make_incident, make_maintenance, make_page, move, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 3, 4, 12)


def read(incident):
    state = load_state(NOW)
    (artefact,) = notice_json.notice(state, next(n for n in state.notices if n.pk == incident.pk))
    assert artefact.path == f"/incidents/{incident.code}.json"
    return json.loads(artefact.body)


def post(incident, status, body, *at):
    post_update(incident, UpdateText(status=status, body=body), actor=None, at=utc(*at))
    return incident.updates.get(status=status).code


def test_a_notice_with_a_post_mortem_is_this_in_this_order():
    page = make_page(time_zone="UTC")
    lookups = make_component("Tracking", group="APIs")
    incident = make_incident(components={lookups.pk: "partial_outage"}, at=utc(2026, 3, 4, 9, 2, 11, 400900))
    first = incident.updates.get().code
    last = post(incident, "resolved", "All is *well*.\n\nSorry.", 2026, 3, 4, 9, 15)
    looking_back = post(incident, "postmortem", "## Why\nA disk.", 2026, 3, 5, 9)
    begun, over, told = "2026-03-04T09:02:11.400Z", "2026-03-04T09:15:00.000Z", "2026-03-05T09:00:00.000Z"

    def update(code, status, body, at, **fields):
        return {
            "status": status,
            "body": body,
            "created_at": at,
            "wants_twitter_update": False,
            "twitter_updated_at": None,
            "updated_at": at,
            "display_at": at,
            "affected_components": None,
            "custom_tweet": None,
            "deliver_notifications": True,
            "id": code,
            "incident_id": incident.code,
            "moved": None,
            "earlier_texts": [],
        } | fields

    affected = {
        "code": lookups.code,
        "name": "APIs - Tracking",
        "old_status": "operational",
        "new_status": "partial_outage",
    }
    expected = {
        "name": "Slow mailings",
        "status": "postmortem",
        "created_at": begun,
        "updated_at": told,
        "monitoring_at": None,
        "resolved_at": over,
        "impact": "major",
        "shortlink": f"http://127.0.0.1:8000/incidents/{incident.code}",
        "postmortem_ignored": False,
        "postmortem_body": "## Why\nA disk.",
        "postmortem_body_last_updated_at": told,
        "postmortem_published_at": told,
        "postmortem_notified_subscribers": True,
        "postmortem_notified_twitter": False,
        "backfilled": False,
        "scheduled_for": None,
        "scheduled_until": None,
        "scheduled_remind_prior": False,
        "scheduled_reminded_at": None,
        "impact_override": None,
        "scheduled_auto_in_progress": False,
        "scheduled_auto_completed": False,
        "id": incident.code,
        "page_id": page.code,
        "incident_updates": [
            update(looking_back, "postmortem", "## Why\nA disk.", told, display_at=None),
            update(last, "resolved", "All is *well*.\n\nSorry.", over),
            update(
                first,
                "investigating",
                "We are looking into it.",
                begun,
                affected_components=[affected],
            ),
        ],
        "components": [
            {
                "status": "operational",
                "name": "Tracking",
                "created_at": begun,
                "updated_at": told,
                "position": 1,
                "description": None,
                "showcase": True,
                "id": lookups.code,
                "page_id": page.code,
                "group_id": None,
            }
        ],
        "outcome": None,
    }
    assert json.dumps(read(incident)) == json.dumps(expected)


def test_a_maintenance_says_when_and_what_the_clock_does():
    make_page()
    work = make_maintenance(starts=utc(2026, 3, 8, 2), ends=utc(2026, 3, 8, 3), completes_by_clock=True)

    row = read(work)

    assert (row["scheduled_for"], row["scheduled_until"]) == (
        "2026-03-08T03:00:00.000+01:00",
        "2026-03-08T04:00:00.000+01:00",
    )
    assert (row["impact"], row["scheduled_auto_in_progress"], row["scheduled_auto_completed"]) == (
        "maintenance",
        True,
        True,
    )


def test_an_update_that_moved_it_says_from_when_to_when():
    make_page(time_zone="UTC")
    work = make_maintenance(starts=utc(2026, 3, 8, 2), ends=utc(2026, 3, 8, 3), at=utc(2026, 3, 1))
    move(work, starts=utc(2026, 3, 9, 2), ends=utc(2026, 3, 9, 3), at=utc(2026, 3, 2))
    last = {"avoid_starts": utc(2026, 3, 10, 1), "avoid_ends": utc(2026, 3, 10, 4)}
    move(work, starts=utc(2026, 3, 10, 2), ends=utc(2026, 3, 10, 3), at=utc(2026, 3, 3), **last)

    row = read(work)

    def day(number, avoid_from=None, avoid_until=None):
        return {
            "scheduled_for": f"2026-03-{number}T02:00:00.000Z",
            "scheduled_until": f"2026-03-{number}T03:00:00.000Z",
            "avoid_from": avoid_from,
            "avoid_until": avoid_until,
        }

    newest = day("10", "2026-03-10T01:00:00.000Z", "2026-03-10T04:00:00.000Z")
    assert [update["moved"] for update in row["incident_updates"]] == [
        {"was": day("09"), "now": newest},
        {"was": day("08"), "now": day("09")},
        None,
    ]
    assert (row["scheduled_for"], row["status"]) == ("2026-03-10T02:00:00.000Z", "scheduled")
    assert row["scheduled_remind_prior"] is True


def test_a_component_that_changes_since_leaves_the_file_as_it_is():
    make_page()
    images = make_component("Images")
    incident = make_incident(components={images.pk: "partial_outage"}, at=utc(2026, 3, 4, 9))
    post_update(incident, UpdateText(status="resolved", body="Fixed."), actor=None, at=utc(2026, 3, 4, 10))
    before = read(incident)

    set_component_status(images, "major_outage", actor=None, at=utc(2026, 3, 4, 11))

    assert read(incident) == before


def test_work_that_is_over_is_told_with_its_promise_beside_it():
    make_page(time_zone="UTC")
    details = NoticeDetails(effects=[EffectLine("Mailings", "unavailable")], data_statement="none_expected_lost")
    work = make_maintenance(starts=utc(2026, 3, 2, 20), ends=utc(2026, 3, 2, 22), details=details, at=utc(2026, 3, 1))
    move(work, starts=utc(2026, 3, 3, 20), ends=utc(2026, 3, 3, 22), at=utc(2026, 3, 2))
    assert read(work)["outcome"] is None
    answers = AllClear(
        utc(2026, 3, 3, 20),
        utc(2026, 3, 3, 22, 5),
        "none_lost",
        "One *more* restart.",
        [EffectAnswer("Mailings", "less")],
    )
    over = UpdateText(status="completed", body="Done.")
    post_update(work, over, actor=None, all_clear=answers, at=utc(2026, 3, 3, 22, 30))

    assert read(work)["outcome"] == {
        "result": "overran",
        "kept_window": False,
        "first_scheduled_for": "2026-03-02T20:00:00.000Z",
        "first_scheduled_until": "2026-03-02T22:00:00.000Z",
        "scheduled_for": "2026-03-03T20:00:00.000Z",
        "scheduled_until": "2026-03-03T22:00:00.000Z",
        "started_at": "2026-03-03T20:00:00.000Z",
        "ended_at": "2026-03-03T22:05:00.000Z",
        "overran_minutes": 5,
        "data_promised": "none_expected_lost",
        "data_outcome": "none_lost",
        "deviations": "One *more* restart.",
        "effects": [{"function": "Mailings", "announced": "unavailable", "turned_out": "less", "note": None}],
    }
