"""One conversation with the mail server, and what its answers mean."""

from __future__ import annotations

import smtplib
import ssl
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

    def send(self, recipient: str, message: bytes) -> None:
        """Hand over one mail to one recipient; its lines end in CRLF. Raises DeliveryError."""
        options = "" if recipient.isascii() else " SMTPUTF8 BODY=8BITMIME"
        try:
            self._hand_over(recipient, message, options)
        except smtplib.SMTPServerDisconnected as problem:
            raise ConnectionLost(f"connection lost: {problem}") from problem
        except OSError as problem:
            raise ConnectionLost(f"connection lost: {type(problem).__name__}: {problem}") from problem

    def close(self) -> None:
        try:
            self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            self._smtp.close()

    def _hand_over(self, recipient: str, message: bytes, options: str) -> None:
        code, words = self._smtp.docmd("MAIL", f"FROM:<{self._sender}>{options}")
        if code != 250:
            raise ChannelDown(_words(code, words), permanent=code >= 500)
        code, words = self._command("RCPT", f"TO:<{recipient}>")
        if code not in (250, 251):
            self._refuse(code, words)
        code, words = self._command("DATA", "")
        if code != 354:
            self._refuse(code, words)
        self._smtp.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code, words = self._smtp.getreply()
        if code != 250:
            self._refuse(code, words, reset=False)

    def _command(self, verb: str, argument: str) -> tuple[int, bytes]:
        line = f"{verb} {argument}" if argument else verb
        if not line.isprintable():
            raise DeliveryError("this address cannot be handed to a mail server", permanent=True)
        self._smtp.send(line.encode() + b"\r\n")
        return self._smtp.getreply()

    def _refuse(self, code: int, words: bytes, *, reset: bool = True) -> None:
        said = _words(code, words)
        if code == 421:  # it closes the connection; so do we
            self._smtp.close()
            raise ConnectionLost(said)
        if reset:
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
    context = ssl.create_default_context()
    smtp = smtplib.SMTP_SSL(**arguments, context=context) if server.scheme == "smtps" else smtplib.SMTP(**arguments)
    try:
        if server.scheme == "smtp+tls":
            smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _words(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(said.split())}"[:500]


def _blames_recipient(code: int, words: bytes) -> bool:
    enhanced = words.decode("utf-8", "replace").split(" ", 1)[0]
    if enhanced.startswith("5.") and enhanced.count(".") == 2:
        return enhanced.startswith(RECIPIENT_CODES) and enhanced[:6] != "5.1.15"
    return code in RECIPIENT_REPLIES
