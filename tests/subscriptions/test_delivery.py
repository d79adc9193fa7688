"""The run of deliveries against a real mail server on loopback."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from statuspage.environment import MailServer
from subscriptions import ledger
from subscriptions.delivery import Tally, run_deliveries
from subscriptions.fanout import fan_out, notify_one, open_notifications
from subscriptions.journal import Journal, journals
from subscriptions.models import ChannelPause, Delivery, Subscriber
from tests.make import make_incident, make_page, make_subscribers
from tests.servers import free_port
from tests.sink import Sink

pytestmark = pytest.mark.django_db


def owe(count: int, **fields) -> list[Subscriber]:
    make_page()
    subscribers = make_subscribers(count, **fields)
    make_incident()
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())
    return subscribers


def run(settings, sink: Sink, seconds: float = 60.0) -> Tally:
    settings.MAIL_SERVER = sink.server
    return run_deliveries(seconds)


def ends() -> dict[str, tuple[str, str]]:
    rows = Delivery.objects.values_list("subscriber__endpoint", "state", "last_error")
    return {endpoint: (state, error) for endpoint, state, error in rows}


def make_due() -> None:
    Delivery.objects.filter(state="queued").update(due_at=timezone.now())
    ChannelPause.objects.all().delete()


def refuse(step: str, said: str, *words: str):
    return lambda at, word: said if at == step and (not words or word in words) else None


def test_every_subscriber_gets_one_mail_over_one_connection(settings):
    subscribers = owe(5)

    with Sink() as sink:
        tally = run(settings, sink)

    assert tally == Tally(sent=5)
    assert sink.counts == {one.endpoint: 1 for one in subscribers}
    assert sink.connections == 1
    assert set(ends().values()) == {("sent", "")}
    assert journals(settings.JOURNAL_DIR) == []


def test_a_second_run_sends_nothing_and_opens_no_connection(settings):
    owe(2)
    with Sink() as sink:
        run(settings, sink)
        run(settings, sink)

    assert (len(sink.received), sink.connections) == (2, 1)


def test_a_connection_carries_only_so_many(settings):
    settings.EMAIL_PER_CONNECTION = 2
    owe(5)

    with Sink() as sink:
        run(settings, sink)

    assert (len(sink.received), sink.connections) == (5, 3)


def test_who_left_after_the_fan_out_hears_nothing(settings):
    stays, leaves = owe(2)
    Subscriber.objects.filter(pk=leaves.pk).update(state="unsubscribed")

    with Sink() as sink:
        run(settings, sink)

    assert sink.counts == {stays.endpoint: 1}
    assert ends()[leaves.endpoint] == ("skipped", "")


@pytest.mark.parametrize(
    ("purpose", "state", "expected"),
    [
        ("confirm", "pending", "sent"),
        ("confirm", "active", "skipped"),
        ("manage", "active", "sent"),
        ("manage", "unsubscribed", "skipped"),
    ],
)
def test_a_personal_word_goes_only_to_whom_it_fits(settings, purpose, state, expected):
    make_page()
    (subscriber,) = make_subscribers(1, state=state)
    notify_one(subscriber, purpose)

    with Sink() as sink:
        run(settings, sink)

    assert Delivery.objects.get().state == expected


@pytest.mark.parametrize("step", ["RCPT", "DATA", "dot"])
def test_a_refusal_for_now_is_tried_again_later(settings, step):
    ann, ben = owe(2)
    sink = Sink(answer=refuse(step, "451 4.7.1 come back later", ann.endpoint))
    with sink:
        run(settings, sink)
        assert ends() == {ann.endpoint: ("queued", "451 4.7.1 come back later"), ben.endpoint: ("sent", "")}
        sink.answer = refuse("never", "")
        make_due()
        run(settings, sink)

    assert {state for state, _error in ends().values()} == {"sent"}


@pytest.mark.parametrize("said", ["550 no such user", "550 5.1.1 unknown", "552 5.2.2 mailbox full"])
def test_a_refusal_for_good_fails_that_one_alone(settings, said):
    ann, ben = owe(2)

    with Sink(answer=refuse("RCPT", said, ann.endpoint)) as sink:
        run(settings, sink)
        make_due()
        run(settings, sink)

    assert ends() == {ann.endpoint: ("failed", said), ben.endpoint: ("sent", "")}
    assert Delivery.objects.get(subscriber=ann).attempts == 1


def test_a_refusal_that_blames_no_recipient_fails_that_one_when_others_are_taken(settings):
    ann, ben = owe(2)

    with Sink(answer=refuse("RCPT", "554 5.7.1 not from you", ann.endpoint)) as sink:
        run(settings, sink)

    assert ends() == {ann.endpoint: ("failed", "554 5.7.1 not from you"), ben.endpoint: ("sent", "")}


@pytest.mark.parametrize("step", ["RCPT", "dot"])
def test_a_relay_that_is_closed_to_all_of_us_fails_nobody(settings, step):
    owe(3)

    with Sink(answer=refuse(step, "554 5.7.1 relay access denied")) as sink:
        run(settings, sink)

    assert set(ends().values()) == {("queued", "554 5.7.1 relay access denied")}


@pytest.mark.parametrize("said", ["550 5.7.1 sender refused", "451 4.3.0 not now"])
def test_a_refused_sender_fails_nobody_and_pauses_the_channel(settings, said):
    owe(3)
    sink = Sink(answer=refuse("MAIL", said))
    with sink:
        run(settings, sink)
        run(settings, sink)
        assert sink.connections == 1
        assert ChannelPause.objects.get().reason == said
        assert set(Delivery.objects.values_list("state", "attempts", "last_error")) == {("queued", 0, "")}
        sink.answer = refuse("never", "")
        ChannelPause.objects.update(until=timezone.now())
        run(settings, sink)

    assert len(sink.received) == 3
    assert not ChannelPause.objects.exists()


def test_a_refused_password_fails_nobody(settings):
    owe(2)
    with Sink() as sink:
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", sink.port, "status", "wrong")
        run_deliveries(5)

    assert set(ends().values()) == {("queued", "")}
    assert ChannelPause.objects.count() == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+tls"])
def test_a_server_that_is_not_there_or_speaks_no_tls_fails_nobody(settings, scheme):
    owe(2)
    with Sink() as sink:
        port = free_port() if scheme == "smtp" else sink.port
        settings.MAIL_SERVER = MailServer(scheme, "127.0.0.1", port, "", "")
        run_deliveries(5)

    assert set(ends().values()) == {("queued", "")}
    assert ChannelPause.objects.get().reason != ""


def test_a_server_that_hangs_up_after_some_is_called_again(settings):
    subscribers = owe(4)
    said = iter([None, None, "421 enough for one connection"] + [None] * 4)
    with Sink(answer=lambda step, _word: next(said, None) if step == "RCPT" else None) as sink:
        run(settings, sink)
        make_due()
        run(settings, sink)

    assert sink.counts == {one.endpoint: 1 for one in subscribers}
    assert sink.connections == 3


def test_a_mail_whose_fate_is_unknown_is_repeated_under_the_same_id(settings):
    ann, ben = owe(2)
    told = []

    def swallow_once(step: str, word: str) -> str | None:
        if step == "dot" and word == ann.endpoint and not told:
            told.append(word)
            return "hang up"
        return None

    with Sink(answer=swallow_once) as sink:
        run(settings, sink)
        make_due()
        run(settings, sink)

    assert sink.counts == {ann.endpoint: 2, ben.endpoint: 1}
    assert len({mail.message_id for mail in sink.received}) == 2


def test_a_notice_that_cannot_be_rendered_does_not_silence_the_others(settings, monkeypatch):
    owe(1)
    (reader,) = make_subscribers(1)
    notify_one(reader, "manage")
    monkeypatch.setattr("subscriptions.wording.write_update", lambda *_a, **_k: 1 / 0)

    with Sink() as sink:
        tally = run(settings, sink)

    assert (tally.sent, tally.delayed, list(sink.counts)) == (1, 1, [reader.endpoint])


def test_a_slow_server_gets_only_what_the_time_allows(settings):
    owe(20)

    with Sink(delay=0.1) as sink:
        tally = run(settings, sink, seconds=0.5)

    assert tally.sent < 20
    waiting = Delivery.objects.filter(state="queued").values_list("attempts", flat=True)
    assert (len(waiting), set(waiting)) == (20 - tally.sent, {0})


def test_what_a_dead_sender_had_sent_is_not_sent_again(settings):
    subscribers = owe(3)
    claim_id = uuid.uuid4()
    journal = Journal(settings.JOURNAL_DIR, claim_id)
    held = ledger.claim("email", claim_id, now=timezone.now(), size=10)
    journal.begin(held[0].pk)
    journal.accept(held[0].pk)
    journal.begin(held[1].pk)
    journal.close()

    with Sink() as sink:
        run(settings, sink)

    assert sink.counts == {one.endpoint: 1 for one in subscribers[1:]}
    assert {state for state, _error in ends().values()} == {"sent"}


def test_a_settlement_that_failed_is_made_up_from_the_journal(settings, monkeypatch):
    owe(3)
    with Sink() as sink:
        with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
            broken.setattr(ledger, "settle", lambda *_a, **_k: 1 / 0)
            run(settings, sink)
        assert {state for state, _error in ends().values()} == {"sending"}
        run(settings, sink)

    assert len(sink.received) == 3
    assert {state for state, _error in ends().values()} == {"sent"}
