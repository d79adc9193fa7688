"""One run with several connections: what hangs is not in the way of the others."""

from __future__ import annotations

import threading

import pytest
from django.utils import timezone

from subscriptions import senders
from subscriptions.channels import smtp
from subscriptions.delivery import Tally, run_deliveries
from subscriptions.fanout import fan_out, open_notifications
from subscriptions.models import ChannelPause, Delivery, Subscriber
from tests.make import make_incident, make_page, make_subscribers
from tests.scripted import HANG_UP, ScriptedServer
from tests.servers import wait_for

pytestmark = pytest.mark.django_db


def owe() -> None:
    make_page()
    make_incident()
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())


def make_at(domain: str, count: int) -> list[Subscriber]:
    return [make_subscribers(1, endpoint=f"r{n}@{domain}", endpoint_key=f"r{n}@{domain}")[0] for n in range(count)]


def run(settings, server: ScriptedServer, seconds: float = 60.0) -> Tally:
    settings.MAIL_SERVER = server.server
    return run_deliveries(seconds)


def states(domain: str) -> set[str]:
    return set(Delivery.objects.filter(subscriber__endpoint__endswith=domain).values_list("state", flat=True))


def hang_at(begins: str, holds: str, *, until: int) -> ScriptedServer:
    """A server that hangs at such commands until it has so many mails, and then hangs up.

    So whoever lets these mails wait for those that hang waits for nothing, however fast or slow the machine is.
    """

    def say(command: str) -> str | None:
        if not (command.startswith(begins) and holds in command):
            return None
        wait_for(lambda: len(server.mails) >= until, what=f"{until} mails")
        return HANG_UP

    server = ScriptedServer(say=say)
    return server


@pytest.fixture
def impatient(monkeypatch):
    """Seconds become tenths, but for the last resort, so that nothing else ends a wait."""
    monkeypatch.setattr(senders, "PATIENCE", 0.2)
    monkeypatch.setattr(senders, "ANOTHER_AFTER", 0.02)
    monkeypatch.setattr(smtp, "TIMEOUT", 120.0)


def test_a_large_mailing_goes_over_several_connections_and_a_small_one_over_one(settings):
    make_subscribers(300)
    owe()
    with ScriptedServer() as server:
        tally = run(settings, server)

    assert tally == Tally(sent=300)
    assert sorted(server.recipients) == sorted(Subscriber.objects.values_list("endpoint", flat=True))
    assert 4 <= server.connections <= 4 + 300 // settings.EMAIL_PER_CONNECTION


def test_no_more_connections_than_allowed(settings):
    settings.EMAIL_CONNECTIONS = 2
    settings.EMAIL_PER_CONNECTION = 0
    make_subscribers(300)
    owe()
    with ScriptedServer() as server:
        run(settings, server)

    assert (len(server.mails), server.connections) == (300, 2)


def test_a_domain_that_hangs_holds_up_nobody_else(settings, impatient):
    make_at("hangs.example", 40)
    make_at("fast.example", 360)
    owe()
    with hang_at("RCPT", "hangs.example", until=360) as server:
        tally = run(settings, server)

    assert tally == Tally(sent=360, delayed=40)
    assert states("fast.example") == {"sent"}
    tried = Delivery.objects.filter(subscriber__endpoint__endswith="hangs.example", attempts=1).count()
    assert senders.HANGS <= tried <= senders.MAX_CONNECTIONS  # the others were set aside untried
    assert not ChannelPause.objects.exists()


def test_where_all_are_at_one_domain_none_is_set_aside_for_those_that_hang(settings, impatient):
    make_at("example.org", 60)
    owe()
    with hang_at("RCPT", "<r1", until=49) as server:
        tally = run(settings, server)

    assert tally == Tally(sent=49, delayed=11)
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_one_in_ten_that_hangs_at_the_same_domain_holds_up_nobody_else(settings, impatient):
    make_at("example.org", 200)
    owe()
    with hang_at("RCPT", "5@", until=180) as server:
        run(settings, server)

    late = {row.endpoint for row in Subscriber.objects.filter(deliveries__state="queued")}
    assert late == {f"r{n}@example.org" for n in range(200) if n % 10 == 5}


def test_what_was_announced_on_a_connection_that_hangs_goes_over_another(settings, impatient):
    make_at("example.org", 3)
    owe()
    with hang_at(". ", "r0@example.org", until=2) as server:
        run(settings, server)

    assert states("example.org") == {"sent", "queued"}
    assert sorted(server.recipients)[-2:] == ["r1@example.org", "r2@example.org"]
    assert server.recipients.count("r1@example.org") == 1


def test_a_server_with_room_for_one_connection_is_left_with_one(settings):
    settings.EMAIL_PER_CONNECTION = 0
    make_subscribers(300)
    owe()
    with ScriptedServer() as server:
        greeted = []
        server.say = lambda c: (
            "421 too many" if c.startswith("ehlo") and (greeted.append(c) or len(greeted) > 1) else None
        )
        tally = run(settings, server)

    assert tally == Tally(sent=300)
    assert not ChannelPause.objects.exists()


def test_a_server_that_hangs_up_on_everybody_fails_nobody_and_pauses_the_channel(settings):
    make_subscribers(200)
    owe()
    with ScriptedServer(say=lambda c: HANG_UP if c.startswith("RCPT") else None) as server:
        tally = run(settings, server)

    assert tally.sent == 0
    assert server.connections < 20
    assert set(Delivery.objects.values_list("state", flat=True)) == {"queued"}
    assert Delivery.objects.filter(attempts=0).count() > 180
    assert ChannelPause.objects.count() == 1


def test_a_relay_that_is_closed_to_all_pauses_the_channel_until_it_is_open(settings):
    make_subscribers(150)
    owe()
    with ScriptedServer(say=lambda c: "554 5.7.1 relay access denied" if c.startswith("RCPT") else None) as server:
        run(settings, server)
        assert set(Delivery.objects.values_list("state", flat=True)) == {"queued"}
        assert ChannelPause.objects.get().reason == "554 5.7.1 relay access denied"

        server.say = lambda _command: None
        ChannelPause.objects.update(until=timezone.now())
        Delivery.objects.update(due_at=timezone.now())
        run(settings, server)

    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_who_has_no_mailbox_is_quarantined_with_the_servers_words(settings):
    ann, ben = make_subscribers(2)
    owe()
    with ScriptedServer(say=lambda c: "550 5.1.1 unknown" if ann.endpoint in c and "RCPT" in c else None) as server:
        run(settings, server)

    assert dict(Subscriber.objects.values_list("pk", "quarantine_reason")) == {ann.pk: "550 5.1.1 unknown", ben.pk: ""}


def test_more_becomes_due_while_the_first_are_on_their_way(settings):
    make_subscribers(40)
    make_page()
    make_incident()
    (notification,) = open_notifications(timezone.now())
    threads = set()

    def owe_now() -> bool:
        threads.add(threading.get_ident())
        return fan_out(notification.pk, now=timezone.now())

    with ScriptedServer() as server:
        settings.MAIL_SERVER = server.server
        tally = run_deliveries(10, meanwhile=owe_now)

    assert (tally, threads) == (Tally(sent=40), {threading.get_ident()})
