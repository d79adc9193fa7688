"""A notice as one entry of a list. It stands on two pages, and is drawn once while it stays the same."""

from __future__ import annotations

from functools import lru_cache

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from publishing.state import PastNotice


def past_entry(notice: PastNotice, heading: str) -> SafeString:
    """`heading` is the element that holds its title, by the level at which the list stands."""
    return _drawing(notice, heading, get_language())


@lru_cache(maxsize=4096)
def _drawing(notice: PastNotice, heading: str, _language: str | None) -> SafeString:
    return render_to_string("public/parts/past.html", {"notice": notice, "heading": heading})
