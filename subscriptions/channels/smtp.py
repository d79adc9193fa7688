"""One conversation with the mail server, and what its answers mean."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.conf import settings

from subscriptions.channels.errors import ChannelDown, ConnectionLost, DeliveryError, PolicyRefusal
from subscriptions.links import public_host

# For each answer of the server. Above it a mail server may keep a worker waiting for ever.
TIMEOUT = 20.0

# Enhanced codes (RFC 3463) that blame the recipient's address or mailbox …
RECIPIENT_CODES = ("5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.", "5.4.")
# … and plain ones that do, where no enhanced code says otherwise.
RECIPIENT_REPLIES = (550, 551, 552, 553)


class SmtpConnection:
    """An open, greeted and, if asked for, signed-in connection. Opening it raises ChannelDown."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        try:
            self._smtp = _open(settings.MAIL_SERVER)
        except smtplib.SMTPResponseException as problem:
            words = _words(problem.smtp_code, problem.smtp_error)
            raise ChannelDown(words, permanent=problem.smtp_code >= 500) from problem
        except smtplib.SMTPNotSupportedError as problem:
            raise ChannelDown(str(problem), permanent=True) from problem
        except (OSError, smtplib.SMTPException) as problem:
            raise ChannelDown(f"{type(problem).__name__}: {problem}") from problem
        self.takes_utf8_addresses = self._smtp.has_extn("smtputf8")
        self._is_pipelined = self._smtp.has_extn("pipelining")

    def send(self, recipient: str, message: bytes) -> str:
        """Hand over one mail to one recipient; its lines end in CRLF. The server's answer; raises DeliveryError."""
        options = "" if recipient.isascii() else " SMTPUTF8 BODY=8BITMIME"
        try:
            return self._hand_over(recipient, message, options)
        except smtplib.SMTPServerDisconnected as problem:
            raise ConnectionLost(f"connection lost: {problem}") from problem
        except OSError as problem:
            raise ConnectionLost(f"connection lost: {type(problem).__name__}: {problem}") from problem

    def close(self) -> None:
        try:
            self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            self._smtp.close()

    def _hand_over(self, recipient: str, message: bytes, options: str) -> str:
        answers = self._envelope(f"MAIL FROM:<{self._sender}>{options}", f"RCPT TO:<{recipient}>", "DATA")
        code, words = next(answers)
        if code != 250:
            raise ChannelDown(_words(code, words), permanent=code >= 500)
        code, words = next(answers)
        if code not in (250, 251):
            if self._is_pipelined and code != 421:
                self._leave_data(*next(answers))
            self._refuse(code, words)
        code, words = next(answers)
        if code != 354:
            self._refuse(code, words)
        self._smtp.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code, words = self._smtp.getreply()
        if code != 250:
            self._refuse(code, words)
        return _words(code, words)

    def _envelope(self, *lines: str) -> Iterator[tuple[int, bytes]]:
        """The answers to `lines`: sent in one go where the server allows it (RFC 2920), else each after the other."""
        if not all(line.isprintable() for line in lines):
            raise DeliveryError("this address cannot be handed to a mail server", permanent=True)
        if self._is_pipelined:
            self._smtp.send("".join(f"{line}\r\n" for line in lines).encode())
        for line in lines:
            if not self._is_pipelined:
                self._smtp.send(f"{line}\r\n".encode())
            yield self._smtp.getreply()

    def _leave_data(self, code: int, _words: bytes) -> None:
        """DATA was on its way when the recipient was refused: if the server waits for a mail, it gets none."""
        if code == 354:
            self._smtp.send(b".\r\n")
            self._smtp.getreply()

    def _refuse(self, code: int, words: bytes) -> None:
        said = _words(code, words)
        if code == 421:  # it closes the connection; so do we
            self._smtp.close()
            raise ConnectionLost(said)
        self._smtp.rset()
        if code < 500:
            raise DeliveryError(said)
        if _blames_recipient(code, words):
            raise DeliveryError(said, permanent=True)
        raise PolicyRefusal(said, permanent=True)


def _open(server: Any) -> smtplib.SMTP:
    arguments: dict[str, Any] = {
        "host": server.host, "port": server.port, "local_hostname": public_host(), "timeout": TIMEOUT,
    }  # fmt: skip
    if server.scheme == "smtps":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(**arguments, context=_trust())
    else:
        smtp = smtplib.SMTP(**arguments)
    try:
        if server.scheme == "smtp+tls":
            smtp.starttls(context=_trust())
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


@cache
def _trust() -> ssl.SSLContext:
    """The machine's certificate authorities; reading them takes tens of milliseconds."""
    return ssl.create_default_context()


def _words(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(said.split())}"[:500]


def _blames_recipient(code: int, words: bytes) -> bool:
    enhanced = words.decode("utf-8", "replace").split(" ", 1)[0]
    if enhanced.startswith("5.") and enhanced.count(".") == 2:
        return enhanced.startswith(RECIPIENT_CODES) and enhanced[:6] != "5.1.15"
    return code in RECIPIENT_REPLIES
