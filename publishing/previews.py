"""What a draft will look like on the page and in the feeds: the formats, on the state as it would be."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from incidents.models import IncidentUpdate
from incidents.rehearsal import PreviewPane
from incidents.signals import preview_requested
from publishing.formats import feeds, notice
from publishing.state import load_state


@receiver(preview_requested, dispatch_uid="publishing.previews")
def preview_page_and_feed(update: IncidentUpdate, **_kwargs: Any) -> list[PreviewPane]:
    """Runs inside the rehearsal's transaction, so the state holds what has just been rehearsed."""
    state = load_state(timezone.now())
    rehearsed = next((one for one in state.notices if one.pk == update.incident_id), None)
    if rehearsed is None:
        return []
    with translation.override(state.language):
        page = notice.artefact(state, rehearsed).body.decode()
        entry = feeds.entry_html(rehearsed, state.zone)
    return [
        PreviewPane(name="page", label=_("Page"), kind="html", content=page),
        PreviewPane(name="feed", label=_("Feed"), kind="html", content=entry),
    ]
