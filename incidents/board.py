"""What staff should see first: the open notices with what can be done about them, and the drafts that wait."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.choices import MOVABLE, NEXT_STATUSES, Impact, IncidentStatus
from incidents.models import Component, Incident, IncidentUpdate
from incidents.roles import may_publish, may_write
from incidents.rollup import incident_impact, page_indicator
from incidents.staff_reminders import to_dos
from incidents.times import describe

INDICATOR_WORDS = {
    Impact.NONE: gettext_lazy("All systems operational"),
    Impact.MAINTENANCE: gettext_lazy("Maintenance in progress"),
    Impact.MINOR: gettext_lazy("Minor disruption"),
    Impact.MAJOR: gettext_lazy("Major disruption"),
    Impact.CRITICAL: gettext_lazy("Critical disruption"),
}


@dataclass(frozen=True)
class Task:
    label: str
    url: str
    is_main: bool = False


@dataclass(frozen=True)
class NoticeOnBoard:
    notice: Incident
    latest: IncidentUpdate | None
    is_overdue: bool
    next_update_by: str
    when: str
    components: list[Any]
    tasks: list[Task]
    url: str


def board(user: Any, now: dt.datetime) -> dict[str, Any]:
    """Everything the first screen shows of notices, for `user`."""
    notices = _open_notices()
    on_board = [_on_board(notice, latest, user, now) for notice, latest in notices]
    happening = [notice for notice, _latest in notices if notice.status != IncidentStatus.SCHEDULED]
    components = Component.objects.public().values_list("shown_status", flat=True)
    indicator = page_indicator(components, [current_impact(notice) for notice in happening])
    return {
        "indicator": indicator,
        "indicator_words": INDICATOR_WORDS[indicator],
        "happening": [row for row in on_board if row.notice.status != IncidentStatus.SCHEDULED],
        "upcoming": [row for row in on_board if row.notice.status == IncidentStatus.SCHEDULED],
        "drafts": drafts(),
        "to_dos": to_dos(now) if may_write(user) else [],
        "may_write": may_write(user),
        "may_publish": may_publish(user),
    }


def current_impact(notice: Incident) -> Impact:
    """What an open notice weighs now. Reads `affected`, which should be prefetched."""
    if notice.is_scheduled and not notice.impact_override:
        return Impact.MAINTENANCE
    return incident_impact((line.status for line in notice.affected.all()), override=notice.impact_override)


def drafts() -> list[IncidentUpdate]:
    return list(IncidentUpdate.objects.drafts().select_related("incident").order_by("-updated_at", "-pk"))


def notice_url(notice: Incident) -> str:
    """The notice's own page in the admin."""
    model = "scheduledmaintenance" if notice.is_scheduled else "incident"
    return reverse(f"admin:incidents_{model}_change", args=[notice.pk])


def notice_tasks(notice: Incident, user: Any) -> list[Task]:
    """What `user` can do about a published notice, the most likely thing first."""
    if not may_write(user) or notice.is_draft:
        return []
    possible = NEXT_STATUSES[IncidentStatus(notice.status)]
    post = Task(_("Post update"), _url("post_update", notice), is_main=notice.is_open)
    tasks = [post]
    if notice.is_open and IncidentStatus.RESOLVED in possible:
        tasks.append(Task(_("Resolve"), _url("post_update", notice) + f"?status={IncidentStatus.RESOLVED}"))
    if notice.is_open and IncidentStatus.COMPLETED in possible:
        all_clear = Task(_("Post the all-clear"), _url("all_clear", notice), is_main=notice.is_active_maintenance)
        tasks.insert(0 if notice.is_active_maintenance else 1, all_clear)
    if notice.status in MOVABLE and may_publish(user):
        tasks.append(Task(_("Move it"), _url("move", notice)))
    if notice.is_open and IncidentStatus.CANCELLED in possible:
        tasks.append(Task(_("Cancel it"), _url("cancel", notice)))
    if may_publish(user):
        tasks.append(Task(_("Edit notice"), _url("edit", notice)))
    return tasks


def _url(task: str, notice: Incident) -> str:
    return reverse(f"admin:incidents_incident_{task}", args=[notice.pk])


def _open_notices() -> list[tuple[Incident, IncidentUpdate | None]]:
    latest = IncidentUpdate.objects.public().filter(incident=OuterRef("pk")).order_by("-display_at", "-pk")
    notices = list(
        Incident.objects.public()
        .open()
        .annotate(latest_update=Subquery(latest.values("pk")[:1]))
        .prefetch_related("affected")
        .order_by("work_starts_at", "-started_at", "-pk")
    )
    updates = IncidentUpdate.objects.in_bulk([notice.latest_update for notice in notices])
    return [(notice, updates.get(notice.latest_update)) for notice in notices]


def _on_board(notice: Incident, latest: IncidentUpdate | None, user: Any, now: dt.datetime) -> NoticeOnBoard:
    due = notice.next_update_by
    when = notice.work_starts_at or notice.started_at
    return NoticeOnBoard(
        notice=notice,
        latest=latest,
        is_overdue=due is not None and due <= now,
        next_update_by=describe(due, notice.zone) if due else "",
        when=describe(when, notice.zone),
        components=list(notice.affected.all()),
        tasks=notice_tasks(notice, user),
        url=notice_url(notice),
    )
