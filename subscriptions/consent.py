"""The verbs of consent. Nobody is told anything before they confirmed it, or after they withdrew it.

What a verb does never depends on who asks: whoever merely knows an address can make us send it one mail a day at most,
and can change nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction

from incidents.models import Component, ComponentGroup, new_code
from subscriptions import limits
from subscriptions.addresses import Address, read_address
from subscriptions.choices import Channel, Purpose, SubscriberState
from subscriptions.fanout import notify_one
from subscriptions.models import Subscriber

CONFIRMATION_EVERY = dt.timedelta(hours=24)
MANAGE_LINK_EVERY = dt.timedelta(hours=24)
CONFIRMATIONS_PER_MAILBOX = 10


class NotSubscribed(Exception):
    """There is no consent to act on: never given, or withdrawn meanwhile."""


@transaction.atomic
def request_subscription(
    email: str,
    *,
    all_components: bool,
    components: Iterable[Component] = (),
    groups: Iterable[ComponentGroup] = (),
    language: str,
    now: dt.datetime,
) -> Subscriber:
    """Owe a confirmation to an address; an active one is sent its own link instead, and stays as it is.

    Raises ValidationError for what is no address. Tell the requester nothing about the state of what it returns.
    """
    address = read_address(email)
    first = Subscriber(endpoint=address.endpoint, endpoint_key=address.key, language=language, created_at=now)
    Subscriber.objects.bulk_create([first], ignore_conflicts=True)
    subscriber = _locked(endpoint_key=address.key)
    if subscriber.state == SubscriberState.ACTIVE:
        _owe_manage_link(subscriber, now)
        return subscriber

    is_owed = _may_be_asked(subscriber, address, now)
    if is_owed:
        _ask_anew(subscriber, language, now)
    if subscriber.state == SubscriberState.PENDING:
        _choose(subscriber, all_components=all_components, components=components, groups=groups)
    if is_owed:
        notify_one(subscriber, Purpose.CONFIRM)
    return subscriber


@transaction.atomic
def confirm(subscriber: Subscriber, now: dt.datetime) -> None:
    """Consent, given by whoever holds the link in the mail. Again changes nothing; raises NotSubscribed when void."""
    Subscriber.objects.filter(
        pk=subscriber.pk, state=SubscriberState.PENDING, link_secret=subscriber.link_secret
    ).update(
        state=SubscriberState.ACTIVE,
        confirmed_at=now,
        unsubscribed_at=None,
        # The limit is against strangers. After an act of the owner it begins anew.
        confirmation_owed_at=None,
    )
    subscriber.refresh_from_db()
    if subscriber.state != SubscriberState.ACTIVE:
        raise NotSubscribed(subscriber)


@transaction.atomic
def change_choices(
    subscriber: Subscriber,
    *,
    all_components: bool,
    components: Iterable[Component] = (),
    groups: Iterable[ComponentGroup] = (),
) -> None:
    """What an active subscriber wants to hear of. Raises NotSubscribed for any other."""
    current = _locked(pk=subscriber.pk)
    if current.state != SubscriberState.ACTIVE:
        raise NotSubscribed(current)
    _choose(current, all_components=all_components, components=components, groups=groups)


def unsubscribe(subscriber: Subscriber, now: dt.datetime) -> None:
    """Withdraw consent, at once: deliveries ask for it right before they are made. Again changes nothing."""
    Subscriber.objects.filter(pk=subscriber.pk).exclude(state=SubscriberState.UNSUBSCRIBED).update(
        state=SubscriberState.UNSUBSCRIBED, unsubscribed_at=now
    )
    subscriber.refresh_from_db()


@transaction.atomic
def request_manage_link(email: str, *, now: dt.datetime) -> None:
    """Owe an active address its own link; nothing to any other. Raises ValidationError for what is no address."""
    address = read_address(email)
    subscriber = Subscriber.objects.active().filter(channel=Channel.EMAIL, endpoint_key=address.key).first()
    if subscriber is not None:
        _owe_manage_link(subscriber, now)


def _locked(**which: object) -> Subscriber:
    # Not a full lock: that would make fan-outs wait, whose deliveries point at this row.
    return Subscriber.objects.select_for_update(no_key=True).get(channel=Channel.EMAIL, **which)


def _may_be_asked(subscriber: Subscriber, address: Address, now: dt.datetime) -> bool:
    asked_at = subscriber.confirmation_owed_at
    if asked_at is not None and now < asked_at + CONFIRMATION_EVERY:
        return False
    return limits.spend("mailbox", address.mailbox, limit=CONFIRMATIONS_PER_MAILBOX, per=limits.DAY, now=now)


def _ask_anew(subscriber: Subscriber, language: str, now: dt.datetime) -> None:
    if subscriber.state != SubscriberState.PENDING:
        # A new consent: links from the time of the old one, perhaps forwarded since, open nothing any more.
        subscriber.state = SubscriberState.PENDING
        subscriber.link_secret = new_code()
        subscriber.confirmed_at = subscriber.quarantined_at = None
        subscriber.quarantine_cause = subscriber.quarantine_reason = ""
    subscriber.language = language
    subscriber.confirmation_owed_at = now
    written = ["state", "link_secret", "confirmed_at", "language", "confirmation_owed_at"]
    subscriber.save(update_fields=[*written, "quarantined_at", "quarantine_cause", "quarantine_reason"])


def _choose(
    subscriber: Subscriber,
    *,
    all_components: bool,
    components: Iterable[Component],
    groups: Iterable[ComponentGroup],
) -> None:
    subscriber.all_components = all_components
    subscriber.save(update_fields=["all_components"])
    subscriber.components.set([] if all_components else components)
    subscriber.groups.set([] if all_components else groups)


def _owe_manage_link(subscriber: Subscriber, now: dt.datetime) -> None:
    if limits.spend("manage link", subscriber.code, limit=1, per=MANAGE_LINK_EVERY, now=now):
        notify_one(subscriber, Purpose.MANAGE)
