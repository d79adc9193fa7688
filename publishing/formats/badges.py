"""SVG badges to embed elsewhere: the page's and each component's word, for light and for dark surroundings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import east_asian_width

from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from incidents.choices import ComponentStatus, Impact
from publishing.artefact import Artefact
from publishing.days import component_days, counted_until, drawn_until
from publishing.formats.status_api import DESCRIPTIONS
from publishing.state import ComponentPast, ComponentState, PageState, SiteState
from publishing.uptime import uptime_of

CONTENT_TYPE = "image/svg+xml"
HEIGHT = 28
PADDING = 12
DOT = 18
# The average advance of a 13 px sans-serif letter; textLength makes the drawing fit whatever font a reader has.
LETTER = 7.1
WIDE_LETTER = 13  # those of East Asian scripts


@dataclass(frozen=True)
class Theme:
    name: str
    background: str
    border: str
    text: str
    dots: dict[str, str]


LIGHT = Theme(
    name="light",
    background="#ffffff",
    border="#c9ced6",
    text="#1c2430",
    dots={
        ComponentStatus.OPERATIONAL: "#1a7f4b",
        ComponentStatus.UNDER_MAINTENANCE: "#2b62c4",
        ComponentStatus.DEGRADED_PERFORMANCE: "#9a6700",
        ComponentStatus.PARTIAL_OUTAGE: "#c2410c",
        ComponentStatus.MAJOR_OUTAGE: "#b42318",
    },
)
DARK = Theme(
    name="dark",
    background="#161b22",
    border="#3a4452",
    text="#e8ecf2",
    dots={
        ComponentStatus.OPERATIONAL: "#4cc38a",
        ComponentStatus.UNDER_MAINTENANCE: "#7aa7ff",
        ComponentStatus.DEGRADED_PERFORMANCE: "#e0b040",
        ComponentStatus.PARTIAL_OUTAGE: "#ff8f52",
        ComponentStatus.MAJOR_OUTAGE: "#ff7b72",
    },
)
STATUS_OF_INDICATOR = {
    Impact.NONE: ComponentStatus.OPERATIONAL,
    Impact.MAINTENANCE: ComponentStatus.UNDER_MAINTENANCE,
    Impact.MINOR: ComponentStatus.DEGRADED_PERFORMANCE,
    Impact.MAJOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
}


def page(state: PageState) -> Iterable[Artefact]:
    """/badge.svg and /badge-dark.svg."""
    word = DESCRIPTIONS[state.indicator]
    return _pair("", name=state.name, word=word, status=STATUS_OF_INDICATOR[state.indicator])


def component(site: SiteState, component: ComponentState, _past: ComponentPast) -> Iterable[Artefact]:
    """The same two below /components/<code>/, and two that tell the uptime of up to 90 days, once that is known."""
    name, status = component.name, component.status
    yield from _pair(component.path, name=name, word=component.status_label, status=status)
    uptime = uptime_of(component_days(component, zone=site.zone, now=counted_until(component, site)))
    if uptime.words:
        days = component_days(component, zone=site.zone, now=drawn_until(component, site))
        known = sum(day.is_known for day in days)
        word = ngettext("uptime %(uptime)s in %(count)d day", "uptime %(uptime)s in %(count)d days", known)
        word %= {"uptime": uptime.words, "count": known}
        yield from _pair(component.path, name=name, word=word, status=status, file="uptime")


def _pair(folder: str, *, name: str, word: str, status: str, file: str = "badge") -> Iterable[Artefact]:
    for theme, ending in ((LIGHT, ""), (DARK, "-dark")):
        yield Artefact(f"{folder}/{file}{ending}.svg", CONTENT_TYPE, _badge(theme, name=name, word=word, status=status))


def _badge(theme: Theme, *, name: str, word: str, status: str) -> bytes:
    text = f"{name}{_(':')} {word}"
    wide = sum(east_asian_width(char) in "WF" for char in text)
    text_width = round(wide * WIDE_LETTER + (len(text) - wide) * LETTER)
    context = {
        "theme": theme,
        "text": text,
        "status": status,
        "dot": theme.dots[status],
        "text_width": text_width,
        "text_x": PADDING + DOT,
        "width": text_width + DOT + 2 * PADDING,
        "height": HEIGHT,
    }
    return render_to_string("publishing/badge.svg", context).encode()
