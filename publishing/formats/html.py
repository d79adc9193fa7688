"""The pages: home, every notice, history by month, and what is answered where nothing is."""

from __future__ import annotations

from django.utils import translation

from publishing.artefact import Artefact
from publishing.formats import history, home, notice
from publishing.formats.document import document
from publishing.state import PageState


def artefacts(state: PageState) -> list[Artefact]:
    with translation.override(state.language):
        return [
            home.artefact(state),
            *(notice.artefact(state, one) for one in state.notices),
            *history.artefacts(state),
            document("/404", "public/not_found.html", state),
        ]
