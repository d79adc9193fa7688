from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.state import SiteState


def document(path: str, template: str, site: SiteState, **context: Any) -> Artefact:
    """One page, rendered without a request: it is the same for everybody."""
    text = render_to_string(template, {"page": site, "path": path, **context})
    return Artefact(path, "text/html; charset=utf-8", text.encode("utf-8", "replace"))
