"""Atom and RSS as readers of hosted status pages know them: 25 notices, each one entry that moves with its updates."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.utils import feedgenerator
from django.utils.feedgenerator import rfc2822_date
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.utils.xmlutils import SimplerXMLGenerator

from incidents.choices import IncidentStatus
from incidents.languages import name_of
from incidents.moves import Move
from incidents.templatetags.public import lang
from incidents.text import is_from_right_to_left
from incidents.times import from_until, zone_label
from publishing.artefact import Artefact
from publishing.formats.one_paragraph import one_paragraph
from publishing.state import ComponentPast, ComponentState, NoticeState, PageState, SiteState, UpdateState

ENTRIES = 25
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Atom(feedgenerator.Atom1Feed):
    """Dates itself by its newest entry, not by its making; entries hold content, not a summary."""

    def add_root_elements(self, handler: SimplerXMLGenerator) -> None:
        handler.addQuickElement("id", self.feed["id"])
        handler.addQuickElement("link", "", {"rel": "alternate", "type": "text/html", "href": self.feed["link"]})
        self_link = {"rel": "self", "type": "application/atom+xml", "href": self.feed["feed_url"]}
        handler.addQuickElement("link", "", self_link)
        handler.addQuickElement("title", self.feed["title"])
        handler.addQuickElement("updated", _rfc3339(self.feed["updated"]))
        handler.startElement("author", {})
        handler.addQuickElement("name", self.feed["author_name"])
        handler.endElement("author")

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        handler.addQuickElement("id", item["unique_id"])
        handler.addQuickElement("published", _rfc3339(item["pubdate"]))
        handler.addQuickElement("updated", _rfc3339(item["updateddate"]))
        handler.addQuickElement("link", "", {"rel": "alternate", "type": "text/html", "href": item["link"]})
        handler.addQuickElement("title", item["title"])
        handler.addQuickElement("content", item["description"], {"type": "html"})


class Rss(feedgenerator.Rss201rev2Feed):
    def add_root_elements(self, handler: SimplerXMLGenerator) -> None:
        handler.addQuickElement("title", self.feed["title"])
        handler.addQuickElement("link", self.feed["link"])
        handler.addQuickElement("description", self.feed["description"])
        handler.addQuickElement("atom:link", None, {"rel": "self", "href": self.feed["feed_url"]})
        handler.addQuickElement("language", self.feed["language"])
        handler.addQuickElement("pubDate", rfc2822_date(self.feed["updated"]))

    def rss_attributes(self) -> dict[str, str]:
        return super().rss_attributes() | {"xmlns:dc": "http://purl.org/dc/elements/1.1/"}


@dataclass(frozen=True)
class Selection:
    """What one feed tells of: `path` is its own without the ending, `made_at` its date while it holds nothing."""

    path: str
    title: str
    notices: Sequence[NoticeState]
    made_at: dt.datetime


def atom(state: PageState) -> list[Artefact]:
    return [_atom(state, whole(state))]


def rss(state: PageState) -> list[Artefact]:
    return [_rss(state, whole(state))]


def component(site: SiteState, component: ComponentState, past: ComponentPast) -> Iterator[Artefact]:
    """/components/<code>.atom and .rss: the notices that name this component, and those for everybody."""
    selection = of_component(site, component, past.notices)
    yield _atom(site, selection)
    yield _rss(site, selection)


def of_component(site: SiteState, component: ComponentState, notices: Sequence[NoticeState]) -> Selection:
    title = _("%(page)s Status - %(component)s") % {"page": site.name, "component": component.name}
    return Selection(f"/components/{component.code}", title, notices, component.created_at)


def whole(state: PageState) -> Selection:
    title = _("%(page)s Status - Incident History") % {"page": state.name}
    return Selection("/history", title, state.notices, state.updated_at)


def newest(notices: Iterable[NoticeState]) -> list[NoticeState]:
    """What a feed holds, the newest entry first."""
    return nlargest(ENTRIES, notices, key=lambda notice: (entry_date(notice), notice.pk))


def _atom(site: SiteState, selection: Selection) -> Artefact:
    host = urlsplit(site.home_url).hostname
    about = _about(site, selection, ".atom")
    feed = Atom(**about, feed_guid=f"tag:{host},2005:{site.placed(selection.path)}", author_name=_xml(site.name))
    # A reader may follow two languages: to their program these are different entries.
    return _filled(feed, site, selection, ".atom", lambda notice: f"tag:{host},2005:Incident/{notice.pk}{site.prefix}")


def _rss(site: SiteState, selection: Selection) -> Artefact:
    feed = Rss(**_about(site, selection, ".rss"))
    # The id, and therefore the same on a mirror: a reader who follows both sees each notice once.
    return _filled(feed, site, selection, ".rss", lambda notice: site.home_url + site.placed(notice.path))


def entry_date(notice: NoticeState) -> dt.datetime:
    """That of the newest update; of a maintenance still to come, its start."""
    if notice.is_upcoming and notice.work_starts_at:
        return notice.work_starts_at
    return notice.updates[0].display_at


def entry_html(notice: NoticeState, zone: ZoneInfo) -> str:
    """One paragraph for each update, newest first, below the planned times while they are still to come."""
    return _entry_html(notice, zone, get_language())


# It stands in five feeds, and most of what they hold is what they held before.
@lru_cache(maxsize=1024)
def _entry_html(notice: NoticeState, zone: ZoneInfo, _language: str | None) -> str:
    before = [*notice.updates[1:], None]
    paragraphs = [
        _paragraph(update, older, notice.moves.get(update.pk), zone)
        for update, older in zip(notice.updates, before, strict=True)
    ]
    return _xml(_banner(notice, zone) + "".join(paragraphs))


def _about(site: SiteState, selection: Selection, ending: str) -> dict[str, Any]:
    return {
        "title": _xml(selection.title),
        "link": site.url + site.prefix,
        "description": _xml(_("Incidents and maintenance of %(page)s") % {"page": site.name}),
        "language": site.language,
        "feed_url": site.url + site.placed(selection.path) + ending,
        "updated": max((notice.updated_at for notice in selection.notices), default=selection.made_at),
    }


def _filled(
    feed: feedgenerator.SyndicationFeed,
    site: SiteState,
    selection: Selection,
    ending: str,
    unique_id: Callable[[NoticeState], str],
) -> Artefact:
    for notice in newest(selection.notices):
        feed.add_item(
            title=_xml(notice.title),
            link=site.address(notice.path),
            description=entry_html(notice, site.zone),
            unique_id=unique_id(notice),
            pubdate=entry_date(notice),
            updateddate=notice.updated_at,
        )
    return Artefact(selection.path + ending, feed.content_type, feed.writeString("utf-8").encode())


def _banner(notice: NoticeState, zone: ZoneInfo) -> str:
    if not (notice.is_upcoming and notice.work_starts_at and notice.work_ends_at):
        return ""
    start, end = _date(notice.work_starts_at, zone), _date(notice.work_ends_at, zone)
    return f"<p><strong>THIS IS A SCHEDULED EVENT {start} &nbsp;-&nbsp; {end}</strong></p>"


def _paragraph(update: UpdateState, older: UpdateState | None, move: Move | None, zone: ZoneInfo) -> str:
    label = _("Update") if older and older.status == update.status else _label(update)
    text = _in_its_language(update) + (_moved_times(move, zone) if move else "")
    start = '<p dir="rtl">' if get_language_bidi() else "<p>"
    return f"{start}<small>{_date(update.display_at, zone)}</small><br><strong>{escape(label)}</strong> - {text}</p>"


def _in_its_direction(html: str) -> str:
    """Where a text, or the page, is written from right to left; all others get no markup that clients do not know."""
    is_mixed = get_language_bidi() or is_from_right_to_left(html)
    return f'<span dir="auto">{html}</span>' if is_mixed else html


def _in_its_language(update: UpdateState) -> str:
    """The text; where it is not translated, that and the language; where the translation is outdated, that."""
    text = _in_its_direction(one_paragraph(update.body_html))
    if update.lang:
        note = _("Not translated yet; in %(language)s:") % {"language": name_of(update.lang)}
        return f"<em>{escape(note)}</em> <span{lang(update.lang)}>{text}</span>"
    if update.is_outdated:
        return f"<em>{escape(_('This translation is of an earlier text.'))}</em> {text}"
    return text


def _moved_times(move: Move, zone: ZoneInfo) -> str:
    lines = []
    for row in move.rows():
        words = escape(" ".join(from_until(*row.span, zone)) if row.span else _("none"))
        lines.append(f"<br />{escape(row.label)}{_(':')} " + (f"<del>{words}</del>" if row.is_past else words))
    return "".join(lines)


def _label(update: UpdateState) -> str:
    return _("Postmortem") if update.status == IncidentStatus.POSTMORTEM else update.status_label


def _date(instant: dt.datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    month = date_format(local, "M", use_l10n=False)
    label = zone_label(instant, zone)
    return f"{month} <var data-var='date'>{local.day:2d}</var>, <var data-var='time'>{local:%H:%M}</var> {label}"


def _rfc3339(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _xml(text: str) -> str:
    """`text` without what no XML document may hold. Nothing of the kind is stored; a feed must not fail over it."""
    return NOT_XML.sub("", text)
