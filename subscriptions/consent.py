"""The verbs of consent. Nobody is told anything before they confirmed it, or after they withdrew it.

What a verb does never depends on who asks: whoever merely knows an address can make us send it one mail a day at most,
and can change nothing. Whoever holds a link, perhaps out of a mail that was passed on, can change choices, and the
address is told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.db import transaction

from incidents.models import Component, ComponentGroup, Incident, Page, new_code
from subscriptions import limits
from subscriptions.addresses import Address, read_address
from subscriptions.catch_up import open_notices_of, owe_catch_up
from subscriptions.choices import Channel, DeliveryState, Purpose, SubscriberState
from subscriptions.fanout import notify_one
from subscriptions.models import Delivery, Subscriber

CONFIRMATION_EVERY = dt.timedelta(hours=24)
MANAGE_LINK_EVERY = dt.timedelta(hours=24)
CONFIRMATIONS_PER_MAILBOX = 10
CHANGES_TOLD_PER_DAY = 3


class NotSubscribed(Exception):
    """There is no consent to act on: never given, or withdrawn meanwhile."""


@dataclass(frozen=True)
class Preferences:
    """What to hear of the notices that concern a subscriber, and in which zone's time ("": the notice's own)."""

    hears_incidents: bool = True
    hears_maintenance: bool = True
    hears_reminders: bool = True
    only_start_and_end: bool = False
    time_zone: str = ""


@transaction.atomic
def request_subscription(
    email: str,
    *,
    all_components: bool,
    components: Iterable[Component] = (),
    groups: Iterable[ComponentGroup] = (),
    preferences: Preferences = Preferences(),
    language: str,
    now: dt.datetime,
) -> Subscriber:
    """Owe a confirmation to an address; an active one is sent its own link instead, and stays as it is.

    Raises ValidationError for what is no address. Tell the requester nothing about the state of what it returns.
    """
    address = read_address(email)
    subscriber = _found_or_begun(address, language, now)
    if subscriber.state == SubscriberState.ACTIVE:
        _owe_manage_link(subscriber, now)
        return subscriber
    is_owed = _ask(subscriber, address, language, now)
    if subscriber.state == SubscriberState.PENDING:
        _choose(subscriber, all_components, components, groups, preferences)
    if is_owed:
        notify_one(subscriber, Purpose.CONFIRM)
    return subscriber


@transaction.atomic
def request_notice(email: str, notice: Incident, *, language: str, now: dt.datetime) -> Subscriber:
    """The same for one notice alone, in addition to other single notices that the address has asked for.

    An active address is sent a link that offers the notice, since whoever asks may not be its owner.
    """
    address = read_address(email)
    subscriber = _found_or_begun(address, language, now)
    if subscriber.state == SubscriberState.ACTIVE:
        _owe_manage_link(subscriber, now, incident=notice)
        return subscriber
    is_owed = _ask(subscriber, address, language, now)
    if subscriber.state == SubscriberState.PENDING:
        _choose(subscriber, False, (), (), Preferences())
        subscriber.notices.add(notice)
    if is_owed:
        notify_one(subscriber, Purpose.CONFIRM)
    return subscriber


@transaction.atomic
def confirm(subscriber: Subscriber, now: dt.datetime) -> None:
    """Consent, given by whoever holds the link in the mail; it is answered with where open notices stand.

    Again changes nothing; raises NotSubscribed when void.
    """
    # Held so that nothing is published, and told without them, between now and the commit.
    Page.objects.locked()
    is_new = Subscriber.objects.filter(
        pk=subscriber.pk, state=SubscriberState.PENDING, link_secret=subscriber.link_secret
    ).update(
        state=SubscriberState.ACTIVE,
        confirmed_at=now,
        unsubscribed_at=None,
        # The limit is against strangers. After an act of the owner it begins anew.
        confirmation_owed_at=None,
    )
    _refresh(subscriber)
    if subscriber.state != SubscriberState.ACTIVE:
        raise NotSubscribed(subscriber)
    if is_new:
        owe_catch_up(subscriber, now)


@transaction.atomic
def change_choices(
    subscriber: Subscriber,
    *,
    all_components: bool,
    components: Iterable[Component] = (),
    groups: Iterable[ComponentGroup] = (),
    notices: Iterable[Incident] = (),
    preferences: Preferences = Preferences(),
    language: str = "",
    now: dt.datetime,
) -> None:
    """What an active subscriber wants to hear of, which the address is told, with where open notices stand that now
    concern them. Raises NotSubscribed for any other.

    Without `language` that stays as it is.
    """
    Page.objects.locked()  # as in confirm
    current = _locked(pk=subscriber.pk)
    if current is None or current.state != SubscriberState.ACTIVE:
        raise NotSubscribed(subscriber)
    before, known = _choices_of(current), open_notices_of(current, now)
    _choose(current, all_components, components, groups, preferences)
    current.notices.set(notices)
    if language:
        current.language = language
        current.save(update_fields=["language"])
    if _choices_of(current) != before:
        _owe_word_of_change(current, now)
        owe_catch_up(current, now, known=known)


def unsubscribe(subscriber: Subscriber, now: dt.datetime) -> None:
    """Withdraw consent, at once: deliveries ask for it right before they are made. Again changes nothing."""
    Subscriber.objects.filter(pk=subscriber.pk).exclude(state=SubscriberState.UNSUBSCRIBED).update(
        state=SubscriberState.UNSUBSCRIBED, unsubscribed_at=now
    )
    _refresh(subscriber)


@transaction.atomic
def request_manage_link(email: str, *, now: dt.datetime) -> None:
    """Owe an active address its own link; nothing to any other. Raises ValidationError for what is no address."""
    address = read_address(email)
    subscriber = Subscriber.objects.active().filter(channel=Channel.EMAIL, endpoint_key=address.key).first()
    if subscriber is not None:
        _owe_manage_link(subscriber, now)


def _found_or_begun(address: Address, language: str, now: dt.datetime) -> Subscriber:
    """The subscriber of `address`, held; a new one without consent when there is none."""
    while True:
        first = Subscriber(endpoint=address.endpoint, endpoint_key=address.key, language=language, created_at=now)
        Subscriber.objects.bulk_create([first], ignore_conflicts=True)
        subscriber = _locked(endpoint_key=address.key)
        if subscriber is not None:  # an old one may be erased in between
            return subscriber


def _locked(**which: object) -> Subscriber | None:
    # Not a full lock: that would make fan-outs wait, whose deliveries point at this row.
    return Subscriber.objects.select_for_update(no_key=True).filter(channel=Channel.EMAIL, **which).first()


def _refresh(subscriber: Subscriber) -> None:
    try:
        subscriber.refresh_from_db()
    except Subscriber.DoesNotExist:  # erased since its link was read
        subscriber.state = SubscriberState.UNSUBSCRIBED


def _ask(subscriber: Subscriber, address: Address, language: str, now: dt.datetime) -> bool:
    """Make a subscriber who is not active a pending one, if its mailbox may be asked now; whether it may."""
    if not _may_be_asked(subscriber, address, now):
        return False
    if subscriber.state != SubscriberState.PENDING:
        # A new consent: links from the time of the old one, perhaps forwarded since, open nothing any more.
        subscriber.state = SubscriberState.PENDING
        subscriber.link_secret = new_code()
        subscriber.confirmed_at = subscriber.quarantined_at = None
        subscriber.quarantine_cause = subscriber.quarantine_reason = ""
        subscriber.notices.clear()
    subscriber.language = language
    subscriber.confirmation_owed_at = now
    written = ["state", "link_secret", "confirmed_at", "language", "confirmation_owed_at"]
    subscriber.save(update_fields=[*written, "quarantined_at", "quarantine_cause", "quarantine_reason"])
    return True


def _may_be_asked(subscriber: Subscriber, address: Address, now: dt.datetime) -> bool:
    asked_at = subscriber.confirmation_owed_at
    if asked_at is not None and now < asked_at + CONFIRMATION_EVERY:
        return False
    return limits.spend("mailbox", address.mailbox, limit=CONFIRMATIONS_PER_MAILBOX, per=limits.DAY, now=now)


def _choose(
    subscriber: Subscriber,
    all_components: bool,
    components: Iterable[Component],
    groups: Iterable[ComponentGroup],
    preferences: Preferences,
) -> None:
    fields = {"all_components": all_components, **asdict(preferences)}
    for name, value in fields.items():
        setattr(subscriber, name, value)
    subscriber.save(update_fields=list(fields))
    subscriber.components.set([] if all_components else components)
    subscriber.groups.set([] if all_components else groups)


def _choices_of(subscriber: Subscriber) -> tuple[object, ...]:
    return (
        subscriber.all_components,
        *(getattr(subscriber, name) for name in asdict(Preferences())),
        subscriber.language,
        *(set(chosen.values_list("pk", flat=True)) for chosen in (subscriber.components, subscriber.groups)),
        set(subscriber.notices.values_list("pk", flat=True)),
    )


def _owe_manage_link(subscriber: Subscriber, now: dt.datetime, **about: Incident) -> None:
    if limits.spend("manage link", subscriber.code, limit=1, per=MANAGE_LINK_EVERY, now=now):
        notify_one(subscriber, Purpose.MANAGE, **about)


def _owe_word_of_change(subscriber: Subscriber, now: dt.datetime) -> None:
    """Tell the address what is chosen now. After some such mails in a day, one on the next tells of all later changes:
    it says what holds when it is sent."""
    if limits.spend("change", subscriber.code, limit=CHANGES_TOLD_PER_DAY, per=limits.DAY, now=now):
        notify_one(subscriber, Purpose.CHOICES)
        return
    waiting = Delivery.objects.filter(
        subscriber=subscriber,
        notification__purpose=Purpose.CHOICES,
        state=DeliveryState.QUEUED,
        due_at__gt=now + limits.MINUTE,  # what is nearer may be on its way, written before this change
    )
    if not waiting.exists():
        notify_one(subscriber, Purpose.CHOICES, due_at=now + limits.DAY)
