"""How long before a maintenance its subscribers are reminded: minutes inside, "24 hours" for people."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

HOUR, DAY = 60, 24 * 60
SHORTEST, LONGEST = 5, 30 * DAY
MAX_LEADS = 5

# Each unit in minutes, with the ways to write it that everybody reads; the words of the reader's language come on top.
UNITS = {
    1: ("m", "min", "mins", "minute", "minutes"),
    HOUR: ("h", "hr", "hrs", "hour", "hours"),
    DAY: ("d", "day", "days"),
    7 * DAY: ("w", "week", "weeks"),
}
LENGTH_PART = re.compile(r"\d{1,6}\s*[^\W\d]+\.?")
LEAD = re.compile(r"(\d{1,6})\s*([^\W\d]+)\.?")


def in_order(leads: Iterable[int]) -> list[int]:
    """`leads` as they are stored: each once, the longest first. Raises ValidationError for what cannot be kept."""
    ordered = sorted(set(leads), reverse=True)
    for lead in ordered:
        if not SHORTEST <= lead <= LONGEST:
            raise ValidationError(
                _("%(lead)s: a reminder comes between 5 minutes and 30 days before the work.")
                % {"lead": lead_words(lead)}
            )
    if len(ordered) > MAX_LEADS:
        raise ValidationError(_("At most %(number)d reminders.") % {"number": MAX_LEADS})
    return ordered


def parse_leads(text: str) -> list[int]:
    """What staff typed, such as "7 days, 24 hours, 1 hour". Raises ValidationError for what cannot be read."""
    return in_order(_parse(part.strip()) for part in re.split(r"[,;\n]", text) if part.strip())


def parse_length(text: str) -> int:
    """How long something takes, in minutes: "3 hours", "2 h 30 min". Raises ValidationError for what cannot be read."""
    parts = LENGTH_PART.findall(text)
    if not parts or LENGTH_PART.sub("", text).strip(" ,"):
        raise ValidationError(_("Write how long, such as: 3 hours, or 2 h 30 min."))
    return sum(_parse(part.strip()) for part in parts)


def leads_words(leads: Iterable[int]) -> str:
    """`leads` as staff would type them; `parse_leads` reads it."""
    return ", ".join(lead_words(lead) for lead in leads)


def lead_words(lead: int) -> str:
    """One lead: "7 days", "24 hours", "90 minutes"."""
    if lead % DAY == 0 and lead > DAY:
        return _in_unit(lead // DAY, DAY)
    if lead % HOUR == 0 and lead:
        return _in_unit(lead // HOUR, HOUR)
    return _in_unit(lead, 1)


def _in_unit(count: int, unit: int) -> str:
    words = {
        1: ngettext("%(count)d minute", "%(count)d minutes", count),
        HOUR: ngettext("%(count)d hour", "%(count)d hours", count),
        DAY: ngettext("%(count)d day", "%(count)d days", count),
        7 * DAY: ngettext("%(count)d week", "%(count)d weeks", count),
    }[unit]
    return words % {"count": count}


def _parse(part: str) -> int:
    match = LEAD.fullmatch(part)
    if match and match[1].isascii():
        count, word = int(match[1]), match[2].lower()
        for unit, spellings in UNITS.items():
            if word in spellings or f"{count} {word}" == _in_unit(count, unit).lower():
                return count * unit
    raise ValidationError(
        _("“%(part)s” cannot be read. Write a number and its unit, one after the other: 7 days, 24 hours, 1 hour.")
        % {"part": part[:40]}
    )
