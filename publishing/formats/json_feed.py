"""/feed.json: JSON Feed 1.1, with the entries of the other feeds."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from publishing.artefact import Artefact
from publishing.formats import feeds
from publishing.state import NoticeState, PageState

CONTENT_TYPE = "application/feed+json; charset=utf-8"
PATH = "/feed.json"


def page(state: PageState) -> Iterable[Artefact]:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feeds.whole(state).title,
        "home_page_url": state.address("/"),
        "feed_url": state.address(PATH),
        "language": state.language,
        "authors": [{"name": state.name, "url": state.address("/")}],
        "items": [_item(state, notice) for notice in feeds.newest(state.notices)],
    }
    if state.description:
        feed["description"] = state.description
    yield Artefact(PATH, CONTENT_TYPE, json.dumps(feed, ensure_ascii=False, separators=(",", ":")).encode())


def _item(state: PageState, notice: NoticeState) -> dict[str, Any]:
    return {
        "id": state.home_url + state.placed(notice.path),
        "url": state.address(notice.path),
        "title": notice.title,
        "content_html": feeds.entry_html(notice, state.zone),
        "date_published": _stamp(feeds.entry_date(notice)),
        "date_modified": _stamp(notice.updated_at),
        "tags": list(dict.fromkeys(line.full_name for line in notice.affected)),
    }


def _stamp(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
