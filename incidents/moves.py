"""What a maintenance that was moved had been planned for, beside what it is planned for now.

An update that moved it holds the times that it replaced. What it replaced them by stands in the next one that moved it
again, and after the last one on the notice itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

# A start and an end.
Span = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True)
class PlannedTimes:
    work: Span
    avoid: Span | None


@dataclass(frozen=True)
class MoveRow:
    """One line of what readers see of a move; `span` is None where there is no time to avoid."""

    label: str
    span: Span | None
    is_past: bool


@dataclass(frozen=True)
class Move:
    was: PlannedTimes
    now: PlannedTimes

    def rows(self) -> list[MoveRow]:
        """The old and the new times of each window that moved."""
        rows = []
        if self.was.work != self.now.work:
            rows += [MoveRow(_("Was"), self.was.work, True), MoveRow(_("Now"), self.now.work, False)]
        if self.was.avoid != self.now.avoid:
            rows.append(MoveRow(_("Avoid, was"), self.was.avoid, True))
            rows.append(MoveRow(_("Avoid, now"), self.now.avoid, False))
        return rows


def planned_times(plan: Any) -> PlannedTimes:
    """The planned times of a maintenance, or of a window that it may be given."""
    return PlannedTimes((plan.work_starts_at, plan.work_ends_at), _span(plan.avoid_starts_at, plan.avoid_ends_at))


def replaced_times(update: Any) -> PlannedTimes | None:
    """The planned times that `update` replaced; None when it moved nothing."""
    work = _span(update.was_work_starts_at, update.was_work_ends_at)
    return work and PlannedTimes(work, _span(update.was_avoid_starts_at, update.was_avoid_ends_at))


def moves_of(notice: Any, updates: Iterable[Any]) -> dict[int, Move]:
    """What each of `updates`, the newest first, moved; by their ids. Those that moved nothing are left out."""
    moves = {}
    now = planned_times(notice)
    for update in updates:
        if was := replaced_times(update):
            moves[update.pk] = Move(was, now)
            now = was
    return moves


def _span(start: dt.datetime | None, end: dt.datetime | None) -> Span | None:
    return (start, end) if start and end else None
