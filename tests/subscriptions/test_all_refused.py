"""Servers that refuse each recipient with the words for an unknown mailbox, and mean us: nobody may be lost by it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from statuspage.environment import MailServer
from subscriptions.channels import smtp
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, open_notifications
from subscriptions.models import ChannelPause, Delivery, Subscriber
from subscriptions.senders import REFUSALS
from tests.make import make_incident, make_page, make_subscribers
from tests.scripted import ScriptedServer
from tests.sink import Sink

pytestmark = pytest.mark.django_db

NOBODY = "550 No such user here"
# Exim, cPanel, qmail, hMailServer, and what Exim says when it cannot verify the sender.
ABOUT_US = [
    "550 relay not permitted",
    "550 (host.example) [192.0.2.1] is not permitted to relay through this server without authentication.",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "550 SMTP authentication is required.",
    "550 Sender verify failed",
]


def owe(count: int) -> list[Subscriber]:
    make_page()
    subscribers = make_subscribers(count)
    make_incident()
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())
    return subscribers


def run(settings, server: ScriptedServer) -> None:
    settings.MAIL_SERVER = server.server
    run_deliveries(20)


def refuse(said: str, *but: str):
    """Refuse every recipient with these words, `but` those."""
    return lambda command: said if command.startswith("RCPT") and not any(name in command for name in but) else None


def ends() -> set[tuple[str, str]]:
    return set(Delivery.objects.values_list("state", "subscriber__state"))


@pytest.mark.parametrize("said", ABOUT_US)
def test_a_relay_that_is_closed_to_us_fails_and_quarantines_nobody(settings, said):
    owe(2)
    with ScriptedServer(say=refuse(said)) as server:
        run(settings, server)

    assert ends() == {("queued", "active")}
    assert set(Delivery.objects.values_list("last_error", flat=True)) == {said}


def test_a_server_that_knows_nobody_at_all_fails_nobody_and_all_are_told_when_it_is_mended(settings):
    owe(REFUSALS)
    with ScriptedServer(say=refuse(NOBODY)) as server:
        run(settings, server)
        assert ends() == {("queued", "active")}
        assert ChannelPause.objects.get().reason == NOBODY

        server.say = lambda _command: None
        ChannelPause.objects.update(until=timezone.now())
        Delivery.objects.update(due_at=timezone.now())
        run(settings, server)

    assert ends() == {("sent", "active")}


def test_where_one_is_taken_the_others_have_no_mailbox(settings):
    *_others, last = owe(REFUSALS + 1)
    with ScriptedServer(say=refuse(NOBODY, last.endpoint)) as server:
        run(settings, server)

    assert ends() == {("sent", "active"), ("failed", "quarantined")}
    assert not ChannelPause.objects.exists()


def test_an_enhanced_code_is_taken_at_its_word(settings):
    owe(REFUSALS)
    with ScriptedServer(say=refuse("550 5.1.1 unknown")) as server:
        run(settings, server)

    assert ends() == {("failed", "quarantined")}


def test_an_hourly_limit_amid_a_mailing_fails_nobody(settings):
    first, *_others = owe(REFUSALS + 1)
    with ScriptedServer(say=refuse("550 no more for today", first.endpoint)) as server:
        run(settings, server)

    assert ends() == {("sent", "active"), ("queued", "active")}


def test_a_plain_code_in_answer_to_the_text_blames_no_mailbox(settings):
    ann, _ben = owe(2)
    with ScriptedServer(say=lambda c: "550 we do not like it" if c == f". {ann.endpoint}" else None) as server:
        run(settings, server)

    assert Delivery.objects.get(subscriber=ann).state == "failed"
    assert ends() == {("failed", "active"), ("sent", "active")}


def test_a_login_that_cannot_be_sent_pauses_the_channel_and_says_so_without_the_password(settings):
    owe(1)
    with Sink(takes_auth=True) as sink:
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", sink.port, "status", "pässwort")
        run_deliveries(20)

    assert ends() == {("queued", "active")}
    reason = ChannelPause.objects.get().reason
    assert "login" in reason and "\xe4" not in reason and "ä" not in reason


def test_words_about_a_recipient_are_not_taken_for_words_about_us():
    said = [b"No such user here", b"Mailbox unavailable", b"sorry, no mailbox here by that name"]

    assert [smtp._blames_recipient(550, words) for words in said] == [True] * 3
