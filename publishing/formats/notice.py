"""The page of one notice. It holds no time of making: while the facts stand, its bytes stand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus, EffectLevel, IncidentStatus, Outcome
from incidents.moves import MoveRow
from incidents.outcome import Course
from incidents.rollup import BADNESS
from incidents.times import duration_words, local_words
from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.formats.next_word import next_word
from publishing.formats.time_axis import time_axis
from publishing.state import AffectedState, EffectState, NoticeState, SiteState, UpdateState

# A status, its word, and the names of those that have it.
Struck = tuple[str, str, str]
# A level of effect, its word, and the functions on which it falls.
Level = tuple[str, str, list[EffectState]]


@dataclass(frozen=True)
class Entry:
    """One update as the timeline shows it: "Update" where the status only stayed, and what it changed.

    `moved` are components with a new status, `times` the old and the new times of a maintenance that it moved. What
    `stands_apart` has a place of its own on the page.
    """

    update: UpdateState
    is_same_status: bool
    moved: list[Struck]
    times: list[MoveRow]
    stands_apart: bool


def notice(site: SiteState, notice: NoticeState) -> list[Artefact]:
    page = document(
        notice.path,
        "public/notice.html",
        site,
        notice=notice,
        next_word=next_word(notice, site.generated_at),
        effects=by_level(notice.effects),
        advice=advice(notice),
        affected=by_status(notice.affected),
        axis=time_axis(notice),
        said=_("Planned") if notice.is_scheduled else _("At first"),
        happened=_("As it went") if notice.is_scheduled else _("In the end"),
        timeline=timeline(notice),
        summary=summary(notice),
        is_cancelled=notice.status == IncidentStatus.CANCELLED,
        course=notice.course,
        verdict=verdict(notice.course) if notice.course else None,
        work=notice.work_shown,
        names=json.dumps({line.component_code: line.name for line in notice.affected}),
    )
    return [page]


def by_level(effects: tuple[EffectState, ...]) -> list[Level]:
    """The worst level first; those that nothing has are left out."""
    levels = [(str(level.value), str(level.label), [e for e in effects if e.level == level]) for level in EffectLevel]
    return [level for level in levels if level[2]]


def by_status(lines: Iterable[AffectedState]) -> list[Struck]:
    """Components by what is said of them: the worst status first."""
    names: dict[str, list[str]] = {}
    for line in lines:
        names.setdefault(line.new_status, []).append(line.name)
    return [
        (status, str(ComponentStatus(status).label), _(", ").join(names[status]))
        for status in sorted(names, key=BADNESS.__getitem__, reverse=True)
    ]


def advice(notice: NoticeState) -> list[tuple[str, str]]:
    """What to do and when. The advice for before stands with the avoid window where there is one."""
    texts = [(_("Meanwhile"), notice.advice_during_html), (_("Afterwards"), notice.advice_after_html)]
    if not notice.avoid_starts_at:
        texts.insert(0, (_("Before"), notice.advice_before_html))
    return [(word, html) for word, html in texts if html]


def timeline(notice: NoticeState) -> list[Entry]:
    """Newest first."""
    before = [*notice.updates[1:], None]
    return [
        Entry(
            update,
            is_same_status=older is not None and older.status == update.status,
            moved=by_status(line for line in update.affected if line.old_status != line.new_status),
            times=notice.moves[update.pk].rows() if update.pk in notice.moves else [],
            stands_apart=update == notice.postmortem,
        )
        for update, older in zip(notice.updates, before, strict=True)
    ]


def verdict(course: Course) -> tuple[str, str] | None:
    """How a maintenance ended, in a word and a sentence; None for one that has not, or that was cancelled."""
    if course.outcome in (None, Outcome.CANCELLED):
        return None
    if course.overrun:
        words = {"label": course.outcome_label, "time": duration_words(course.overrun)}
        return _("%(label)s: %(time)s.") % words, ""
    kept = {True: _("The work kept its window."), False: _("The work began before its window."), None: ""}
    return f"{course.outcome_label}.", kept[course.has_kept]


def summary(notice: NoticeState) -> str:
    """One line for search engines and link previews."""
    parts = [notice.status_label, local_words(notice.at, notice.zone)]
    parts += [f"{effect.function}{_(':')} {effect.level_label}" for effect in notice.effects]
    return " · ".join(parts)[:300]
