"""How much may go out per minute: through one channel in all, and to one destination; for all processes together."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from types import ModuleType

from subscriptions import ledger, limits
from subscriptions.channels import CHANNELS
from subscriptions.ledger import Admission, Claimed

IN_ALL = "sent"
TO_ONE = "sent to"


def rest_of(channel: str, now: dt.datetime) -> dt.timedelta | None:
    """How long nothing may be sent through `channel`, because it pauses or its minute is used up; or None."""
    limit = CHANNELS[channel].limits().per_minute
    renews_at = limits.renewal(IN_ALL, channel, limit=limit, now=now) if limit is not None else None
    rests = [rest for rest in (ledger.pause_of(channel, now), renews_at and renews_at - now) if rest]
    return max(rests, default=None)


class Throttle:
    """Decides which of some due deliveries may go at once. One for each run, since it knows who stands in line.

    `put_off` counts those it gave a later time.
    """

    def __init__(self, name: str, channel: ModuleType) -> None:
        self._name = name
        self._channel = channel
        self._limits = channel.limits()
        self._in_line: Counter[str] = Counter()
        self.put_off = 0

    def admit(self, due: list[Claimed], *, now: dt.datetime) -> Admission:
        admission = Admission(due)
        if self._limits.per_minute_to_one is not None:
            admission = self._share_out(due, self._limits.per_minute_to_one, now)
        if self._limits.per_minute is not None and admission.now:
            allowed = limits.take(
                IN_ALL, self._name, wanted=len(admission.now), limit=self._limits.per_minute, per=limits.MINUTE, now=now
            )
            admission.now = admission.now[:allowed]
        return admission

    def _share_out(self, due: list[Claimed], limit: int, now: dt.datetime) -> Admission:
        destinations = [self._channel.destination(row.endpoint) for row in due]
        wanted = Counter(destinations)
        grants = limits.take_each(TO_ONE, wanted, limit=limit, per=limits.MINUTE, now=now)
        left = {destination: grant.count for destination, grant in grants.items()}
        admission = Admission([])
        for row, destination in zip(due, destinations, strict=True):
            if left[destination]:
                left[destination] -= 1
                admission.now.append(row)
            else:
                # Each at the minute when its turn comes: all at the next one would be put off again and again.
                minutes = self._in_line[destination] // max(limit, 1)
                self._in_line[destination] += 1
                self.put_off += 1
                admission.later[row.pk] = grants[destination].renews_at + minutes * limits.MINUTE
        return admission
