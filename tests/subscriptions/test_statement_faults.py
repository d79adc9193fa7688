"""The database refuses the first, the second, the third … statement of what we do, or its end, COMMIT: all of it was
done, or none.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from incidents.actions import open_incident, post_update
from incidents.models import Change, IncidentUpdate, Page, StatusChange, UpdateComponent
from incidents.values import UpdateText
from subscriptions import tasks
from subscriptions.consent import confirm, request_subscription, unsubscribe
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, open_notifications, owing_fan_out
from subscriptions.models import Delivery, Notification, Subscriber
from tests.make import make_component, make_incident, make_page, make_subscriber, make_subscribers
from tests.sink import Sink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_snapshot")]

MODELS = (IncidentUpdate, UpdateComponent, StatusChange, Change, Subscriber, Notification, Delivery)


class FailingStatement:
    """Lets the `number`-th statement of this connection fail, before the database hears of it."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.was_reached = False

    def __call__(self, execute, sql, params, many, context):
        self._left -= 1
        if self._left == 0:
            self.was_reached = True
            raise OperationalError("the database is away")
        return execute(sql, params, many, context)


def facts() -> dict[str, int]:
    rows = {model.__name__: model.objects.count() for model in MODELS}
    consent = {f"is {state}": Subscriber.objects.filter(state=state).count() for state in ("active", "unsubscribed")}
    fanned_out = Notification.objects.filter(fanned_out_at__isnull=False).count()
    return {**rows, **consent, "fanned out": fanned_out, "version": Page.objects.current().version}


def change_by(act: Callable[[], object]) -> dict[str, int]:
    before = facts()
    act()
    return {name: number - before[name] for name, number in facts().items() if number != before[name]}


def fail_at_each_statement(prepare: Callable[[], Callable[[], object]], *, at_least: int) -> None:
    """`prepare` makes ready and returns the act; what the act changes when nothing fails is all or nothing."""
    whole = change_by(prepare())
    assert whole
    for number in itertools.count(1):
        act, failure = prepare(), FailingStatement(number)

        def disturbed(act=act, failure=failure) -> None:
            with suppress(OperationalError), connection.execute_wrapper(failure):
                act()

        changed = change_by(disturbed)
        if not failure.was_reached:
            assert changed == whole
            break
        assert changed in ({}, whole), f"statement {number}"
        if not changed:
            assert change_by(act) == whole, f"the run after statement {number}"
    assert number > at_least


def test_publishing():
    make_page()

    def prepare():
        component = make_component()
        text = UpdateText(status="investigating", body="We look.", components={component.pk: "partial_outage"})
        return lambda: open_incident(title="Slow mailings", update=text, actor=None)

    fail_at_each_statement(prepare, at_least=10)


def test_an_update_of_a_notice():
    make_page()

    def prepare():
        component = make_component()
        incident = make_incident(components={component.pk: "partial_outage"})
        text = UpdateText(status="resolved", body="It works.", components={component.pk: "operational"})
        return lambda: post_update(incident, text, actor=None)

    fail_at_each_statement(prepare, at_least=10)


def test_a_sign_up():
    make_page()
    numbers = itertools.count()

    def prepare():
        address = f"new{next(numbers)}@example{next(numbers)}.com"
        now = timezone.now()
        return lambda: request_subscription(address, all_components=True, language="en", now=now)

    fail_at_each_statement(prepare, at_least=5)


@pytest.mark.parametrize(("verb", "state"), [(confirm, "pending"), (unsubscribe, "active")])
def test_consent_and_its_end(verb, state):
    make_page()

    def prepare():
        subscriber = make_subscriber(state=state)
        return lambda: verb(subscriber, timezone.now())

    fail_at_each_statement(prepare, at_least=1)


def test_a_slice_of_the_fan_out():
    make_page()
    make_subscribers(3)

    def prepare():
        make_incident()
        (notification,) = open_notifications(timezone.now())
        return lambda: fan_out(notification.pk, now=timezone.now())

    fail_at_each_statement(prepare, at_least=4)


def test_the_claim_and_the_end_of_deliveries(settings):
    """A statement that fails between the claim and its end repeats no mail: what was sent stands in the journal."""
    make_page()
    people = make_subscribers(3)
    with Sink() as sink:
        settings.MAIL_SERVER = sink.server
        for number in itertools.count(1):
            make_incident()
            for notification in open_notifications(timezone.now()):
                fan_out(notification.pk, now=timezone.now())
            failure = FailingStatement(number)
            with suppress(OperationalError), connection.execute_wrapper(failure):
                run_deliveries(10.0)
            Delivery.objects.filter(state="queued").update(due_at=timezone.now())  # what failed waits some minutes
            run_deliveries(10.0)
            states = set(Delivery.objects.values_list("state", flat=True))
            assert (states, sink.counts) == ({"sent"}, {one.endpoint: number for one in people}), f"statement {number}"
            if not failure.was_reached:
                break
    assert number > 6


@contextmanager
def failing_commits(event: str) -> Iterator[None]:
    """The database takes every statement, and then refuses the COMMIT of whatever did `event` to a delivery."""
    owing = "CREATE TABLE owing (nobody BIGINT REFERENCES subscriptions_subscriber DEFERRABLE INITIALLY DEFERRED)"
    insert = "INSERT INTO owing VALUES (-1)"
    if connection.vendor == "postgresql":
        body = f"CREATE FUNCTION owe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert}; RETURN NULL; END $$"
        make = [owing, body, f"CREATE TRIGGER owe AFTER {event} EXECUTE FUNCTION owe()"]
        drop = ["DROP FUNCTION IF EXISTS owe CASCADE", "DROP TABLE owing"]
    else:
        make = [owing, f"CREATE TRIGGER owe AFTER {event} BEGIN {insert}; END"]
        drop = ["DROP TRIGGER IF EXISTS owe", "DROP TABLE owing"]
    with connection.cursor() as cursor:
        try:
            for statement in make:
                cursor.execute(statement)
            yield
        finally:
            for statement in drop:
                cursor.execute(statement)


@pytest.mark.parametrize(
    ("event", "is_sent"),
    [
        ("INSERT ON subscriptions_delivery FOR EACH ROW", False),
        ("UPDATE ON subscriptions_delivery FOR EACH ROW WHEN (NEW.state = 'sending')", False),
        ("UPDATE ON subscriptions_delivery FOR EACH ROW WHEN (NEW.state = 'sent')", True),
    ],
    ids=["fan-out", "claim", "end"],
)
def test_a_commit_that_fails_loses_and_repeats_nothing(settings, event, is_sent):
    """The hardest moment is the end: all was sent, and the database will not have it. Then the journal has."""
    make_page()
    people = make_subscribers(3)
    make_incident()
    with Sink() as sink:
        settings.MAIL_SERVER = sink.server
        with failing_commits(event):
            for _try in range(2):
                with pytest.raises(IntegrityError):
                    pay()
                assert sink.counts == {one.endpoint: 1 for one in people if is_sent}
            assert not Delivery.objects.filter(state="sent").exists()
        pay()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert sink.counts == {one.endpoint: 1 for one in people}


def pay() -> None:
    open_notifications(timezone.now())
    for notification_id in owing_fan_out():
        fan_out(notification_id, now=timezone.now())
    run_deliveries(10.0)


def test_ten_arrivals_of_one_form_are_one_update_and_one_notification():
    make_page()
    incident = make_incident(notify=False)
    make_subscribers(2)
    form = UpdateText(status="identified", body="Found it.", form_id=uuid.uuid4())
    together, made = threading.Barrier(10), []

    def arrive() -> None:
        together.wait()
        try:
            made.append(post_update(incident, form, actor=None).pk)
            tasks.open_notifications(timezone.now())
        finally:
            connection.close()

    arrivals = [threading.Thread(target=arrive) for _arrival in range(10)]
    for thread in arrivals:
        thread.start()
    for thread in arrivals:
        thread.join()

    assert (len(made), len(set(made))) == (10, 1)
    assert incident.updates.filter(status="identified").count() == 1
    assert Notification.objects.filter(purpose="update").count() == 1
