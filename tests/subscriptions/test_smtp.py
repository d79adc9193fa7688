"""Our side of the conversation with a mail server, against one that says whatever a test wants."""

from __future__ import annotations

import threading

import pytest

from subscriptions.channels import smtp
from subscriptions.channels.errors import ChannelDown, ConnectionLost, DeliveryError, PolicyRefusal, RecipientRefused
from subscriptions.channels.mail import Mail
from subscriptions.channels.mime import Template
from subscriptions.channels.smtp import SmtpConnection
from tests.scripted import HANG_UP, ScriptedServer

pytestmark = pytest.mark.any_database

TEXT = Template((b"Subject: Hi\r\n\r\n.dot\r\nHello ", b"\r\n"), ("name",))


def mail(name: str) -> Mail:
    return Mail("status@example.com", f"{name}@example.com", TEXT, {"name": name.encode()})


def answers(**said: str):
    """Say `said` to commands that begin with the word and hold the name: RCPT_ann="550 no" and the like."""

    def say(command: str) -> str | None:
        for key, answer in said.items():
            word, _bar, name = key.partition("_")
            if command.startswith("." if word == "dot" else word) and name in command:
                return answer
        return None

    return say


def open_to(server: ScriptedServer, settings) -> SmtpConnection:
    settings.MAIL_SERVER = server.server
    return SmtpConnection()


def hand_over(connection: SmtpConnection, *mails: Mail | None) -> None:
    connection.start(*mails)
    connection.finish()


def send_all(connection: SmtpConnection, *names: str) -> list[str]:
    """Send to each, announcing the next; what became of each."""
    mails = [mail(name) for name in names]
    ends = []
    for current, following in zip(mails, [*mails[1:], None], strict=True):
        try:
            hand_over(connection, current, following)
        except DeliveryError as problem:
            ends.append(f"{type(problem).__name__}: {problem}")
        else:
            ends.append("sent")
    return ends


def test_each_text_leaves_together_with_the_next_envelope_and_none_before_its_answer(settings):
    with ScriptedServer() as server:
        connection = open_to(server, settings)
        ends = send_all(connection, "ann", "ben", "cat")
        connection.close()

    assert ends == ["sent"] * 3
    assert server.recipients == ["ann@example.com", "ben@example.com", "cat@example.com"]
    assert [line.split(":")[0] for line in server.log[1:]] == ["MAIL FROM", "RCPT TO", "DATA", "."] * 3 + ["QUIT"]


def test_dots_at_the_start_of_a_line_are_doubled(settings):
    with ScriptedServer() as server:
        send_all(open_to(server, settings), "ann")

    assert server.mails == [("ann@example.com", b"Subject: Hi\r\n\r\n..dot\r\nHello ann\r\n")]


@pytest.mark.parametrize("ehlo", ["250-scripted.test\r\n250 8BITMIME", "250 scripted.test"])
def test_a_server_without_pipelining_hears_one_command_at_a_time(settings, ehlo):
    with ScriptedServer(ehlo=ehlo, say=answers(RCPT_ben="550 5.1.1 no")) as server:
        ends = send_all(open_to(server, settings), "ann", "ben", "cat")

    assert ends == ["sent", "RecipientRefused: 550 5.1.1 no", "sent"]
    assert server.log[-6:-4] == ["RCPT TO:<ben@example.com>", "RSET"]


@pytest.mark.parametrize("place", ["ann", "ben"])
def test_a_refused_recipient_gets_no_mail_though_the_server_waits_for_a_text(settings, place):
    with ScriptedServer(say=answers(**{f"RCPT_{place}": "550 5.1.1 unknown"})) as server:
        ends = send_all(open_to(server, settings), "ann", "ben", "cat")

    assert ends.count("sent") == 2
    assert ends[["ann", "ben"].index(place)] == "RecipientRefused: 550 5.1.1 unknown"
    left_empty = [text for recipient, text in server.mails if recipient.startswith(place)]
    assert left_empty in ([], [b"\r\n"])  # the lone dot
    assert server.recipients[-1] == "cat@example.com"


def test_a_refused_recipient_and_a_refused_text_cost_only_that_mail(settings):
    with ScriptedServer() as server:

        def say(command: str) -> str | None:
            if command == "RCPT TO:<ben@example.com>":
                return "452 4.2.2 full"
            if command == "DATA" and server.log[-2] == "RCPT TO:<ben@example.com>":
                return "503 no recipients"
            return None

        server.say = say
        ends = send_all(open_to(server, settings), "ann", "ben", "cat")

    assert ends == ["sent", "DeliveryError: 452 4.2.2 full", "sent"]


def test_a_refused_text_leaves_the_announced_one_its_turn(settings):
    with ScriptedServer(say=answers(dot_ann="554 5.7.1 looks like spam")) as server:
        ends = send_all(open_to(server, settings), "ann", "ben")

    assert ends == ["PolicyRefusal: 554 5.7.1 looks like spam", "sent"]
    assert "RSET" not in server.log


@pytest.mark.parametrize("word", ["RCPT", "DATA", "dot"])
def test_421_ends_the_connection(settings, word):
    said = answers(**{word if word == "DATA" else f"{word}_ann": "421 4.3.2 shutting down"})
    with ScriptedServer(say=said) as server:
        connection = open_to(server, settings)
        with pytest.raises(ConnectionLost, match="421"):
            hand_over(connection, mail("ann"), mail("ben"))
        connection.close()

    assert server.mails == []


def test_a_hang_up_after_the_dot_leaves_that_one_in_doubt_and_not_the_announced_one(settings):
    with ScriptedServer(say=answers(dot_ann=HANG_UP)) as server:
        connection = open_to(server, settings)
        with pytest.raises(ConnectionLost):
            hand_over(connection, mail("ann"), mail("ben"))

    assert connection.is_in_doubt
    assert server.log[-1] == "."


def test_a_hang_up_before_the_text_leaves_nothing_in_doubt(settings):
    with ScriptedServer(say=answers(RCPT_ann=HANG_UP)) as server:
        connection = open_to(server, settings)
        with pytest.raises(ConnectionLost):
            hand_over(connection, mail("ann"))

    assert not connection.is_in_doubt


@pytest.mark.parametrize("piece", [0, 1, 3])
def test_answers_of_many_lines_and_in_many_packets_are_read_whole(settings, piece):
    said = answers(
        RCPT_ben="550-5.1.1 no such user\r\n550-5.1.1 here,\r\n550 5.1.1 sorry", MAIL="250-fine\r\n250 really"
    )
    with ScriptedServer(say=said, piece=piece) as server:
        ends = send_all(open_to(server, settings), "ann", "ben", "cat")

    assert ends == ["sent", "RecipientRefused: 550 5.1.1 no such user 5.1.1 here, 5.1.1 sorry", "sent"]


@pytest.mark.parametrize("said", ["hello", "25", "250-" + "x" * 100_000, "\r\n250 ok"])
def test_what_is_no_answer_ends_the_connection(settings, said):
    with ScriptedServer(say=answers(MAIL=said)) as server:
        connection = open_to(server, settings)
        with pytest.raises(ConnectionLost):
            hand_over(connection, mail("ann"))


def test_a_refused_sender_is_no_fault_of_a_recipient(settings):
    with ScriptedServer(say=answers(MAIL="550 5.7.1 not you")) as server:
        connection = open_to(server, settings)
        with pytest.raises(ChannelDown) as raised:
            hand_over(connection, mail("ann"), mail("ben"))
        connection.close()

    assert raised.value.permanent


def test_an_announced_mail_that_is_not_to_come_is_not_replaced_by_a_farewell(settings):
    with ScriptedServer() as server:
        connection = open_to(server, settings)
        hand_over(connection, mail("ann"), mail("ben"))
        connection.close()

    assert server.recipients == ["ann@example.com"]


def test_a_connection_says_when_it_has_carried_enough_and_announces_nothing_more(settings):
    settings.EMAIL_PER_CONNECTION = 2
    with ScriptedServer() as server:
        connection = open_to(server, settings)
        hand_over(connection, mail("ann"), mail("ben"))
        assert not connection.is_spent
        hand_over(connection, mail("ben"), mail("cat"))
        connection.close()

    assert connection.is_spent
    assert "RCPT TO:<cat@example.com>" not in server.log


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "drop by drop"])
def test_no_answer_is_waited_for_longer_than_its_time(settings, monkeypatch, is_silent):
    """The answer is complete long after its time: whoever waited for it would not find the connection lost."""
    monkeypatch.setattr(smtp, "TIMEOUT", 0.4)
    has_given_up = threading.Event()
    with ScriptedServer() as server:
        connection = open_to(server, settings)

        def say(command: str) -> str | None:
            if not command.startswith("RCPT"):
                return None
            if is_silent:
                has_given_up.wait(20)
                return None
            server.piece, server.pause = 1, 0.02
            return "250 " + "x" * 1_000

        server.say = say
        with pytest.raises(ConnectionLost):
            hand_over(connection, mail("ann"))
        has_given_up.set()
        connection.abort()


def test_an_aborted_wait_ends_at_once(settings, monkeypatch):
    monkeypatch.setattr(smtp, "TIMEOUT", 120.0)  # nothing but the abort ends it
    has_ended = threading.Event()
    with ScriptedServer() as server:
        connection = open_to(server, settings)

        def abort(command: str) -> None:
            if command.startswith("RCPT"):
                connection.abort()
                has_ended.wait(20)

        server.say = abort
        with pytest.raises(ConnectionLost):
            hand_over(connection, mail("ann"))
        has_ended.set()


def test_the_words_decide_who_is_to_blame():
    assert issubclass(RecipientRefused, DeliveryError) and issubclass(PolicyRefusal, DeliveryError)
    assert [smtp._blames_recipient(550, words) for words in (b"5.1.1 x", b"5.7.1 x", b"5.1.15 x", b"no user")] == [
        True, False, False, True,
    ]  # fmt: skip
