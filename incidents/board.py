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
from incidents.models import Component, Incident, IncidentTemplate, IncidentUpdate, Page
from incidents.outcome import END_IS_NEAR
from incidents.roles import may_change_templates, may_publish, may_write
from incidents.rollup import incident_impact, page_indicator
from incidents.staff_reminders import to_dos
from incidents.times import describe, duration_words
from incidents.waiting import urgent_acts, waiting

# For so long the board asks for the post-mortem of a grave incident.
LOOKING_BACK = dt.timedelta(days=14)

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
class EndNote:
    """That the planned end of a maintenance is near, or has passed, and what can be done about it."""

    words: str
    is_past: bool
    tasks: list[Task]


@dataclass(frozen=True)
class NoticeOnBoard:
    notice: Incident
    latest: IncidentUpdate | None
    is_overdue: bool
    next_update_by: str
    when: str
    end: EndNote | None
    components: list[Any]
    tasks: list[Task]
    url: str


def board(user: Any, now: dt.datetime) -> dict[str, Any]:
    """Everything the first screen shows of notices, for `user`."""
    page = Page.objects.current()
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
        "drafts": waiting(drafts(), user, page, now),
        "urgent_acts": [(act, may, notice_url(act.incident)) for act, may in urgent_acts(user)],
        "to_look_back": [Task(row.title, _url("postmortem", row)) for row in to_look_back(now)],
        "to_dos": to_dos(now) if may_write(user) else [],
        "starts": templates_to_start_from() if may_write(user) else {},
        "zone": page.zone,
        "may_write": may_write(user),
        "may_publish": may_publish(user),
    }


def current_impact(notice: Incident) -> Impact:
    """What an open notice weighs now. Reads `affected`, which should be prefetched."""
    if notice.is_scheduled and not notice.impact_override:
        return Impact.MAINTENANCE
    return incident_impact((line.status for line in notice.affected.all()), override=notice.impact_override)


def drafts() -> list[IncidentUpdate]:
    """Those that missed their time first, then those that wait for a colleague, then the others; each newest first."""
    rows = IncidentUpdate.objects.drafts().select_related("incident").order_by("-updated_at", "-pk")
    return sorted(rows, key=lambda draft: (draft.missed_at is None, draft.review_asked_at is None))


def to_look_back(now: dt.datetime) -> list[Incident]:
    """Grave incidents that were resolved lately, and of which nobody has begun a post-mortem; the newest first."""
    resolved = Incident.objects.public().filter(status=IncidentStatus.RESOLVED, resolved_at__gte=now - LOOKING_BACK)
    begun = IncidentUpdate.objects.filter(status=IncidentStatus.POSTMORTEM).values("incident")
    grave = resolved.filter(impact__in=(Impact.MAJOR, Impact.CRITICAL)).exclude(pk__in=begun)
    return list(grave.order_by("-resolved_at", "-pk"))


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
    tasks = []
    if notice.status != IncidentStatus.POSTMORTEM:  # that is the last word; it can be corrected
        tasks.append(Task(_("Post update"), _url("post_update", notice), is_main=notice.is_open))
    if notice.is_open and IncidentStatus.RESOLVED in possible:
        tasks.append(Task(_("Resolve"), _url("post_update", notice) + f"?status={IncidentStatus.RESOLVED}"))
    if notice.is_open and IncidentStatus.COMPLETED in possible:
        all_clear = Task(_("Post the all-clear"), _url("all_clear", notice), is_main=notice.is_active_maintenance)
        tasks.insert(0 if notice.is_active_maintenance else 1, all_clear)
    if notice.status == IncidentStatus.COMPLETED:
        tasks.append(Task(_("Correct the all-clear"), _url("all_clear", notice)))
    if notice.status in MOVABLE and may_publish(user):
        tasks.append(Task(_("Move it"), _url("move", notice)))
    if notice.is_open and IncidentStatus.CANCELLED in possible:
        tasks.append(Task(_("Cancel it"), _url("cancel", notice)))
    if notice.status == IncidentStatus.RESOLVED:
        tasks.append(Task(_("Write the post-mortem"), _url("postmortem", notice)))
    if may_publish(user):
        tasks.append(Task(_("Edit notice"), _url("edit", notice)))
    return tasks


def end_note(notice: Incident, user: Any, now: dt.datetime) -> EndNote | None:
    """None while the planned end is further off than END_IS_NEAR, and for all but a maintenance that has begun."""
    if not notice.is_active_maintenance or notice.work_ends_at - now > END_IS_NEAR:
        return None
    left = notice.work_ends_at - now
    is_past = left <= dt.timedelta()
    if is_past:
        words = _("The planned end passed %(time)s ago, and customers can read that.")
    elif notice.completes_by_clock:
        words = _("The notice completes by itself in %(time)s. If the work is not over by then:")
    else:
        words = _("The planned end is in %(time)s.")
    tasks = []
    if may_write(user):
        tasks.append(Task(_("Post the all-clear"), _url("all_clear", notice)))
    if may_publish(user):
        tasks.append(Task(_("move the end"), _url("move", notice)))
    return EndNote(words % {"time": duration_words(abs(left))}, is_past, tasks)


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
        end=end_note(notice, user, now),
        components=list(notice.affected.all()),
        tasks=notice_tasks(notice, user),
        url=notice_url(notice),
    )
