"""What subscribers and staff read: the words of a mail, apart from how a mail is built and sent."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from incidents.brand import load_brand
from incidents.choices import ACTIVE_MAINTENANCE, CLOSED, LINK_KIND_REVERSED, IncidentStatus, LinkKind, Outcome
from incidents.edits import pieces
from incidents.leads import lead_words
from incidents.models import EffectOutcome, Incident, IncidentUpdate, Page, UpdateRevision
from incidents.moves import Move, PlannedTimes, planned_times, replaced_times
from incidents.outcome import Course, course_of
from incidents.staff_reminders import ToDo
from incidents.text import BIDI_CONTROLS, FORBIDDEN_CATEGORIES
from incidents.times import clock_words, day_words, describe, duration_words, from_until, isolated, local_words
from subscriptions.choices import Purpose
from subscriptions.in_language import Told, title_in, told_before, told_in
from subscriptions.links import notice_url, update_url
from subscriptions.models import Notification, Subscriber
from subscriptions.reminders import is_late
from subscriptions.summary import chosen

EARLIER_UPDATES = 3
EARLIER_WORDS = 40
# Mail programs show about as much of a mail in their list, after its subject.
PREVIEW_LENGTH = 140

TONES = {
    IncidentStatus.RESOLVED: "good",
    IncidentStatus.COMPLETED: "good",
    IncidentStatus.POSTMORTEM: "calm",
    IncidentStatus.CANCELLED: "calm",
    IncidentStatus.MONITORING: "planned",
    IncidentStatus.SCHEDULED: "planned",
    IncidentStatus.IN_PROGRESS: "planned",
    IncidentStatus.VERIFYING: "planned",
}

# Gmail shows no more of a mail. What does not fit stands on the status page; the plain text holds all of it.
MAX_HTML = 100_000

STYLE_SHEET = "subscriptions/mail/mail.css"


@dataclass(frozen=True)
class Words:
    subject: str
    text: str
    html: str
    sender_name: str


@dataclass(frozen=True)
class Fact:
    """One line of the table on top: a label and what stands beside it, and how plain text divides its lines.

    `weight` is "news" for what the mail is about, "past" for what is no longer so.
    """

    label: str
    lines: tuple[str, ...]
    weight: str = ""
    divider: str = "\n  "

    @property
    def plain(self) -> str:
        return self.divider.join(self.lines)


def write(notification: Notification, links: Mapping[str, str], *, language: str, time_zone: str) -> Words:
    """What `notification` says to subscribers of `language` and `time_zone` ("": the notice's own).

    `links` holds the recipient's personal addresses: confirm, manage, unsubscribe.
    """
    if notification.purpose == Purpose.UPDATE:
        return write_update(notification.update, links, language=language, time_zone=time_zone)
    if notification.purpose == Purpose.REMINDER:
        return write_reminder(notification, links, language=language, time_zone=time_zone)
    if notification.purpose == Purpose.CORRECTION:
        return write_correction(notification.revision, links, language=language, time_zone=time_zone)
    if notification.purpose == Purpose.CATCH_UP:
        return write_update(notification.update, links, language=language, time_zone=time_zone, template="catch_up")
    if notification.purpose == Purpose.CHOICES:
        return write_choices(notification.subscriber, links, language=language)
    if notification.purpose == Purpose.MANAGE and notification.incident:
        return write_offer(notification.incident, links, language=language)
    page = Page.objects.current()
    with translation.override(language):
        subject = {
            Purpose.CONFIRM: _("Confirm your subscription to %(page)s"),
            Purpose.MANAGE: _("Your subscription to %(page)s"),
        }[Purpose(notification.purpose)] % {"page": page.name}
        return _words(notification.purpose, page, subject, {"links": links})


def write_choices(subscriber: Subscriber, links: Mapping[str, str], *, language: str) -> Words:
    """That choices were changed, and what they are now: whoever changed them had a link that can be passed on."""
    page = Page.objects.current()
    with translation.override(language):
        subject = _("Your subscription to %(page)s was changed") % {"page": page.name}
        return _words("choices", page, subject, {"links": links, "chosen": chosen(subscriber)})


def write_offer(incident: Incident, links: Mapping[str, str], *, language: str) -> Words:
    """To a subscriber whose address was entered to follow one notice, perhaps by someone else: how to do that."""
    page = Page.objects.current()
    with translation.override(language):
        title = title_in(incident, page, language)
        subject = _("Follow “%(title)s”") % {"title": title}
        return _words("offer", page, subject, {"links": links, "incident": incident, "title": title})


def write_update(
    update: IncidentUpdate, links: Mapping[str, str], *, language: str, time_zone: str, template: str = "update"
) -> Words:
    """What an update of a notice says, complete in itself: nobody has to follow a link to know what to do."""
    page = Page.objects.current()
    zone = ZoneInfo(time_zone) if time_zone else update.incident.zone
    with translation.override(language):
        told = told_in(update, page, language)
        update = told.update
        label = _("Moved") if replaced_times(update) else update.get_status_display()
        context = {
            **_about(told, zone, links),
            "label": label,
            "tone": TONES.get(IncidentStatus(update.status), "bad"),
            "facts": _facts(told, zone),
            "heading": _("The update"),
        }
        return _words(template, page, _subject(label, told.incident, zone), context)


def write_correction(revision: UpdateRevision, links: Mapping[str, str], *, language: str, time_zone: str) -> Words:
    """That an update is not as it was told: what holds, why, and what it said before."""
    page, original = Page.objects.current(), revision.update
    zone = ZoneInfo(time_zone) if time_zone else original.incident.zone
    with translation.override(language):
        told = told_in(original, page, language)
        update, incident = told.update, told.incident
        label = _("Correction")
        context = {
            "incident": incident,
            "update": update,
            "told": told,
            "label": label,
            "tone": "bad",
            "preview": Truncator(_("This holds now: %(text)s") % {"text": _first_words(update.body_html)}).chars(
                PREVIEW_LENGTH
            ),
            "first_told": _("%(status)s, %(time)s")
            % {"status": update.get_status_display(), "time": describe(update.display_at, zone)},
            "revision": revision,
            "before": _quoted(revision.body),
            "pieces": pieces(revision.body, original.body),
            "before_lang": page.language if told.prefix else "",
            "update_url": update_url(update, told.prefix),
            "links": links,
        }
        return _words("correction", page, _subject(label, incident, zone), context)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def write_reminder(reminder: Notification, links: Mapping[str, str], *, language: str, time_zone: str) -> Words:
    """A reminder of a maintenance: everything that is announced of it, and first how soon it begins."""
    page, update = Page.objects.current(), reminder.update
    zone = ZoneInfo(time_zone) if time_zone else update.incident.zone
    with translation.override(language):
        told = told_in(update, page, language)
        update = told.update
        label = _("Reminder")
        starts = _("in less than %(lead)s") if is_late(reminder, timezone.now()) else _("in %(lead)s")
        context = {
            **_about(told, zone, links),
            "label": label,
            "tone": "planned",
            "facts": [
                Fact(_("Starts"), (starts % {"lead": lead_words(reminder.lead_minutes)},), "news"),
                *_planned(planned_times(update.incident), zone),
                *_concerns(told),
            ],
            "heading": _("The latest update"),
        }
        return _words("update", page, _subject(label, update.incident, zone), context)


def write_to_dos(waiting: Sequence[ToDo], *, now: dt.datetime) -> Words:
    """To a member of the staff, in the page's language: what waits for them, and where to settle each."""
    page = Page.objects.current()
    with translation.override(page.language):
        first = waiting[0]
        label = _("Overdue") if first.is_late else _("To do")
        subject = (
            _("[%(label)s] %(kind)s: %(subject)s") if len(waiting) == 1 else _("[%(label)s] %(count)d things wait")
        )
        words = {"label": label, "kind": first.kind.label, "subject": first.subject, "count": len(waiting)}
        context = {
            "waiting": waiting,
            "preview": Truncator(" ".join(to_do.words for to_do in waiting)).chars(PREVIEW_LENGTH),
            "when": describe(now, page.zone),
            "choice_url": settings.PUBLIC_URL + reverse("admin:subscriptions_staffchoice_changelist"),
            "site_url": settings.PUBLIC_URL,
        }
        return _words("staff", page, subject % words, context)


def _about(told: Told, zone: ZoneInfo, links: Mapping[str, str]) -> dict[str, Any]:
    """What a mail on an update's notice holds, whatever the occasion."""
    update = told.update
    incident, is_closing = update.incident, update.status in CLOSED
    return {
        "incident": incident,
        "update": update,
        "told": told,
        "is_closing": is_closing,
        "is_announcement": update.status == IncidentStatus.SCHEDULED,
        "preview": _preview(told, zone),
        "effects": [] if is_closing else told.lines(incident.effects.all()),
        "turnouts": told.lines(EffectOutcome.objects.of(incident)) if is_closing and incident.is_scheduled else [],
        "advice": _advice(incident, is_closing, has_begun=update.status in ACTIVE_MAINTENANCE),
        "data": _data(incident, is_closing),
        "earlier": _earlier(told, zone),
        "related": _related(told),
        "posted": _posted(update, zone),
        "update_url": update_url(update, told.prefix),
        "links": links,
    }


def _words(name: str, page: Page, subject: str, context: dict[str, Any]) -> Words:
    subject = _one_line(subject)
    language = translation.get_language() or page.language
    context = {**context, "page": page, "subject": subject, "brand": load_brand(page), "language": language}
    context["page_url"] = settings.PUBLIC_URL + page.prefix(language)
    text = _tidy(render_to_string(f"subscriptions/mail/{name}.txt", context))
    return Words(subject=subject, text=text, html=_html(name, context), sender_name=_one_line(page.name))


def _one_line(text: str) -> str:
    """`text` without what would end the line, or turn what follows it around.

    The verbs refuse both in titles. A page's name, or a row from elsewhere, must silence no notice either.
    """
    kept = "".join(" " if unicodedata.category(char) in FORBIDDEN_CATEGORIES else char for char in text)
    return kept.translate(dict.fromkeys(map(ord, BIDI_CONTROLS))).strip()


def _html(name: str, context: dict[str, Any]) -> str:
    """The HTML; of a notice longer than programs show, without what to do and why, or bare of all texts."""
    inliner = _inliner(context["brand"].accent, translation.get_language_bidi())
    for cut in ({}, {"is_cut": True}, {"is_cut": True, "is_bare": True}):
        html = inliner.inline(render_to_string(f"subscriptions/mail/{name}.html", {**context, **cut}))
        if len(html.encode()) <= MAX_HTML:
            break
    return html


@lru_cache(maxsize=8)
def _inliner(accent: str, is_rtl: bool) -> css_inline.CSSInliner:
    """Puts the style sheet into the elements, where every mail program honours it.

    The media queries (dark, narrow) cannot be put there: they stay in the head, as the template has them.
    """
    start, end = ("right", "left") if is_rtl else ("left", "right")
    return css_inline.CSSInliner(
        extra_css=render_to_string(STYLE_SHEET, {"accent": accent, "start": start, "end": end}),
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
    )


def _subject(label: str, incident: Incident, zone: ZoneInfo) -> str:
    words = {"status": label, "title": incident.title}
    starts = incident.work_starts_at
    if starts is None:
        return _("[%(status)s] %(title)s") % words
    return _("[%(status)s] %(title)s — %(day)s") % {**words, "day": day_words(starts.astimezone(zone))}


def _preview(told: Told, zone: ZoneInfo) -> str:
    """What mail programs show after the subject: what the subject does not say already, and best says what to do."""
    update, incident = told.update, told.incident
    said = _first_words(update.body_html)
    parts = []
    if update.status == IncidentStatus.SCHEDULED:
        parts = [_hours(incident, zone), _first_words(incident.advice_before_html), said]
    elif update.status in CLOSED or incident.is_scheduled:
        parts = [said]
    else:
        parts = [*(f"{line}." for line in _components(told)), said]
    if update.next_update_by and update.status not in CLOSED:
        parts.append(_("Next update by %(time)s.") % {"time": clock_words(update.next_update_by, zone)})
    news = [part for part in parts if part and part not in incident.title]
    return Truncator(" ".join(news) or _posted(update, zone)).chars(PREVIEW_LENGTH)


def _hours(incident: Incident, zone: ZoneInfo) -> str:
    start, end = incident.work_starts_at, incident.work_ends_at
    ends_that_day = start.astimezone(zone).date() == end.astimezone(zone).date()
    words = clock_words if ends_that_day else local_words
    return _("From %(start)s until %(end)s.") % {"start": clock_words(start, zone), "end": words(end, zone)}


def _first_words(html: str) -> str:
    """The beginning of the first paragraph, as plain text on one line."""
    plain = unescape(strip_tags(html.partition("</p>")[0].replace("<br>", " ")))
    return Truncator(" ".join(plain.split())).words(EARLIER_WORDS)


def _facts(told: Told, zone: ZoneInfo) -> list[Fact]:
    """When, until when, and what of it: the answer that a reader in a hurry looks for."""
    update = told.update
    facts = _window(update, zone) if update.incident.work_starts_at else _course(update, zone)
    if update.next_update_by and update.status not in CLOSED:
        facts.append(Fact(_("Next update by"), (describe(update.next_update_by, zone),)))
    return [*facts, *_concerns(told)]


def _window(update: IncidentUpdate, zone: ZoneInfo) -> list[Fact]:
    incident = update.incident
    now = planned_times(incident)
    if update.status not in CLOSED:
        was = replaced_times(update)
        facts = _moved(Move(was, now), zone) if was else _planned(now, zone)
        if update.status in ACTIVE_MAINTENANCE and update.display_at >= now.work[1]:
            facts.insert(0, Fact(_("Over time"), (_("The planned end has passed."),), "news"))
        return facts
    turnouts = [line.turned_out for line in EffectOutcome.objects.of(incident)]
    course = course_of(incident, list(incident.updates.public()), turnouts)
    return list(_ended(incident, course, zone))


def _ended(incident: Incident, course: Course, zone: ZoneInfo) -> Iterator[Fact]:
    """What became of a maintenance, beside what was announced of it."""
    late = duration_words(course.overrun) if course.overrun else ""
    if course.outcome and course.outcome != Outcome.CANCELLED:
        yield Fact(_("Outcome"), (f"{course.outcome_label}{_(':')} {late}" if late else course.outcome_label,), "news")
    if incident.actual_started_at and incident.actual_ended_at:
        actual = (incident.actual_started_at, incident.actual_ended_at)
        yield Fact(_("Took place"), (*from_until(*actual, zone), _lasting(*actual)))
    yield Fact(_("Planned"), (*from_until(*course.planned.work, zone), _lasting(*course.planned.work)))
    if course.moved_end:
        yield Fact(_("End put off to"), (describe(course.moved_end, zone),))
    if course.first:
        yield Fact(_("First plan"), from_until(*course.first, zone), "past")


def _lasting(start: dt.datetime, end: dt.datetime) -> str:
    return _("lasting %(duration)s") % {"duration": duration_words(end - start)}


def _planned(times: PlannedTimes, zone: ZoneInfo) -> list[Fact]:
    facts = [Fact(_("Work"), from_until(*times.work, zone))]
    if times.avoid:
        facts.append(Fact(_("Best avoided"), from_until(*times.avoid, zone)))
    return facts


def _moved(move: Move, zone: ZoneInfo) -> list[Fact]:
    """The old and the new times of what moved, and as it is what did not."""
    moved = [
        Fact(row.label, from_until(*row.span, zone) if row.span else (_("none"),), "past" if row.is_past else "news")
        for row in move.rows()
    ]
    work, *avoid = _planned(move.now, zone)
    is_work_moved, is_avoid_moved = move.was.work != move.now.work, move.was.avoid != move.now.avoid
    return [*([] if is_work_moved else [work]), *moved, *([] if is_avoid_moved else avoid)]


def _course(update: IncidentUpdate, zone: ZoneInfo) -> list[Fact]:
    incident = update.incident
    facts = [Fact(_("Began"), (describe(incident.started_at, zone),))]
    if update.status in CLOSED and incident.resolved_at:
        facts.append(Fact(_("Resolved"), (describe(incident.resolved_at, zone),)))
    return facts


def _concerns(told: Told) -> list[Fact]:
    components = _components(told)
    return [Fact(_("Concerns"), components, divider="; ")] if components else []


def _components(told: Told) -> tuple[str, ...]:
    """What the notice concerns: of a maintenance only the names, its effects say the rest."""
    incident, names = told.incident, told.names
    if incident.is_scheduled:
        listed = _(", ").join(isolated(names.get(line.name, line.name)) for line in incident.affected.all())
        return (listed,) if listed else ()
    return tuple(
        _("%(component)s: %(status)s")
        % {"component": isolated(names.get(line.name, line.name)), "status": line.get_new_status_display()}
        for line in told.update.affected.all()
    )


def _advice(incident: Incident, is_closing: bool, *, has_begun: bool = False) -> list[dict[str, str]]:
    """What there is still to do: nothing before what has begun, nothing meanwhile when it is over."""
    named = {"before": _("Before"), "during": _("Meanwhile"), "after": _("Afterwards")}
    wanted = ["after"] if is_closing else [when for when in named if when != "before" or not has_begun]
    return [
        {"when": named[when], "text": text, "html": getattr(incident, f"advice_{when}_html")}
        for when in wanted
        if (text := getattr(incident, f"advice_{when}"))
    ]


def _data(incident: Incident, is_closing: bool) -> str:
    promise, outcome = incident.get_data_statement_display(), incident.get_data_outcome_display()
    if not is_closing or not outcome:
        return promise
    if not promise:
        return outcome
    return _("%(outcome)s (Announced was: %(promise)s)") % {"outcome": outcome, "promise": promise}


def _related(told: Told) -> list[dict[str, str]]:
    incident = told.incident
    out = [(link.get_kind_display(), link.target) for link in incident.links_out.select_related("target")]
    back = [
        (str(LINK_KIND_REVERSED[LinkKind(link.kind)]), link.incident)
        for link in incident.links_in.select_related("incident")
    ]
    return [
        {
            "label": capfirst(label),
            "title": title_in(other, told.page, told.language),
            "url": notice_url(other, told.prefix),
        }
        for label, other in out + back
        if not other.is_draft
    ]


def _posted(update: IncidentUpdate, zone: ZoneInfo) -> str:
    when = describe(update.display_at, zone)
    if not update.author_id or not update.byline:
        return when
    return _("%(when)s, by %(name)s") % {"when": when, "name": update.byline}


def _earlier(told: Told, zone: ZoneInfo) -> list[dict[str, str]]:
    update = told.update
    earlier = update.incident.updates.public().exclude(pk=update.pk).filter(display_at__lte=update.display_at)
    return [
        {
            "status": row.get_status_display(),
            "when": describe(row.display_at, zone),
            "text": _first_words(row.body_html),
            "lang": lang,
        }
        for row, lang in told_before(told, earlier.order_by("-display_at", "-pk")[:EARLIER_UPDATES])
    ]


def _tidy(text: str) -> str:
    """No space at the ends of lines, never two empty lines in a row: what template tags leave behind."""
    lines: list[str] = []
    for line in text.splitlines():
        line = line.rstrip() if line != "-- " else line
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
