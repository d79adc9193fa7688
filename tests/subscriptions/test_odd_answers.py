"""Answers of mail servers that are allowed, and seldom heard."""

from __future__ import annotations

import pytest

from subscriptions.channels.smtp import SmtpConnection
from tests.scripted import ScriptedServer
from tests.subscriptions.test_smtp import mail

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "."])
@pytest.mark.parametrize("said", ["200 fine", "251 forwarded", "250", "252-it\r\n252 will do"])
def test_whatever_begins_with_2_is_a_yes(settings, word, said):
    with ScriptedServer(say=lambda command: said if command.startswith(word) else None) as server:
        settings.MAIL_SERVER = server.server
        connection = SmtpConnection()
        connection.start(mail("ann"))
        connection.finish()

    assert server.log[1:] == ["MAIL FROM:<status@example.com>", "RCPT TO:<ann@example.com>", "DATA", "."]
