"""Until when a notice lasts and when its readers hear more: what the facts promise, and whether it was kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from incidents.choices import IncidentStatus
from publishing.state import NoticeState


@dataclass(frozen=True)
class NextWord:
    """When the next update comes. `kind` is by, overdue, at_start, at_end, all_clear or unknown."""

    kind: str
    at: dt.datetime | None = None


def next_word(notice: NoticeState, now: dt.datetime) -> NextWord | None:
    """None when the notice is closed: nothing more is promised."""
    if not notice.is_open:
        return None
    if notice.next_update_by:
        return NextWord("overdue" if notice.next_update_by <= now else "by", notice.next_update_by)
    if notice.is_upcoming:
        return NextWord("at_start", notice.work_starts_at)
    if notice.status == IncidentStatus.IN_PROGRESS and not notice.is_over_time:
        return NextWord("at_end", notice.work_ends_at)
    return NextWord("all_clear" if notice.is_scheduled else "unknown")


def soonest(words: list[NextWord | None]) -> NextWord | None:
    """The one that a reader of the whole page waits for: an overdue one before any other, then the earliest."""
    timed = [word for word in words if word and word.at]
    return min(timed, key=lambda word: (word.kind != "overdue", word.at), default=None)
