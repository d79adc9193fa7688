"""What robots ask for: robots.txt and the site maps (sitemaps.org, protocol 0.9), one for each month."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.formats.history import month_path
from publishing.state import MonthState, PageState, SiteState

XML = "application/xml; charset=utf-8"


def page(state: PageState) -> Iterable[Artefact]:
    """/robots.txt, /sitemap.xml (the index) and /sitemap-pages.xml."""
    robots = f"User-agent: *\nDisallow: /subscribe/\nDisallow: /admin/\n\nSitemap: {state.url}/sitemap.xml\n"
    yield Artefact("/robots.txt", "text/plain; charset=utf-8", robots.encode())
    maps = ["/sitemap-pages.xml", *(f"{month_path(month)}.xml" for month, _count in state.months)]
    index = render_to_string("publishing/sitemap_index.xml", {"page": state, "maps": maps})
    yield Artefact("/sitemap.xml", XML, index.encode())
    paths = ["/", "/history", *(component.path for component in state.components)]
    pages = render_to_string("publishing/sitemap.xml", {"page": state, "paths": paths})
    yield Artefact("/sitemap-pages.xml", XML, pages.encode())


def month(site: SiteState, month: MonthState) -> Iterable[Artefact]:
    text = render_to_string("publishing/sitemap.xml", {"page": site, "notices": month.notices})
    yield Artefact(f"{month_path(month.month)}.xml", XML, text.encode())
