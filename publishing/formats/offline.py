"""For readers whose network is away: the worker that keeps what they read, and the page for what they never read."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.state import PageState


def page(state: PageState) -> Iterable[Artefact]:
    """/sw.js and /offline. The worker lies at the root, because what it may answer for lies below its own address."""
    yield Artefact("/sw.js", "text/javascript; charset=utf-8", render_to_string("publishing/sw.js").encode())
    yield document("/offline", "public/offline.html", state)
