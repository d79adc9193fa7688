from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest
from django.db import connection

from subscriptions import ledger
from subscriptions.journal import Orphan
from subscriptions.ledger import Report
from subscriptions.models import ChannelPause, Delivery, Notification, Watermark
from tests.make import make_incident, make_subscribers, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 3, 2, 9)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


def owe(count: int, **fields) -> list[Delivery]:
    incident = make_incident()
    notification = Notification.objects.create(purpose="update", update=incident.updates.get(), fanned_out_at=NOW)
    return Delivery.objects.bulk_create(
        Delivery(notification=notification, subscriber=one, **{"due_at": NOW, "created_at": NOW, **fields})
        for one in make_subscribers(count)
    )


def claim(size: int = 100, now: dt.datetime = NOW) -> tuple[uuid.UUID, list[int]]:
    claim_id = uuid.uuid4()
    return claim_id, [delivery.pk for delivery in ledger.claim("email", claim_id, now=now, size=size)]


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_a_claim_takes_what_is_due_and_counts_as_a_try():
    owe(2)
    owe(1, due_at=NOW + MINUTE)

    claim_id, ids = claim()

    assert states() == ["sending", "sending", "queued"]
    held = Delivery.objects.filter(pk__in=ids).values_list("claim", "lease_until", "attempts")
    assert set(held) == {(claim_id, NOW + ledger.LEASE, 1)}


def test_the_longest_due_goes_first():
    late = owe(1, due_at=NOW - MINUTE)
    early = owe(1, due_at=NOW - 2 * MINUTE)

    assert claim()[1] == [early[0].pk, late[0].pk]


def test_two_claims_never_hold_the_same():
    owe(5)

    first, second = claim(size=3)[1], claim(size=3)[1]

    assert (len(first), len(second), set(first) & set(second)) == (3, 2, set())


@pytest.mark.django_db(transaction=True)
def test_claims_made_at_once_share_out_all_and_nothing_twice():
    expected = sorted(delivery.pk for delivery in owe(60))
    taken: list[int] = []

    def work() -> None:
        while ids := claim(size=4)[1]:
            taken.extend(ids)
        connection.close()

    threads = [threading.Thread(target=work) for _one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == expected


@pytest.mark.parametrize("count", [1, 3])
def test_claim_and_settle_cost_the_same_for_few_and_many(count, django_assert_num_queries):
    Watermark.objects.create()
    owe(count)
    claim_id = uuid.uuid4()

    # Savepoint and its end, what is paused, read, which texts, take, count it, read that; PostgreSQL is also told how.
    with django_assert_num_queries(10 if connection.vendor == "postgresql" else 8):
        held = ledger.claim("email", claim_id, now=NOW, size=10)
    with django_assert_num_queries(3):  # savepoint and its end, mark
        ledger.settle(claim_id, Report(accepted=[one.pk for one in held]), now=NOW)
    assert states() == ["sent"] * count


def test_settling_writes_down_each_end():
    a, b, c, d, e = (delivery.pk for delivery in owe(5))
    claim_id, _ids = claim()

    report = Report(accepted=[a], skipped=[b], untouched=[c], delayed={d: "450 later"}, failed={e: "550 no such user"})
    ledger.settle(claim_id, report, now=NOW)

    rows = Delivery.objects.order_by("pk").values_list("state", "attempts", "sent_at", "last_error")
    assert list(rows) == [
        ("sent", 1, NOW, ""),
        ("skipped", 1, None, ""),
        ("queued", 0, None, ""),
        ("queued", 1, None, "450 later"),
        ("failed", 1, None, "550 no such user"),
    ]
    assert Delivery.objects.get(pk=c).due_at == NOW
    assert MINUTE < Delivery.objects.get(pk=d).due_at - NOW < 5 * MINUTE


def test_who_was_overtaken_changes_nothing_of_what_the_other_holds():
    owe(3)
    slow, ids = claim()
    later = NOW + ledger.LEASE + MINUTE
    ledger.take_over_expired(later)
    fast, again = claim(now=later, size=2)

    ledger.settle(slow, Report(skipped=[ids[0]], delayed={ids[1]: "450"}, untouched=[ids[2]]), now=later)

    assert again == ids[:2]
    assert set(Delivery.objects.filter(pk__in=again).values_list("state", "claim")) == {("sending", fast)}
    assert Delivery.objects.get(pk=ids[2]).attempts == 1


def test_what_a_late_owner_did_send_is_not_sent_again():
    owe(1)
    slow, ids = claim()
    later = NOW + ledger.LEASE + MINUTE
    ledger.take_over_expired(later)

    ledger.settle(slow, Report(accepted=ids), now=later)

    assert states() == ["sent"]


def test_a_lease_that_runs_is_left_alone():
    owe(1)
    claim()

    ledger.take_over_expired(NOW + ledger.LEASE - MINUTE)

    assert states() == ["sending"]


def test_an_orphan_is_settled_before_the_rest_is_queued_again():
    a, b, c = (delivery.pk for delivery in owe(3))
    claim_id, _ids = claim()

    ledger.recover(Orphan(claim_id, frozenset([a]), frozenset([b])), now=NOW)

    rows = Delivery.objects.order_by("pk").values_list("pk", "state", "attempts", "due_at")
    assert list(rows) == [(a, "sent", 1, NOW), (b, "queued", 1, NOW), (c, "queued", 0, NOW)]


def test_a_message_that_kills_its_senders_lets_the_others_go_first():
    (poison, _innocent) = (delivery.pk for delivery in owe(2))
    for _kill in range(ledger.SUSPICIOUS_ATTEMPTS):
        claim_id, ids = claim()
        assert ids[0] == poison
        ledger.recover(Orphan(claim_id, frozenset(), frozenset([poison])), now=NOW)

    assert poison not in claim()[1]
    assert Delivery.objects.get(pk=poison).due_at > NOW + MINUTE


def test_tries_grow_apart_and_go_on_for_days():
    (delivery,) = owe(1)
    at = NOW
    waits = []
    while states() == ["queued"]:
        claim_id, _ids = claim(now=at)
        ledger.settle(claim_id, Report(delayed={delivery.pk: "450 greylisted"}), now=at)
        due = Delivery.objects.get().due_at
        waits.append(due - at)
        at = due

    assert MINUTE <= waits[0] <= 5 * MINUTE
    assert waits[0] < waits[3] < waits[6]
    assert max(waits) < 8 * dt.timedelta(hours=1)
    assert len(waits) >= ledger.MIN_ATTEMPTS
    assert 3 * DAY < at - NOW < 5 * DAY
    assert (states(), Delivery.objects.get().last_error) == (["failed"], "450 greylisted")


def test_no_two_wait_equally_long():
    assert len({ledger.retry_delay(1) for _one in range(20)}) > 15


def test_days_of_pause_are_no_tries():
    (delivery,) = owe(1, created_at=NOW - 10 * DAY)
    claim_id, _ids = claim()

    ledger.settle(claim_id, Report(delayed={delivery.pk: "450"}), now=NOW)

    assert states() == ["queued"]


def test_an_outage_pauses_for_seconds_first_and_never_for_long():
    lengths = []
    for _failure in range(10):
        ledger.pause("email", "connection refused", is_refusal=False, now=NOW)
        lengths.append(ledger.pause_of("email", NOW).total_seconds())

    assert lengths[:3] == [5, 10, 20]
    assert lengths[-1] == 300
    assert ChannelPause.objects.get().since == NOW


def test_a_refusal_of_all_of_us_pauses_longer_and_ends_with_the_first_success():
    ledger.pause("email", "535 wrong password", is_refusal=True, now=NOW)
    assert ledger.pause_of("email", NOW) == MINUTE
    assert ledger.pause_of("email", NOW + MINUTE) is None

    ledger.end_pause("email")

    assert ledger.pause_of("email", NOW) is None
