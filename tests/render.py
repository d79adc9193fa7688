"""All artefacts of the facts as they stand, rendered in one go: what the publisher must arrive at step by step."""

from __future__ import annotations

import datetime as dt

from django.utils import translation

from publishing.artefact import Artefact
from publishing.formats import component_artefacts, month_artefacts, notice_artefacts, page_artefacts
from publishing.loading import load_component_past, load_month, load_state
from publishing.notices import load_notices
from publishing.state import Mirror, MonthState
from publishing.texts import load_texts


def everything(now: dt.datetime, *, mirror: Mirror | None = None) -> list[Artefact]:
    state = load_state(now)
    with translation.override(state.language):
        state = load_state(now, mirror=mirror)
        found = [*page_artefacts(state)]
        for notice in load_notices():
            found += notice_artefacts(state.site, notice)
        order = [None, *(month for month, _count in state.months), None]
        for newer, month, older in zip(order, order[1:], order[2:], strict=False):
            rows = load_month(month, state.zone)
            found += month_artefacts(state.site, MonthState(month, rows, older, newer, load_texts(month, state.zone)))
        for component in state.components:
            past = load_component_past(component.code, state.site, state.notices)
            found += component_artefacts(state.site, component, past)
    return found


def files(now: dt.datetime) -> dict[str, bytes]:
    """The bodies by path."""
    return {artefact.path: artefact.body for artefact in everything(now)}
