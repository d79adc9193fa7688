from __future__ import annotations

import pytest
from django.utils import timezone

from incidents.actions import post_update
from incidents.board import to_look_back
from incidents.models import Incident
from incidents.values import UpdateText
from tests.incidents.screens import errors, newest, publish, read_form, save_draft, screen
from tests.make import make_component, make_incident, utc

pytestmark = pytest.mark.django_db

BODY = "### What happened\n\nA certificate ran out."


def resolved(impact: str = "major_outage", **fields) -> Incident:
    incident = make_incident(components={make_component().pk: impact}, **fields)
    post_update(incident, UpdateText(status="resolved", body="Over."), actor=None, at=fields.get("at"))
    incident.refresh_from_db()
    return incident


def test_a_post_mortem_is_drafted_by_several_and_published_later(edward, wilma):
    incident = resolved()
    url = screen("incident_postmortem", incident.pk)

    assert read_form(edward.get(url)).values["body"].startswith("### What happened")
    save_draft(wilma, url, body=BODY)
    draft = newest(incident)
    assert incident.status == "resolved" and draft.is_draft
    publish(edward, screen("incident_draft", draft.pk), body=f"{BODY}\n\nSorry.", update_byline="Wilma and Edward")

    incident.refresh_from_db()
    draft.refresh_from_db()
    assert (incident.status, draft.status, draft.byline) == ("postmortem", "postmortem", "Wilma and Edward")
    assert draft.notify and incident.resolved_at is not None


def test_the_bare_skeleton_is_not_published(edward):
    refused = publish(edward, screen("incident_postmortem", resolved().pk))

    assert errors(refused) == {"body": ["There is nothing between the headings yet."]}


def test_a_post_mortem_may_be_longer_than_an_update(edward):
    incident = resolved()
    long = "Words upon words. " * 800

    publish(edward, screen("incident_postmortem", incident.pk), body=long)

    assert len(newest(incident).body) > 14_000


def test_it_is_written_of_what_is_resolved(edward):
    assert edward.get(screen("incident_postmortem", make_incident().pk)).status_code == 404


def test_the_board_asks_for_it_for_two_weeks_and_until_it_is_begun(edward):
    now = timezone.now()
    grave, _mild, _old = resolved(), resolved("degraded_performance"), resolved(at=utc(2026, 1, 1))

    assert to_look_back(now) == [grave]
    assert screen("incident_postmortem", grave.pk) in edward.get("/admin/").content.decode()
    save_draft(edward, screen("incident_postmortem", grave.pk), body=BODY)
    assert to_look_back(now) == []
