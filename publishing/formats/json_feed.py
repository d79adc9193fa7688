"""JSON Feed 1.1, with the entries of the other feeds: of all notices, and of one component."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from publishing.artefact import Artefact
from publishing.formats import feeds
from publishing.state import ComponentPast, ComponentState, NoticeState, PageState, SiteState

CONTENT_TYPE = "application/feed+json; charset=utf-8"
PATH = "/feed.json"


def page(state: PageState) -> Iterable[Artefact]:
    yield _feed(state, PATH, feeds.whole(state))


def component(site: SiteState, component: ComponentState, past: ComponentPast) -> Iterable[Artefact]:
    """/components/<code>/feed.json. It says the component's name, for the feeds of several."""
    selection = feeds.of_component(site, component, past.notices)
    yield _feed(site, f"{selection.path}{PATH}", selection, _component={"id": component.code, "name": component.name})


def _feed(site: SiteState, path: str, selection: feeds.Selection, **extensions: Any) -> Artefact:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": selection.title,
        "home_page_url": site.address("/"),
        "feed_url": site.address(path),
        "language": site.language,
        "authors": [{"name": site.name, "url": site.address("/")}],
        "items": [_item(site, notice) for notice in feeds.newest(selection.notices)],
        **extensions,
    }
    if site.description:
        feed["description"] = site.description
    return Artefact(path, CONTENT_TYPE, json.dumps(feed, ensure_ascii=False, separators=(",", ":")).encode())


def _item(site: SiteState, notice: NoticeState) -> dict[str, Any]:
    return {
        "id": site.home_url + site.placed(notice.path),
        "url": site.address(notice.path),
        "title": notice.title,
        "content_html": feeds.entry_html(notice, site.zone),
        "date_published": _stamp(feeds.entry_date(notice)),
        "date_modified": _stamp(notice.updated_at),
        "tags": list(dict.fromkeys(line.full_name for line in notice.affected)),
    }


def _stamp(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
