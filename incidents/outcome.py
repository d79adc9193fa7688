"""How a maintenance went, beside what was announced of it. All of it follows from what is stored.

It is judged by the minute, which is how times are shown: what reads as kept was kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from incidents.choices import IncidentStatus, Outcome, Turnout
from incidents.moves import PlannedTimes, Span, planned_times, replaced_times

# From when on staff are told that the planned end is near: while there is time to write to customers before it passes.
END_IS_NEAR = dt.timedelta(minutes=30)
A_MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Course:
    """The promise of a maintenance, and what became of it.

    `planned` are the times announced when the work began: by them it is judged. `first` is when it had been planned at
    first, where it was moved before it began; `moved_end` the end announced last, where that was moved later.
    `outcome` is None until it is over, `has_kept` (whether it stayed within its window) also where nobody has said.
    """

    planned: PlannedTimes
    first: Span | None
    moved_end: dt.datetime | None
    outcome: Outcome | None
    has_kept: bool | None
    overrun: dt.timedelta  # in whole minutes

    @property
    def outcome_label(self) -> str:
        return str(self.outcome.label) if self.outcome else ""


def course_of(notice: Any, updates: Sequence[Any], turnouts: Sequence[str] = ()) -> Course:
    """`updates` are all public ones, the newest first; `turnouts` what became of the announced effects."""
    now = planned = first = planned_times(notice)
    for update in updates:
        if was := replaced_times(update):
            first = was
            if update.status != IncidentStatus.SCHEDULED:
                planned = was
    overrun = _overrun(notice.actual_ended_at, planned.work[1])
    has_kept = _has_kept(notice, planned.work, overrun) if _is_answered(notice, updates) else None
    return Course(
        planned=planned,
        first=first.work if first.work != planned.work else None,
        moved_end=now.work[1] if now.work != planned.work else None,
        outcome=_outcome(notice, overrun, has_kept, turnouts),
        has_kept=has_kept,
        overrun=overrun,
    )


def _outcome(notice: Any, overrun: dt.timedelta, has_kept: bool | None, turnouts: Sequence[str]) -> Outcome | None:
    if notice.status == IncidentStatus.CANCELLED:
        return Outcome.CANCELLED
    if notice.status != IncidentStatus.COMPLETED:
        return None
    if overrun:
        return Outcome.OVERRAN
    if Turnout.MORE in turnouts or has_kept is False:
        return Outcome.DEVIATED
    if Turnout.LESS in turnouts:
        return Outcome.MILDER
    if notice.deviations:
        return Outcome.DEVIATED
    return Outcome.AS_PLANNED if has_kept else None


def _is_answered(notice: Any, updates: Sequence[Any]) -> bool:
    """Whether someone said how it went. Of what the clock completed nobody has said so."""
    if notice.status != IncidentStatus.COMPLETED or not (notice.actual_started_at and notice.actual_ended_at):
        return False
    closing = [update for update in updates if update.status == IncidentStatus.COMPLETED]
    return not notice.completes_by_clock or any(update.byline for update in closing)


def _has_kept(notice: Any, planned: Span, overrun: dt.timedelta) -> bool:
    return notice.actual_started_at >= planned[0] and not overrun


def _overrun(ended: dt.datetime | None, planned: dt.datetime) -> dt.timedelta:
    return max((ended - planned) // A_MINUTE, 0) * A_MINUTE if ended else dt.timedelta()
