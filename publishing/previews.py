"""What a draft will look like on the page and in the feeds: the formats, on the state as it would be."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from incidents.models import IncidentUpdate, Page
from incidents.rehearsal import PreviewPane
from incidents.signals import preview_requested
from publishing.formats import feeds, notice
from publishing.loading import load_site
from publishing.notices import load_notices


@receiver(preview_requested, dispatch_uid="publishing.previews")
def preview_page_and_feed(update: IncidentUpdate, **_kwargs: Any) -> list[PreviewPane]:
    """Runs inside the rehearsal's transaction, so what is read has just been rehearsed."""
    site = load_site(Page.objects.current(), timezone.now())
    rehearsed = next(iter(load_notices(pk=update.incident_id)), None)
    if rehearsed is None:
        return []
    with translation.override(site.language):
        page = notice.notice(site, rehearsed)[0].body.decode()
        entry = feeds.entry_html(rehearsed, site.zone)
    return [
        PreviewPane(name="page", label=_("Page"), kind="html", content=page),
        PreviewPane(name="feed", label=_("Feed"), kind="html", content=entry),
    ]
