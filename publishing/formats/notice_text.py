"""/incidents/<code>.txt: the whole notice as plain text, for terminals, chats and mails that somebody forwards."""

from __future__ import annotations

import datetime as dt
import re
import textwrap
from collections.abc import Iterable, Iterator

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from incidents.choices import Outcome
from incidents.languages import name_of
from incidents.moves import Move, Span
from incidents.outcome import Course
from incidents.times import describe, duration_words, from_until, isolated
from publishing.artefact import Artefact
from publishing.formats.notice import verdict
from publishing.state import AffectedState, EarlierText, NoticeState, SiteState, UpdateState

CONTENT_TYPE = "text/plain; charset=utf-8"
WIDTH = 78
LIST_ITEM = re.compile(r"\s*(?:[-+*]|\d{1,9}\.)\s+|\s*(?:>\s*)+|\s*")

# What stands beside a label: one line or two.
Fact = tuple[str, list[str]]


def notice(site: SiteState, notice: NoticeState) -> Iterable[Artefact]:
    yield Artefact(f"{notice.path}.txt", CONTENT_TYPE, text(site, notice).encode("utf-8", "replace"))


def text(site: SiteState, notice: NoticeState) -> str:
    """Everything the notice's page tells, in its order: what is going on, what to do, why, and all updates."""
    parts = [
        _paragraphs(f"[{notice.status_label}] {notice.title}"),
        _("%(page)s status") % {"page": site.name} + f"\n{site.address(notice.path)}",
        _language_note(site, notice),
        _paragraphs(notice.all_clear.body) if notice.all_clear else "",
        "\n".join(_facts(notice)),
    ]
    sections = [
        (_("What differed from the plan"), _paragraphs(notice.deviations)),
        (_("The effects, as they turned out"), _turnouts(notice)),
        (_("Post-mortem"), _paragraphs(notice.postmortem.body) if notice.postmortem else ""),
        (_("What this means for you"), _effects(notice)),
        (_("What to do"), _advice(notice)),
        (_("Why"), _paragraphs(notice.reason)),
        (_("Notices that belong to this one"), _links(site, notice)),
        (_("Updates, newest first"), "\n\n".join(_update(update, notice) for update in notice.updates)),
    ]
    parts += [f"{title}\n{'-' * len(title)}\n\n{body}" for title, body in sections if body]
    return "\n\n".join(part for part in parts if part) + "\n"


def _language_note(site: SiteState, notice: NoticeState) -> str:
    """In a further language: what of the notice stands in another one."""
    language = {"language": name_of(site.original)}
    if notice.untranslated:
        return _broken(_("This notice is in %(language)s only.") % language)
    notes = []
    if notice.is_outdated:
        notes.append(_("This translation is of an earlier text. What holds stands in %(language)s.") % language)
    if notice.title_lang or notice.texts_lang:
        notes.append(_("Parts of this notice are not translated yet; they are in %(language)s.") % language)
    return "\n".join(_broken(note) for note in notes)


def _update_note(update: UpdateState, notice: NoticeState) -> list[str]:
    if update.lang and not notice.untranslated:
        return [_("Not translated yet; in %(language)s:") % {"language": name_of(update.lang)}]
    return [_("This translation is of an earlier text.")] if update.is_outdated else []


def _facts(notice: NoticeState) -> Iterator[str]:
    for label, lines in [*_times(notice), *_statements(notice)]:
        yield f"{label}{_(':')}"
        yield from (f"  {line}" for line in lines)


def _times(notice: NoticeState) -> Iterator[Fact]:
    if notice.course and notice.is_open:
        windows = (
            (_("Avoid"), notice.avoid_starts_at, notice.avoid_ends_at, notice.avoid_moved_from),
            (_("Work"), notice.work_starts_at, notice.work_ends_at, notice.work_moved_from),
        )
        for label, start, end, moved_from in windows:
            if start and end:
                yield label, [*from_until(start, end, notice.zone), *_moved_from(moved_from, notice)]
        if notice.is_over_time:
            since = {"status": notice.status_label, "time": describe(notice.status_since, notice.zone)}
            yield _("The planned end has passed"), [_("%(status)s since %(time)s") % since]
    elif notice.course:
        yield from _course(notice, notice.course)
    else:
        yield _("Began"), [describe(notice.started_at, notice.zone)]
        ended = describe(notice.resolved_at, notice.zone) if notice.resolved_at else ""
        yield _("Ended"), [ended or _("Not yet; we do not know when.")]
    if notice.is_open and notice.next_update_by:
        yield _("Next update by"), [describe(notice.next_update_by, notice.zone)]
    if notice.edited_at:
        yield _("Edited"), [describe(notice.edited_at, notice.zone)]


def _course(notice: NoticeState, course: Course) -> Iterator[Fact]:
    """What was announced of a maintenance that is over, and what became of it."""
    if ended := verdict(course):
        yield _("Outcome"), [" ".join(filter(None, ended))]
    if course.first:
        why = (
            _("moved, and then cancelled") if course.outcome == Outcome.CANCELLED else _("moved before the work began")
        )
        yield _("First plan"), [*from_until(*course.first, notice.zone), why]
    if course.planned.avoid:
        yield _("Avoid"), [*from_until(*course.planned.avoid, notice.zone)]
    yield _("Planned"), [*from_until(*course.planned.work, notice.zone), _lasting(*course.planned.work)]
    if course.moved_end:
        yield _("While it went on the end was moved to"), [describe(course.moved_end, notice.zone)]
    start, end = notice.actual_started_at, notice.actual_ended_at
    if start and end:
        yield _("As it went"), [*from_until(start, end, notice.zone), _lasting(start, end)]


def _lasting(start: dt.datetime, end: dt.datetime) -> str:
    return _("lasting %(duration)s") % {"duration": duration_words(end - start)}


def _moved_from(span: Span | None, notice: NoticeState) -> list[str]:
    if span is None:
        return []
    start, end = (describe(time, notice.zone) for time in span)
    return [_("moved from %(time)s") % {"time": start}, _("to %(time)s") % {"time": end}]


def _statements(notice: NoticeState) -> Iterator[Fact]:
    if notice.affected:
        names = _("Affected functions")
        lines = [_said(line) if notice.is_open else isolated(line.full_name) for line in notice.affected]
        yield names, lines
    if notice.data_statement:
        yield _("Data"), [notice.data_statement_label]
    if notice.data_outcome:
        yield _("Data, in the end"), [notice.data_outcome_label]


def _effects(notice: NoticeState) -> str:
    lines = [
        f"- {isolated(effect.function)}{_(':')} {effect.level_label}"
        + (f". {isolated(effect.note)}" if effect.note else "")
        for effect in notice.effects
    ]
    return _paragraphs("\n".join(lines))


def _turnouts(notice: NoticeState) -> str:
    lines = [
        _("- %(function)s: %(announced)s. In the end: %(turned_out)s")
        % {"function": isolated(line.function), "announced": line.announced_label, "turned_out": line.turned_out_label}
        + (f". {isolated(line.note)}" if line.note else "")
        for line in notice.turnouts
    ]
    return _paragraphs("\n".join(lines))


def _advice(notice: NoticeState) -> str:
    texts = (
        (_("Before"), notice.advice_before),
        (_("Meanwhile"), notice.advice_during),
        (_("Afterwards"), notice.advice_after),
    )
    return "\n\n".join(f"{label}{_(':')}\n{_paragraphs(body)}" for label, body in texts if body)


def _links(site: SiteState, notice: NoticeState) -> str:
    return "\n".join(
        f"- {capfirst(link.label)}{_(':')} {isolated(link.title)}\n  {site.address(link.path)}" for link in notice.links
    )


def _update(update: UpdateState, notice: NoticeState) -> str:
    when, move = describe(update.display_at, notice.zone), notice.moves.get(update.pk)
    head = [f"{_('Moved') if move else update.status_label} · {when}"]
    if update.byline:
        head.append(update.byline)
    if update.posted_later_at:
        head.append(_("Posted later, on %(time)s") % {"time": describe(update.posted_later_at, notice.zone)})
    if update.corrected_at:
        head.append(_("Corrected %(time)s") % {"time": describe(update.corrected_at, notice.zone)})
    elif update.edited_at:
        head.append(_("Edited %(time)s") % {"time": describe(update.edited_at, notice.zone)})
    moved = [_said(line) for line in update.affected if line.old_status != line.new_status]
    times = [_moved_times(move, notice)] if move else []
    body = [*_update_note(update, notice), _paragraphs(update.body)] if update.body else []
    if update == notice.postmortem:
        body = [_("It stands above.")]
    earlier = [_earlier(text, notice) for text in update.earlier_texts]
    return "\n\n".join(["\n".join(head), *times, *body, *(["\n".join(moved)] if moved else []), *earlier])


def _earlier(text: EarlierText, notice: NoticeState) -> str:
    until = {"time": describe(text.until, notice.zone)}
    why = [_broken(text.why)] if text.why else []
    if text.is_removal:
        return "\n".join([_("A passage was removed %(time)s.") % until, *why])
    quoted = [f"> {line}".rstrip() for line in _paragraphs(text.body).split("\n")]
    return "\n".join([_("Until %(time)s it said:") % until, *why, *quoted])


def _moved_times(move: Move, notice: NoticeState) -> str:
    lines = []
    for row in move.rows():
        lines.append(f"{row.label}{_(':')}")
        lines += [f"  {line}" for line in (from_until(*row.span, notice.zone) if row.span else (_("none"),))]
    return "\n".join(lines)


def _said(line: AffectedState) -> str:
    return f"{isolated(line.full_name)}{_(':')} {line.status_label}"


def _paragraphs(source: str) -> str:
    """Text as it was typed, its long lines broken: Markdown reads well as it is. Tables keep their lines."""
    return "\n".join(line if "|" in line else _broken(line) for line in source.split("\n"))


def _broken(line: str) -> str:
    mark = LIST_ITEM.match(line)
    hang = " " * (len(mark.group()) if mark else 0)
    return textwrap.fill(line, WIDTH, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
