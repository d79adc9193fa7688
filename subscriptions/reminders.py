"""Reminders of announced maintenance: which are due, each owed once, and which the facts have overtaken.

A lead is time that passes: "24 hours" before the work are 24 hours, also where clocks are changed in between and then
show another time of day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from incidents.choices import IncidentStatus
from incidents.models import Incident, IncidentUpdate, Page
from subscriptions.choices import Purpose
from subscriptions.models import Notification

# Later than this, the mail no longer says that the lead is what is left.
ON_TIME = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class DueReminder:
    incident: Incident
    lead_minutes: int

    @property
    def due_at(self) -> dt.datetime:
        return moment(self.incident.work_starts_at, self.lead_minutes)


def moment(starts_at: dt.datetime, lead_minutes: int) -> dt.datetime:
    """When a reminder is due."""
    return starts_at - dt.timedelta(minutes=lead_minutes)


def is_late(reminder: Notification, now: dt.datetime) -> bool:
    """Whether at `now` clearly less than its lead is left."""
    return now - moment(reminder.starts_at, reminder.lead_minutes) > ON_TIME


def open_reminders(now: dt.datetime) -> list[Notification]:
    """Owe each reminder that is due. Each once, however many call this at the same moment."""
    opened = []
    for candidate in due_reminders(now):
        with transaction.atomic():
            # With the page held nobody moves, cancels or reminds between this look and the owing.
            Page.objects.locked()
            opened += [_open(due, now) for due in due_reminders(now, pk=candidate.incident.pk)]
    return opened


def due_reminders(now: dt.datetime, **lookups: Any) -> list[DueReminder]:
    """The reminders that could be owed at `now` and are not yet; `lookups` select among the notices.

    Of each notice at most one: when several were missed, the shortest lead alone is still news. A lead whose moment
    lay before the notice was announced, or before its times were last moved, is none, since that has just been told.
    """
    moves = IncidentUpdate.objects.public().filter(incident=OuterRef("pk"), was_work_starts_at__isnull=False)
    told = Notification.objects.filter(
        purpose=Purpose.REMINDER, incident=OuterRef("pk"), starts_at=OuterRef("work_starts_at")
    )
    announced = (
        Incident.objects.public()
        .scheduled()
        .filter(status=IncidentStatus.SCHEDULED, work_starts_at__gt=now, **lookups)
        .annotate(
            moved_at=Subquery(moves.order_by("-published_at").values("published_at")[:1]),
            told_lead=Subquery(told.order_by("lead_minutes").values("lead_minutes")[:1]),
        )
        .only("reminders", "published_at", "work_starts_at")
        .order_by("work_starts_at", "pk")
    )
    leads = [(incident, _due_lead(incident, now)) for incident in announced]
    return [DueReminder(incident, lead) for incident, lead in leads if lead is not None]


def overtaken(ids: set[int], now: dt.datetime) -> set[int]:
    """Those of the reminders `ids` whose start has come, was moved, or will not be: nobody is to hear them."""
    if not ids:
        return set()
    reminders = Notification.objects.filter(pk__in=ids)
    holding = reminders.filter(
        incident__status=IncidentStatus.SCHEDULED,
        incident__work_starts_at=F("starts_at"),
        starts_at__gt=now,
    )
    return ids - set(holding.values_list("pk", flat=True))


def _due_lead(incident: Any, now: dt.datetime) -> int | None:
    told_at = max(incident.published_at, incident.moved_at or incident.published_at)
    due = [lead for lead in incident.reminders if told_at < moment(incident.work_starts_at, lead) <= now]
    shortest = min(due, default=None)
    # What was told with a shorter lead, by a clock that was then set back, is not told again with a longer one.
    is_told = incident.told_lead is not None and shortest is not None and incident.told_lead <= shortest
    return None if is_told else shortest


def _open(due: DueReminder, now: dt.datetime) -> Notification:
    return Notification.objects.create(
        purpose=Purpose.REMINDER,
        incident=due.incident,
        update=due.incident.updates.public().order_by("-display_at", "-pk").first(),
        starts_at=due.incident.work_starts_at,
        lead_minutes=due.lead_minutes,
        created_at=now,
    )
