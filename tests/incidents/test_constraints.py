"""The database itself refuses what must never be, whoever writes it."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import CheckConstraint, UniqueConstraint

from incidents.models import (
    BrandFile,
    Change,
    Component,
    ComponentGroup,
    Effect,
    EffectOutcome,
    Incident,
    IncidentComponent,
    IncidentLink,
    IncidentTemplate,
    IncidentUpdate,
    MaintenanceSeries,
    Page,
    SeriesOccurrence,
    StatusChange,
    TemplateComponent,
    TemplateEffect,
    Translation,
    UpdateComponent,
    UpdateRevision,
    UrgentAct,
)
from tests.make import make_component, make_incident, make_maintenance, utc

pytestmark = pytest.mark.django_db

EARLY, LATE = utc(2026, 1, 3, 20), utc(2026, 1, 3, 23)


def maintenance() -> Incident:
    return make_maintenance(starts=EARLY, ends=LATE)


def set_incident(incident: Incident, **fields) -> None:
    Incident.objects.filter(pk=incident.pk).update(**fields)


def set_update(**fields) -> None:
    IncidentUpdate.objects.filter(pk=make_incident().updates.get().pk).update(**fields)


def affected(status: str) -> IncidentComponent:
    return make_incident(components={make_component().pk: status}).affected.get()


def same_component_twice() -> None:
    line = affected("major_outage")
    IncidentComponent.objects.create(incident=line.incident, component=line.component, name="", status="operational")


def same_component_twice_in_an_update() -> None:
    line = affected("major_outage").incident.updates.get().affected.get()
    UpdateComponent.objects.create(
        update=line.update, component=line.component, name="", old_status="operational", new_status="operational"
    )


def link(kind: str = "related", *, times: int = 1, to_itself: bool = False) -> None:
    incident = make_incident()
    target = incident if to_itself else make_incident()
    for _time in range(times):
        IncidentLink.objects.create(incident=incident, target=target, kind=kind)


def brand_file(**fields) -> None:
    usual = {"kind": "logo", "name": "a.png", "content_type": "image/png", "content": b"a", "updated_at": EARLY}
    BrandFile.objects.create(**{**usual, **fields})


def update_component(**fields) -> None:
    affected("major_outage")
    UpdateComponent.objects.update(**fields)


def status_change(status: str) -> None:
    StatusChange.objects.create(component=make_component(), status=status, at=EARLY)


def effect_outcome(turned_out: str = "less", *, times: int = 1) -> None:
    update = make_incident().updates.get()
    for _time in range(times):
        EffectOutcome.objects.create(update=update, function="x", announced="slower", turned_out=turned_out)


def urgent_act(**fields) -> None:
    UrgentAct.objects.create(incident=make_incident(), at=EARLY, **{"actor_name": "anna", "because": "Fire."} | fields)


def series(**fields) -> MaintenanceSeries:
    usual = {"title": "Power work", "body": "x", "time_zone": "UTC", "first_day": dt.date(2026, 1, 3)}
    usual |= {"starts": dt.time(2), "minutes": 60, "frequency": "weekly"}
    return MaintenanceSeries.objects.create(**usual | fields)


def occurrence(*, times: int = 1, **fields) -> None:
    row = series()
    for _time in range(times):
        SeriesOccurrence.objects.create(series=row, day=dt.date(2026, 1, 3), **{"state": "announced"} | fields)


def version_twice() -> None:
    for _time in range(2):
        Change.objects.create(verb="add", actor_name="", subject="", version=99)


def revision(**fields) -> None:
    update = make_incident().updates.get()
    UpdateRevision.objects.create(update=update, text_version=1, at=EARLY, **{"kind": "typo"} | fields)


def template(kind: str = "incident", name: str = "Slow again", **fields) -> IncidentTemplate:
    return IncidentTemplate.objects.create(kind=kind, name=name, **fields)


def template_component(status: str = "operational", *, times: int = 1) -> None:
    row, component = template(), make_component()
    for _time in range(times):
        TemplateComponent.objects.create(template=row, component=component, status=status)


def translated(*subjects: str, times: int = 1, **fields) -> None:
    incident, component = make_incident(), make_component()
    rows = {"incident": incident, "update": incident.updates.get(), "component": component}
    rows["group"] = ComponentGroup.objects.create(name="Office")
    usual = {"language": "nl", "field": "title", "source": "x", "text": "Trage post"}
    for _time in range(times):
        Translation.objects.create(**usual | {subject: rows[subject] for subject in subjects} | fields)


REFUSED = {
    "translation_of_incident_once": lambda: translated("incident", times=2),
    "translation_of_update_once": lambda: translated("update", times=2),
    "translation_of_component_once": lambda: translated("component", times=2),
    "translation_of_group_once": lambda: translated("group", times=2),
    "translation_of_one_subject": lambda: translated("incident", "update"),
    "translation_is_whole": lambda: translated("incident", text=""),
    "page_is_one": lambda: Page.objects.create(pk=2),
    "component_status_known": lambda: make_component(status="broken"),
    "component_shown_known": lambda: make_component(shown_status="broken"),
    "status_change_known": lambda: status_change("broken"),
    "incident_status_fits_kind": lambda: set_incident(make_incident(), status="completed"),
    "incident_scheduled_has_window": lambda: set_incident(maintenance(), work_starts_at=None, work_ends_at=None),
    "incident_work_starts_before_end": lambda: set_incident(maintenance(), work_ends_at=EARLY),
    "incident_avoid_contains_work": lambda: set_incident(maintenance(), avoid_starts_at=LATE, avoid_ends_at=LATE),
    "incident_actual_starts_before_end": lambda: set_incident(
        maintenance(), actual_started_at=LATE, actual_ended_at=EARLY
    ),
    "incident_has_title": lambda: set_incident(make_incident(), title=""),
    "incident_impact_known": lambda: set_incident(make_incident(), impact_override="huge"),
    "incident_data_known": lambda: set_incident(make_incident(), data_statement="perhaps"),
    "incident_component_once": same_component_twice,
    "incident_component_known": lambda: affected("major_outage").incident.affected.update(status="broken"),
    "effect_level_known": lambda: Effect.objects.create(incident=make_incident(), function="x", level="bad"),
    "incident_link_once": lambda: link(times=2),
    "incident_link_not_itself": lambda: link(to_itself=True),
    "incident_link_kind_known": lambda: link(kind="because"),
    "update_data_known": lambda: set_update(data_outcome="perhaps"),
    "update_status_known": lambda: set_update(status="broken"),
    "update_actual_starts_before_end": lambda: set_update(actual_started_at=LATE, actual_ended_at=EARLY),
    "update_was_starts_before_end": lambda: set_update(was_work_starts_at=LATE, was_work_ends_at=EARLY),
    "update_tells_of_no_later_moment": lambda: set_update(published_at=EARLY, display_at=LATE),
    "update_revision_kind_known": lambda: revision(kind="whim"),
    "update_revision_only_corrections_told": lambda: revision(kind="typo", notify=True),
    "update_component_once": same_component_twice_in_an_update,
    "update_component_known": lambda: update_component(new_status="broken"),
    "effect_outcome_known": lambda: effect_outcome(turned_out="worse"),
    "effect_outcome_once": lambda: effect_outcome(times=2),
    "change_version_once": version_twice,
    "update_approved_has_its_time": lambda: set_update(approved_version=1),
    "update_missed_says_why": lambda: set_update(missed_at=EARLY),
    "urgent_act_says_why": lambda: urgent_act(because=""),
    "urgent_act_acknowledged_by_somebody": lambda: urgent_act(acknowledged_at=LATE),
    "series_has_title": lambda: series(title=""),
    "series_frequency_known": lambda: series(frequency="daily"),
    "series_numbers_positive": lambda: series(interval=0),
    "series_ends_one_way": lambda: series(count=2, until=dt.date(2027, 1, 1)),
    "series_avoid_has_both_ends": lambda: series(avoid_minutes_before=60),
    "series_occurrence_once": lambda: occurrence(times=2),
    "series_occurrence_known": lambda: occurrence(state="nonsense"),
    "series_occurrence_skipped_has_no_notice": lambda: occurrence(state="skipped", notice=maintenance()),
    "template_name_once": lambda: (template(), template()),
    "template_shipped_once": lambda: (template(shipped_as="ours"), template(name="Other", shipped_as="ours")),
    "template_has_name": lambda: template(name=""),
    "template_status_fits_kind": lambda: template("maintenance", status="resolved"),
    "template_data_known": lambda: template(data_statement="perhaps"),
    "template_lengths_of_maintenance": lambda: template(work_minutes=60),
    "template_work_takes_time": lambda: template("maintenance", work_minutes=0),
    "template_next_update_is_later": lambda: template(next_update_minutes=0),
    "template_effect_level_known": lambda: TemplateEffect.objects.create(
        template=template(), function="x", level="bad"
    ),
    "template_component_once": lambda: template_component(times=2),
    "template_component_known": lambda: template_component("broken"),
    "brand_file_known": lambda: brand_file(kind="other"),
    "brand_file_type_known": lambda: brand_file(content_type="text/html"),
    "brand_file_is_small": lambda: brand_file(content=b"x" * 100_001),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_database_refuses(name):
    with pytest.raises(IntegrityError), transaction.atomic():
        REFUSED[name]()


def test_no_constraint_is_left_unproved():
    declared = {
        constraint.name
        for model in apps.get_app_config("incidents").get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint | UniqueConstraint)
    }

    assert declared == set(REFUSED)


@pytest.mark.parametrize("model", [Page, Component, Incident, IncidentUpdate])
def test_a_public_code_is_given_once(model):
    make_incident(components={make_component().pk: "major_outage"})
    second = {Page: lambda: Page.objects.create(pk=1), Component: make_component}.get(model, make_incident)

    with pytest.raises(IntegrityError), transaction.atomic():
        second()
        model.objects.update(code="abc")


def test_one_form_makes_one_update():
    incident, form_id = make_incident(), uuid.uuid4()

    with pytest.raises(IntegrityError), transaction.atomic():
        for _time in range(2):
            IncidentUpdate.objects.create(incident=incident, status="identified", form_id=form_id)
