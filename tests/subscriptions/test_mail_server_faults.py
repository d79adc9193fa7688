"""What a mail server may do to us: a real worker, and a server that does it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone

from subscriptions.consent import unsubscribe
from subscriptions.models import ChannelPause, Delivery, Watermark
from subscriptions.quarantine import names_no_mailbox
from tests.make import make_subscribers
from tests.servers import free_port, wait_for
from tests.sink import HANG, HANG_UP, Sink, after_each, always, chaos, first
from tests.subscriptions.faults import (
    assert_told,
    publish,
    retry_now,
    retry_until_end,
    start,
    states,
    wait_for_end,
    wait_for_pause,
    wait_until_tried,
)

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("without_snapshot"),
]


@pytest.fixture(scope="module")
def mail_port(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[int]:
    """One worker for all of this module: it must get over each of these faults and go on."""
    port = free_port()
    mail = f"smtp://user:secret@127.0.0.1:{port}"
    with (
        django_db_blocker.unblock(),
        start("qcluster", data_dir=tmp_path_factory.mktemp("worker"), mail=mail),
    ):
        yield port


@pytest.fixture(scope="module")
def watermark() -> Watermark:
    return Watermark()


@pytest.fixture
def sink(mail_port: int, watermark: Watermark) -> Iterator[Sink]:
    # The suite empties the database after each test. For the worker that must not look like an older copy put back.
    watermark.save()
    with Sink(port=mail_port, takes_auth=True) as sink:
        yield sink
    watermark.refresh_from_db()
    watermark.claims += 1_000  # and what the worker may yet claim


def good(_step: str, _word: str) -> None:
    """The script of a server that is well again."""


def end_of(one) -> tuple[str, str, int]:
    return Delivery.objects.values_list("state", "last_error", "attempts").get(subscriber=one)


def test_a_server_that_refuses_connections_costs_nobody_anything(sink):
    people = make_subscribers(20)
    sink.stop()
    try:
        publish()
        wait_for_pause("Connection refused")
        wait_for(lambda: states() == {"queued": 20}, what="the end of the claim")
    finally:
        sink.start()

    retry_until_end()
    assert_told(sink, people)


@pytest.mark.parametrize("step", ["RCPT", "body"])
def test_a_connection_that_breaks_at_one_recipient_is_not_in_the_way_of_the_others(sink, step):
    ann, *others = people = make_subscribers(10)
    sink.answer = always(step, HANG_UP, ann.endpoint)

    publish()
    wait_for(lambda: states() == {"sent": 9, "queued": 1})
    assert_told(sink, others)
    wait_for(lambda: not ChannelPause.objects.exists(), what="the end of the pause")
    sink.answer = good
    retry_until_end()
    assert_told(sink, people)


def test_a_server_that_never_answers_after_the_dot_is_left_and_gets_that_one_mail_again(sink):
    ann, *_others = people = make_subscribers(10)
    sink.answer = always("dot", HANG, ann.endpoint)

    publish()
    wait_for(lambda: states() == {"sent": 9, "queued": 1})
    sink.answer = good
    retry_until_end()
    assert_told(sink, people, repeats=sink.swallowed)
    assert sink.counts[ann.endpoint] == 1 + sink.swallowed


def test_a_server_that_answers_byte_by_byte_gets_all_mails(sink):
    people = make_subscribers(10)
    sink.byte_pause = 0.002

    publish()
    wait_for_end()
    assert_told(sink, people)


def test_a_server_without_pipelining_gets_all_mails(sink):
    people = make_subscribers(20)
    sink.takes_pipelining = False

    publish()
    wait_for_end()
    assert_told(sink, people)


@pytest.mark.parametrize("step", ["RCPT", "DATA", "dot"])
def test_temporary_refusals_are_tried_again_until_the_mail_is_taken(sink, step):
    people = make_subscribers(8)
    sink.answer = always(step, "451 4.3.0 try again later")

    publish()
    for times in (1, 2):
        wait_until_tried(times, *people)
        assert sink.received == []
        assert set(Delivery.objects.values_list("last_error", flat=True)) == {"451 4.3.0 try again later"}
        if times == 2:
            sink.answer = good
        retry_now()
    wait_for_end()
    assert_told(sink, people)
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {3}


def test_greylisting_delays_whom_the_server_does_not_know_yet(sink):
    strangers, known = make_subscribers(4), make_subscribers(4)
    greylisted = "450 4.2.0 greylisted, try again in 5 minutes"
    sink.answer = always("RCPT", greylisted, *(one.endpoint for one in strangers))
    began = timezone.now()

    publish()
    wait_for(lambda: states() == {"sent": 4, "queued": 4})
    first_retry = min(Delivery.objects.filter(state="queued").values_list("due_at", flat=True))
    assert first_retry > began + dt.timedelta(minutes=1)
    sink.answer = good
    retry_until_end()
    assert_told(sink, [*strangers, *known])


def test_a_server_that_ends_the_service_after_some_mails_is_called_again(sink):
    people = make_subscribers(30)
    sink.answer = after_each(8, "MAIL", "421 4.7.0 too many mails on one connection")

    publish()
    wait_for(lambda: retry_now() or states() == {"sent": 30})
    assert_told(sink, people)
    assert sink.connections > 4


def test_a_server_that_is_too_busy_to_talk_is_called_later(sink):
    people = make_subscribers(5)
    sink.answer = always("connect", "421 4.3.2 too busy")

    publish()
    wait_for_pause("421 4.3.2 too busy")
    wait_for(lambda: states() == {"queued": 5}, what="the end of the claim")
    sink.answer = good
    retry_until_end()
    assert_told(sink, people)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("RCPT", "550 5.1.1 no such user"),
        ("RCPT", "552 5.2.2 mailbox full"),
        ("DATA", "554 5.7.1 not for this recipient"),
        ("dot", "554 5.7.1 this looks like spam"),
    ],
)
def test_who_is_refused_for_good_is_tried_once_and_the_others_are_told(sink, step, said):
    ann, *others = make_subscribers(6)
    sink.answer = always(step, said, ann.endpoint)

    publish()
    wait_for_end()
    assert states() == {"sent": 5, "failed": 1}
    assert end_of(ann) == ("failed", said, 1)

    Delivery.objects.update(due_at=timezone.now() - dt.timedelta(days=1))
    (ben,) = make_subscribers(1)
    asked = sink.asked["RCPT", ann.endpoint]
    publish("Something else")
    wait_for(Delivery.objects.filter(subscriber=ben, state="sent").exists)
    wait_for_end()
    assert sink.counts == {**{one.endpoint: 2 for one in others}, ben.endpoint: 1}
    # Once for each update; who has no mailbox is not asked again.
    assert (sink.asked["RCPT", ann.endpoint] == asked) == names_no_mailbox(said)
    assert set(Delivery.objects.filter(subscriber=ann).values_list("attempts", flat=True)) == {1}


@pytest.mark.parametrize(
    ("step", "said"),
    [("MAIL", "550 5.7.1 we take nothing from this sender"), ("AUTH", "535 5.7.8 wrong password")],
)
def test_a_server_that_refuses_all_of_us_fails_nobody_and_staff_can_read_why(sink, step, said):
    people = make_subscribers(10)
    sink.answer = always(step, said)

    publish()
    wait_for_pause(said)
    wait_for(lambda: states() == {"queued": 10}, what="the end of the claim")
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}

    sink.answer = good
    retry_until_end()
    assert_told(sink, people)


def test_mails_whose_acceptance_was_never_heard_are_repeated_once_each(sink):
    people = make_subscribers(12)
    swallow = first(1, "dot", HANG_UP)
    unheard = {one.endpoint for one in people[-2:]}
    sink.answer = lambda step, word: swallow(step, word) if word in unheard else None

    publish()
    wait_for(lambda: retry_now() or states() == {"sent": 12})
    assert sink.counts == {one.endpoint: 2 if one.endpoint in unheard else 1 for one in people}
    assert_told(sink, people, repeats=2)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_chaotic_server_gets_each_mail_once_for_each_answer_that_arrived(sink, seed):
    people = make_subscribers(40)
    sink.answer = chaos(seed, share=0.05)

    publish()
    wait_for(lambda: retry_now() or states() == {"sent": 40})
    assert_told(sink, people, repeats=sink.swallowed)


def test_pauses_grow_and_after_three_days_staff_see_a_failure(sink):
    ann, *others = make_subscribers(3)
    sink.answer = always("RCPT", "451 4.3.0 not today", ann.endpoint)

    began = timezone.now()
    publish()
    for times in range(1, 11):
        wait_until_tried(times, ann)
        row = Delivery.objects.get(subscriber=ann)
        pause = dt.timedelta(minutes=min(2**times, 6 * 60))
        # It was tried at some moment between `began` and now.
        earliest, latest = began + 0.75 * pause, timezone.now() + 1.25 * pause
        assert (row.state, earliest <= row.due_at <= latest) == ("queued", True)
        began = timezone.now()
        retry_now()
    wait_until_tried(11, ann)
    assert end_of(ann)[0] == "queued"  # so many tries are not enough: three days must be over

    Delivery.objects.filter(subscriber=ann).update(created_at=timezone.now() - dt.timedelta(days=3, minutes=1))
    retry_until_end()
    assert end_of(ann) == ("failed", "451 4.3.0 not today", 12)
    assert_told(sink, others)


def test_who_leaves_while_the_mail_waits_hears_nothing(sink):
    ann, *others = make_subscribers(5)
    sink.answer = always("RCPT", "451 4.3.0 try again later")
    publish()
    wait_until_tried(1, ann, *others)

    unsubscribe(ann, timezone.now())
    sink.answer = good
    retry_until_end()
    assert_told(sink, others)
    assert end_of(ann)[0] == "skipped"
