"""/history/2013/11.json: the notices of a month and their words, in which static/public/search.js looks.

Nothing in it is translated: how a status is called and how a day is written, /history says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from publishing.artefact import Artefact
from publishing.formats.history import filed_on, month_path
from publishing.state import MonthState, NoticeText, PastNotice, SiteState


def month(site: SiteState, month: MonthState) -> Iterable[Artefact]:
    notices = [_notice(notice, month.texts[notice.code], site) for notice in month.notices]
    body = json.dumps({"notices": notices}, ensure_ascii=False, separators=(",", ":"))
    path = f"{month_path(month.month)}.json"
    yield Artefact(path, "application/json; charset=utf-8", body.encode("utf-8", "replace"))


def _notice(notice: PastNotice, found_by: NoticeText, site: SiteState) -> dict[str, Any]:
    return {
        "code": notice.code,
        "day": filed_on(notice, site).isoformat(),
        "kind": notice.kind,
        "status": notice.status,
        "impact": notice.impact_shown,
        "title": notice.title,
        "functions": found_by.functions,
        "text": found_by.text,
    }
