"""Removing a person: the row and all that hangs on it, and the places outside of it that hold the address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from subscriptions import limits, outbox
from subscriptions.addresses import read_address
from subscriptions.models import Subscriber, UploadedList
from subscriptions.person import staff_acts


@dataclass(frozen=True)
class Erased:
    """How much of each was removed."""

    deliveries: int
    mails: int
    counters: int
    uploads: int

    def words(self) -> str:
        return _(
            "Removed: the subscriber, %(deliveries)d deliveries, %(mails)d mails in the Outbox, %(counters)d counters, "
            "%(uploads)d uploaded lists."
        ) % vars(self)


def erase(subscriber: Subscriber) -> Erased:
    """Remove all that is held about `subscriber`, in whatever state it is.

    What staff did with it stays in their log, without the address. Of the counters against misuse, whose keys cannot be
    read back, those that are kept by address go; those kept by network name no person. Lists that wait to be
    imported, or are being imported, may hold the address: they have to be uploaded again.
    """
    address = read_address(subscriber.endpoint)
    # The files first: once the row is gone nobody would know whose they are, should this end in between.
    mails = outbox.remove_mails_to(Path(settings.OUTBOX_DIR), subscriber.endpoint)
    with transaction.atomic():
        uploads = UploadedList.objects.all().delete()[1].get("subscriptions.UploadedList", 0)
        by_code = [limits.forget(kind, subscriber.code) for kind in ("manage link", "change")]
        counters = limits.forget("mailbox", address.mailbox) + sum(by_code)
        staff_acts(subscriber).update(object_repr=_("an erased subscriber"))
        deliveries = subscriber.deliveries.count()
        subscriber.delete()
    return Erased(deliveries, mails, counters, uploads)
