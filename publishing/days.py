"""What a component was like, day by day in the page's zone."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from incidents.choices import ComponentStatus
from incidents.rollup import BADNESS, worst_status
from incidents.times import starts_at
from publishing.state import HISTORY_DAYS, ComponentState, SiteState

Span = tuple[dt.datetime, dt.datetime, str]


@dataclass(frozen=True)
class Day:
    """One day of one component: for how long it showed which status, the worst first; nothing before it was in use."""

    date: dt.date
    spans: tuple[tuple[str, dt.timedelta], ...]

    @property
    def is_known(self) -> bool:
        return bool(self.spans)

    @property
    def status(self) -> str:
        return worst_status(status for status, _duration in self.spans)

    @property
    def trouble(self) -> tuple[tuple[str, dt.timedelta], ...]:
        return tuple(span for span in self.spans if span[0] != ComponentStatus.OPERATIONAL)


def component_days(
    component: ComponentState, *, zone: ZoneInfo, now: dt.datetime, count: int = HISTORY_DAYS
) -> tuple[Day, ...]:
    """The last `count` days up to today, oldest first. A day runs from midnight to midnight: 23, 24 or 25 hours."""
    days = last_days(now.astimezone(zone).date(), zone, count)
    begun = in_use_since(component, zone)
    spans = list(_spans(component, begun=max(begun, days[0][1]), now=now))
    return tuple(_of_days(days, spans))


def counted_until(component: ComponentState, site: SiteState) -> dt.datetime:
    """The moment up to which the time of a component is counted: now, read from a coarse clock.

    Of a component that works that is the beginning of today, of one that does not the last full hour; of either its
    last change, if that came later. So what tells of it is made again when one of these comes, and not with each
    change elsewhere. The day of this moment is always today.
    """
    _today, turned, _ends = _day_of(site)
    if component.status != ComponentStatus.OPERATIONAL:
        turned = max(turned, full_hour(site.generated_at))
    return max(turned, component.changes[-1][0]) if component.changes else turned


def drawn_until(component: ComponentState, site: SiteState) -> dt.datetime:
    """The moment up to which its days are drawn: a quiet day whole, trouble from the moment at which it begins."""
    if component.status != ComponentStatus.OPERATIONAL:
        return counted_until(component, site) + dt.timedelta.resolution
    _today, _begins, ends = _day_of(site)
    return ends - dt.timedelta.resolution


def _day_of(site: SiteState) -> tuple[dt.date, dt.datetime, dt.datetime]:
    """Today, with the instants between which it lasts."""
    (day,) = last_days(site.generated_at.astimezone(site.zone).date(), site.zone, 1)
    return day


def full_hour(now: dt.datetime) -> dt.datetime:
    return now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def year_begins(today: dt.date) -> dt.date:
    """The first of the last twelve months, this one among them."""
    return dt.date(today.year - 1, today.month + 1, 1) if today.month < 12 else dt.date(today.year, 1, 1)


@lru_cache(maxsize=8)
def last_days(today: dt.date, zone: ZoneInfo, count: int) -> tuple[tuple[dt.date, dt.datetime, dt.datetime], ...]:
    """The last days with the instants between which they last, oldest first: the same for every component."""
    dates = [today - dt.timedelta(days=back) for back in reversed(range(-1, count))]
    starts = [starts_at(date, zone) for date in dates]
    return tuple(zip(dates, starts, starts[1:], strict=False))


def in_use_since(component: ComponentState, zone: ZoneInfo) -> dt.datetime:
    """When the component's history begins: its start date, else its first trace."""
    if component.start_date:
        return starts_at(component.start_date, zone)
    return min(filter(None, [component.created_at, component.first_change_at]))


def _spans(component: ComponentState, *, begun: dt.datetime, now: dt.datetime) -> Iterator[Span]:
    since, status = begun, str(ComponentStatus.OPERATIONAL)
    for at, next_status in component.changes:
        if at > since:
            yield since, min(at, now), status
        since, status = max(since, at), next_status
    if now > since:
        yield since, now, status


def _of_days(days: Sequence[tuple[dt.date, dt.datetime, dt.datetime]], spans: list[Span]) -> Iterator[Day]:
    """Days and spans are both in order of time, so each is passed once."""
    place = 0
    for date, first, last in days:
        lasted: dict[str, dt.timedelta] = {}
        while place < len(spans) and spans[place][1] <= first:
            place += 1
        for start, end, status in itertools.islice(spans, place, None):
            if start >= last:
                break
            lasted[status] = lasted.get(status, dt.timedelta()) + min(end, last) - max(start, first)
        yield Day(date, tuple(sorted(lasted.items(), key=lambda span: -BADNESS[span[0]])))
