"""Tags for the pages that customers see, whichever app renders them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django import template

from incidents.assets import asset_path
from incidents.times import describe

register = template.Library()


@register.simple_tag
def asset(name: str) -> str:
    return asset_path(name)


@register.filter
def in_words(instant: dt.datetime, zone: ZoneInfo) -> str:
    """A time nobody can misread: weekday, day, month by name, year, zone, and UTC."""
    return describe(instant, zone)
