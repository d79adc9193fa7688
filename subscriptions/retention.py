"""What is forgotten by itself: addresses that never confirmed, single notices that are over, old staff reminders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from incidents.choices import CLOSED
from subscriptions.choices import DeliveryState, SubscriberState
from subscriptions.models import Delivery, StaffReminder, Subscriber, SubscriberQuerySet

UNCONFIRMED_FOR = dt.timedelta(days=7)
# What still waits is told every day, so that of its steps the newest always stay.
STAFF_REMINDERS_FOR = dt.timedelta(days=90)
SLICE = 500


def forget(now: dt.datetime) -> None:
    """Erase what is no longer needed, a slice per transaction."""
    _in_slices(_never_confirmed(now), lambda subscribers: subscribers.delete())
    _in_slices(_followers_of_the_past(now), lambda subscribers: _forget_notices(subscribers, now))
    StaffReminder.objects.filter(created_at__lt=now - STAFF_REMINDERS_FOR).delete()


def _in_slices(subscribers: SubscriberQuerySet, step: Callable[[SubscriberQuerySet], object]) -> None:
    """Do `step` with all of `subscribers`, each held so that nobody acts on it meanwhile, and asked again by then."""
    last = 0
    while ids := list(subscribers.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:SLICE]):
        with transaction.atomic():
            held = list(Subscriber.objects.select_for_update().filter(pk__in=ids).values_list("pk", flat=True))
            step(subscribers.filter(pk__in=held))
        last = ids[-1]


def _never_confirmed(now: dt.datetime) -> SubscriberQuerySet:
    pending = Subscriber.objects.filter(state=SubscriberState.PENDING).exclude(_has_mail_under_way())
    return pending.alias(asked_at=Coalesce("confirmation_owed_at", "created_at")).filter(
        asked_at__lt=now - UNCONFIRMED_FOR
    )


def _followers_of_the_past(now: dt.datetime) -> SubscriberQuerySet:
    return Subscriber.objects.filter(Exists(_over(now).filter(subscriber=OuterRef("pk")))).exclude(
        _has_mail_under_way()
    )


def _forget_notices(subscribers: SubscriberQuerySet, now: dt.datetime) -> None:
    """Who chose single notices alone, and has none left, is not kept either."""
    ids = list(subscribers.values_list("pk", flat=True))
    _over(now).filter(subscriber__in=ids).delete()
    has_nothing = Q(all_components=False, components=None, groups=None, notices=None)
    Subscriber.objects.filter(has_nothing, pk__in=ids).delete()


def _over(now: dt.datetime):  # noqa: ANN202
    """The rows that make subscribers follow a notice that closed long enough ago."""
    until = now - dt.timedelta(days=settings.FORGET_NOTICES_AFTER_DAYS)
    return Subscriber.notices.through.objects.filter(incident__status__in=CLOSED, incident__resolved_at__lt=until)


def _has_mail_under_way() -> Exists:
    under_way = [DeliveryState.QUEUED, DeliveryState.SENDING]
    return Exists(Delivery.objects.filter(subscriber=OuterRef("pk"), state__in=under_way))
