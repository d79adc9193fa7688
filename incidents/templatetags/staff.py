"""Tags for the screens of staff."""

from __future__ import annotations

import html

from django import template
from django.utils.html import strip_tags
from django.utils.text import Truncator

from incidents.models import IncidentUpdate

register = template.Library()

EXCERPT = 160


@register.filter
def excerpt(update: IncidentUpdate) -> str:
    """The beginning of what an update says, as plain text: not marked safe, so that the template escapes it."""
    return Truncator(html.unescape(strip_tags(update.body_html))).chars(EXCERPT)
