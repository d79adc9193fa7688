from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError

from incidents.actions import discard_draft, post_update, publish_draft
from incidents.models import Change, Component, Incident, IncidentUpdate, Page
from incidents.values import AllClear, StaleIncident, UpdateText
from tests.make import make_component, make_incident, make_maintenance, make_staff, utc

pytestmark = pytest.mark.django_db


def test_post_update_moves_the_incident_and_its_components():
    mailings = make_component()
    incident = make_incident(components={mailings.pk: "major_outage"})

    update = UpdateText(status="resolved", body="Fixed.", components={mailings.pk: "operational"})
    post_update(incident, update, actor=make_staff())

    assert Incident.objects.values_list("status", "impact").get() == ("resolved", "critical")
    assert Component.objects.values_list("shown_status", flat=True).get() == "operational"


def test_the_first_update_gives_the_incident_its_impact():
    assert make_incident(components={make_component().pk: "partial_outage"}).impact == "major"


def test_resolving_one_notice_never_turns_green_what_another_still_holds_down():
    mailings = make_component()
    first = make_incident(components={mailings.pk: "major_outage"})
    make_incident("Slow database", components={mailings.pk: "degraded_performance"})

    post_update(first, UpdateText(status="resolved", body="Fixed."), actor=None)

    mailings.refresh_from_db()
    assert mailings.shown_status == "degraded_performance"
    assert list(mailings.status_changes.values_list("status", flat=True)) == ["major_outage", "degraded_performance"]


def test_each_public_act_raises_the_version_and_is_written_down():
    make_incident(actor=make_staff("edward"))

    assert Page.objects.current().version == 2
    assert Incident.objects.values_list("byline", flat=True).get() == "edward"
    assert Change.objects.values_list("verb", "actor_name", "version").get() == ("open_incident", "edward", 2)


def test_a_draft_is_public_nowhere_and_owes_nothing():
    make_incident(publish=False)

    assert Page.objects.current().version == 1
    assert not Incident.objects.public().exists()
    assert not IncidentUpdate.objects.public().exists()


def test_publishing_a_draft_publishes_its_notice():
    mailings = make_component()
    incident = make_incident(publish=False, components={mailings.pk: "partial_outage"})

    publish_draft(incident.updates.get(), actor=None)

    mailings.refresh_from_db()
    assert Incident.objects.public().get() == incident
    assert mailings.shown_status == "partial_outage"


def test_discarding_the_only_draft_discards_its_notice():
    incident = make_incident(publish=False)

    discard_draft(incident.updates.get(), actor=None)

    assert not Incident.objects.exists()


def test_the_same_form_posts_once():
    incident = make_incident()
    update = UpdateText(status="identified", body="Found it.", form_id=uuid.uuid4())

    first, second = (post_update(incident, update, actor=None) for _click in range(2))

    assert first == second
    assert incident.updates.count() == 2


def test_the_second_of_two_colleagues_is_told_what_came_meanwhile():
    incident = make_incident()
    seen = incident.updates.get().pk
    winner = post_update(incident, UpdateText(status="identified", body="Found it.", seen=seen), actor=None)

    with pytest.raises(StaleIncident) as told:
        post_update(incident, UpdateText(status="monitoring", body="Better.", seen=seen), actor=None)

    assert told.value.meanwhile == [winner]
    assert incident.updates.count() == 2


def test_a_status_of_the_other_kind_is_refused():
    with pytest.raises(ValidationError):
        post_update(make_incident(), UpdateText(status="completed", body="Done."), actor=None)


def test_a_cancelled_maintenance_cannot_be_started():
    maintenance = make_maintenance(starts=utc(2026, 1, 3, 20), ends=utc(2026, 1, 3, 23))
    post_update(maintenance, UpdateText(status="cancelled", body="Not needed."), actor=None)

    with pytest.raises(ValidationError):
        post_update(maintenance, UpdateText(status="in_progress", body="Begun."), actor=None)


def test_a_planned_maintenance_affects_nothing_before_it_starts():
    mailings = make_component()
    planned = {mailings.pk: "under_maintenance"}
    maintenance = make_maintenance(starts=utc(2026, 1, 3, 20), ends=utc(2026, 1, 3, 23), components=planned)

    mailings.refresh_from_db()
    assert mailings.shown_status == "operational"
    assert maintenance.affected.get().status == "under_maintenance"
    assert maintenance.updates.get().affected.get().new_status == "operational"


def test_the_all_clear_answers_what_was_promised():
    maintenance = make_maintenance(starts=utc(2013, 11, 9, 20), ends=utc(2013, 11, 9, 23))
    all_clear = AllClear(utc(2013, 11, 9, 20, 5), utc(2013, 11, 9, 22, 40), "none_lost")

    post_update(maintenance, UpdateText(status="completed", body="Done."), actor=None, all_clear=all_clear)

    maintenance.refresh_from_db()
    assert (maintenance.actual_ended_at, maintenance.data_outcome) == (utc(2013, 11, 9, 22, 40), "none_lost")


def test_windows_that_contradict_each_other_are_refused_by_field():
    with pytest.raises(ValidationError) as refused:
        make_maintenance(
            starts=utc(2026, 1, 3, 20),
            ends=utc(2026, 1, 3, 23),
            avoid_starts=utc(2026, 1, 3, 21),
            avoid_ends=utc(2026, 1, 3, 22),
        )

    assert set(refused.value.message_dict) == {"avoid_starts_at", "avoid_ends_at"}
