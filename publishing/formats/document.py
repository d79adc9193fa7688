from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.state import PageState


def document(path: str, template: str, state: PageState, **context: Any) -> Artefact:
    """One page, rendered without a request: it is the same for everybody."""
    text = render_to_string(template, {"page": state, "path": path, **context})
    return Artefact(path, "text/html; charset=utf-8", text.encode("utf-8", "replace"))
