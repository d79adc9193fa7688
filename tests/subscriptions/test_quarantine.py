from __future__ import annotations

import pytest
from django.utils import timezone

from subscriptions import consent
from subscriptions.choices import DeliveryState, QuarantineCause, SubscriberState
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.quarantine import names_no_mailbox, note_permanent_failures, quarantine, release
from tests.make import make_incident, make_subscriber, make_subscribers

pytestmark = pytest.mark.django_db

FULL = "552 5.2.2 mailbox full"
GONE = "550 5.1.1 no such user"


def deliver(subscriber: Subscriber, *states: str) -> None:
    """Deliveries of one notice each that ended so, the oldest first."""
    for state in states:
        notification = Notification.objects.create(purpose="update", update=make_incident().updates.get())
        Delivery.objects.create(
            notification=notification, subscriber=subscriber, state=state, sent_at=timezone.now(), last_error=FULL
        )


def state_of(subscriber: Subscriber) -> str:
    return Subscriber.objects.get(pk=subscriber.pk).state


@pytest.mark.parametrize(
    ("said", "is_gone"),
    [
        ("550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", True),
        ("smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound", True),
        ("5.1.2 bad destination system address", True),
        ("550 No such user here", True),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts", True),
        ("550 5.7.1 message refused by policy", False),
        ("552 5.2.2 mailbox full", False),
        ("552 over quota", False),
        ("550 5.2.1 mailbox disabled", False),
        ("450 4.1.1 try again", False),
        ("550 5.1.15 unheard of", False),
        ("", False),
    ],
)
def test_a_servers_words_tell_whether_there_is_a_mailbox(said, is_gone):
    assert names_no_mailbox(said) is is_gone


def test_who_has_no_mailbox_is_quarantined_at_once_with_the_servers_words():
    ann, ben = make_subscribers(2)
    deliver(ann, DeliveryState.FAILED)

    note_permanent_failures({ann.pk: GONE}, now=timezone.now())

    ann.refresh_from_db()
    assert (ann.state, ann.quarantine_cause, ann.quarantine_reason) == ("quarantined", "unreachable", GONE)
    assert state_of(ben) == "active"


def test_a_full_mailbox_is_quarantined_after_three_mails_in_a_row():
    ann, ben, cleo = make_subscribers(3)
    deliver(ann, "failed", "failed", "failed")
    deliver(ben, "failed", "failed", "sent", "failed")
    deliver(cleo, "failed", "failed")

    note_permanent_failures({ann.pk: FULL, ben.pk: FULL, cleo.pk: FULL}, now=timezone.now())

    assert [state_of(one) for one in (ann, ben, cleo)] == ["quarantined", "active", "active"]


def test_failures_of_many_are_looked_up_at_once(django_assert_num_queries):
    crowd = make_subscribers(5)

    with django_assert_num_queries(1):
        note_permanent_failures({one.pk: FULL for one in crowd}, now=timezone.now())


@pytest.mark.parametrize("state", ["unsubscribed", "quarantined"])
def test_who_is_not_told_anything_anyway_stays_as_they_are(state):
    ann = make_subscriber(state="active")
    quarantine([ann.pk], QuarantineCause.COMPLAINT, "abuse", now=timezone.now())
    if state == "unsubscribed":
        consent.unsubscribe(ann, timezone.now())

    assert quarantine([ann.pk], QuarantineCause.UNREACHABLE, GONE, now=timezone.now()) == 0
    assert Subscriber.objects.get(pk=ann.pk).quarantine_cause == "complaint"


@pytest.mark.parametrize("before", ["active", "pending"])
def test_staff_can_take_an_address_back_to_where_it_stood(before):
    ann = make_subscriber(state=before)
    quarantine([ann.pk], QuarantineCause.UNREACHABLE, GONE, now=timezone.now())

    assert release(ann)

    ann.refresh_from_db()
    assert (ann.state, ann.quarantined_at, ann.quarantine_reason) == (before, None, "")


def test_staff_cannot_take_back_who_complained():
    ann = make_subscriber()
    quarantine([ann.pk], QuarantineCause.COMPLAINT, "abuse", now=timezone.now())

    assert not release(ann)
    assert state_of(ann) == SubscriberState.QUARANTINED


def test_who_was_quarantined_can_unsubscribe_and_come_back_by_a_new_consent():
    ann = make_subscriber("ann@example.com")
    quarantine([ann.pk], QuarantineCause.COMPLAINT, "abuse", now=timezone.now())

    again = consent.request_subscription("ann@example.com", all_components=True, language="en", now=timezone.now())
    consent.confirm(again, timezone.now())

    again.refresh_from_db()
    assert (again.state, again.quarantined_at, again.quarantine_cause) == ("active", None, "")
