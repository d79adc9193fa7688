"""One function: how it is, how much of the time it was there, and its last twelve months day by day."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from django.template.loader import render_to_string
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus
from incidents.rollup import worst_status
from incidents.times import duration_words
from publishing.artefact import Artefact
from publishing.days import Day, component_days, counted_until, drawn_until, in_use_since, year_begins
from publishing.formats.document import document
from publishing.state import HISTORY_DAYS, ComponentPast, ComponentState, Month, SiteState, TraceState
from publishing.uptime import uptime_of

NOTICES_TOLD = 3  # of each day
TROUBLE = tuple(status for status in reversed(ComponentStatus) if status != ComponentStatus.OPERATIONAL)


@dataclass(frozen=True)
class Span:
    """What some days up to today add up to. `since` is the day from which it is known, where that came later."""

    label: str
    uptime: str
    since: dt.date | None
    trouble: tuple[tuple[str, str, str], ...]  # each status, its word, and how long


@dataclass(frozen=True)
class Cell:
    """One day of the calendar; without a status while it is to come, and before the function was in use.

    `words` tell its trouble, of which the list below the calendar tells more.
    """

    date: dt.date
    status: str
    words: str


@dataclass(frozen=True)
class ToldDay:
    date: dt.date
    status: str
    words: str
    notices: tuple[TraceState, ...]  # the newest NOTICES_TOLD that were about it
    more: int


@dataclass(frozen=True)
class MonthRow:
    first: dt.date
    status: str  # the worst of it; empty where nothing is known
    word: str
    uptime: str
    lasted: tuple[tuple[str, str], ...]  # of each of TROUBLE its word, and how long; empty where there was none


def component(site: SiteState, component: ComponentState, past: ComponentPast) -> Iterable[Artefact]:
    """/components/<code>"""
    until = counted_until(component, site)
    today = until.astimezone(site.zone).date()
    counted, drawn = (_year(component, past, site, moment) for moment in (until, drawn_until(component, site)))
    rows = [_row(_first(month), of_month) for month, of_month in _by_month(counted)]
    cells = [tuple(map(_cell, of_month)) for _month, of_month in _by_month([*drawn, *_to_come(today)])]
    yield document(
        component.path,
        "public/component.html",
        site,
        component=component,
        since=_since(component, past),
        in_use_since=in_use_since(component, site.zone).astimezone(site.zone).date(),
        until=None if component.status == ComponentStatus.OPERATIONAL else until,
        going_on=[notice for notice in past.notices if notice.is_open and not notice.is_upcoming],
        upcoming=[notice for notice in reversed(past.notices) if notice.is_upcoming],
        spans=[
            _span(_("30 days"), counted[-30:]),
            _span(_("90 days"), counted[-HISTORY_DAYS:]),
            _span(_("12 months"), counted),
        ],
        legend=[(status, status.label) for status in reversed(ComponentStatus)],
        # Oldest first they are added up, newest first they are read.
        months=[
            _month(row.first, row.uptime, of_month, today if row.first.month == today.month else None, get_language())
            for row, of_month in reversed([*zip(rows, cells, strict=True)])
        ],
        told=list(_told(drawn, past.traces, site, until)),
        headings=[status.label for status in TROUBLE],
        rows=rows[::-1],
    )


def trouble_words(day: Day) -> str:
    """For how long which trouble lasted, the worst first."""
    parts = [
        _("%(status)s for %(duration)s")
        % {"status": ComponentStatus(status).label, "duration": duration_words(duration)}
        for status, duration in day.trouble
    ]
    return _(", ").join(parts)


def _year(component: ComponentState, past: ComponentPast, site: SiteState, until: dt.datetime) -> tuple[Day, ...]:
    """Its days of the last twelve months, up to `until`."""
    today = until.astimezone(site.zone).date()
    count = (today - year_begins(today)).days + 1
    return component_days(replace(component, changes=past.changes), zone=site.zone, now=until, count=count)


def _to_come(today: dt.date) -> list[Day]:
    last = monthrange(today.year, today.month)[1]
    return [Day(today.replace(day=number), ()) for number in range(today.day + 1, last + 1)]


def _by_month(days: Iterable[Day]) -> Iterator[tuple[Month, tuple[Day, ...]]]:
    for month, of_month in groupby(days, key=lambda day: (day.date.year, day.date.month)):
        yield month, tuple(of_month)


def _first(month: Month) -> dt.date:
    return dt.date(*month, 1)


def _since(component: ComponentState, past: ComponentPast) -> dt.datetime | None:
    """When it came to the status that it has; None as far as it always had that."""
    since = None
    for at, status in reversed(past.changes):
        if status != component.status:
            break
        since = at
    return since


def _span(label: str, days: Sequence[Day]) -> Span:
    uptime = uptime_of(days)
    known = next((day.date for day in days if day.is_known), None)
    return Span(
        label,
        uptime.words,
        since=known if known != days[0].date else None,
        trouble=tuple((s, s.label, duration_words(uptime.of(s))) for s in TROUBLE if uptime.of(s)),
    )


def _row(first: dt.date, days: Sequence[Day]) -> MonthRow:
    uptime = uptime_of(days)
    worst = worst_status(day.status for day in days)
    return MonthRow(
        first,
        status=worst if uptime.words else "",
        word=worst.label,
        uptime=uptime.words,
        lasted=tuple((s.label, duration_words(uptime.of(s)) if uptime.of(s) else "") for s in TROUBLE),
    )


def _cell(day: Day) -> Cell:
    return Cell(day.date, str(day.status) if day.is_known else "", trouble_words(day))


@lru_cache(maxsize=4096)
def _month(
    first: dt.date, uptime: str, cells: tuple[Cell, ...], today: dt.date | None, _language: str | None
) -> SafeString:
    """A month as a sheet of a calendar. Those without trouble look alike for all functions, and are drawn once."""
    context = {
        "first": first,
        "starts": first.isoweekday(),  # weeks begin on Monday
        "uptime": uptime,
        "cells": cells,
        "today": today,
        "weekdays": [WEEKDAYS_ABBR[number] for number in range(7)],
    }
    return render_to_string("public/parts/month_sheet.html", context)


def _told(days: Sequence[Day], traces: Iterable[TraceState], site: SiteState, until: dt.datetime) -> Iterator[ToldDay]:
    """The days of trouble, newest first, with the notices that were about the function on each."""
    about = defaultdict(list)
    for trace in traces:
        first = max(trace.starts_at.astimezone(site.zone).date(), days[0].date)
        last = (trace.ends_at or until).astimezone(site.zone).date()
        for back in range((last - first).days + 1):
            about[first + dt.timedelta(days=back)].append(trace)
    for day in reversed(days):
        if day.trouble:
            notices = about[day.date]
            more = max(0, len(notices) - NOTICES_TOLD)
            yield ToldDay(day.date, day.status, trouble_words(day), tuple(notices[:NOTICES_TOLD]), more)
