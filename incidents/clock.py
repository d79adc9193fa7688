"""What happens to a maintenance because a time has come, not because someone clicked."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from incidents.actions import post_update
from incidents.choices import IncidentStatus
from incidents.models import Incident, IncidentUpdate, Page
from incidents.series import announce_due
from incidents.values import AllClear, UpdateText

IS_DUE = {
    IncidentStatus.SCHEDULED: "work_starts_at",
    IncidentStatus.IN_PROGRESS: "work_ends_at",
}


def run_clock(now: dt.datetime) -> list[IncidentUpdate]:
    """Start each maintenance whose time has come; end each whose planned end has passed.

    An end leads to *verifying*, where a person posts the all-clear, or to *completed* if staff left that to the clock.
    Then announce what a series of maintenance holds for the coming days. Each of these happens once, however many call
    this at the same moment.
    """
    posted = []
    for incident_id in _due(now).values_list("pk", flat=True):
        with transaction.atomic():
            Page.objects.locked()
            incident = _due(now).filter(pk=incident_id).first()
            if incident is not None:
                posted.append(_move_on(incident, now))
    return [*posted, *announce_due(now)]


def next_move(now: dt.datetime) -> dt.datetime | None:
    """When `run_clock` will next have something to do; `now` itself when it has already."""
    if _due(now).exists():
        return now
    open_ones = Incident.objects.public().scheduled()
    times = [
        open_ones.filter(status=status).order_by(field).values_list(field, flat=True).first()
        for status, field in IS_DUE.items()
    ]
    return min((time for time in times if time is not None), default=None)


def _due(now: dt.datetime):  # noqa: ANN202
    due = Q()
    for status, field in IS_DUE.items():
        due |= Q(status=status, **{f"{field}__lte": now})
    return Incident.objects.public().scheduled().filter(due)


def _move_on(incident: Incident, now: dt.datetime) -> IncidentUpdate:
    components = dict(incident.affected.values_list("component_id", "status"))
    if incident.status == IncidentStatus.SCHEDULED:
        text = UpdateText(
            status=IncidentStatus.IN_PROGRESS,
            body=_("The maintenance has begun. The planned times still hold."),
            components=components,
        )
        started = AllClear(actual_started_at=incident.work_starts_at)
        return post_update(incident, text, actor=None, all_clear=started, at=now, verb="start_by_clock")
    if incident.completes_by_clock:
        text = UpdateText(
            status=IncidentStatus.COMPLETED,
            body=_("The planned end has come and the maintenance is over."),
            components=components,
        )
        ended = AllClear(actual_ended_at=incident.work_ends_at)
        return post_update(incident, text, actor=None, all_clear=ended, at=now, verb="complete_by_clock")
    text = UpdateText(
        status=IncidentStatus.VERIFYING,
        body=_("The planned end has come. We are checking that everything works; the all-clear follows."),
        components=components,
        notify=False,
    )
    return post_update(incident, text, actor=None, at=now, verb="verify_by_clock")
