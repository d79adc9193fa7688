"""Tags for the pages that customers see, whichever app renders them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from incidents import languages, times
from incidents.assets import asset_path

register = template.Library()

# Drawn on a field of 20 by 20. Each differs in outline, not only in colour.
CHECK = '<circle class="fill" cx="10" cy="10" r="9"/><path class="line" d="m5.8 10.4 2.9 2.9 5.6-6.2"/>'
OCTAGON = (
    '<path class="fill" d="M6.4 1h7.2L19 6.4v7.2L13.6 19H6.4L1 13.6V6.4z"/><path class="line" d="m7 7 6 6m0-6-6 6"/>'
)
TRIANGLE = (
    '<path class="fill" d="M8.5 2.1a1.7 1.7 0 0 1 3 0l7.3 13.4a1.7 1.7 0 0 1-1.5 2.5H2.7a1.7 1.7 0 0 1-1.5-2.5z"/>'
    '<path class="line" d="M10 7.2v4.6m0 2.9v.1"/>'
)
HALF = '<circle class="ring" cx="10" cy="10" r="8"/><path class="fill" d="M10 4.5a5.5 5.5 0 0 0 0 11z"/>'
TOOL = (
    '<rect class="fill" x="1" y="1" width="18" height="18" rx="4.5"/>'
    '<path class="line" d="M5 7h10M5 13h10"/><path class="knob" d="M8 4.6v4.8M12.5 10.6v4.8"/>'
)
CLOCK = '<circle class="ring" cx="10" cy="10" r="8"/><path class="stroke" d="M10 5.4V10l3 2.2"/>'
SLOW = '<path class="ring" d="M2.6 15a8.6 8.6 0 1 1 14.8 0z"/><path class="stroke" d="m10 11.4-4-3.6"/>'
EYE = '<circle class="ring" cx="8.6" cy="8.6" r="6.4"/><path class="stroke" d="m13.4 13.4 4.6 4.6"/>'
FOUND = EYE + '<path class="stroke" d="M8.6 5.6v3.6m0 2.2v.1"/>'
PULSE = '<circle class="ring" cx="10" cy="10" r="8"/><path class="stroke" d="M3.4 10.6h3.4l2-4 2.4 7 2-3h3.4"/>'
CALENDAR = '<path class="ring" d="M2 3.5h16V18H2z"/><path class="stroke" d="M2.4 8.4h15.2M6.4 1.4v4m7.2-4v4"/>'
CROSSED = '<circle class="ring" cx="10" cy="10" r="8"/><path class="stroke" d="m4.6 4.6 10.8 10.8"/>'
PAPER = '<path class="ring" d="M4 2h8l4 4v12H4z"/><path class="stroke" d="M7 9h6m-6 3.6h6"/>'

ICONS = {
    "operational": CHECK,
    "under_maintenance": TOOL,
    "degraded_performance": TRIANGLE,
    "partial_outage": HALF,
    "major_outage": OCTAGON,
    "none": CHECK,
    "maintenance": TOOL,
    "minor": TRIANGLE,
    "major": HALF,
    "critical": OCTAGON,
    "unavailable": OCTAGON,
    "slower": SLOW,
    "delayed": CLOCK,
    "unaffected": CHECK,
    "investigating": EYE,
    "identified": FOUND,
    "monitoring": PULSE,
    "resolved": CHECK,
    "postmortem": PAPER,
    "scheduled": CALENDAR,
    "in_progress": TOOL,
    "verifying": PULSE,
    "completed": CHECK,
    "cancelled": CROSSED,
}


@register.simple_tag
def asset(name: str) -> str:
    return asset_path(name)


@register.simple_tag
def lang(code: str) -> SafeString:
    """The attribute of an element whose text stands in another language than its page; nothing without `code`."""
    return format_html(' lang="{}"', code) if code else SafeString("")


@register.filter
def language_name(code: str) -> str:
    return languages.name_of(code)


@register.filter
def og_locale(code: str) -> str:
    return languages.open_graph_locale(code)


@register.filter
def in_words(instant: dt.datetime, zone: ZoneInfo) -> str:
    """A time nobody can misread: weekday, day, month by name, year, zone, and UTC."""
    return times.describe(instant, zone)


@register.filter
def says_status(name: str) -> bool:
    """Whether the name of a page has the word already: "Example Status" is not to be "Example Status status"."""
    return name.casefold().split()[-1:] == ["status"]


@register.filter
def bdi(text: str) -> SafeString:
    """What somebody wrote, in the direction of its own script, to stand inside a translated sentence."""
    return format_html("<bdi>{}</bdi>", text)


@register.filter
def isolated(text: str) -> str:
    """The same for plain text."""
    return times.isolated(text)


@register.simple_tag
def icon(name: str) -> SafeString:
    """The drawing that stands for a status, an effect or an impact. A word must always stand beside it."""
    return mark_safe(f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">{ICONS[name]}</svg>')


@register.simple_tag
def when(instant: dt.datetime, zone: ZoneInfo) -> SafeString:
    """One time, as `in_words` says it, marked up for machines; a script adds the reader's own zone."""
    return _marked_up(_time(instant, zone), times.utc_words(instant, zone), zone)


@register.simple_tag
def window(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> SafeString:
    """A window as one phrase, both ends with their day, marked up for machines."""
    both = _("%(start)s to %(end)s") % {"start": _time(start, zone), "end": _time(end, zone)}
    return _marked_up(mark_safe(both), times.utc_window_words(start, end, zone), zone)


@register.simple_tag
def from_until(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> SafeString:
    """A window with both ends written out, each with its UTC, marked up for machines."""
    words = _("From %(start)s until %(end)s") % {"start": when(start, zone), "end": when(end, zone)}
    return mark_safe(words)


@register.filter
def lasting(start: dt.datetime, end: dt.datetime) -> str:
    return times.duration_words(end - start)


@register.filter
def day_words(day: dt.date) -> str:
    return times.day_words(day)


@register.filter
def month_words(day: dt.date) -> str:
    return times.month_words(day)


@register.filter
def machine(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(instant: dt.datetime, zone: ZoneInfo) -> SafeString:
    return format_html(
        '<time datetime="{}">{}{}<bdi class="clock">{}</bdi></time>',
        machine(instant),
        times.day_words(instant.astimezone(zone)),
        _(", "),
        times.clock_words(instant, zone),
    )


def _marked_up(local: SafeString, utc: str, zone: ZoneInfo) -> SafeString:
    in_utc = format_html(' <bdi class="utc">({})</bdi>', utc) if utc else ""
    return format_html('<span class="when" data-zone="{}">{}{}</span>', zone.key, local, in_utc)
