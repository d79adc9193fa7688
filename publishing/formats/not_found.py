from __future__ import annotations

from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.state import PageState


def page(state: PageState) -> list[Artefact]:
    """What is answered where nothing is."""
    return [document("/404", "public/not_found.html", state)]
