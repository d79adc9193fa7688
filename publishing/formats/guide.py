"""/api: everything that can be read by programs, told to the people who write or set them up."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.state import PageState


def page(state: PageState) -> Iterable[Artefact]:
    """With examples that work: the newest notice, and each component."""
    example = state.notices[0] if state.notices else None
    maintenance = next((notice for notice in state.notices if notice.is_scheduled), None)
    functions = _functions(tuple((c.code, c.name) for c in state.components), get_language())
    # A mirror has files alone, and those of several functions are made by our own server.
    several = ",".join(sorted(c.code for c in state.components)[:2]) if not state.mirror else ""
    yield document(
        "/api",
        "public/guide.html",
        state,
        example=example,
        maintenance=maintenance,
        functions=functions,
        several=several if "," in several else "",
    )


@lru_cache(maxsize=4)
def _functions(components: tuple[tuple[str, str], ...], _language: str | None) -> SafeString:
    """The addresses of each: the same from one update to the next, and for many the greater part of the page."""
    return render_to_string("public/parts/functions.html", {"components": components}) if components else SafeString("")
