"""How often maintenance kept its window. Of a year, in one query: the page is read anew for each change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery
from django.db.models.fields import DateTimeField
from django.db.models.functions import Coalesce

from incidents.choices import CLOSED, IncidentStatus
from incidents.models import Incident, IncidentUpdate
from incidents.outcome import A_MINUTE
from incidents.times import starts_at
from publishing.state import MaintenanceRecord


def load_record(today: dt.date, zone: ZoneInfo) -> MaintenanceRecord:
    """That of the year up to `today`, a day of `zone`. It counts as `incidents.outcome` judges each."""
    since = a_year_before(today)
    updates = IncidentUpdate.objects.public().filter(incident=OuterRef("pk"))
    moves = updates.filter(was_work_starts_at__isnull=False)
    # The first move after the work had begun replaced the end that was announced when it began.
    ends_moved = moves.exclude(status=IncidentStatus.SCHEDULED).order_by("display_at", "pk")
    planned_end = Coalesce(Subquery(ends_moved.values("was_work_ends_at")[:1]), "work_ends_at")
    moved_before = moves.filter(status=IncidentStatus.SCHEDULED)
    said_by_a_person = Exists(updates.filter(status=IncidentStatus.COMPLETED).exclude(byline=""))
    is_answered = Q(actual_started_at__isnull=False, actual_ended_at__isnull=False) & (
        Q(completes_by_clock=False) | Q(said_by_a_person)
    )
    is_kept = Q(
        is_answered,
        actual_started_at__gte=F("work_starts_at"),
        actual_ended_at__lt=ExpressionWrapper(planned_end + A_MINUTE, DateTimeField()),
    )
    completed = Q(status=IncidentStatus.COMPLETED)
    closed = Incident.objects.public().scheduled().filter(status__in=CLOSED, resolved_at__gte=starts_at(since, zone))
    counts = closed.aggregate(
        counted=Count("pk", filter=completed & is_answered),
        kept=Count("pk", filter=completed & is_kept),
        moved=Count("pk", filter=completed & is_answered & Q(Exists(moved_before))),
        completed=Count("pk", filter=completed),
        cancelled=Count("pk", filter=Q(status=IncidentStatus.CANCELLED)),
    )
    unanswered = counts.pop("completed") - counts["counted"]
    return MaintenanceRecord(since=since, unanswered=unanswered, **counts)


def a_year_before(day: dt.date) -> dt.date:
    """The same day a year earlier; of 29 February the day after."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return dt.date(day.year - 1, 3, 1)
