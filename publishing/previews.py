"""What a draft will look like on the page and in the feeds: the formats, on the state as it would be."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from incidents.languages import name_of
from incidents.models import IncidentUpdate, Page
from incidents.rehearsal import PreviewPane
from incidents.signals import preview_requested
from publishing.formats import feeds, notice
from publishing.in_language import notice_in, site_in
from publishing.loading import load_site
from publishing.notices import load_notices
from publishing.state import NoticeState, SiteState


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
        *(_page_in(language, site, rehearsed) for language in site.languages),
        PreviewPane(name="feed", label=_("Feed"), kind="html", content=entry),
    ]


def _page_in(language: str, site: SiteState, rehearsed: NoticeState) -> PreviewPane:
    label = _("Page in %(language)s") % {"language": name_of(language)}
    with translation.override(language):
        page = notice.notice(site_in(site, language), notice_in(rehearsed, site, language))[0]
    return PreviewPane(name=f"page-{language}", label=label, kind="html", content=page.body.decode())
