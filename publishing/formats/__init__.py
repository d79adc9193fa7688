"""Everything that is published: pure functions from what the public may see to files. A new format is one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from publishing.artefact import Artefact
from publishing.formats import assets, badges, calendar, feeds, html, site, status_api, widget
from publishing.state import PageState

FORMATS: dict[str, Callable[[PageState], Iterable[Artefact]]] = {
    "assets": assets.artefacts,
    "html": html.artefacts,
    "atom": feeds.atom,
    "rss": feeds.rss,
    "status_api": status_api.render,
    "calendar": calendar.render,
    "badges": badges.render,
    "widget": widget.render,
    "site": site.render,
}
