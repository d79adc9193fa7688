"""Carrying a sheet out: compared with who is here, shown as a plan, and then written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from incidents.models import Page
from subscriptions import limits
from subscriptions.bell import ring
from subscriptions.choices import Channel, Purpose, QuarantineCause, SubscriberState
from subscriptions.consent import CONFIRMATIONS_PER_MAILBOX
from subscriptions.importing.reading import Refusal, Refused, Row, Scope, Sheet
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.sheet import KIND_FIELDS

# Rows per transaction: long enough to be cheap, short enough that nobody waits for the lock.
SLICE = 500

# So many of those to be asked are due each second. A notice that is published meanwhile is due before most of them.
ASKED_PER_SECOND = 20

NOT_TOLD = (SubscriberState.UNSUBSCRIBED, SubscriberState.QUARANTINED)


@dataclass
class Outcome:
    """What an import would do, or has done."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    # Of these: taken as active because the file says when they consented, and sent a mail to confirm.
    declared: int = 0
    asked: int = 0
    refusals: list[Refusal] = field(default_factory=list)

    def words(self) -> str:
        counts = {
            "new": self.new,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "refused": len(self.refusals),
            "asked": self.asked,
        }
        return (
            _("%(new)d new, %(updated)d updated, %(unchanged)d unchanged, %(refused)d refused; %(asked)d to confirm.")
            % counts
        )


class ConsentNotDeclared(Exception):
    """Rows would become active, and nobody has said that consent was given."""


def plan(sheet: Sheet, *, now: dt.datetime) -> Outcome:
    """What `carry_out` would do if it were called now. Writes nothing."""
    outcome = Outcome(refusals=list(sheet.refusals))
    for piece in _sliced(sheet.rows):
        here = _here(piece)
        for row in piece:
            step = _count(row, here.get(row.address.key), outcome)
            outcome.asked += step is not None and _is_to_be_asked(step)
    outcome.refusals.sort(key=lambda refusal: refusal.line)
    return outcome


def carry_out(sheet: Sheet, *, is_consent_declared: bool, now: dt.datetime) -> Outcome:
    """Write it, slice by slice; again changes nothing more, so an import that was cut short is simply repeated.

    Raises ConsentNotDeclared before anything is written.
    """
    if not is_consent_declared and plan(sheet, now=now).declared:
        raise ConsentNotDeclared
    outcome = Outcome(refusals=list(sheet.refusals))
    language = Page.objects.current().language
    for piece in _sliced(sheet.rows):
        with transaction.atomic():
            write(piece, outcome, language=language, now=now, ask_from=now)
    outcome.refusals.sort(key=lambda refusal: refusal.line)
    if outcome.asked:
        ring()
    return outcome


@dataclass(frozen=True)
class _Step:
    """What becomes of one row."""

    row: Row
    subscriber: Subscriber | None
    is_activated: bool
    scope: Scope | None

    @property
    def is_new(self) -> bool:
        return self.subscriber is None


def _step(row: Row, here: Subscriber | None) -> _Step | None:
    """What is to be done for a row; None when all is as it says. Raises Refused."""
    if here is None:
        if row.scope is not None and row.scope.is_empty:
            raise Refused(row.address.endpoint, _("The row chooses nothing to hear of."))
        scope = row.scope or Scope(everything=True)
        return _Step(
            row, None, is_activated=row.state == SubscriberState.ACTIVE and bool(row.confirmed_at), scope=scope
        )
    if here.state in NOT_TOLD:
        if row.state in NOT_TOLD:
            return None
        raise Refused(row.address.endpoint, _why_not_back(here.state))
    if row.state in NOT_TOLD:
        raise Refused(row.state, _("This address is subscribed here. If it should not be, unsubscribe it here."))
    is_activated = here.state == SubscriberState.PENDING and row.confirmed_at is not None
    scope = row.scope if row.scope != _scope_of(here) else None
    if scope is not None and scope.is_empty:
        raise Refused(row.address.endpoint, _("The row chooses nothing to hear of."))
    is_same = all(getattr(here, name) == value for name, value in row.fields.items())
    if is_same and scope is None and not is_activated:
        return None
    return _Step(row, here, is_activated=is_activated, scope=scope)


def _why_not_back(state: str) -> str:
    if state == SubscriberState.UNSUBSCRIBED:
        return _("This address has unsubscribed here. Only its owner can subscribe it again.")
    return _("Mails to this address came back. Take it out of quarantine first.")


def _count(row: Row, here: Subscriber | None, outcome: Outcome, *, may_activate: bool = True) -> _Step | None:
    """Add what becomes of `row` to `outcome`; the step, if there is anything to do."""
    try:
        step = _step(row, here)
        if step is not None and step.is_activated and not may_activate:
            raise Refused(row.address.endpoint, _("Nobody has declared that this person agreed."))
    except Refused as refused:
        outcome.refusals.append(Refusal(row.line, refused.value, refused.reason))
        return None
    if step is None:
        outcome.unchanged += 1
        return None
    outcome.new += step.is_new
    outcome.updated += not step.is_new
    outcome.declared += step.is_activated
    return step


def _is_to_be_asked(step: _Step) -> bool:
    """Who waits here for an answer was asked before."""
    return step.is_new and not step.is_activated and step.row.state not in NOT_TOLD


def write(
    rows: list[Row],
    outcome: Outcome,
    *,
    language: str,
    now: dt.datetime,
    ask_from: dt.datetime,
    is_consent_declared: bool = True,
) -> None:
    """Write some rows and add to `outcome` what came of them, in the caller's transaction.

    Mails to confirm are due one after the other from `ask_from` on, after those that `outcome` counts already. Without
    a declared consent a row that would become active is refused.
    """
    here = _here(rows, for_update=True)
    steps = [
        step
        for row in rows
        if (step := _count(row, here.get(row.address.key), outcome, may_activate=is_consent_declared))
    ]
    made = _create([step for step in steps if step.is_new], language, now)
    _update([step for step in steps if not step.is_new])
    _choose([(subscriber, step.scope) for subscriber, step in made])
    _choose([(step.subscriber, step.scope) for step in steps if step.subscriber and step.scope], are_new=False)
    to_ask = [(who, step) for who, step in made if _is_to_be_asked(step)]
    outcome.asked += _ask(to_ask, now, ask_from=ask_from, first=outcome.asked)


def _create(steps: list[_Step], language: str, now: dt.datetime) -> list[tuple[Subscriber, _Step]]:
    """The new subscribers, with the steps that made them. One who came by another way meanwhile is left alone."""
    made = [(_new_subscriber(step, language, now), step) for step in steps]
    Subscriber.objects.bulk_create([subscriber for subscriber, _step in made], ignore_conflicts=True)
    ids = dict(
        Subscriber.objects.filter(code__in=[subscriber.code for subscriber, _step in made]).values_list("code", "pk")
    )
    for subscriber, _made in made:
        subscriber.pk = ids.get(subscriber.code)
    return [(subscriber, step) for subscriber, step in made if subscriber.pk]


def _new_subscriber(step: _Step, language: str, now: dt.datetime) -> Subscriber:
    row = step.row
    state = row.state if row.state in NOT_TOLD or step.is_activated else SubscriberState.PENDING
    assert step.scope is not None
    return Subscriber(
        endpoint=row.address.endpoint,
        endpoint_key=row.address.key,
        state=state,
        all_components=step.scope.everything,
        created_at=now,
        confirmed_at=row.confirmed_at,
        unsubscribed_at=now if state == SubscriberState.UNSUBSCRIBED else None,
        **(_quarantine(now) if state == SubscriberState.QUARANTINED else {}),
        **{"language": language, **row.fields},
    )


def _quarantine(now: dt.datetime) -> dict[str, Any]:
    return {
        "quarantined_at": now,
        "quarantine_cause": QuarantineCause.UNREACHABLE,
        "quarantine_reason": _("imported as quarantined"),
    }


def _update(steps: list[_Step]) -> None:
    touched = []
    for step in steps:
        subscriber = step.subscriber
        assert subscriber is not None
        for name, value in step.row.fields.items():
            setattr(subscriber, name, value)
        if step.scope:
            subscriber.all_components = step.scope.everything
        if step.is_activated:
            subscriber.state, subscriber.confirmed_at = SubscriberState.ACTIVE, step.row.confirmed_at
            subscriber.unsubscribed_at = subscriber.confirmation_owed_at = None
        touched.append(subscriber)
    if touched:
        consent = ["state", "confirmed_at", "unsubscribed_at", "confirmation_owed_at"]
        choices = ["all_components", "language", "time_zone", *KIND_FIELDS.values()]
        Subscriber.objects.bulk_update(touched, [*consent, *choices])


def _choose(chosen: list[tuple[Subscriber, Scope]], *, are_new: bool = True) -> None:
    for relation, column, ids_of in (
        (Subscriber.components.through, "component_id", lambda scope: scope.components),
        (Subscriber.groups.through, "componentgroup_id", lambda scope: scope.groups),
    ):
        if not are_new:
            relation.objects.filter(subscriber__in=[subscriber.pk for subscriber, _scope in chosen]).delete()
        relation.objects.bulk_create(
            relation(subscriber_id=subscriber.pk, **{column: pk})
            for subscriber, scope in chosen
            for pk in ids_of(scope)
        )


def _ask(made: list[tuple[Subscriber, _Step]], now: dt.datetime, *, ask_from: dt.datetime, first: int) -> int:
    """Owe a mail to confirm to each, as far as its mailbox may get one; how many. `first` were owed one before."""
    mailboxes = [step.row.address.mailbox for _subscriber, step in made]
    may = limits.spend_each("mailbox", mailboxes, limit=CONFIRMATIONS_PER_MAILBOX, per=limits.DAY, now=now)
    asked = [subscriber for (subscriber, _step), is_allowed in zip(made, may, strict=True) if is_allowed]
    Subscriber.objects.filter(pk__in=[subscriber.pk for subscriber in asked]).update(confirmation_owed_at=now)
    notifications = Notification.objects.bulk_create(
        Notification(purpose=Purpose.CONFIRM, subscriber=subscriber, created_at=now, fanned_out_at=now)
        for subscriber in asked
    )
    Delivery.objects.bulk_create(
        Delivery(
            notification=notification,
            subscriber_id=notification.subscriber_id,
            created_at=now,
            due_at=ask_from + dt.timedelta(seconds=position / ASKED_PER_SECOND),
        )
        for position, notification in enumerate(notifications, start=first)
    )
    return len(asked)


def _here(rows: list[Row], *, for_update: bool = False) -> dict[str, Subscriber]:
    """Who of these is known, by key."""
    known = Subscriber.objects.filter(channel=Channel.EMAIL, endpoint_key__in=[row.address.key for row in rows])
    if for_update:  # in one order for all, or two imports would wait for each other
        known = known.order_by("pk").select_for_update(no_key=True)
    here = list(known)
    prefetch_related_objects([who for who in here if not who.all_components], "components", "groups")
    return {subscriber.endpoint_key: subscriber for subscriber in here}


def _scope_of(subscriber: Subscriber) -> Scope:
    if subscriber.all_components:
        return Scope(everything=True)
    return Scope(
        everything=False,
        components=frozenset(component.pk for component in subscriber.components.all()),
        groups=frozenset(group.pk for group in subscriber.groups.all()),
    )


def _sliced(rows: list[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while piece := list(islice(remaining, SLICE)):
        yield piece
