"""How far a notification has come, counted and in words: the same for the screens and the terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Min
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from incidents.times import duration_words
from subscriptions.choices import DeliveryState
from subscriptions.models import Delivery, Notification

LATELY = dt.timedelta(minutes=1)
# A claim is settled as a whole, after some seconds of sending: a rate taken from less time says nothing.
SHORTEST_SPAN = dt.timedelta(seconds=5)


@dataclass(frozen=True)
class Progress:
    """The deliveries of one notification, by state, and how fast they go out.

    `notification` is None while the worker has not taken up an update that is to be told.
    """

    notification: Notification | None
    counts: dict[str, int] = field(default_factory=dict)
    rate: float = 0.0

    def count(self, *states: str) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        return self.count(DeliveryState.QUEUED, DeliveryState.SENDING)

    @property
    def settled(self) -> int:
        return self.total - self.waiting

    @property
    def is_found(self) -> bool:
        """Whether all subscribers whom it concerns are found: before that the total still grows."""
        return self.notification is not None and self.notification.fanned_out_at is not None

    @property
    def is_paused(self) -> bool:
        return self.notification is not None and self.notification.paused_at is not None

    @property
    def is_done(self) -> bool:
        return self.is_found and not self.waiting

    @property
    def state(self) -> str:
        """In one word, for style sheets and scripts."""
        if self.is_paused:
            return "paused"
        if self.is_done:
            return "done"
        return "sending" if self.is_found else "finding"

    @property
    def share_found(self) -> float:
        """How many of the subscribers were looked at, from 0 to 1."""
        if self.is_found:
            return 1.0
        last = self.notification.max_subscriber_id if self.notification else None
        return self.notification.cursor / last if last else 0.0

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1, as far as that is known."""
        if self.is_done:
            return 1.0
        return self.share_found * self.settled / self.total if self.total else 0.0

    @property
    def percent(self) -> int:
        """Rounded down, so that only what is done is called so."""
        return int(self.share * 100)

    @property
    def time_left(self) -> dt.timedelta | None:
        """At the present rate; None where that would be a guess."""
        if not self.is_found or self.is_paused or not self.rate or not self.waiting:
            return None
        return dt.timedelta(seconds=self.waiting / self.rate)

    def words(self) -> dict[str, str]:
        """Everything that is shown of it, by name, in the language in force."""
        return {
            "headline": self.headline(),
            "found": self._found_words(),
            "rate": self._rate_words(),
            "left": self._time_left_words(),
            "total": counted(self.total) if self.is_found else _("%(count)s so far") % {"count": counted(self.total)},
            **{state: counted(self.count(state)) for state in DeliveryState.values},
        }

    def headline(self) -> str:
        if self.notification is None:
            return _("Waiting for the worker to begin.")
        if self.is_paused:
            paused = {"name": self.notification.paused_by, "reason": self.notification.pause_reason}
            return _("Paused by %(name)s: %(reason)s") % paused
        if not self.is_found:
            return _("The subscribers whom it concerns are still being found.")
        if not self.total:
            return _("It concerned no subscriber.")
        numbers = {"settled": counted(self.settled), "total": counted(self.total)}
        if self.is_done:
            return _("Done: %(settled)s of %(total)s.") % numbers
        return _("Being sent: %(settled)s of %(total)s.") % numbers

    def announcement(self) -> str:
        """What is said aloud: it changes at each tenth and at each turn, not with every mail."""
        if self.is_done or self.is_paused or not self.is_found:
            return self.headline()
        return _("%(percent)s%% done") % {"percent": self.percent // 10 * 10}

    def _found_words(self) -> str:
        if self.is_found:
            return _("all")
        return _("%(percent)s%% looked at") % {"percent": int(self.share_found * 100)}

    def _rate_words(self) -> str:
        if not self.rate:
            return "–"
        if self.rate < 1:
            return _("%(rate)s a minute") % {"rate": counted(round(self.rate * 60))}
        return _("%(rate)s a second") % {"rate": counted(self.rate, 0 if self.rate >= 10 else 1)}

    def _time_left_words(self) -> str:
        left = self.time_left
        if left is None:
            return "–"
        if left < dt.timedelta(minutes=1):
            seconds = max(1, round(left.total_seconds()))
            return ngettext("about %(count)d second", "about %(count)d seconds", seconds) % {"count": seconds}
        return _("about %(duration)s") % {"duration": duration_words(left)}


def progress_of(notifications: Iterable[Notification], now: dt.datetime) -> dict[int, Progress]:
    """The progress of each, by id: two queries, however many there are.

    Both are answered from the index `delivery_progress_by_time` alone.
    """
    by_id = {notification.pk: notification for notification in notifications}
    counts: dict[int, dict[str, int]] = {pk: {} for pk in by_id}
    deliveries = Delivery.objects.filter(notification__in=by_id).order_by()
    per_state = deliveries.values("notification", "state").annotate(count=Count("*"))
    for pk, state, count in per_state.values_list("notification", "state", "count"):
        counts[pk][state] = count
    lately = deliveries.filter(state=DeliveryState.SENT, sent_at__gt=now - LATELY)
    per_notification = lately.values("notification").annotate(count=Count("*"), first=Min("sent_at"))
    rates = {
        pk: count / max(now - first, SHORTEST_SPAN).total_seconds()
        for pk, count, first in per_notification.values_list("notification", "count", "first")
    }
    return {pk: Progress(by_id[pk], counts[pk], rates.get(pk, 0.0)) for pk in by_id}


def counted(number: float, decimals: int = 0) -> str:
    return number_format(number, decimals, use_l10n=True, force_grouping=True)
