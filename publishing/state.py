"""What the public may see, as plain frozen values: what each format is made from.

`SiteState` is what every file may depend on. `PageState` is read anew for every generation and therefore bounded: it
holds what is going on and what is recent, never the archive, of which each notice and month is rendered by itself.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy

from incidents.brand import AssetFile, Brand
from incidents.choices import (
    ACTIVE_MAINTENANCE,
    CLOSED,
    LINK_KIND_REVERSED,
    ComponentStatus,
    DataStatement,
    EditKind,
    EffectLevel,
    Impact,
    IncidentKind,
    IncidentStatus,
    LinkKind,
    Turnout,
)
from incidents.edits import Piece, pieces
from incidents.moves import Move, PlannedTimes, Span, moves_of, planned_times
from incidents.outcome import Course, course_of
from incidents.rollup import page_indicator, worst_status
from incidents.times import describe
from incidents.translations import Words
from incidents.values import NOTICE_TEXTS

HISTORY_DAYS = 90
RECENT_DAYS = 14
RECENT_PER_DAY = 3
RECENT_POSTMORTEMS = 3
# Which paths there are in each language, with what may follow them. All others are for machines, and the same for all.
_IN_EACH_LANGUAGE = re.compile(
    r"/(history|api|history/[0-9]{4}/[0-9]{2}|(incidents|components)/[^/.?#]+)?([?#].*)?"
    r"|/(history|components/[^/.?#]+)\.(atom|rss)|(/components/[^/.?#]+)?/feed\.json"
    r"|/(calendar|components/[^/.?#]+)\.ics|/history/[0-9]{4}/[0-9]{2}\.json"
    r"|/incidents/[^/.?#]+\.(txt|ics)"
)
# What was published later than this after the moment it tells of, says so.
POSTED_LATE = dt.timedelta(minutes=10)


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
    # When it first showed anything but its beginning.
    first_change_at: dt.datetime | None
    # What it showed in the last HISTORY_DAYS, oldest first, beginning with what it showed when they began; before the
    # first of them the component was operational.
    changes: tuple[tuple[dt.datetime, str], ...]
    translations: tuple[Words, ...] = ()
    description_lang: str = ""

    @property
    def status_label(self) -> str:
        return str(ComponentStatus(self.status).label)

    @property
    def path(self) -> str:
        return component_path(self.code)

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
    translations: tuple[Words, ...] = ()
    description_lang: str = ""

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
class RevisionState:
    """A text that an update had until `at`."""

    kind: str
    body: str
    at: dt.datetime
    why: str


@dataclass(frozen=True)
class EarlierText:
    """An earlier text of an update, and it in one with the text that followed it."""

    kind: str
    until: dt.datetime
    why: str
    body: str
    pieces: tuple[Piece, ...]

    @property
    def is_removal(self) -> bool:
        return self.kind == EditKind.REDACTION


# What readers are told of an edit of the notice itself, by the names of its facts in the audit.
SHOWN_FACTS = {
    "title": gettext_lazy("Title"),
    "started_at": gettext_lazy("Began"),
    "effects": gettext_lazy("Effects"),
    "data_statement": gettext_lazy("Data"),
    "advice_before": gettext_lazy("What to do before"),
    "advice_during": gettext_lazy("What to do meanwhile"),
    "advice_after": gettext_lazy("What to do afterwards"),
    "reason": gettext_lazy("Reason"),
}


@dataclass(frozen=True)
class FactChange:
    """A fact of a notice before and after an edit, as the audit has them; times are told in `zone`."""

    name: str
    was: str
    came: str
    zone: ZoneInfo

    @property
    def label(self) -> str:
        return str(SHOWN_FACTS[self.name])

    @property
    def before(self) -> str:
        return self._in_words(self.was)

    @property
    def after(self) -> str:
        return self._in_words(self.came)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return pieces(self.before, self.after)

    @property
    def is_text(self) -> bool:
        """Whether staff wrote it, in the language of the original."""
        return self.name not in ("started_at", "data_statement")

    def _in_words(self, value: str) -> str:
        if value and self.name == "started_at":
            return describe(dt.datetime.fromisoformat(value), self.zone)
        return _label(value) if self.name == "data_statement" else value


@dataclass(frozen=True)
class EditState:
    """What one edit of a notice changed of what readers see."""

    at: dt.datetime
    changes: tuple[FactChange, ...]


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
    published_at: dt.datetime
    display_at: dt.datetime
    edited_at: dt.datetime | None
    # The planned times that it replaced, when it moved a maintenance.
    was_work_starts_at: dt.datetime | None
    was_work_ends_at: dt.datetime | None
    was_avoid_starts_at: dt.datetime | None
    was_avoid_ends_at: dt.datetime | None
    affected: tuple[AffectedState, ...]
    revisions: tuple[RevisionState, ...]  # what was replaced, the oldest first
    translations: tuple[Words, ...] = ()
    # In a further language: the text that was translated, else the language in which `body` stands untranslated.
    original_body: str = ""
    lang: str = ""
    is_outdated: bool = False

    @property
    def status_label(self) -> str:
        return str(IncidentStatus(self.status).label)

    @property
    def anchor(self) -> str:
        return f"update-{self.code}"

    @property
    def corrected_at(self) -> dt.datetime | None:
        """When it was last said that something in it had been wrong."""
        return max((one.at for one in self.revisions if one.kind == EditKind.CORRECTION), default=None)

    @property
    def posted_later_at(self) -> dt.datetime | None:
        """When it was published, if that was clearly later than the moment it tells of."""
        return self.published_at if self.published_at - self.display_at > POSTED_LATE else None

    @cached_property
    def earlier_texts(self) -> tuple[EarlierText, ...]:
        """What it said before, the newest first. Of what was removed nothing is left to show."""
        texts = []
        after = self.original_body or self.body
        for one in reversed(self.revisions):
            texts.append(EarlierText(one.kind, one.at, one.why, one.body, pieces(one.body, after)))
            after = one.body
        return tuple(texts)


@dataclass(frozen=True)
class EffectState:
    function: str
    level: str
    note: str
    function_lang: str = ""
    note_lang: str = ""

    @property
    def level_label(self) -> str:
        return str(EffectLevel(self.level).label)


@dataclass(frozen=True)
class TurnoutState:
    """What the all-clear says of one effect: the level that was announced of it, and what became of that."""

    function: str
    announced: str
    turned_out: str
    note: str
    function_lang: str = ""
    note_lang: str = ""

    @property
    def announced_label(self) -> str:
        return str(EffectLevel(self.announced).label)

    @property
    def turned_out_label(self) -> str:
        return str(Turnout(self.turned_out).label)


@dataclass(frozen=True)
class LinkState:
    """The other notice of a link. `is_ours` tells whether this one has the link, or the other one has it to this."""

    link_kind: str
    is_ours: bool
    code: str
    title: str
    kind: str
    at: dt.datetime
    translations: tuple[Words, ...] = ()
    title_lang: str = ""

    @property
    def label(self) -> str:
        """How it reads from this notice: "caused by", "led to"."""
        kind = LinkKind(self.link_kind)
        return str(kind.label if self.is_ours else LINK_KIND_REVERSED[kind])

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
    reminders: tuple[int, ...]  # minutes before the work
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
    data_outcome: str
    deviations: str
    deviations_html: str
    byline: str
    affected: tuple[AffectedState, ...]  # as things stand now: old_status equals new_status
    effects: tuple[EffectState, ...]
    turnouts: tuple[TurnoutState, ...]  # empty until an all-clear says something of the effects
    links: tuple[LinkState, ...]
    updates: tuple[UpdateState, ...]  # newest first, never empty
    edits: tuple[EditState, ...]  # those that changed what is shown, newest first
    current_impact: str  # what it weighs now; `impact` is the worst it has been
    translations: tuple[Words, ...] = ()
    # In a further language: the language of what is not translated, and whether a translation is of an earlier text.
    title_lang: str = ""
    texts_lang: str = ""
    is_outdated: bool = False

    @property
    def data_statement_label(self) -> str:
        return _label(self.data_statement)

    @property
    def data_outcome_label(self) -> str:
        return _label(self.data_outcome)

    @property
    def untranslated(self) -> str:
        """The language in which the notice stands as a whole, for want of any translation; "" where there is one."""
        is_so = self.texts_lang or not any(getattr(self, name) for name in NOTICE_TEXTS)
        bodies = {update.lang for update in self.updates if update.body}
        return self.title_lang if is_so and bodies <= {self.title_lang} else ""

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
    def component_codes(self) -> str:
        """The components that it names, for scripts."""
        return " ".join(line.component_code for line in self.affected)

    @property
    def concerns_everybody(self) -> bool:
        """Whether it names no component, or named none when it was first told: who heard of that hears the rest. As
        `subscriptions.matching` says it of mail."""
        first = min(self.updates, key=lambda update: (update.published_at, update.pk))
        return not self.affected or not first.affected

    @property
    def status_label(self) -> str:
        return str(IncidentStatus(self.status).label)

    @property
    def impact_shown(self) -> str:
        """What a reader is told it weighs: while it is open what it weighs now, afterwards the worst it came to."""
        return self.current_impact if self.is_open else self.impact

    @property
    def impact_label(self) -> str:
        return str(Impact(self.impact_shown).label)

    @property
    def path(self) -> str:
        return notice_path(self.code)

    @cached_property
    def all_clear(self) -> UpdateState | None:
        """The newest closing word, shown on top of a notice that is closed. A post-mortem stands apart from it."""
        if self.is_open:
            return None
        closing = (update for update in self.updates if update.status in CLOSED)
        return next((update for update in closing if update.status != IncidentStatus.POSTMORTEM), None)

    @cached_property
    def postmortem(self) -> UpdateState | None:
        return next((update for update in self.updates if update.status == IncidentStatus.POSTMORTEM), None)

    @cached_property
    def moves(self) -> dict[int, Move]:
        """Which of the updates moved it, by their ids, the newest first, and from when to when."""
        return moves_of(self, self.updates)

    @cached_property
    def course(self) -> Course | None:
        """The promise of a maintenance beside what became of it."""
        if not self.is_scheduled:
            return None
        return course_of(self, self.updates, [line.turned_out for line in self.turnouts])

    @property
    def work_shown(self) -> Span | None:
        """When the work is planned; of what is over, when it was planned when it began."""
        if not self.course:
            return None
        return planned_times(self).work if self.is_open else self.course.planned.work

    @property
    def is_over_time(self) -> bool:
        """Whether something was said of a maintenance that goes on after its planned end. No clock is asked: the
        first to say something then is our own."""
        return self.is_active_maintenance and self.updates[0].display_at >= self.work_ends_at

    @property
    def status_since(self) -> dt.datetime:
        """When the notice came to the status that it has."""
        since = self.updates[0].display_at
        for update in self.updates:
            if update.status != self.status:
                break
            since = update.display_at
        return since

    @property
    def work_moved_from(self) -> Span | None:
        """When the work was planned at first, while other times are announced."""
        first = self._planned_at_first
        return first.work if first and self.is_open and first.work != planned_times(self).work else None

    @property
    def avoid_moved_from(self) -> Span | None:
        first = self._planned_at_first
        return first.avoid if first and self.is_open and first.avoid != planned_times(self).avoid else None

    @property
    def _planned_at_first(self) -> PlannedTimes | None:
        return list(self.moves.values())[-1].was if self.moves else None

    @property
    def at(self) -> dt.datetime:
        """The moment under which a notice is filed: the start, planned or real; the end of what was over before it."""
        start = self.work_starts_at or self.started_at
        return min(start, self.resolved_at) if self.resolved_at else start


@dataclass(frozen=True)
class PastNotice:
    """A notice as one entry of a list."""

    code: str
    kind: str
    title: str
    status: str
    impact: str
    zone: ZoneInfo
    updated_at: dt.datetime
    started_at: dt.datetime
    resolved_at: dt.datetime | None
    work_starts_at: dt.datetime | None
    work_ends_at: dt.datetime | None
    latest_html: str
    translations: tuple[Words, ...] = ()  # of its title, and of the latest text
    title_lang: str = ""
    latest_lang: str = ""

    is_scheduled = NoticeState.is_scheduled
    is_open = NoticeState.is_open
    status_label = NoticeState.status_label
    impact_label = NoticeState.impact_label
    path = NoticeState.path
    at = NoticeState.at

    @property
    def has_postmortem(self) -> bool:
        return self.status == IncidentStatus.POSTMORTEM

    @property
    def impact_shown(self) -> str:
        return self.impact


@dataclass(frozen=True)
class RecentPostmortem:
    """A notice whose post-mortem was published in the last RECENT_DAYS, `at` that moment."""

    code: str
    title: str
    update_code: str
    zone: ZoneInfo
    at: dt.datetime
    translations: tuple[Words, ...] = ()
    title_lang: str = ""

    @property
    def path(self) -> str:
        return f"{notice_path(self.code)}#update-{self.update_code}"


@dataclass(frozen=True)
class RecentDay:
    """One of the last days: of the `count` closed notices filed under it the gravest RECENT_PER_DAY, newest first."""

    date: dt.date
    notices: tuple[PastNotice, ...]
    count: int


@dataclass(frozen=True)
class TraceState:
    """That a notice was about some components, and from when until when; `ends_at` is None while it lasts."""

    code: str
    title: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    translations: tuple[Words, ...] = ()
    title_lang: str = ""

    path = NoticeState.path


@dataclass(frozen=True)
class ComponentPast:
    """What only the files of one component tell of it."""

    notices: tuple[NoticeState, ...]  # the open ones about it and the newest of each kind, newest first
    changes: tuple[tuple[dt.datetime, str], ...]  # as `ComponentState.changes`, of the last twelve months
    traces: tuple[TraceState, ...]  # of the last twelve months, newest first


@dataclass(frozen=True)
class MaintenanceRecord:
    """How maintenance went that was closed on `since` or later, a day of the page's zone.

    Counted are those of which a person said how they went: `kept` stayed within the times announced when they began.
    `moved` are those of the counted ones that were moved before they began. The last two are not counted.
    """

    since: dt.date
    counted: int
    kept: int
    moved: int
    unanswered: int
    cancelled: int


# A year and a month of it, in the page's zone.
Month = tuple[int, int]


@dataclass(frozen=True)
class NoticeText:
    """What a notice is found by besides its title: the functions it names (code and name), and all that it says."""

    functions: tuple[tuple[str, str], ...]
    text: str


@dataclass(frozen=True)
class MonthState:
    """What is filed under one month, newest first, and the months before and after it that hold anything."""

    month: Month
    notices: tuple[PastNotice, ...]
    older: Month | None
    newer: Month | None
    texts: Mapping[str, NoticeText]  # by the notices' codes


@dataclass(frozen=True)
class Mirror:
    """A copy of the page elsewhere. `url` is what its links begin with, and may have a path below its host.

    `home_url` is where its readers find the page itself; empty when it has no home to send them to.
    """

    url: str
    home_url: str


@dataclass(frozen=True)
class SiteState:
    """What every file depends on: when any of it but `generated_at` changes, everything is rendered anew."""

    code: str
    name: str
    description: str
    language: str  # the one that this file is in
    original: str  # the one that staff write in; its files stand at the paths without a language
    languages: tuple[str, ...]  # the further ones
    # What components and groups are called in these: the name, the language, and what it is in that.
    names: tuple[tuple[str, str, str], ...]
    support_url: str
    brand: Brand
    url: str  # what every absolute link begins with: the page's own address, on a mirror the mirror's
    home_url: str  # the page's own address everywhere: of it are made the ids in feeds and calendars
    mirror: Mirror | None  # None at home
    zone: ZoneInfo
    generated_at: dt.datetime

    @property
    def prefix(self) -> str:
        """What the paths of all files in this language begin with: "/nl"; nothing in the original."""
        return "" if self.language == self.original else f"/{self.language}"

    @property
    def foreign(self) -> str:
        """The language of what stands here as staff wrote it, where that is another one than the file's."""
        return "" if self.language == self.original else self.original

    def placed(self, path: str) -> str:
        """Where lies in this language what lies at `path` in the original."""
        return f"{self.prefix}{path}".rstrip("/") if self.prefix else path

    def address(self, path: str) -> str:
        """The absolute address of `path` in this language."""
        return self.url + path_in(self.prefix, path)

    @property
    def base_path(self) -> str:
        """What the path of every link begins with: empty but for a mirror below the root of its host."""
        return urlsplit(self.url).path

    @property
    def subscribe_url(self) -> str:
        """Where readers subscribe, which is at home; empty when there is no home."""
        if self.mirror is None:
            return "/subscribe/"
        return f"{self.mirror.home_url}/subscribe/" if self.mirror.home_url else ""


@dataclass(frozen=True)
class PageState(SiteState):
    version: int
    updated_at: dt.datetime
    components: tuple[ComponentState, ...]
    archived: tuple[ComponentState, ...]  # off the page, but named by notices
    groups: tuple[GroupState, ...]
    # All that are open or announced and the newest closed ones, enough for each list that is limited to some number;
    # newest first by `at`.
    notices: tuple[NoticeState, ...]
    recent: tuple[RecentDay, ...]  # those of the last RECENT_DAYS under which anything closed is filed, newest first
    postmortems: tuple[RecentPostmortem, ...]  # newest first, at most RECENT_POSTMORTEMS
    traces: Mapping[str, tuple[TraceState, ...]]  # by component, of the last HISTORY_DAYS, newest first
    months: tuple[tuple[Month, int], ...]  # each month that holds notices, and how many; newest first
    record: MaintenanceRecord  # of the last year
    brand_files: tuple[AssetFile, ...]

    @cached_property
    def site(self) -> SiteState:
        """What a file of one notice, month or component may know of the page."""
        return SiteState(**{field.name: getattr(self, field.name) for field in fields(SiteState)})

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


def component_path(code: str) -> str:
    return f"/components/{code}"


def path_in(prefix: str, path: str) -> str:
    """`path` below a language's prefix, if what stands there is made in each language."""
    if not prefix or not _IN_EACH_LANGUAGE.fullmatch(path):
        return path
    return prefix + ("" if path == "/" else path[1:] if path.startswith(("/#", "/?")) else path)


def _label(statement: str) -> str:
    return str(DataStatement(statement).label) if statement else ""
