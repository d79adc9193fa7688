"""Wall times and zones: reading what staff type, writing what customers read."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import get_language_bidi, ngettext, pgettext
from django.utils.translation import gettext as _

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


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


def day_words(day: dt.date) -> str:
    """A date with its weekday: "Sunday 10 November 2013"."""
    # The order of the parts is part of each translation, in Django's letters: "l, j. F Y" in German.
    return date_format(day, pgettext("date", "l j F Y"), use_l10n=False)


def month_words(day: dt.date) -> str:
    """The month of a date: "November 2013"."""
    return date_format(day, pgettext("date", "F Y"), use_l10n=False)


def local_words(instant: dt.datetime, zone: ZoneInfo) -> str:
    """The time on clocks in `zone`: "Sunday 10 November 2013, 00:00 CET"."""
    return day_words(instant.astimezone(zone)) + _(", ") + isolated(clock_words(instant, zone))


def clock_words(instant: dt.datetime, zone: ZoneInfo) -> str:
    """Hour, minute and zone: "00:00 CET"."""
    return f"{instant.astimezone(zone):%H:%M} {zone_label(instant, zone)}"


def utc_words(instant: dt.datetime, zone: ZoneInfo) -> str:
    """The same in UTC, with the day where it is another: "9 Nov 23:00 UTC". Empty where clocks in `zone` show UTC."""
    local = instant.astimezone(zone)
    if not local.utcoffset():
        return ""
    utc = instant.astimezone(dt.UTC)
    return _("%(time)s UTC") % {"time": f"{utc:%H:%M}" if utc.date() == local.date() else _day_and_time(utc)}


def utc_window_words(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> str:
    """Both ends in UTC: "20:00 to 23:00 UTC", with their days unless both fall on the day first named in `zone`."""
    if not start.astimezone(zone).utcoffset() and not end.astimezone(zone).utcoffset():
        return ""
    first, last = start.astimezone(dt.UTC), end.astimezone(dt.UTC)
    is_one_day = first.date() == last.date() == start.astimezone(zone).date()
    words = [f"{time:%H:%M}" if is_one_day else _day_and_time(time) for time in (first, last)]
    return _("%(start)s to %(end)s UTC") % {"start": words[0], "end": words[1]}


def describe(instant: dt.datetime, zone: ZoneInfo) -> str:
    """A time that nobody can misread: "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"."""
    local, utc = local_words(instant, zone), utc_words(instant, zone)
    return f"{local} ({isolated(utc)})" if utc else local


def isolated(text: str) -> str:
    """`text` so that its own script alone decides its direction, for plain text, where no markup can say so.

    In a language from right to left, "21:00 CET" would fall apart and a name would draw what follows it along. Where
    the frame runs from left to right nothing of the kind happens, and text is better without unseen characters.
    """
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}" if get_language_bidi() else text


def describe_window(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> str:
    """Both ends, each with its day: "Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (…)"."""
    local = _("%(start)s to %(end)s") % {"start": local_words(start, zone), "end": local_words(end, zone)}
    utc = utc_window_words(start, end, zone)
    return f"{local} ({isolated(utc)})" if utc else local


def from_until(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> tuple[str, str]:
    """Both ends written out, one after the other: "From Saturday 9 November 2013, 21:00 CET (20:00 UTC)", "until …"."""
    return (
        _("From %(time)s") % {"time": describe(start, zone)},
        _("until %(time)s") % {"time": describe(end, zone)},
    )


def duration_words(duration: dt.timedelta) -> str:
    """How long, in days, hours and minutes: "3 h 10 min"."""
    minutes = max(1, round(duration.total_seconds() / 60))
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = []
    if days:
        parts.append(ngettext("%(count)d day", "%(count)d days", days) % {"count": days})
    if hours:
        parts.append(_("%(count)d h") % {"count": hours})
    if minutes:
        parts.append(_("%(count)d min") % {"count": minutes})
    return " ".join(parts)


def lasting_words(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> str:
    """How long a window lasts, and that clocks show something else where they change meanwhile."""
    lasts, change = end - start, clock_change(start, end, zone)
    words = {"duration": duration_words(lasts), "shown": duration_words(lasts + change)}
    if change > dt.timedelta():
        return _("lasts %(duration)s, not the %(shown)s that clocks show: they are put forward meanwhile") % words
    if change:
        return _("lasts %(duration)s, not the %(shown)s that clocks show: they are put back meanwhile") % words
    return _("lasts %(duration)s") % words


def clock_change(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    """By how much clocks in `zone` are put forward between two instants; negative where they are put back."""
    before, after = (instant.astimezone(zone).utcoffset() or dt.timedelta() for instant in (start, end))
    return after - before


def starts_at(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, at which `day` begins in `zone`; days last 23 or 25 hours where clocks change."""
    return dt.datetime.combine(day, dt.time(), tzinfo=zone).astimezone(dt.UTC)


def _day_and_time(time: dt.datetime) -> str:
    day = date_format(time, pgettext("date", "j M"), use_l10n=False)
    return f"{day} {time:%H:%M}"
