"""/api: everything that can be read by programs, told to the people who write or set them up."""

from __future__ import annotations

from collections.abc import Iterable

from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.state import PageState


def page(state: PageState) -> Iterable[Artefact]:
    """With examples that work: the newest notice, and each component."""
    example = state.notices[0] if state.notices else None
    maintenance = next((notice for notice in state.notices if notice.is_scheduled), None)
    yield document("/api", "public/guide.html", state, example=example, maintenance=maintenance)
