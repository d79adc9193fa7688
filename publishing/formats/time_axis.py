"""The windows of a maintenance as bars on one time axis: places in percent, for a drawing of any width."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from incidents.moves import planned_times
from publishing.state import NoticeState

MARGIN = 0.09  # of the whole span, on either side: the labels of the outermost marks need it
LABEL_WIDTH = 17.0  # percent; on a narrow phone, what a label such as "21:00" or "Sat 30" takes with some air
ROW_HEIGHT = 46


@dataclass(frozen=True)
class Bar:
    kind: str
    label: str
    x: str
    width: str
    label_y: int
    bar_y: int


@dataclass(frozen=True)
class Mark:
    x: str
    time: str
    day: str


@dataclass(frozen=True)
class TimeAxis:
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    height: int
    axis_y: int
    time_y: int
    day_y: int
    starts_at: dt.datetime
    ends_at: dt.datetime


def time_axis(notice: NoticeState) -> TimeAxis | None:
    """None for a notice without planned times."""
    if not notice.course:
        return None
    is_over = bool(notice.actual_started_at and notice.actual_ended_at)
    times = notice.course.planned if is_over else planned_times(notice)
    rows = [("work", _("Planned") if is_over else _("Work"), *times.work)]
    if times.avoid:
        rows.insert(0, ("avoid", _("Avoid"), *times.avoid))
    planned = rows.copy()
    if is_over:
        rows.append(("actual", _("As it went"), notice.actual_started_at, notice.actual_ended_at))
    first, last = min(row[2] for row in rows), max(row[3] for row in rows)
    margin = max((last - first) * MARGIN, dt.timedelta(minutes=1))
    first, last = first - margin, last + margin

    def place(instant: dt.datetime) -> float:
        return (instant - first) / (last - first) * 100

    bars = tuple(
        Bar(
            kind,
            _("%(what)s: %(start)s to %(end)s")
            % {"what": label, "start": _short(start, notice), "end": _short(end, notice)},
            f"{place(start):.2f}%",
            f"{max(place(end) - place(start), 0.5):.2f}%",
            label_y=row * ROW_HEIGHT + 14,
            bar_y=row * ROW_HEIGHT + 22,
        )
        for row, (kind, label, start, end) in enumerate(rows)
    )
    marks: dict[float, dt.datetime] = {}
    for _kind, _label, *ends in reversed(planned):  # the work's ends are marked even where others find no room
        for instant in ends:
            if all(abs(place(instant) - other) >= LABEL_WIDTH for other in marks):
                marks[place(instant)] = instant
    height = len(rows) * ROW_HEIGHT
    return TimeAxis(
        bars=bars,
        marks=tuple(
            Mark(
                f"{x:.2f}%",
                f"{instant.astimezone(notice.zone):%H:%M}",
                date_format(instant.astimezone(notice.zone), "D j", use_l10n=False),
            )
            for x, instant in sorted(marks.items())
        ),
        height=height + 46,
        axis_y=height + 4,
        time_y=height + 22,
        day_y=height + 38,
        starts_at=first,
        ends_at=last,
    )


def _short(instant: dt.datetime, notice: NoticeState) -> str:
    local = instant.astimezone(notice.zone)
    return f"{date_format(local, 'D', use_l10n=False)} {local:%H:%M}"
