"""Whether the worker works: what it owes, and when it was last seen paying."""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from incidents.models import IncidentUpdate, UpdateRevision
from subscriptions import ledger
from subscriptions.channels import CHANNELS
from subscriptions.choices import DeliveryState, Purpose
from subscriptions.importing import owed as owed_imports
from subscriptions.journal import journals
from subscriptions.models import Delivery, Notification
from subscriptions.reminders import due_reminders
from subscriptions.throttle import rest_of

SILENCE = dt.timedelta(seconds=30)
# So long it takes until a bell counts as lost: with the process that had taken it, for one.
UNHEARD = dt.timedelta(seconds=10)
SWEEP_EVERY = dt.timedelta(minutes=1)


def stamp() -> None:
    """A sign of life of this host's worker. A file: it needs no database, and each host has a worker of its own."""
    Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
    _stamp_file().touch()


def last_seen() -> dt.datetime | None:
    try:
        return dt.datetime.fromtimestamp(_stamp_file().stat().st_mtime, dt.UTC)
    except FileNotFoundError:
        return None


def is_stuck(now: dt.datetime | None = None, *, silence: dt.timedelta = SILENCE) -> bool:
    """Whether something has been owed for `silence`, while the worker gave no sign of life for as long.

    What it claimed counts as well, though nobody else may send that before the lease is over. A worker that was
    started less than that ago is to be left alone.
    """
    now = now or timezone.now()
    seen = last_seen()
    if seen is not None and now - seen < silence:
        return False
    since = now - silence
    is_import_owed = owed_imports(now).filter(confirmed_at__lte=since).exists()
    return owes(now, since=since) or is_import_owed or _holds_a_silent_claim(now, silence)


def updates_not_begun() -> QuerySet[IncidentUpdate]:
    """Published updates that are to be told, and that no worker has taken up yet."""
    return IncidentUpdate.objects.public().filter(notify=True).exclude(notifications__purpose=Purpose.UPDATE)


def corrections_not_begun() -> QuerySet[UpdateRevision]:
    return UpdateRevision.objects.filter(notify=True, notification=None)


def owes(now: dt.datetime, *, since: dt.datetime | None = None) -> bool:
    """Whether anything could be paid at `now` that was owed at `since` (`now` by default) already."""
    since = since or now
    return (
        updates_not_begun().filter(published_at__lte=since).exists()
        or corrections_not_begun().filter(at__lte=since).exists()
        or any(reminder.due_at <= since for reminder in due_reminders(now))
        or Notification.objects.filter(
            fanned_out_at__isnull=True, paused_at__isnull=True, created_at__lte=since
        ).exists()
        or Delivery.objects.filter(state=DeliveryState.SENDING, lease_until__lte=since).exists()
        or any(ledger.is_due(channel, since) and not rest_of(channel, now) for channel in CHANNELS)
    )


def owes_soon(now: dt.datetime) -> bool:
    """Whether something is owed, or will be before the next sweep, when the rest of a channel is over."""
    if owes(now):
        return True
    rests = [(ledger.is_due(channel, now), rest_of(channel, now)) for channel in CHANNELS]
    return any(is_due and left is not None and left < SWEEP_EVERY for is_due, left in rests)


def _holds_a_silent_claim(now: dt.datetime, silence: dt.timedelta) -> bool:
    """Whether a sender of this host holds a claim and has begun or ended no message for as long."""
    for journal in journals(settings.JOURNAL_DIR):
        with contextlib.suppress(FileNotFoundError):  # settled while we looked
            if dt.datetime.fromtimestamp(journal.stat().st_mtime, dt.UTC) <= now - silence:
                return True
    return False


def _stamp_file() -> Path:
    return Path(settings.DATA_DIR) / "worker.stamp"
