"""Everything that is published: pure functions from what the public may see to files. A new format is one line here.

What a file depends on decides where it belongs, and how often it is made:

    PAGE_FORMATS        the page as a whole     made for every generation
    NOTICE_FORMATS      one notice              made when it changed, or one that it links to
    MONTH_FORMATS       what one month holds    made when one of its notices changed
    COMPONENT_FORMATS   one component           made when it changed, or a notice about it; at midnight; while it is
                                                in trouble, each hour

The last three are also made anew when the site changes (its name, zone, address), or our code. They must lie below
/incidents/<code>, /history/<year>/ and /components/<code>. They may read the clock for one thing only: those of a
notice whether its "next update by" has passed, those of a component `days.counted_until`, which is coarse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from publishing.artefact import Artefact
from publishing.formats import (
    assets,
    badges,
    calendar,
    component,
    feeds,
    guide,
    history,
    home,
    json_feed,
    live_note,
    not_found,
    notice,
    notice_json,
    notice_text,
    offline,
    search,
    site,
    status_api,
    widget,
)
from publishing.state import ComponentPast, ComponentState, MonthState, NoticeState, PageState, SiteState

PAGE_FORMATS: dict[str, Callable[[PageState], Iterable[Artefact]]] = {
    "assets": assets.page,
    "home": home.page,
    "history": history.page,
    "not_found": not_found.page,
    "atom": feeds.atom,
    "rss": feeds.rss,
    "json_feed": json_feed.page,
    "status_api": status_api.page,
    "calendar": calendar.page,
    "badges": badges.page,
    "widget": widget.page,
    "site": site.page,
    "guide": guide.page,
    "offline": offline.page,
    "live": live_note.page,
}

NOTICE_FORMATS: dict[str, Callable[[SiteState, NoticeState], Iterable[Artefact]]] = {
    "html": notice.notice,
    "calendar": calendar.notice,
    "json": notice_json.notice,
    "text": notice_text.notice,
}

MONTH_FORMATS: dict[str, Callable[[SiteState, MonthState], Iterable[Artefact]]] = {
    "html": history.month,
    "search": search.month,
    "sitemap": site.month,
}

COMPONENT_FORMATS: dict[str, Callable[[SiteState, ComponentState, ComponentPast], Iterable[Artefact]]] = {
    "html": component.component,
    "calendar": calendar.component,
    "badges": badges.component,
    "feeds": feeds.component,
    "json_feed": json_feed.component,
}


def page_artefacts(state: PageState) -> Iterable[Artefact]:
    for make in PAGE_FORMATS.values():
        yield from make(state)


def notice_artefacts(site: SiteState, notice: NoticeState) -> Iterable[Artefact]:
    for make in NOTICE_FORMATS.values():
        yield from make(site, notice)


def month_artefacts(site: SiteState, month: MonthState) -> Iterable[Artefact]:
    for make in MONTH_FORMATS.values():
        yield from make(site, month)


def component_artefacts(site: SiteState, component: ComponentState, past: ComponentPast) -> Iterable[Artefact]:
    for make in COMPONENT_FORMATS.values():
        yield from make(site, component, past)
