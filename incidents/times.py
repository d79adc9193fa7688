"""Wall times and zones: reading what staff type, writing what customers read."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _


class NonexistentTime(ValueError):
    """The clocks were put forward over this wall time."""


class AmbiguousTime(ValueError):
    """The clocks were put back over this wall time: it happens twice. Holds both instants, in UTC."""

    def __init__(self, earlier: dt.datetime, later: dt.datetime) -> None:
        super().__init__(earlier, later)
        self.earlier = earlier
        self.later = later


def from_wall_time(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, at which clocks in `zone` show the naive time `wall`.

    Raises NonexistentTime or AmbiguousTime: neither is ever guessed.
    """
    earlier, later = (wall.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    if earlier.astimezone(zone).replace(tzinfo=None) != wall:
        raise NonexistentTime(wall)
    if earlier != later:
        raise AmbiguousTime(earlier, later)
    return earlier


def zone_label(instant: dt.datetime, zone: ZoneInfo) -> str:
    """The zone's abbreviation on that day ("CET"), or its offset ("UTC+05:30") where it has none."""
    local = instant.astimezone(zone)
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{_offset(local)}"


def _offset(local: dt.datetime) -> str:
    minutes = int((local.utcoffset() or dt.timedelta()).total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def describe(instant: dt.datetime, zone: ZoneInfo) -> str:
    """A time that nobody can misread: "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"."""
    local = instant.astimezone(zone)
    day = date_format(local, "l j F Y", use_l10n=False)
    text = f"{day}, {local:%H:%M} {zone_label(instant, zone)}"
    if not local.utcoffset():
        return text
    utc = instant.astimezone(dt.UTC)
    utc_day = "" if utc.date() == local.date() else date_format(utc, "j M", use_l10n=False) + " "
    return _("%(time)s (%(utc)s UTC)") % {"time": text, "utc": f"{utc_day}{utc:%H:%M}"}
