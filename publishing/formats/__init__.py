"""Everything that is published: pure functions from what the public may see to files. A new format is one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from publishing.artefact import Artefact
from publishing.formats import (
    assets,
    badges,
    calendar,
    feeds,
    guide,
    html,
    json_feed,
    notice_json,
    notice_text,
    site,
    status_api,
    widget,
)
from publishing.state import ComponentState, NoticeState, PageState

# What depends on one notice, and on one component and the notices that name it: while those stand, so do their files.
NOTICE_FORMATS: dict[str, Callable[[PageState, NoticeState], Iterable[Artefact]]] = {
    "json": notice_json.notice,
    "text": notice_text.notice,
}
COMPONENT_FORMATS: dict[str, Callable[[PageState, ComponentState, Sequence[NoticeState]], Iterable[Artefact]]] = {
    "feeds": feeds.component,
}


def _notices(state: PageState) -> Iterator[Artefact]:
    for notice in state.notices:
        for make in NOTICE_FORMATS.values():
            yield from make(state, notice)


def _components(state: PageState) -> Iterator[Artefact]:
    for component in state.components:
        concerned = [n for n in state.notices if any(line.component_code == component.code for line in n.affected)]
        for make in COMPONENT_FORMATS.values():
            yield from make(state, component, concerned)


FORMATS: dict[str, Callable[[PageState], Iterable[Artefact]]] = {
    "assets": assets.artefacts,
    "html": html.artefacts,
    "atom": feeds.atom,
    "rss": feeds.rss,
    "json_feed": json_feed.page,
    "notices": _notices,
    "components": _components,
    "status_api": status_api.render,
    "calendar": calendar.render,
    "badges": badges.render,
    "widget": widget.render,
    "site": site.render,
    "guide": guide.page,
}
