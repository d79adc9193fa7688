"""What subscribers read: the words of a mail, apart from how a mail is built and sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from incidents.choices import CLOSED, LINK_KIND_REVERSED, IncidentStatus, LinkKind
from incidents.models import Incident, IncidentUpdate, Page
from incidents.times import describe
from subscriptions.choices import Purpose
from subscriptions.links import notice_url, update_url
from subscriptions.models import Notification, Subscriber
from subscriptions.summary import chosen

EARLIER_UPDATES = 3
EARLIER_WORDS = 40

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
    """One line of the table on top: a label and what stands beside it, one or two lines."""

    label: str
    lines: tuple[str, ...]


def write(notification: Notification, links: Mapping[str, str], *, language: str, time_zone: str) -> Words:
    """What `notification` says to subscribers of `language` and `time_zone` ("": the notice's own).

    `links` holds the recipient's personal addresses: confirm, manage, unsubscribe.
    """
    if notification.purpose == Purpose.UPDATE:
        return write_update(notification.update, links, language=language, time_zone=time_zone)
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
        subject = _("Follow “%(title)s”") % {"title": incident.title}
        return _words("offer", page, subject, {"links": links, "incident": incident})


def write_update(
    update: IncidentUpdate, links: Mapping[str, str], *, language: str, time_zone: str, template: str = "update"
) -> Words:
    """What an update of a notice says, complete in itself: nobody has to follow a link to know what to do."""
    page, incident = Page.objects.current(), update.incident
    zone = ZoneInfo(time_zone) if time_zone else incident.zone
    with translation.override(language):
        is_closing = update.status in CLOSED
        context = {
            "incident": incident,
            "update": update,
            "tone": TONES.get(IncidentStatus(update.status), "bad"),
            "is_closing": is_closing,
            "facts": _facts(update, zone),
            "effects": [] if is_closing else list(incident.effects.all()),
            "advice": _advice(incident, is_closing),
            "data": _data(incident, is_closing),
            "earlier": _earlier(update, zone),
            "related": _related(incident),
            "posted": _posted(update, zone),
            "update_url": update_url(update),
            "links": links,
        }
        return _words(template, page, _subject(update, zone), context)


def _words(name: str, page: Page, subject: str, context: dict[str, Any]) -> Words:
    context = {**context, "page": page, "subject": subject, "page_url": settings.PUBLIC_URL}
    context["language"] = translation.get_language() or page.language
    text = _tidy(render_to_string(f"subscriptions/mail/{name}.txt", context))
    html = _html(name, context)
    if len(html.encode()) > MAX_HTML:
        html = _html(name, {**context, "is_cut": True})
    return Words(subject=subject, text=text, html=html, sender_name=page.name)


def _html(name: str, context: dict[str, Any]) -> str:
    return _inliner().inline(render_to_string(f"subscriptions/mail/{name}.html", context))


@cache
def _inliner() -> css_inline.CSSInliner:
    """Puts the style sheet into the elements, where every mail program honours it.

    The media queries (dark, narrow) cannot be put there: they stay in the head, as the template has them.
    """
    return css_inline.CSSInliner(
        extra_css=render_to_string(STYLE_SHEET),
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
    )


def _subject(update: IncidentUpdate, zone: ZoneInfo) -> str:
    words = {"status": update.get_status_display(), "title": update.incident.title}
    starts = update.incident.work_starts_at
    if starts is None:
        return _("[%(status)s] %(title)s") % words
    return _("[%(status)s] %(title)s — %(day)s") % {**words, "day": _day(starts, zone)}


def _day(instant: dt.datetime, zone: ZoneInfo) -> str:
    return date_format(instant.astimezone(zone), "l j F Y", use_l10n=False)


def _facts(update: IncidentUpdate, zone: ZoneInfo) -> list[Fact]:
    """When, until when, and what of it: the answer that a reader in a hurry looks for."""
    incident = update.incident
    facts = _window(update, zone) if incident.work_starts_at else _course(update, zone)
    concerns = _components(update)
    if concerns:
        facts.append(Fact(_("Concerns"), concerns))
    if update.next_update_by and update.status not in CLOSED:
        facts.append(Fact(_("Next update by"), (describe(update.next_update_by, zone),)))
    return facts


def _window(update: IncidentUpdate, zone: ZoneInfo) -> list[Fact]:
    incident, is_closing = update.incident, update.status in CLOSED
    facts = []
    if is_closing and incident.actual_started_at and incident.actual_ended_at:
        actual = _span(incident.actual_started_at, incident.actual_ended_at, zone)
        facts.append(Fact(_("Took place"), actual))
    planned = _("Planned") if is_closing else _("Work")
    facts.append(Fact(planned, _span(incident.work_starts_at, incident.work_ends_at, zone)))
    if incident.avoid_starts_at and not is_closing:
        facts.append(Fact(_("Best avoided"), _span(incident.avoid_starts_at, incident.avoid_ends_at, zone)))
    return facts


def _course(update: IncidentUpdate, zone: ZoneInfo) -> list[Fact]:
    incident = update.incident
    facts = [Fact(_("Began"), (describe(incident.started_at, zone),))]
    if update.status in CLOSED and incident.resolved_at:
        facts.append(Fact(_("Resolved"), (describe(incident.resolved_at, zone),)))
    return facts


def _span(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        _("From %(time)s") % {"time": describe(start, zone)},
        _("until %(time)s") % {"time": describe(end, zone)},
    )


def _components(update: IncidentUpdate) -> tuple[str, ...]:
    """What the notice concerns: of a maintenance only the names, its effects say the rest."""
    incident = update.incident
    if incident.is_scheduled:
        names = ", ".join(line.name for line in incident.affected.all())
        return (names,) if names else ()
    return tuple(
        _("%(component)s: %(status)s") % {"component": line.name, "status": line.get_new_status_display()}
        for line in update.affected.all()
    )


def _advice(incident: Incident, is_closing: bool) -> list[dict[str, str]]:
    named = {"before": _("Before"), "during": _("Meanwhile"), "after": _("Afterwards")}
    wanted = ["after"] if is_closing else list(named)
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


def _related(incident: Incident) -> list[dict[str, str]]:
    out = [(link.get_kind_display(), link.target) for link in incident.links_out.select_related("target")]
    back = [
        (str(LINK_KIND_REVERSED[LinkKind(link.kind)]), link.incident)
        for link in incident.links_in.select_related("incident")
    ]
    return [
        {"label": capfirst(label), "title": other.title, "url": notice_url(other)}
        for label, other in out + back
        if not other.is_draft
    ]


def _posted(update: IncidentUpdate, zone: ZoneInfo) -> str:
    when = describe(update.display_at, zone)
    if not update.author_id or not update.byline:
        return when
    return _("%(when)s, by %(name)s") % {"when": when, "name": update.byline}


def _earlier(update: IncidentUpdate, zone: ZoneInfo) -> list[dict[str, str]]:
    earlier = update.incident.updates.public().exclude(pk=update.pk).filter(display_at__lte=update.display_at)
    return [
        {
            "status": row.get_status_display(),
            "when": describe(row.display_at, zone),
            "text": Truncator(" ".join(unescape(strip_tags(first_paragraph)).split())).words(EARLIER_WORDS),
        }
        for row in earlier.order_by("-display_at", "-pk")[:EARLIER_UPDATES]
        for first_paragraph in [row.body_html.partition("</p>")[0]]
    ]


def _tidy(text: str) -> str:
    """No space at the ends of lines, never two empty lines in a row: what template tags leave behind."""
    lines: list[str] = []
    for line in text.splitlines():
        line = line.rstrip() if line != "-- " else line
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
