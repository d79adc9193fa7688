"""/live.json: what an open page asks for every few seconds. Some dozens of bytes, others in each generation."""

from __future__ import annotations

import json
from collections.abc import Iterable

from publishing.artefact import Artefact
from publishing.state import PageState

PATH = "/live.json"


def page(state: PageState) -> Iterable[Artefact]:
    """The version alone would not do: the clock changes the page too, at midnight and when a window begins."""
    note = {"version": state.version, "generated_at": state.generated_at.isoformat()}
    yield Artefact(PATH, "application/json; charset=utf-8", json.dumps(note).encode())
