"""What a database restored from a copy believes to be owed may have been sent long ago: staff decide about it."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from subscriptions import watermark
from subscriptions.choices import PERSONAL, DeliveryState, Purpose
from subscriptions.fanout import open_notifications
from subscriptions.models import Delivery, Notification, RefusedLine, Subscriber, UploadedList

logger = logging.getLogger(__name__)

# A host that remembers nothing may be new, or hold a copy. Work that is younger was not restored from one.
RECENTLY = dt.timedelta(hours=1)

UNSENT = (DeliveryState.QUEUED, DeliveryState.SENDING)


def hold_back_if_restored(now: dt.datetime) -> bool:
    """Pause all that is not completely told, if this database was set back. To be called before anything is sent.

    A host that has never seen it decides by the age of the last sign of work.
    """
    seen = watermark.seen()  # first: others claim meanwhile, and the database must not look older for it
    counted = watermark.in_database()
    if seen is not None and counted >= seen:
        return False
    was_set_back = seen is not None or _looks_old(now)
    if was_set_back:
        hold_back(now)
    watermark.remember(counted)
    return was_set_back


@transaction.atomic
def hold_back(now: dt.datetime) -> None:
    """Pause every notification of an update or a reminder that is not told to its end; drop personal words."""
    made_at = last_work()
    open_notifications(now)
    told_to_many = Notification.objects.filter(paused_at__isnull=True).exclude(purpose__in=PERSONAL)
    waits = Exists(_unsent().filter(notification=OuterRef("pk")))
    unfinished = told_to_many.filter(Q(fanned_out_at__isnull=True) | waits)
    when = date_format(made_at, "DATETIME_FORMAT") if made_at else _("an unknown time")
    held = unfinished.update(
        paused_at=now,
        paused_by=_("the status page"),
        pause_reason=_("the database was restored from a copy made at %(when)s (UTC) or later") % {"when": when},
    )
    personal = _unsent().filter(notification__purpose__in=PERSONAL)
    asked = Subscriber.objects.filter(
        Exists(personal.filter(subscriber=OuterRef("pk"), notification__purpose=Purpose.CONFIRM))
    )
    asked.update(confirmation_owed_at=None)  # so that they may ask again
    _ask_again_about_imports()
    dropped = personal.update(state=DeliveryState.SKIPPED, claim=None, lease_until=None)
    logger.error(
        "The database was restored from a copy: %d notifications are held back until staff let them go on, "
        "%d personal mails are dropped",
        held,
        dropped,
    )


def _ask_again_about_imports() -> None:
    """Those under way wait for staff again, who see first what they would do by now."""
    under_way = UploadedList.objects.filter(confirmed_at__isnull=False, finished_at__isnull=True)
    RefusedLine.objects.filter(upload__in=under_way).delete()
    nothing_done = dict.fromkeys(["cursor", "new", "updated", "unchanged", "refused", "declared", "asked"], 0)
    under_way.update(confirmed_at=None, lease_until=None, **nothing_done)


def last_work() -> dt.datetime | None:
    """When anything was last owed or sent, as the database knows it."""
    signs = [
        Notification.objects.aggregate(last=Max("created_at"))["last"],
        Delivery.objects.aggregate(last=Max("sent_at"))["last"],
    ]
    return max((sign for sign in signs if sign is not None), default=None)


def _unsent():  # noqa: ANN202
    return Delivery.objects.filter(state__in=UNSENT)


def _looks_old(now: dt.datetime) -> bool:
    last = last_work()
    return last is not None and now - last > RECENTLY
