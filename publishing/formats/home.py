"""The home page: the answer first, then what is going on, what is planned, each component, and the last days."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy

from incidents.choices import ComponentStatus, Impact
from incidents.rollup import BADNESS, worst_status
from incidents.times import day_words
from publishing.artefact import Artefact
from publishing.days import Day, component_days, counted_until, drawn_until
from publishing.formats.component import trouble_words
from publishing.formats.document import document
from publishing.formats.history import day_path
from publishing.formats.next_word import NextWord, next_word, soonest
from publishing.formats.notice import Level, by_level, by_status
from publishing.formats.past import past_entry
from publishing.formats.time_axis import TimeAxis, time_axis
from publishing.state import (
    HISTORY_DAYS,
    RECENT_DAYS,
    RECENT_PER_DAY,
    AffectedState,
    ComponentState,
    GroupState,
    NoticeState,
    PageState,
    PastNotice,
    TraceState,
)
from publishing.uptime import Uptime, together, uptime_of

HEADLINES = {
    Impact.NONE: gettext_lazy("Everything works."),
    Impact.MAINTENANCE: gettext_lazy("We are doing maintenance."),
    Impact.MINOR: gettext_lazy("We have a minor problem."),
    Impact.MAJOR: gettext_lazy("We have a serious problem."),
    Impact.CRITICAL: gettext_lazy("We have a major outage."),
}

# How tall a day's bar stands, of BAR_HEIGHT: the eye finds trouble without its colour.
BAR_HEIGHT = 24
HEIGHTS = {
    ComponentStatus.OPERATIONAL: 9,
    ComponentStatus.UNDER_MAINTENANCE: 13,
    ComponentStatus.DEGRADED_PERFORMANCE: 16,
    ComponentStatus.PARTIAL_OUTAGE: 20,
    ComponentStatus.MAJOR_OUTAGE: BAR_HEIGHT,
}
DAY_WIDTH, DAY_GAP = 4, 1
BARS = {"bars_width": HISTORY_DAYS * DAY_WIDTH, "bars_height": BAR_HEIGHT}

# A page of more functions than these folds the groups in which all is well.
FUNCTIONS_UNFOLDED = 10

# However much happens, the page stays one that a reader on the way can load and read.
RECENT_WHOLE = 10
DAYS_TOLD, NOTICES_TOLD = 14, 3  # of each component


@dataclass(frozen=True)
class OpenNotice:
    notice: NoticeState
    next_word: NextWord | None
    is_over_time: bool
    effects: list[Level]
    axis: TimeAxis | None

    @property
    def day(self) -> str:
        """That on which it is filed; of a maintenance the one on which the work begins."""
        return day_words(self.notice.at.astimezone(self.notice.zone))


@dataclass(frozen=True)
class TroubledDay:
    date: dt.date
    status: str
    words: str
    notices: tuple[TraceState, ...]  # the newest NOTICES_TOLD that were about it
    more: int
    bar: Bar


@dataclass(frozen=True)
class RecentDays:
    """One of the last days, or several on which nothing happened but what went on."""

    first: dt.date
    last: dt.date
    whole: list[SafeString]
    brief: tuple[PastNotice | NoticeState, ...]
    more: int
    path: str  # where all of the day stand


@dataclass(frozen=True)
class Run:
    """The bars of all days of one status, as one line that the style sheet draws in dashes."""

    status: str  # empty: before it was in use
    path: str
    height: int


@dataclass(frozen=True)
class Bar:
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class ComponentRow:
    component: ComponentState
    uptime: str
    runs: tuple[Run, ...]  # all days but the troubled ones that are told
    troubled: tuple[TroubledDay, ...]  # the newest DAYS_TOLD of them, newest first
    older_days: int
    known_days: int

    @property
    def troubled_days(self) -> int:
        return len(self.troubled) + self.older_days


@dataclass(frozen=True)
class GroupRow:
    """A group and the functions beneath it; its bars are the worst of each day."""

    group: GroupState
    is_open: bool
    summary: SafeString
    rows: list[SafeString]


def page(state: PageState) -> list[Artefact]:
    going_on = [_open_notice(notice, state) for notice in state.open_notices]
    planned_end = _planned_end(state)
    home = document(
        "/",
        "public/home.html",
        state,
        icon_file=f"icon-{state.indicator}.svg",
        headline=HEADLINES[state.indicator],
        is_well=state.indicator == Impact.NONE,
        affected=by_status(_shown(c) for c in state.components if c.status != ComponentStatus.OPERATIONAL),
        going_on=going_on,
        upcoming=[_open_notice(notice, state) for notice in state.upcoming],
        planned_end=planned_end,
        is_over_time=planned_end is not None and _is_over_time(planned_end, state),
        next_word=soonest([one.next_word for one in going_on]),
        groups=_groups(state),
        ungrouped=_rows(state.ungrouped, state),
        recent=recent(state),
        record=state.record,
        hidden=json.dumps([[c.code, c.name, c.group_name] for c in state.components if not c.is_visible]),
    )
    return [home]


def _open_notice(notice: NoticeState, state: PageState) -> OpenNotice:
    return OpenNotice(
        notice,
        next_word(notice, state.generated_at),
        _is_over_time(notice, state),
        by_level(notice.effects),
        time_axis(notice),
    )


def _is_over_time(notice: NoticeState, state: PageState) -> bool:
    return bool(notice.work_ends_at and notice.work_ends_at <= state.generated_at)


def _shown(component: ComponentState) -> AffectedState:
    return AffectedState(component.code, component.name, component.group_name, component.status, component.status)


def _planned_end(state: PageState) -> NoticeState | None:
    """The notice whose planned end is the end of all that goes on; None when that is known of nothing."""
    if not state.open_notices or not all(notice.work_ends_at for notice in state.open_notices):
        return None
    return max(state.open_notices, key=lambda notice: notice.work_ends_at)


def _rows(components: tuple[ComponentState, ...], state: PageState) -> list[SafeString]:
    return [_drawn(component, state) for component in components if component.is_visible]


def _groups(state: PageState) -> list[GroupRow]:
    """Where there are many functions, those of a group in which all is well are folded away."""
    folds = sum(component.is_visible for component in state.components) > FUNCTIONS_UNFOLDED
    return [
        GroupRow(
            group,
            not folds or worst_status(one.status for one in shown) != ComponentStatus.OPERATIONAL,
            _group_drawing(group.name, tuple(_spell(one, state) for one in shown), state.zone, get_language()),
            _rows(shown, state),
        )
        for group in state.groups
        if (shown := tuple(component for component in group.components if component.is_visible))
    ]


def _spell(component: ComponentState, state: PageState) -> tuple[ComponentState, dt.datetime, dt.datetime]:
    """A component, until when its days are drawn, and until when its time is counted."""
    return component, drawn_until(component, state), counted_until(component, state)


@lru_cache(maxsize=1024)
def _group_drawing(
    name: str,
    spells: tuple[tuple[ComponentState, dt.datetime, dt.datetime], ...],
    zone: ZoneInfo,
    _language: str | None,
) -> SafeString:
    """What stands for a group when it is folded. Of one in which all is well it stays the same all day."""
    past = [_past(*spell, zone) for spell in spells]
    worst = worst_status(component.status for component, _drawn, _counted in spells)
    context = {
        "name": name,
        "status": worst,
        "word": worst.label,
        "uptime": together(uptime for _days, uptime in past).words,
        "runs": _runs(max(of_day, key=_rank) for of_day in zip(*(days for days, _uptime in past), strict=True)),
        "count": len(spells),
        "known_days": max(sum(map(bool, days)) for days, _uptime in past),
        **BARS,
    }
    return render_to_string("public/parts/group.html", context)


@lru_cache(maxsize=4096)
def _past(
    component: ComponentState, drawn: dt.datetime, counted: dt.datetime, zone: ZoneInfo
) -> tuple[tuple[str, ...], Uptime]:
    """The worst of each of its days, empty where nothing is known; and what they add up to."""
    days = component_days(component, zone=zone, now=drawn)
    statuses = tuple(str(day.status) if day.is_known else "" for day in days)
    return statuses, uptime_of(component_days(component, zone=zone, now=counted))


def _rank(status: str) -> int:
    return BADNESS[status] if status else -1


def _drawn(component: ComponentState, state: PageState) -> SafeString:
    """Its row as HTML. That of a component without trouble today stays the same all day, and is drawn once."""
    component, drawn, counted = _spell(component, state)
    now = drawn if component.status == ComponentStatus.OPERATIONAL else state.generated_at
    traces = state.traces.get(component.code, ())
    return _drawing(component, traces, now, drawn, counted, state.zone, get_language())


@lru_cache(maxsize=4096)
def _drawing(
    component: ComponentState,
    traces: tuple[TraceState, ...],
    now: dt.datetime,
    drawn: dt.datetime,
    counted: dt.datetime,
    zone: ZoneInfo,
    _language: str | None,
) -> SafeString:
    _statuses, uptime = _past(component, drawn, counted, zone)
    row = component_row(component, traces, now, uptime.words, zone)
    return render_to_string("public/parts/component.html", {"row": row, **BARS})


def component_row(
    component: ComponentState, traces: tuple[TraceState, ...], now: dt.datetime, uptime: str, zone: ZoneInfo
) -> ComponentRow:
    days = component_days(component, zone=zone, now=now)
    dated = [(trace, _date(trace.starts_at, zone), _date(trace.ends_at or now, zone)) for trace in traces]
    troubled = [(place, day) for place, day in enumerate(days) if day.trouble]
    told_places = {place for place, _day in troubled[-DAYS_TOLD:]}
    statuses = [str(day.status) if day.is_known else "" for day in days]
    told = [
        _troubled_day(place, day, [trace for trace, first, last in dated if first <= day.date <= last])
        for place, day in reversed(troubled[-DAYS_TOLD:])
    ]
    return ComponentRow(
        component,
        uptime=uptime,
        runs=_runs(None if place in told_places else status for place, status in enumerate(statuses)),
        troubled=tuple(told),
        older_days=len(troubled) - len(told),
        known_days=sum(day.is_known for day in days),
    )


def _runs(statuses: Iterable[str | None]) -> tuple[Run, ...]:
    """The bars of some days, of all in their order; None leaves one out."""
    paths: dict[str, str] = {}
    place = 0
    for status, days in groupby(statuses):
        count = len(list(days))
        if status is not None:
            line = f"M{place * DAY_WIDTH} {BAR_HEIGHT - _height(status) / 2:g}h{count * DAY_WIDTH - DAY_GAP}"
            paths[status] = paths.get(status, "") + line
        place += count
    return tuple(Run(status, path, _height(status)) for status, path in paths.items())


def _height(status: str) -> int:
    return HEIGHTS[ComponentStatus(status)] if status else 2


def _troubled_day(place: int, day: Day, traces: list[TraceState]) -> TroubledDay:
    height = HEIGHTS[ComponentStatus(day.status)]
    return TroubledDay(
        date=day.date,
        status=day.status,
        words=trouble_words(day),
        notices=tuple(traces[:NOTICES_TOLD]),
        more=max(0, len(traces) - NOTICES_TOLD),
        bar=Bar(place * DAY_WIDTH, BAR_HEIGHT - height, height),
    )


def _date(instant: dt.datetime, zone: ZoneInfo) -> dt.date:
    return instant.astimezone(zone).date()


def recent(state: PageState) -> list[RecentDays]:
    """The last days, newest first, each with the notices closed since and those that went on then and still do.

    Days in a row on which nothing else happened are drawn together. The notices of the first few days are told whole,
    RECENT_WHOLE at the most, all others by their titles.
    """
    today = _date(state.generated_at, state.zone)
    eventful = {day.date: day for day in state.recent}
    days: list[RecentDays] = []
    left = RECENT_WHOLE
    for back in range(RECENT_DAYS):
        date = today - dt.timedelta(days=back)
        went_on = tuple(one for one in state.open_notices if _date(one.at, state.zone) <= date)[:RECENT_PER_DAY]
        day = eventful.get(date)
        if day:
            fits = len(day.notices) <= left
            left = left - len(day.notices) if fits else 0
            whole, brief = (day.notices, ()) if fits else ((), day.notices)
            entries = [past_entry(notice, "h4") for notice in whole]
            more = day.count - len(day.notices)
            days.append(RecentDays(date, date, entries, went_on + brief, more, day_path(date)))
        elif days and not days[-1].path and days[-1].brief == went_on:
            days[-1] = replace(days[-1], first=date)
        else:
            days.append(RecentDays(date, date, [], went_on, 0, ""))
    return days
