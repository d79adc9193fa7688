"""What robots ask for: robots.txt and the site map."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.state import PageState


def render(state: PageState) -> Iterable[Artefact]:
    """/robots.txt and /sitemap.xml (sitemaps.org, protocol 0.9)."""
    robots = f"User-agent: *\nDisallow: /subscribe/\nDisallow: /admin/\n\nSitemap: {state.url}/sitemap.xml\n"
    yield Artefact("/robots.txt", "text/plain; charset=utf-8", robots.encode())
    site_map = render_to_string("publishing/sitemap.xml", {"page": state})
    yield Artefact("/sitemap.xml", "application/xml; charset=utf-8", site_map.encode())
