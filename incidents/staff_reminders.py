"""What waits for staff now: read from the facts alone, so that it shows with no worker running.

Each thing to do begins at a moment and is told again at steps after it (or before it, where there is still time). Who
tells it keeps what was told by kind, subject, moment and step: `subscriptions/staff_reminders.py`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import F, Max, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from incidents.choices import CLOSED, MOVABLE, ComponentStatus, IncidentStatus, ToDoKind
from incidents.models import Component, Incident, IncidentUpdate, Page, StatusChange
from incidents.times import describe

# Minutes after the moment at which it is told; negative ones come before it. After the last one: once a day.
STEPS = {
    ToDoKind.NEXT_UPDATE: (-5, 0, 30, 120),
    ToDoKind.SILENCE: (60, 180, 480),
    ToDoKind.PLANNED_END: (-15,),
    ToDoKind.ALL_CLEAR: (0, 30, 60, 90, 120, 150, 180, 240),
    ToDoKind.COMPONENT: (60,),
}
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


@dataclass(frozen=True)
class Way:
    """A screen that settles it."""

    label: str
    path: str


@dataclass(frozen=True)
class ToDo:
    """One thing that waits, since or until the moment `about`. Either of a notice or of a component.

    `step` counts how often it could have been told by now. It is late unless that moment is still to come.
    """

    kind: ToDoKind
    about: dt.datetime
    step: int
    is_late: bool
    zone: ZoneInfo
    notice: Incident | None = None
    component: Component | None = None

    @property
    def subject(self) -> str:
        return str(self.notice or self.component)

    @property
    def words(self) -> str:
        """One sentence, in the language that is active."""
        time = {"time": describe(self.about, self.zone)}
        if self.kind == ToDoKind.NEXT_UPDATE and self.is_late:
            return _("The next update was promised by %(time)s, and it has not come.") % time
        if self.kind == ToDoKind.NEXT_UPDATE:
            return _("The next update is promised by %(time)s.") % time
        if self.kind == ToDoKind.SILENCE:
            return _("It is open, and the last update came %(time)s. No next one is promised.") % time
        if self.kind == ToDoKind.PLANNED_END:
            return _("It is planned to end %(time)s: post the all-clear, or move the end before it passes.") % time
        if self.kind == ToDoKind.ALL_CLEAR:
            return _("It waits for its all-clear since %(time)s.") % time
        status = ComponentStatus(self.component.status).label  # type: ignore[union-attr]
        return _("It shows “%(status)s” since %(time)s, and no open notice says why.") % {**time, "status": status}

    @property
    def ways(self) -> list[Way]:
        """What can be done about it, the most likely thing first."""
        if self.notice is None:
            return [
                Way(_("Open an incident"), reverse("admin:incidents_incident_open")),
                Way(_("See the component"), reverse("admin:incidents_component_change", args=[self.component.pk])),  # type: ignore[union-attr]
            ]
        post, all_clear, move = (
            reverse(f"admin:incidents_incident_{name}", args=[self.notice.pk])
            for name in ("post_update", "all_clear", "move")
        )
        if self.kind in (ToDoKind.ALL_CLEAR, ToDoKind.PLANNED_END):
            ways = [Way(_("Post the all-clear"), all_clear)]
            return [*ways, Way(_("Move it"), move)] if self.notice.status in MOVABLE else ways
        return [Way(_("Post update"), post)]


def to_dos(now: dt.datetime) -> list[ToDo]:
    """Everything that waits at `now`: what is late first, then by its moment."""
    found = [*_of_notices(now), *_of_components(now)]
    return sorted(found, key=lambda to_do: (not to_do.is_late, to_do.about, to_do.subject))


def step_at(kind: ToDoKind, about: dt.datetime, now: dt.datetime) -> int | None:
    """The last step whose time has come; None before the first one."""
    steps = STEPS[kind]
    passed = sum(about + minutes * MINUTE <= now for minutes in steps)
    if passed < len(steps):
        return passed - 1 if passed else None
    return passed - 1 + (now - about - steps[-1] * MINUTE) // DAY


def _of_notices(now: dt.datetime) -> list[ToDo]:
    mine = IncidentUpdate.objects.public().filter(incident=OuterRef("pk")).order_by()
    before_verifying = mine.exclude(status=IncidentStatus.VERIFYING).values("incident")
    verifying = mine.filter(status=IncidentStatus.VERIFYING, published_at__gte=OuterRef("came_from_at")).values(
        "incident"
    )
    notices = (
        Incident.objects.public()
        .open()
        .annotate(
            told_at=Subquery(mine.values("incident").annotate(at=Max("published_at")).values("at")),
            came_from_at=Subquery(before_verifying.annotate(at=Max("published_at")).values("at")),
        )
        .annotate(verifying_at=Subquery(verifying.annotate(at=Min("published_at")).values("at")))
    )
    found = [(kind, about, notice) for notice in notices for kind, about in _moments(notice, now)]
    return [
        ToDo(kind, about, step, about <= now, notice.zone, notice=notice)
        for kind, about, notice in found
        if (step := step_at(kind, about, now)) is not None
    ]


def _moments(notice: Incident, now: dt.datetime) -> list[tuple[ToDoKind, dt.datetime]]:
    if notice.status == IncidentStatus.VERIFYING:
        since = notice.verifying_at or notice.work_ends_at  # type: ignore[attr-defined]
        return [*_promise(notice), (ToDoKind.ALL_CLEAR, min(since, notice.work_ends_at))]
    if notice.status == IncidentStatus.IN_PROGRESS and not notice.completes_by_clock:
        # Where no clock runs it stays in progress; it waits for its all-clear all the same, since the same moment.
        kind = ToDoKind.ALL_CLEAR if notice.work_ends_at <= now else ToDoKind.PLANNED_END
        return [*_promise(notice), (kind, notice.work_ends_at)]
    if not notice.is_scheduled and notice.next_update_by is None:
        return [(ToDoKind.SILENCE, notice.told_at)]  # type: ignore[attr-defined]
    return _promise(notice)


def _promise(notice: Incident) -> list[tuple[ToDoKind, dt.datetime]]:
    return [(ToDoKind.NEXT_UPDATE, notice.next_update_by)] if notice.next_update_by else []


def _of_components(now: dt.datetime) -> list[ToDo]:
    """Those that are not well by their own status while nothing that goes on names them.

    What is only announced explains nothing yet. It began when they came to show it, or when the last notice that named
    them closed: the later of the two.
    """
    named = Q(notices__incident__published_at__isnull=False)
    is_held = Incident.objects.holding().filter(affected__component=OuterRef("pk"))
    shown = StatusChange.objects.filter(component=OuterRef("pk")).order_by("-at", "-pk").values("at")[:1]
    components = list(
        Component.objects.public()
        .exclude(status=ComponentStatus.OPERATIONAL)
        .alias(held=Subquery(is_held.values("pk")[:1]))
        .filter(held=None)
        .annotate(
            shown_at=Coalesce(Subquery(shown), F("created_at")),
            closed_at=Max("notices__incident__resolved_at", filter=named & Q(notices__incident__status__in=CLOSED)),
        )
    )
    if not components:
        return []
    zone = Page.objects.current().zone
    found = [
        (component, max(component.shown_at, component.closed_at or component.shown_at)) for component in components
    ]
    return [
        ToDo(ToDoKind.COMPONENT, about, step, True, zone, component=component)
        for component, about in found
        if (step := step_at(ToDoKind.COMPONENT, about, now)) is not None
    ]
