"""When the clock alone makes a page out of date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from incidents.choices import ComponentStatus
from publishing.days import full_hour
from publishing.state import NoticeState, PageState


def next_boundary(state: PageState) -> dt.datetime:
    """The first moment after `state` was read at which the page must read otherwise though nobody did anything."""
    now = state.generated_at
    moments = [moment for notice in state.notices if notice.is_open for moment in _moments(notice) if moment > now]
    if any(component.status != ComponentStatus.OPERATIONAL for component in state.components):
        moments.append(full_hour(now) + dt.timedelta(hours=1))  # trouble that goes on costs a function its percentage
    return min([next_midnight(now, state.zone), *moments])


def next_midnight(now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """When the next calendar day begins in `zone`, also where the clocks skip or repeat midnight."""
    tomorrow = now.astimezone(zone).date() + dt.timedelta(days=1)
    wall = dt.datetime.combine(tomorrow, dt.time.min, tzinfo=zone)
    both = [wall.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1)]
    return min(moment for moment in both if moment > now and moment.astimezone(zone).date() >= tomorrow)


def _moments(notice: NoticeState) -> Iterator[dt.datetime]:
    windows = (notice.work_starts_at, notice.work_ends_at, notice.avoid_starts_at, notice.avoid_ends_at)
    yield from (moment for moment in windows if moment is not None)
    if notice.next_update_by is not None:
        yield notice.next_update_by
