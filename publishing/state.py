"""Everything the public may see, read at one moment into plain frozen values: what each format is made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Prefetch, Q

from incidents.choices import (
    ACTIVE_MAINTENANCE,
    CLOSED,
    LINK_KIND_REVERSED,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    LinkKind,
)
from incidents.models import (
    Component,
    ComponentGroup,
    Incident,
    IncidentLink,
    IncidentUpdate,
    Page,
    StatusChange,
)
from incidents.rollup import incident_impact, page_indicator, worst_status

HISTORY_DAYS = 90


@dataclass(frozen=True)
class ComponentState:
    code: str
    name: str
    description: str
    status: str
    group_code: str
    group_name: str
    position: int
    showcase: bool
    only_show_if_degraded: bool
    start_date: dt.date | None
    created_at: dt.datetime
    updated_at: dt.datetime
    # What was shown, oldest first; before the first of them the component was operational.
    changes: tuple[tuple[dt.datetime, str], ...]

    @property
    def status_label(self) -> str:
        return str(ComponentStatus(self.status).label)

    @property
    def is_visible(self) -> bool:
        return not self.only_show_if_degraded or self.status != ComponentStatus.OPERATIONAL


@dataclass(frozen=True)
class GroupState:
    code: str
    name: str
    description: str
    position: int
    created_at: dt.datetime
    updated_at: dt.datetime
    components: tuple[ComponentState, ...]

    @property
    def status(self) -> str:
        return worst_status(component.status for component in self.components)

    @property
    def status_label(self) -> str:
        return str(ComponentStatus(self.status).label)


@dataclass(frozen=True)
class AffectedState:
    component_code: str
    name: str
    group_name: str
    old_status: str
    new_status: str

    @property
    def full_name(self) -> str:
        return f"{self.group_name} - {self.name}" if self.group_name else self.name

    @property
    def status_label(self) -> str:
        return str(ComponentStatus(self.new_status).label)


@dataclass(frozen=True)
class UpdateState:
    pk: int
    code: str
    status: str
    body: str
    body_html: str
    notify: bool
    byline: str
    next_update_by: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime
    display_at: dt.datetime
    edited_at: dt.datetime | None
    affected: tuple[AffectedState, ...]

    @property
    def status_label(self) -> str:
        return str(IncidentStatus(self.status).label)

    @property
    def anchor(self) -> str:
        return f"update-{self.code}"


@dataclass(frozen=True)
class EffectState:
    function: str
    level: str
    level_label: str
    note: str


@dataclass(frozen=True)
class LinkState:
    """The other notice of a link, and how it reads from this one ("caused by", "led to")."""

    label: str
    code: str
    title: str
    kind: str
    at: dt.datetime

    @property
    def path(self) -> str:
        return notice_path(self.code)


@dataclass(frozen=True)
class NoticeState:
    pk: int
    code: str
    kind: str
    title: str
    status: str
    impact: str
    impact_override: str
    revision: int  # how many public acts made it what it is: rises with each change
    zone: ZoneInfo
    created_at: dt.datetime
    updated_at: dt.datetime
    published_at: dt.datetime
    edited_at: dt.datetime | None
    started_at: dt.datetime
    monitoring_at: dt.datetime | None
    resolved_at: dt.datetime | None
    next_update_by: dt.datetime | None
    work_starts_at: dt.datetime | None
    work_ends_at: dt.datetime | None
    avoid_starts_at: dt.datetime | None
    avoid_ends_at: dt.datetime | None
    actual_started_at: dt.datetime | None
    actual_ended_at: dt.datetime | None
    completes_by_clock: bool
    # Each text twice: as typed, and as HTML.
    reason: str
    reason_html: str
    advice_before: str
    advice_before_html: str
    advice_during: str
    advice_during_html: str
    advice_after: str
    advice_after_html: str
    data_statement: str
    data_statement_label: str
    data_outcome: str
    data_outcome_label: str
    byline: str
    affected: tuple[AffectedState, ...]  # as things stand now: old_status equals new_status
    effects: tuple[EffectState, ...]
    links: tuple[LinkState, ...]
    updates: tuple[UpdateState, ...]  # newest first, never empty
    current_impact: str  # what it weighs now; `impact` is the worst it has been

    @property
    def is_scheduled(self) -> bool:
        return self.kind == IncidentKind.SCHEDULED

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def is_upcoming(self) -> bool:
        return self.status == IncidentStatus.SCHEDULED

    @property
    def is_active_maintenance(self) -> bool:
        return self.status in ACTIVE_MAINTENANCE

    @property
    def status_label(self) -> str:
        return str(IncidentStatus(self.status).label)

    @property
    def impact_label(self) -> str:
        return str(Impact(self.impact).label)

    @property
    def path(self) -> str:
        return notice_path(self.code)

    @cached_property
    def all_clear(self) -> UpdateState | None:
        """The newest closing word, shown on top of a notice that is closed."""
        if self.is_open:
            return None
        return next((update for update in self.updates if update.status in CLOSED), None)

    @property
    def at(self) -> dt.datetime:
        """The moment under which a notice is filed: the planned start of a maintenance, the start of an incident."""
        return self.work_starts_at or self.started_at


@dataclass(frozen=True)
class PageState:
    code: str
    name: str
    description: str
    language: str
    support_url: str
    url: str
    zone: ZoneInfo
    version: int
    updated_at: dt.datetime
    generated_at: dt.datetime
    components: tuple[ComponentState, ...]
    archived: tuple[ComponentState, ...]  # off the page, but named by notices
    groups: tuple[GroupState, ...]
    notices: tuple[NoticeState, ...]  # newest first by `at`

    @cached_property
    def indicator(self) -> Impact:
        impacts = [n.current_impact for n in self.notices if n.is_open and not n.is_upcoming]
        return page_indicator([c.status for c in self.components], impacts)

    @cached_property
    def open_notices(self) -> tuple[NoticeState, ...]:
        """Incidents and maintenance going on now."""
        return tuple(n for n in self.notices if n.is_open and not n.is_upcoming)

    @cached_property
    def upcoming(self) -> tuple[NoticeState, ...]:
        """Announced maintenance, the next one first."""
        return tuple(sorted((n for n in self.notices if n.is_upcoming), key=lambda n: n.at))

    @cached_property
    def _by_code(self) -> dict[str, ComponentState]:
        return {component.code: component for component in self.components + self.archived}

    def component(self, code: str) -> ComponentState | None:
        """The component with this public code, archived or not."""
        return self._by_code.get(code)

    @property
    def ungrouped(self) -> tuple[ComponentState, ...]:
        return tuple(c for c in self.components if not c.group_code)


def notice_path(code: str) -> str:
    return f"/incidents/{code}"


def load_state(now: dt.datetime) -> PageState:
    """Read everything public as of `now`, in one consistent view of the database."""
    Page.objects.current()  # creates it in an empty database, which a reader cannot
    with _one_view():
        return _load(now)


@contextmanager
def _one_view() -> Iterator[None]:
    """A transaction in which every query sees the same moment, and which keeps no writer waiting.

    Inside another transaction (a rehearsal) it is that transaction's view.
    """
    connection = transaction.get_connection()
    if connection.in_atomic_block:
        yield
        return
    mode = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite":
        connection.transaction_mode = "DEFERRED"  # IMMEDIATE would take the one write lock
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        if connection.vendor == "sqlite":
            connection.transaction_mode = mode


def _load(now: dt.datetime) -> PageState:
    page = Page.objects.get(pk=Page.ONLY)
    rows = _component_rows(now)
    components = tuple(_component(row) for row in rows if row.archived_at is None)
    archived = tuple(_component(row) for row in rows if row.archived_at is not None)
    groups = tuple(
        GroupState(
            code=row.code,
            name=row.name,
            description=row.description,
            position=row.position,
            created_at=row.created_at,
            updated_at=row.updated_at,
            components=tuple(c for c in components if c.group_code == row.code),
        )
        for row in ComponentGroup.objects.all()
    )
    notices = sorted((_notice(row) for row in _notice_rows()), key=lambda n: (n.at, n.pk), reverse=True)
    return PageState(
        code=page.code,
        name=page.name,
        description=page.description,
        language=page.language,
        support_url=page.support_url,
        url=settings.PUBLIC_URL,
        zone=page.zone,
        version=page.version,
        updated_at=page.updated_at,
        generated_at=now,
        components=components,
        archived=archived,
        groups=tuple(group for group in groups if group.components),
        notices=tuple(notices),
    )


def _component_rows(now: dt.datetime) -> list[Component]:
    recent = StatusChange.objects.filter(at__lte=now)
    return list(Component.objects.select_related("group").prefetch_related(Prefetch("status_changes", queryset=recent)))


def _notice_rows() -> list[Incident]:
    return list(
        Incident.objects.public()
        .annotate(revision=Count("changes", filter=Q(changes__version__isnull=False)))
        .prefetch_related(
            Prefetch("updates", queryset=IncidentUpdate.objects.public().prefetch_related("affected__component")),
            "affected__component",
            "effects",
            Prefetch("links_out", queryset=IncidentLink.objects.select_related("target")),
            Prefetch("links_in", queryset=IncidentLink.objects.select_related("incident")),
        )
    )


def _component(row: Component) -> ComponentState:
    return ComponentState(
        code=row.code,
        name=row.name,
        description=row.description,
        status=row.shown_status,
        group_code=row.group.code if row.group else "",
        group_name=row.group.name if row.group else "",
        position=row.position,
        showcase=row.showcase,
        only_show_if_degraded=row.only_show_if_degraded,
        start_date=row.start_date,
        created_at=row.created_at,
        updated_at=row.updated_at,
        changes=tuple((change.at, change.status) for change in row.status_changes.all()),
    )


def _notice(row: Incident) -> NoticeState:
    affected = tuple(
        AffectedState(line.component.code, line.name, line.group_name, line.status, line.status)
        for line in row.affected.all()
    )
    current = incident_impact((line.new_status for line in affected), override=row.impact_override)
    copied = {
        name: getattr(row, name)
        for name in NoticeState.__dataclass_fields__
        if name not in ("zone", "affected", "effects", "links", "updates", "current_impact")
        and not name.endswith("_label")
    }
    return NoticeState(
        **copied,
        zone=row.zone,
        data_statement_label=row.get_data_statement_display(),
        data_outcome_label=row.get_data_outcome_display(),
        affected=affected,
        effects=tuple(EffectState(e.function, e.level, e.get_level_display(), e.note) for e in row.effects.all()),
        links=_links(row),
        updates=tuple(_update(update) for update in row.updates.all()),
        current_impact=Impact.MAINTENANCE if row.is_scheduled and not row.impact_override else current,
    )


def _links(row: Incident) -> tuple[LinkState, ...]:
    out = [(link.get_kind_display(), link.target) for link in row.links_out.all()]
    back = [(str(LINK_KIND_REVERSED[LinkKind(link.kind)]), link.incident) for link in row.links_in.all()]
    return tuple(
        LinkState(str(label), other.code, other.title, other.kind, other.work_starts_at or other.started_at)
        for label, other in out + back
        if not other.is_draft
    )


def _update(row: IncidentUpdate) -> UpdateState:
    copied = {name: getattr(row, name) for name in UpdateState.__dataclass_fields__ if name != "affected"}
    return UpdateState(
        **copied,
        affected=tuple(
            AffectedState(line.component.code, line.name, line.group_name, line.old_status, line.new_status)
            for line in row.affected.all()
        ),
    )
