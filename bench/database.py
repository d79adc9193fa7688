"""A database of any size, filled past the verbs: what a page of that age would hold."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator

from incidents.models import (
    Change,
    Component,
    ComponentGroup,
    Incident,
    IncidentComponent,
    IncidentUpdate,
    Page,
    StatusChange,
    UpdateComponent,
)

YEARS = 20
BATCH = 2000
BODY = "We are **looking into it**. Mailings are sent with a delay; nothing is lost, and nothing has to be done."
BODY_HTML = (
    "<p>We are <strong>looking into it</strong>. Mailings are sent with a delay; nothing is lost, and nothing has to "
    "be done.</p>"
)
STATUSES = ("investigating", "identified", "resolved")


def fill(*, components: int, notices: int, now: dt.datetime) -> None:
    """One notice in ten is a maintenance; three updates each, two components each, spread over YEARS years."""
    chance = random.Random(2013)
    Page.objects.update_or_create(pk=Page.ONLY, defaults={"name": "Copernica", "time_zone": "Europe/Amsterdam"})
    groups = ComponentGroup.objects.bulk_create(
        ComponentGroup(name=f"Group {number}", position=number) for number in range(max(1, components // 10))
    )
    born = now - dt.timedelta(days=365 * YEARS)
    rows = Component.objects.bulk_create(
        Component(name=f"Function {number}", group=groups[number % len(groups)], position=number, created_at=born)
        for number in range(components)
    )
    step = dt.timedelta(days=365 * YEARS) / notices
    numbers = iter(range(notices))
    while batch := list(itertools.islice(numbers, BATCH)):
        incidents = Incident.objects.bulk_create(_incident(number, now - step * (notices - number)) for number in batch)
        named = {incident.pk: chance.sample(rows, 2) for incident in incidents}
        updates = IncidentUpdate.objects.bulk_create(u for incident in incidents for u in _updates(incident))
        IncidentComponent.objects.bulk_create(
            IncidentComponent(incident=incident, component=c, name=c.name, group_name="", status="operational")
            for incident in incidents
            for c in named[incident.pk]
        )
        UpdateComponent.objects.bulk_create(
            UpdateComponent(
                update=update,
                component=component,
                name=component.name,
                old_status="operational",
                new_status="operational" if update.status in ("resolved", "completed") else "degraded_performance",
            )
            for update in updates
            for component in named[update.incident_id]
        )
        StatusChange.objects.bulk_create(
            StatusChange(component=component, status=status, at=incident.created_at + dt.timedelta(minutes=minutes))
            for incident in incidents
            for component in named[incident.pk][:1]
            for minutes, status in ((0, "degraded_performance"), (90, "operational"))
        )
    _acts(now)


def _incident(number: int, at: dt.datetime) -> Incident:
    over = at + dt.timedelta(minutes=90)
    common = {
        "title": f"Mailings are slow in cabinet {number}",
        "created_at": at,
        "updated_at": over,
        "published_at": at,
        "started_at": at,
        "resolved_at": over,
        "time_zone": "Europe/Amsterdam",
    }
    if number % 10:
        return Incident(status="resolved", impact="minor", **common)
    window = {"work_starts_at": at + dt.timedelta(minutes=30), "work_ends_at": over}
    return Incident(kind="scheduled", status="completed", impact="maintenance", **window, **common)


def _updates(incident: Incident) -> Iterator[IncidentUpdate]:
    words = STATUSES if incident.kind == "realtime" else ("scheduled", "in_progress", "completed")
    for place, status in enumerate(words):
        at = incident.created_at + dt.timedelta(minutes=45 * place)
        yield IncidentUpdate(
            incident=incident,
            status=status,
            body=BODY,
            body_html=BODY_HTML,
            created_at=at,
            updated_at=at,
            published_at=at,
            display_at=at,
        )


def _acts(now: dt.datetime) -> None:
    pks = Incident.objects.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=BATCH)
    acts = (
        Change(at=now, verb="open_incident", actor_name="bench", version=version, incident_id=pk, subject="")
        for version, pk in enumerate(pks, start=2)
    )
    made = Change.objects.bulk_create(acts, batch_size=BATCH)
    Page.objects.update(version=1 + len(made))
