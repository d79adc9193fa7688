"""What a draft will look like on the page and in the feeds: the formats, on the state as it would be."""

from __future__ import annotations

import base64
from typing import Any

from django.dispatch import receiver
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from incidents.assets import asset_file, asset_path
from incidents.brand import AssetFile
from incidents.languages import name_of
from incidents.models import CSS_TYPE, IncidentUpdate, Page
from incidents.rehearsal import PreviewPane
from incidents.signals import look_requested, preview_requested
from publishing.formats import feeds, home, notice
from publishing.in_language import notice_in, site_in
from publishing.loading import load_site, load_state
from publishing.notices import load_notices
from publishing.state import NoticeState, SiteState

DARK = "(prefers-color-scheme: dark)"


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


@receiver(look_requested, dispatch_uid="publishing.look")
def preview_home(**_kwargs: Any) -> list[PreviewPane]:
    """The home page in light and in dark, whichever the screen of the person is who looks at it."""
    state = load_state(timezone.now(), months=())
    with translation.override(state.language):
        html = home.page(state)[0].body.decode()
    tokens = AssetFile(asset_path("tokens.css"), CSS_TYPE, asset_file("tokens.css").read_bytes())
    files = (tokens, *state.brand_files)
    return [
        PreviewPane("page", _("Page"), "html", _standing_alone(html, files, scheme="light")),
        PreviewPane("page-dark", _("Page on dark"), "html", _standing_alone(html, files, scheme="dark")),
    ]


def _standing_alone(html: str, files: tuple[AssetFile, ...], *, scheme: str) -> str:
    """`html` with `files`, which nobody serves yet, written into it, and held to one colour scheme."""
    for file in files:
        content = file.content
        if file.content_type == CSS_TYPE:
            content = _in(scheme, content.decode()).encode()
        html = html.replace(
            file.path, f"data:{file.content_type.replace(' ', '')};base64,{base64.b64encode(content).decode()}"
        )
    return _in(scheme, html)


def _in(scheme: str, text: str) -> str:
    is_so = "all" if scheme == "dark" else "not all"
    return (
        text.replace(DARK, is_so)
        .replace("color-scheme: light dark", f"color-scheme: {scheme}")
        .replace('content="light dark"', f'content="{scheme}"')
    )
