"""On which days a maintenance comes again, and from when to when on such a day.

The rules are those of RFC 5545. A day that a month does not have is left out. A start that clocks skip on that day is
read with the offset from before the change, and of one that they show twice it is the first; the work lasts as long as
ever.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, rrule
from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from incidents.choices import Frequency
from incidents.times import AmbiguousTime, NonexistentTime, clock_words, day_words, from_wall_time

WEEKDAYS = (MO, TU, WE, TH, FR, SA, SU)
EVERY_MONTH = range(1, 13)


@dataclass(frozen=True)
class Recurrence:
    """From `first` on, every `interval` weeks or months: until a day, or so many times, or for ever."""

    first: dt.date
    frequency: str
    interval: int = 1
    until: dt.date | None = None
    count: int | None = None
    without_months: tuple[int, ...] = ()


@dataclass(frozen=True)
class Occurrence:
    """One time that the work is done: its day in the series, its instants in UTC, and what staff must know of them."""

    day: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime
    remark: str = ""


def days_of(recurrence: Recurrence, *, after: dt.date, until: dt.date) -> Iterator[dt.date]:
    """The days after `after` and up to `until`, in order."""
    end = min(until, recurrence.until or until)
    for moment in _moments(recurrence, end):
        if moment.date() > after:
            yield moment.date()


def occurrence_on(day: dt.date, starts: dt.time, duration: dt.timedelta, zone: ZoneInfo) -> Occurrence:
    wall = dt.datetime.combine(day, starts)
    starts_at = wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    remark = ""
    try:
        from_wall_time(wall, zone)
    except NonexistentTime:
        words = _(
            "%(time)s does not exist on that day: clocks are put forward over it. The work starts at %(shifted)s."
        )
        remark = words % {"time": f"{wall:%H:%M}", "shifted": clock_words(starts_at, zone)}
    except AmbiguousTime:
        words = _("%(time)s comes twice on that day. The work starts at the first, %(first)s.")
        remark = words % {"time": f"{wall:%H:%M}", "first": clock_words(starts_at, zone)}
    return Occurrence(day, starts_at, starts_at + duration, remark)


def rule_words(recurrence: Recurrence) -> str:
    """The rule as staff read it: "every 2 weeks on Sunday, until Sunday 27 December 2026"."""
    parts = [f"{_pace(recurrence)} {day_rule_words(recurrence.frequency, recurrence.first)}"]
    if recurrence.without_months:
        parts.append(_("not in %(months)s") % {"months": months_words(recurrence.without_months)})
    if recurrence.until:
        parts.append(_("until %(day)s") % {"day": day_words(recurrence.until)})
    if recurrence.count:
        times = ngettext("%(count)d time in all", "%(count)d times in all", recurrence.count)
        parts.append(times % {"count": recurrence.count})
    return ", ".join(parts)


def day_rule_words(frequency: str, first: dt.date) -> str:
    """Which day it is, as it follows from the first one: "on the second Sunday"."""
    weekday = date_format(first, "l", use_l10n=False)
    if frequency == Frequency.WEEKLY:
        return _("on %(weekday)s") % {"weekday": weekday}
    if frequency == Frequency.MONTHLY_BY_DAY:
        return _("on day %(number)d of the month") % {"number": first.day}
    if frequency == Frequency.MONTHLY_BY_LAST_WEEKDAY:
        return _("on the last %(weekday)s of the month") % {"weekday": weekday}
    ordinals = [_("first"), _("second"), _("third"), _("fourth"), _("fifth")]
    words = {"ordinal": ordinals[_place_in_month(first) - 1], "weekday": weekday}
    return _("on the %(ordinal)s %(weekday)s of the month") % words


def months_words(months: Iterable[int]) -> str:
    return ", ".join(str(MONTHS[month]) for month in sorted(months))


def _pace(recurrence: Recurrence) -> str:
    count = {"count": recurrence.interval}
    if recurrence.frequency == Frequency.WEEKLY:
        return ngettext("every week", "every %(count)d weeks", recurrence.interval) % count
    return ngettext("every month", "every %(count)d months", recurrence.interval) % count


def _place_in_month(day: dt.date) -> int:
    return (day.day - 1) // 7 + 1


def _moments(recurrence: Recurrence, end: dt.date) -> Iterator[dt.datetime]:
    weekday = WEEKDAYS[recurrence.first.weekday()]
    by_day = {
        Frequency.WEEKLY: {"byweekday": weekday},
        Frequency.MONTHLY_BY_DAY: {"bymonthday": recurrence.first.day},
        Frequency.MONTHLY_BY_WEEKDAY: {"byweekday": weekday(_place_in_month(recurrence.first))},
        Frequency.MONTHLY_BY_LAST_WEEKDAY: {"byweekday": weekday(-1)},
    }[Frequency(recurrence.frequency)]
    # RFC 5545 knows a count or an end, never both.
    rule = rrule(
        WEEKLY if recurrence.frequency == Frequency.WEEKLY else MONTHLY,
        dtstart=dt.datetime.combine(recurrence.first, dt.time()),
        interval=recurrence.interval,
        bymonth=[month for month in EVERY_MONTH if month not in recurrence.without_months],
        **({"count": recurrence.count} if recurrence.count else {"until": dt.datetime.combine(end, dt.time())}),
        **by_day,
    )
    return takewhile(lambda moment: moment.date() <= end, rule)
