"""Everything that is published: pure functions from what the public may see to files. A new format is one line here.

What a file depends on decides where it belongs, and how often it is made:

    PAGE_FORMATS        the page as a whole     made for every generation
    NOTICE_FORMATS      one notice              made when it changed, or one that it links to
    MONTH_FORMATS       what one month holds    made when one of its notices changed
    COMPONENT_FORMATS   one component           made when it changed, or a notice about it; at midnight; while it is
                                                in trouble, each hour

What people read is made in each language of the page (publishing.in_language), all of a subject at once, below the
language's prefix; what is ONE_FOR_ALL languages is made once.

The last three are also made anew when the site changes (its name, zone, address), or our code. They must lie below
/incidents/<code>, /history/<year>/ and /components/<code>. They may read the clock for one thing only: those of a
notice whether its "next update by" has passed, those of a component `days.counted_until`, which is coarse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.utils.translation import override

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
from publishing.in_language import component_in, month_in, notice_in, page_in, past_in, site_in
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


# For machines and for other sites; and what is shown where no page is: a host and a browser know one of each.
ONE_FOR_ALL = frozenset("assets not_found offline live status_api badges widget site json sitemap".split())


def page_artefacts(state: PageState) -> Iterable[Artefact]:
    yield from _made(PAGE_FORMATS, state)
    for language in state.languages:
        yield from _made_in(language, PAGE_FORMATS, page_in(state, language))


def notice_artefacts(site: SiteState, notice: NoticeState) -> Iterable[Artefact]:
    yield from _made(NOTICE_FORMATS, site, notice)
    for language in site.languages:
        yield from _made_in(language, NOTICE_FORMATS, site_in(site, language), notice_in(notice, site, language))


def month_artefacts(site: SiteState, month: MonthState) -> Iterable[Artefact]:
    yield from _made(MONTH_FORMATS, site, month)
    for language in site.languages:
        yield from _made_in(language, MONTH_FORMATS, site_in(site, language), month_in(month, site, language))


def component_artefacts(site: SiteState, component: ComponentState, past: ComponentPast) -> Iterable[Artefact]:
    yield from _made(COMPONENT_FORMATS, site, component, past)
    for language in site.languages:
        told = (component_in(component, site, language), past_in(past, site, language))
        yield from _made_in(language, COMPONENT_FORMATS, site_in(site, language), *told)


def _made(formats: dict[str, Callable[..., Iterable[Artefact]]], *subject: Any) -> Iterable[Artefact]:
    for make in formats.values():
        yield from make(*subject)


def _made_in(
    language: str, formats: dict[str, Callable[..., Iterable[Artefact]]], site: SiteState, *subject: Any
) -> list[Artefact]:
    """A list, since whoever takes from a generator would be left in the language."""
    told = {name: make for name, make in formats.items() if name not in ONE_FOR_ALL}
    with override(language):
        return [replace(one, path=site.placed(one.path)) for one in _made(told, site, *subject)]
