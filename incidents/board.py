"""What staff should see first: the open notices with what can be done about them, and the drafts that wait."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.choices import MOVABLE, NEXT_STATUSES, Impact, IncidentStatus, TemplateKind
from incidents.models import Component, Incident, IncidentTemplate, IncidentUpdate
from incidents.roles import may_change_templates, may_publish, may_write
from incidents.rollup import incident_impact, page_indicator
from incidents.times import describe

STARTS_SHOWN = 4
INDICATOR_WORDS = {
    Impact.NONE: gettext_lazy("All systems operational"),
    Impact.MAINTENANCE: gettext_lazy("Maintenance in progress"),
    Impact.MINOR: gettext_lazy("Minor disruption"),
    Impact.MAJOR: gettext_lazy("Major disruption"),
    Impact.CRITICAL: gettext_lazy("Critical disruption"),
}


BEGIN_URLS = {
    TemplateKind.INCIDENT: "admin:incidents_incident_open",
    TemplateKind.MAINTENANCE: "admin:incidents_scheduledmaintenance_schedule",
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
        "starts": templates_to_start_from() if may_write(user) else {},
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


def start_url(template: IncidentTemplate) -> str:
    """The screen that begins with this template; empty for an update, which needs a notice first."""
    screen = BEGIN_URLS.get(TemplateKind(template.kind))
    return f"{reverse(screen)}?template={template.pk}" if screen else ""


def templates_to_start_from() -> dict[str, list[Task]]:
    """The templates that a notice is begun with most often, those in front first, by kind."""
    begins = [TemplateKind.INCIDENT, TemplateKind.MAINTENANCE]
    used_most = IncidentTemplate.objects.in_use().filter(kind__in=begins).order_by("-uses", "position", "pk")
    found: dict[str, list[Task]] = {kind.value: [] for kind in begins}
    for template in used_most.only("kind", "name"):
        if len(found[template.kind]) < STARTS_SHOWN:
            found[template.kind].append(Task(template.name, start_url(template)))
    return found


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


def notice_page_tasks(notice: Incident, user: Any) -> list[Task]:
    """The tasks on a notice's own page: those of the first screen, and what has time."""
    tasks = notice_tasks(notice, user)
    if may_change_templates(user):
        url = reverse("admin:incidents_incidenttemplate_from_notice", args=[notice.pk])
        tasks.append(Task(_("Save as a template"), url))
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
