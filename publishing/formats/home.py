"""The home page: the answer first, then what is going on, what is planned, each component, and the last days."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus, Impact
from incidents.times import day_words, duration_words, starts_at
from publishing.artefact import Artefact
from publishing.days import Day, component_days
from publishing.formats.document import document
from publishing.formats.history import day_path
from publishing.formats.next_word import NextWord, next_word, soonest
from publishing.formats.notice import Level, by_level, by_status
from publishing.formats.past import past_entry
from publishing.formats.time_axis import TimeAxis, time_axis
from publishing.state import (
    HISTORY_DAYS,
    RECENT_DAYS,
    AffectedState,
    ComponentState,
    NoticeState,
    PageState,
    PastNotice,
    TraceState,
)

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
    """One of the last days, or several of which there is nothing to tell."""

    first: dt.date
    last: dt.date
    whole: list[SafeString]
    brief: tuple[PastNotice, ...]
    more: int
    path: str  # where all of the day stand


@dataclass(frozen=True)
class Bar:
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class ComponentRow:
    component: ComponentState
    quiet_path: str  # the bars of all days without trouble, as one drawing
    unknown_path: str  # a thin line for the days before it was in use
    troubled: tuple[TroubledDay, ...]  # the newest DAYS_TOLD of them, newest first
    older_paths: tuple[tuple[str, str], ...]  # the bars of the others, by status
    older_days: int
    known_days: int

    @property
    def troubled_days(self) -> int:
        return len(self.troubled) + self.older_days


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
        groups=[(group, _rows(group.components, state)) for group in state.groups],
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


def _drawn(component: ComponentState, state: PageState) -> SafeString:
    """Its row as HTML. That of a component without trouble today stays the same all day, and is drawn once."""
    now = state.generated_at
    if component.status == ComponentStatus.OPERATIONAL:
        tomorrow = now.astimezone(state.zone).date() + dt.timedelta(days=1)
        now = starts_at(tomorrow, state.zone) - dt.timedelta.resolution
    return _drawing(component, state.traces.get(component.code, ()), now, state.zone, get_language())


@lru_cache(maxsize=4096)
def _drawing(
    component: ComponentState,
    traces: tuple[TraceState, ...],
    now: dt.datetime,
    zone: ZoneInfo,
    _language: str | None,
) -> SafeString:
    row = component_row(component, traces, now, zone)
    context = {"row": row, "bars_width": HISTORY_DAYS * DAY_WIDTH, "bars_height": BAR_HEIGHT}
    return render_to_string("public/parts/component.html", context)


def component_row(
    component: ComponentState, traces: tuple[TraceState, ...], now: dt.datetime, zone: ZoneInfo
) -> ComponentRow:
    days = component_days(component, zone=zone, now=now)
    dated = [(trace, _date(trace.starts_at, zone), _date(trace.ends_at or now, zone)) for trace in traces]
    quiet, unknown, troubled = [], [], []
    for place, day in enumerate(days):
        if not day.is_known:
            unknown.append(_rectangle(place, 2))
        elif day.trouble:
            troubled.append((place, day))
        else:
            quiet.append(_rectangle(place, HEIGHTS[ComponentStatus.OPERATIONAL]))
    older: dict[str, str] = {}
    for place, day in troubled[:-DAYS_TOLD]:
        older[day.status] = older.get(day.status, "") + _rectangle(place, HEIGHTS[ComponentStatus(day.status)])
    told = [
        _troubled_day(place, day, [trace for trace, first, last in dated if first <= day.date <= last])
        for place, day in reversed(troubled[-DAYS_TOLD:])
    ]
    return ComponentRow(
        component,
        quiet_path="".join(quiet),
        unknown_path="".join(unknown),
        troubled=tuple(told),
        older_paths=tuple(older.items()),
        older_days=len(troubled) - len(told),
        known_days=sum(day.is_known for day in days),
    )


def _rectangle(place: int, height: int) -> str:
    width = DAY_WIDTH - DAY_GAP
    return f"M{place * DAY_WIDTH} {BAR_HEIGHT - height}h{width}v{height}h-{width}z"


def _troubled_day(place: int, day: Day, traces: list[TraceState]) -> TroubledDay:
    height = HEIGHTS[ComponentStatus(day.status)]
    parts = [
        _("%(status)s for %(duration)s")
        % {"status": ComponentStatus(status).label, "duration": duration_words(duration)}
        for status, duration in day.trouble
    ]
    return TroubledDay(
        date=day.date,
        status=day.status,
        words=_(", ").join(parts),
        notices=tuple(traces[:NOTICES_TOLD]),
        more=max(0, len(traces) - NOTICES_TOLD),
        bar=Bar(place * DAY_WIDTH, BAR_HEIGHT - height, height),
    )


def _date(instant: dt.datetime, zone: ZoneInfo) -> dt.date:
    return instant.astimezone(zone).date()


def recent(state: PageState) -> list[RecentDays]:
    """The last days, newest first, each with the notices closed since; days without any are drawn together.

    The notices of the first few days are told whole, RECENT_WHOLE at the most, all others by their titles.
    """
    today = _date(state.generated_at, state.zone)
    eventful = {day.date: day for day in state.recent}
    days: list[RecentDays] = []
    left = RECENT_WHOLE
    for back in range(RECENT_DAYS):
        date = today - dt.timedelta(days=back)
        day = eventful.get(date)
        if day:
            fits = len(day.notices) <= left
            left = left - len(day.notices) if fits else 0
            whole, brief = (day.notices, ()) if fits else ((), day.notices)
            entries = [past_entry(notice, "h4") for notice in whole]
            days.append(RecentDays(date, date, entries, brief, day.count - len(day.notices), day_path(date)))
        elif days and not days[-1].path:
            days[-1] = replace(days[-1], first=date)
        else:
            days.append(RecentDays(date, date, [], (), 0, ""))
    return days
