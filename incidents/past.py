"""The verb for what is over before anybody wrote of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.choices import CLOSED, ComponentStatus, IncidentKind, IncidentStatus
from incidents.component_actions import note_past_status
from incidents.models import Incident, IncidentComponent, IncidentUpdate, Page
from incidents.text import clean_line
from incidents.values import Actor, AllClear, NoticeDetails, UpdateText
from incidents.writing import (
    facts_of,
    lasting_impact,
    posted_before,
    record_urgent,
    set_details,
    set_lines,
    urgency,
    write_update,
)


@transaction.atomic
def report_past_incident(
    *,
    title: str,
    started_at: dt.datetime,
    ended_at: dt.datetime,
    opening: UpdateText,
    closing: UpdateText,
    actor: Actor,
    details: NoticeDetails = NoticeDetails(),
    data_outcome: str = "",
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Publish an incident that is over already, with two updates: what was wrong, and how it ended.

    They stand at `started_at` and `ended_at`; `at` is the moment of the act, now by default. The components of
    `opening` were as it says all the time between, and their history shows it; nothing changes now. Returns the closing
    update, whose `form_id` counts once. Raises ValidationError, and ReviewNeeded: there is no draft of it.
    """
    page = Page.objects.locked()
    if twin := posted_before(closing):
        return twin
    at = at or timezone.now()
    because = urgency(page, urgent_because, alone=True)
    _check(started_at, ended_at, opening, closing, at)
    incident = Incident(
        kind=IncidentKind.REALTIME,
        title=clean_line(title),
        status=closing.status,
        created_at=at,
        updated_at=at,
        published_at=at,
        started_at=started_at,
        resolved_at=ended_at,
        time_zone=page.time_zone,
        author=actor,
    )
    set_details(incident, details)
    incident.byline = incident.byline or (history.actor_name(actor) if actor else "")
    incident.save(force_insert=True)
    set_lines(incident, details)
    # Nobody is told twice of one thing: if anybody is, then how it ended.
    opening = replace(opening, display_at=started_at, form_id=None, notify=False)
    first = _write(incident, opening, "opening", actor=actor, at=at)
    components = dict.fromkeys(opening.components, ComponentStatus.OPERATIONAL)
    closing = replace(closing, display_at=ended_at, components=components)
    last = _write(incident, closing, "closing", actor=actor, at=at, all_clear=AllClear(data_outcome=data_outcome))
    first.affected.update(old_status=ComponentStatus.OPERATIONAL)
    for line in first.affected.select_related("component"):
        IncidentComponent.objects.create(
            incident=incident,
            component=line.component,
            name=line.name,
            group_name=line.group_name,
            status=ComponentStatus.OPERATIONAL,
        )
        last.affected.filter(component=line.component).update(old_status=line.new_status)
        note_past_status(line.component, line.new_status, started_at, ended_at)
    incident.data_outcome = data_outcome
    incident.impact = lasting_impact(incident)
    incident.save(update_fields=["data_outcome", "impact"])
    history.record(
        page,
        verb="report_past_incident",
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        after=facts_of(incident) | {"update": last.code},
    )
    if because:
        record_urgent(page, incident, last, actor=actor, because=because, at=at)
    return last


def _check(
    started_at: dt.datetime, ended_at: dt.datetime, opening: UpdateText, closing: UpdateText, at: dt.datetime
) -> None:
    if ended_at < started_at:
        raise ValidationError({"ended_at": _("It cannot have ended before it began.")})
    if ended_at > at:
        raise ValidationError({"ended_at": _("This time has not come yet. What still lasts is opened as an incident.")})
    if closing.status != IncidentStatus.RESOLVED or opening.status in CLOSED:
        raise ValidationError(_("A past incident begins open and ends resolved."))


def _write(
    incident: Incident, text: UpdateText, name: str, *, actor: Actor, at: dt.datetime, all_clear: AllClear | None = None
) -> IncidentUpdate:
    """`name` is what a problem with its text is named by."""
    row = IncidentUpdate(incident=incident, created_at=at, published_at=at)
    try:
        row = write_update(row, text, actor=actor, at=at, all_clear=all_clear)
    except ValidationError as problem:
        raise ValidationError({name: problem.messages}) from None
    if not row.body:
        raise ValidationError({name: _("Write at least one sentence for customers.")})
    return row
