"""Times as a person types them: "in 20 min", "21:00", "Saturday 21:00", "9 November 2013, 21:00 CET".

A small grammar of our own, because general parsers guess: python-dateutil reads 10-11-2013 as October, fills in what is
missing, and takes "9 pm Satruday" for a time today. Here whatever can be meant in two ways is refused, with an example.
"""

from __future__ import annotations

import datetime as dt
import re
from enum import Enum
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.forms.wall_times import YEARS, WallTime
from incidents.leads import UNITS
from incidents.times import day_words, zone_label

MONTHS = "january february march april may june july august september october november december".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
SHORTEST_NAME = 3
MANY_DIGITS = 5  # of a count: more overflows what a date can hold

_UNIT_MINUTES = {word: minutes for minutes, words in UNITS.items() for word in words}
_SPAN = rf"\d{{1,{MANY_DIGITS}}}\s*[a-z]+"
_SPANS = rf"(?P<spans>{_SPAN}(?:(?:\s+|\s*,\s*|\s+and\s+){_SPAN})*)"
_FROM_NOW = re.compile(rf"in\s+{_SPANS}|{_SPANS.replace('spans', 'past')}\s+ago", re.A)
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::00)?"
_ISO_DAY = r"(?P<iso>\d{4}-\d{2}-\d{2})[t ]"
_NAMED_DAY = r"(?P<day>\d{1,2})\s+(?P<month>[a-z]{3,9})(?:\s+(?P<year>\d{4}))?,?\s+"
_ZONE = r"\s*(?P<zone>z|[+-]\d{2}:?\d{2}|(?<=\s)[a-z]{2,5}|(?<=\s)utc[+-]\d{2}:\d{2})?"
_MOMENT = re.compile(
    rf"(?:(?P<weekday>today|tomorrow|yesterday|[a-z]{{3,9}}),?\s+)?(?:{_ISO_DAY}|{_NAMED_DAY})?{_CLOCK}{_ZONE}", re.A
)
_HALF_DAY = re.compile(r"\b\d{1,2}(?::\d{2})?\s*[ap]\.?m\b|\b(?:midnight|noon)\b")
_NUMERIC_DAY = re.compile(r"\b\d{1,2}[-/.]\d{1,2}\b(?!:)")


class Toward(Enum):
    """Where a time lies of which not everything was said: "21:00" is the next one, or the one before."""

    FUTURE = 1
    PAST = -1


def read_time(
    text: str,
    *,
    zone: ZoneInfo,
    now: dt.datetime,
    toward: Toward = Toward.FUTURE,
    since: dt.datetime | None = None,
) -> dt.datetime | WallTime:
    """What `text` means: an instant in UTC, or what clocks in `zone` show, where that is all that was said.

    "in 20 min" counts from `now`; "21:00" and "Saturday 21:00" are looked for from `since` (now, by default), `toward`
    the future or the past. Raises ValidationError.
    """
    words = " ".join(text.lower().split())
    if words == "now":
        return _whole_minute(now, Toward.PAST)
    if span := _FROM_NOW.fullmatch(words):
        return _from_now(span, text, now)
    moment = _MOMENT.fullmatch(words)
    if moment is None or _HALF_DAY.search(words):
        raise _unreadable(text)
    named_zone = (moment["zone"] or "").upper()
    since = since or now
    if named_zone in ("Z", "UTC"):
        return _wall(moment, text, since.astimezone(dt.UTC), toward).replace(tzinfo=dt.UTC)
    if named_zone[:1] in ("+", "-"):
        offset = dt.timezone(_offset(named_zone, text))
        return _wall(moment, text, since.astimezone(offset), toward).replace(tzinfo=offset).astimezone(dt.UTC)
    wall = _wall(moment, text, since.astimezone(zone), toward)
    return _in_named_zone(wall, named_zone, zone) if named_zone else WallTime(wall)


def _from_now(span: re.Match[str], text: str, now: dt.datetime) -> dt.datetime:
    minutes = 0
    for count, unit in re.findall(r"(\d+)\s*([a-z]+)", span["spans"] or span["past"]):
        if unit not in _UNIT_MINUTES:
            raise _unreadable(text)
        minutes += int(count) * _UNIT_MINUTES[unit]
    toward = Toward.FUTURE if span["spans"] else Toward.PAST
    try:
        return _whole_minute(now + toward.value * dt.timedelta(minutes=minutes), toward)
    except OverflowError:
        raise _unreadable(text) from None


def _whole_minute(moment: dt.datetime, toward: Toward) -> dt.datetime:
    """Never earlier than was promised, never later than it was."""
    whole = moment.replace(second=0, microsecond=0).astimezone(dt.UTC)
    is_later = toward is Toward.FUTURE and (moment.second or moment.microsecond)
    return whole + dt.timedelta(minutes=1) if is_later else whole


def _wall(moment: re.Match[str], text: str, local_now: dt.datetime, toward: Toward) -> dt.datetime:
    """What clocks show then, naive; `local_now` is the present on the same clocks."""
    now = local_now.replace(tzinfo=None)
    hour, minute = int(moment["hour"]), int(moment["minute"])
    if (hour, minute) > (24, 0) or minute > 59:
        raise _unreadable(text)
    # "Until 24:00" is how people write the end of a day.
    since_midnight = dt.timedelta(hours=hour, minutes=minute)
    day = moment["weekday"] or ""
    if moment["iso"] or moment["day"]:
        date = _iso_day(moment, text) if moment["iso"] else _named_day(moment, text, now, toward, since_midnight)
        _refuse_other_weekday(day, date, text)
        return _midnight(date) + since_midnight
    if day in ("today", "tomorrow", "yesterday"):
        apart = {"today": 0, "tomorrow": 1, "yesterday": -1}[day]
        return _midnight(now.date()) + dt.timedelta(days=apart) + since_midnight
    found = _midnight(now.date()) + since_midnight
    step = dt.timedelta(days=toward.value)
    weekday = _place(day, WEEKDAYS, text) if day else None
    while (weekday is not None and (found - since_midnight).weekday() != weekday) or _is_behind(found, now, toward):
        found += step
    return found


def _is_behind(wall: dt.datetime, now: dt.datetime, toward: Toward) -> bool:
    return wall <= now if toward is Toward.FUTURE else wall > now


def _iso_day(moment: re.Match[str], text: str) -> dt.date:
    try:
        return _with_sane_year(dt.date.fromisoformat(moment["iso"]))
    except ValueError:
        raise _unreadable(text) from None


def _named_day(
    moment: re.Match[str], text: str, now: dt.datetime, toward: Toward, since_midnight: dt.timedelta
) -> dt.date:
    month = _place(moment["month"], MONTHS, text) + 1
    if moment["year"]:
        years = [int(moment["year"])]
    else:  # 29 February may be some years away
        years = list(range(now.year, now.year + 9 * toward.value, toward.value))
    for year in years:
        try:
            date = dt.date(year, month, int(moment["day"]))
        except ValueError:
            continue
        if moment["year"] or not _is_behind(_midnight(date) + since_midnight, now, toward):
            return _with_sane_year(date)
    raise _unreadable(text)


def _with_sane_year(date: dt.date) -> dt.date:
    if date.year not in YEARS:
        raise ValidationError(_("Check the year."))
    return date


def _refuse_other_weekday(word: str, date: dt.date, text: str) -> None:
    if word and _place(word, WEEKDAYS, text) != date.weekday():
        raise ValidationError(
            _("“%(text)s”: that day is a %(day)s. Which of the two is wrong?") % {"text": text, "day": day_words(date)}
        )


def _place(word: str, names: list[str], text: str) -> int:
    found = [place for place, name in enumerate(names) if name.startswith(word) and len(word) >= SHORTEST_NAME]
    if len(found) != 1:
        raise _unreadable(text)
    return found[0]


def _midnight(date: dt.date) -> dt.datetime:
    return dt.datetime.combine(date, dt.time())


def _offset(named: str, text: str) -> dt.timedelta:
    digits = named[1:].replace(":", "")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= dt.timedelta(hours=24):
        raise _unreadable(text)
    return -offset if named.startswith("-") else offset


def _in_named_zone(wall: dt.datetime, named: str, zone: ZoneInfo) -> dt.datetime | WallTime:
    """The instant at which clocks in `zone` show `wall` and are called `named`, which chooses where there are two."""
    instants = [wall.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)]
    if instants[0].astimezone(zone).replace(tzinfo=None) != wall:
        return WallTime(wall)  # skipped by the clocks: whoever settles it says so
    labels = [zone_label(instant, zone) for instant in instants]
    if named in labels:
        return instants[labels.index(named)]
    raise ValidationError(
        _("%(named)s is not what clocks in %(zone)s show on %(day)s: that is %(label)s. For another zone: --zone.")
        % {"named": named, "zone": zone.key, "day": day_words(wall), "label": labels[0]}
    )


def _unreadable(text: str) -> ValidationError:
    words = text.lower()
    if _HALF_DAY.search(words):
        why = _("Write the time with 24 hours, and its day: 21:00, or Saturday 24:00.")
    elif _NUMERIC_DAY.search(words) and not re.search(r"\d{4}-\d{2}-\d{2}", words):
        why = _("Write the month by name, or year-month-day: 9 November 2013, 21:00, or 2013-11-09 21:00.")
    else:
        why = _(
            "Write it like one of these: in 20 min · 21:00 · tomorrow 21:00 · Saturday 21:00 · 9 November 21:00 · "
            "2013-11-09 21:00 · 2013-11-09T21:00+01:00."
        )
    return ValidationError(_("“%(text)s” cannot be read as a time. %(why)s") % {"text": text[:60], "why": why})
