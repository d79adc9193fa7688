"""How much of the time a function was there: what its days add up to, as percentages that never flatter."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus
from publishing.days import Day

# What counts as downtime, in tenths of how long it lasted. A partial outage weighs what it does on hosted status pages.
TENTHS = {ComponentStatus.MAJOR_OUTAGE: 10, ComponentStatus.PARTIAL_OUTAGE: 3}


@dataclass(frozen=True)
class Uptime:
    """For how long which status was shown, of one function or of several. Time of which nothing is known is none."""

    lasted: Mapping[str, dt.timedelta]

    @property
    def hundredths(self) -> int | None:
        """The hundredths of a percent, rounded down: 10,000 only when nothing was down. None when nothing is known."""
        known = 10 * sum(map(_ticks, self.lasted.values()))
        lost = sum(weight * _ticks(self.of(status)) for status, weight in TENTHS.items())
        return (known - lost) * 10_000 // known if known else None

    @property
    def words(self) -> str:
        """The percentage, with two decimals unless it is a hundred; empty when nothing is known."""
        if self.hundredths is None:
            return ""
        number = Decimal(self.hundredths) / 100
        words = _("%(number)s %%") % {"number": number_format(number, decimal_pos=0 if number == 100 else 2)}
        return words.replace(" ", "\u00a0")

    def of(self, status: str) -> dt.timedelta:
        return self.lasted.get(status, dt.timedelta())


def uptime_of(days: Iterable[Day]) -> Uptime:
    lasted: Counter[str] = Counter()
    for day in days:
        for status, duration in day.spans:
            lasted[status] += _ticks(duration)
    return Uptime({status: ticks * dt.timedelta.resolution for status, ticks in lasted.items()})


def together(parts: Iterable[Uptime]) -> Uptime:
    """That of several functions: each counts with the time that is known of it."""
    lasted: Counter[str] = Counter()
    for part in parts:
        lasted.update({status: _ticks(duration) for status, duration in part.lasted.items()})
    return Uptime({status: ticks * dt.timedelta.resolution for status, ticks in lasted.items()})


def _ticks(duration: dt.timedelta) -> int:
    return duration // dt.timedelta.resolution
