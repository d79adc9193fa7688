"""What stands on the page, for a terminal: the list of notices, and one of them whole, as its readers get it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from incidents.choices import STATUSES, IncidentKind
from incidents.models import Incident, Page
from incidents.times import describe, describe_window
from publishing.formats import notice_json, notice_text
from publishing.loading import load_site
from publishing.notices import load_notices
from terminal.choosing import notice_line, the_notice
from terminal.console import Console
from terminal.outcome import page_news

NEWEST = 20


def show_list(kind: IncidentKind, options: dict[str, Any], console: Console) -> None:
    """The open notices of `kind`, or with `--all` the newest of them."""
    notices = _listed(kind, everything=options["all"]).prefetch_related("affected")
    if console.is_json:
        console.answer(json.dumps([_row(notice) for notice in notices], ensure_ascii=False, indent=2))
        return
    now = timezone.now()
    lines = [line for notice in notices for line in _lines(notice, now)]
    console.answer("\n".join(lines) if lines else _("There is none."))
    news = page_news()
    if news.is_behind:
        console.say(news.words())


def show_notice(kind: IncidentKind, options: dict[str, Any], console: Console) -> None:
    """One notice as its readers get it: the page's own .txt, or its .json."""
    found = the_notice(options["notice"] or "", kind, STATUSES[kind])
    page = Page.objects.current()
    site, (notice,) = load_site(page, timezone.now()), load_notices(pk=found.pk)
    with translation.override(page.language):
        if console.is_json:
            console.answer(json.dumps(notice_json.incident(site, notice), ensure_ascii=False, indent=2))
        else:
            console.answer(notice_text.text(site, notice))


def _listed(kind: IncidentKind, *, everything: bool) -> QuerySet[Incident]:
    notices = Incident.objects.public().filter(kind=kind).order_by("-published_at", "-pk")
    return notices[:NEWEST] if everything else notices.open()


def _lines(notice: Incident, now: dt.datetime) -> list[str]:
    lines = [notice_line(notice)]
    if notice.work_starts_at and notice.work_ends_at:
        lines.append(describe_window(notice.work_starts_at, notice.work_ends_at, notice.zone))
    else:
        lines.append(_("since %(time)s") % {"time": describe(notice.started_at, notice.zone)})
    if notice.is_open and notice.next_update_by:
        told = _("next update by %(time)s")
        if notice.next_update_by <= now:
            told = _("the next update is overdue since %(time)s")
        lines.append(told % {"time": describe(notice.next_update_by, notice.zone)})
    lines += [f"{line.name}: {line.get_status_display()}" for line in notice.affected.all() if notice.is_open]
    return [lines[0], *(f"{'':<14}{line}" for line in lines[1:])]


def _row(notice: Incident) -> dict[str, Any]:
    times = ("published_at", "started_at", "work_starts_at", "work_ends_at", "next_update_by", "resolved_at")
    return {
        "code": notice.code,
        "title": notice.title,
        "status": notice.status,
        "impact": notice.impact,
        "url": f"{settings.PUBLIC_URL}/incidents/{notice.code}",
        **{name: value.isoformat() if (value := getattr(notice, name)) else None for name in times},
        "components": {line.name: line.status for line in notice.affected.all()},
    }
