"""One conversation with the mail server, and what its answers mean.

Opened by smtplib; from then on our own, because a mail should cost one round trip and not four (RFC 2920): the text of
one mail and the envelope of the next leave in one write. There is never more than one mail between its last dot and the
server's answer to it.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import struct
import time
from collections.abc import Container
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

from django.conf import settings

from subscriptions.channels.errors import ChannelDown, ConnectionLost, DeliveryError, PolicyRefusal, RecipientRefused
from subscriptions.channels.mail import Mail
from subscriptions.links import public_host

# For each answer of the server. Above it a mail server may keep a worker waiting for ever.
TIMEOUT = 20.0
FAREWELL = 1.0

LONGEST_ANSWER = 64 * 1024

# Enhanced codes (RFC 3463) that blame the recipient's address or mailbox …
RECIPIENT_CODES = ("5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.", "5.4.")
# … and plain ones that may, in answer to the recipient, where no enhanced code says otherwise …
RECIPIENT_REPLIES = (550, 551, 552, 553)
# … but not with such words: a relay that does not know us, or takes no more of us for now, answers with the same ones.
ABOUT_US = re.compile(rb"relay|authenti|rcpthosts|sender|spam|block|blacklist|\brbl\b|dnsbl|per hour", re.IGNORECASE)

# What nearly every mail's envelope is answered with; looked at as a whole, for it is the most that is read of each.
ENVELOPE_TAKEN = re.compile(rb"250 [^\n]*\n25[01] [^\n]*\n354 [^\n]*\n")
# The first digit counts (RFC 5321, 4.2.1): a mail that was taken with 251 must not be sent again.
TAKEN = range(200, 300)
TEXT_WANTED = (354,)

Answer = tuple[int, bytes]


class SmtpConnection:
    """An open, greeted and, if asked for, signed-in connection. Opening it raises ChannelDown."""

    def __init__(self) -> None:
        try:
            self._smtp = _open(settings.MAIL_SERVER)
        except smtplib.SMTPResponseException as problem:
            words = _words(problem.smtp_code, problem.smtp_error)
            raise ChannelDown(words, permanent=problem.smtp_code >= 500) from problem
        except smtplib.SMTPNotSupportedError as problem:
            raise ChannelDown(str(problem), permanent=True) from problem
        except (OSError, smtplib.SMTPException) as problem:
            raise ChannelDown(f"{type(problem).__name__}: {problem}") from problem
        except UnicodeError as problem:  # whose own words quote the password
            words = "the mail server's name, or the login, holds letters that smtplib cannot send"
            raise ChannelDown(words, permanent=True) from problem
        assert self._smtp.sock is not None
        self._socket = self._smtp.sock
        _limit_waiting(self._socket, TIMEOUT)
        self._answers = Answers(self._socket)
        self._takes_utf8_addresses = self._smtp.has_extn("smtputf8")
        self._is_pipelined = self._smtp.has_extn("pipelining")
        self._left = settings.EMAIL_PER_CONNECTION or None
        self._announced: Mail | None = None
        self._is_open = True
        self.is_in_doubt = False

    @property
    def is_spent(self) -> bool:
        return self._left == 0

    def start(self, mail: Mail, following: Mail | None = None) -> None:
        """Send one mail, and announce the following one if the server allows it. Raises DeliveryError."""
        if self._left is not None:
            self._left -= 1
        try:
            if self._announced is not mail:
                self._announce(mail)
            else:
                self._announced = None
                self._read_envelope()
            self._send_text(mail, following)
        except (OSError, EOFError) as problem:
            self._lose(problem)

    def finish(self) -> bytes:
        """Wait until the server has taken the mail that was started; its words. Raises DeliveryError."""
        try:
            code, words = self._answers.next()
        except (OSError, EOFError) as problem:
            self._lose(problem)
        self.is_in_doubt = False
        if code not in TAKEN:
            self._refuse(code, words, is_about_text=True)
        return b"%d %b" % (code, words)

    def abort(self) -> None:
        with suppress(OSError):
            # Not SSLSocket's own, which is not made for being called while another thread reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        # A mail was announced: the server takes whatever comes now for its text.
        if self._is_open and self._announced is None:
            with suppress(OSError, EOFError):
                _limit_waiting(self._socket, FAREWELL)
                self._socket.sendall(b"QUIT\r\n")
                self._answers.next()
        self._smtp.close()

    def _lose(self, problem: Exception) -> NoReturn:
        self._is_open = False
        words = "no answer in time" if isinstance(problem, BlockingIOError) else str(problem)
        raise ConnectionLost(f"connection lost: {type(problem).__name__}: {words}") from problem

    def _announce(self, mail: Mail) -> None:
        envelope = self._envelope(mail)
        if self._is_pipelined:
            self._socket.sendall(envelope)
            self._read_envelope()
            return
        mail_from, rcpt_to, data, _end = envelope.split(b"\n")
        self._check_sender(self._ask(mail_from + b"\n"))
        self._check(self._ask(rcpt_to + b"\n"), TAKEN)
        self._check(self._ask(data + b"\n"), TEXT_WANTED)

    def _read_envelope(self) -> None:
        """The answers to an envelope that went out in one piece."""
        if self._answers.skip(ENVELOPE_TAKEN):
            return
        self._check_sender(self._answers.next())
        recipient = self._answers.next()
        if recipient[0] == 421:
            self._refuse(*recipient)
        data = self._answers.next()
        if recipient[0] not in TAKEN and data[0] == 354:
            self._ask(b".\r\n")  # it waits for a mail to nobody, and gets none
        self._check(recipient, TAKEN)
        self._check(data, TEXT_WANTED)

    def _send_text(self, mail: Mail, following: Mail | None) -> None:
        text = mail.wire()
        if following is not None and self._may_announce(following):
            text += self._envelope(following)
            self._announced = following
        self.is_in_doubt = True
        self._socket.sendall(text)

    def _may_announce(self, following: Mail) -> bool:
        if not self._is_pipelined or self._left == 0:
            return False
        # What is wrong with its address is to be found out at its own turn.
        return following.recipient.isprintable() and (self._takes_utf8_addresses or following.recipient.isascii())

    def _envelope(self, mail: Mail) -> bytes:
        if not mail.recipient.isprintable():
            raise RecipientRefused("this address cannot be handed to a mail server")
        options = ""
        if not mail.recipient.isascii():
            if not self._takes_utf8_addresses:
                raise DeliveryError("5.6.7 the mail server takes no address with letters beyond ASCII", permanent=True)
            options = " SMTPUTF8 BODY=8BITMIME"
        return f"MAIL FROM:<{mail.sender}>{options}\r\nRCPT TO:<{mail.recipient}>\r\nDATA\r\n".encode()

    def _ask(self, line: bytes) -> Answer:
        self._socket.sendall(line)
        return self._answers.next()

    def _check_sender(self, answer: Answer) -> None:
        code, words = answer
        if code not in TAKEN:
            self._is_open = False
            raise ChannelDown(_words(code, words), permanent=code >= 500)

    def _check(self, answer: Answer, wanted: Container[int]) -> None:
        """Whether the server goes on with this mail. If not, the next one begins anew."""
        code, words = answer
        if code in wanted:
            return
        if code != 421:
            self._ask(b"RSET\r\n")
        self._refuse(code, words)

    def _refuse(self, code: int, words: bytes, *, is_about_text: bool = False) -> NoReturn:
        said = _words(code, words)
        if code == 421:  # it closes the connection; so do we
            self._is_open = False
            raise ConnectionLost(said)
        if code < 500:
            raise DeliveryError(said)
        is_certain = _enhanced_code(words) != ""
        # In answer to the text, plain codes speak of policy (RFC 5321, 4.3.2).
        if _blames_recipient(code, words) and (is_certain or not is_about_text):
            raise RecipientRefused(said, is_certain=is_certain)
        raise PolicyRefusal(said, permanent=True)


class Answers:
    """Reads answer after answer, however they are cut into packets. Raises EOFError when there are no more."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = b""
        self._start = 0

    def next(self) -> Answer:
        """Code and words of the next answer; the words of several lines stand below each other."""
        line = self._line()
        if line[3:4] != b"-":
            return _code(line), line[4:]
        lines = [line[4:]]
        while line[3:4] == b"-":
            line = self._line()
            lines.append(line[4:])
            if len(lines) > LONGEST_ANSWER // 100:
                raise EOFError("an answer without an end")
        return _code(line), b"\n".join(lines)

    def skip(self, expected: re.Pattern[bytes]) -> bool:
        """Whether just these answers have arrived; then they are done with."""
        found = expected.match(self._buffer, self._start)
        if found:
            self._start = found.end()
        return found is not None

    def _line(self) -> bytes:
        end = self._buffer.find(b"\n", self._start)
        if end < 0:
            self._read_line()
            end = self._buffer.find(b"\n")
        line = self._buffer[self._start : end]
        self._start = end + 1
        return line.rstrip()

    def _read_line(self) -> None:
        """Read until the buffer begins with a whole line. One that comes drop by drop has to be there in time, too."""
        self._buffer = self._buffer[self._start :]
        self._start = 0
        deadline = time.monotonic() + TIMEOUT
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST_ANSWER or time.monotonic() > deadline:
                raise EOFError("an answer without an end")
            received = self._socket.recv(4096)
            if not received:
                raise EOFError("the server hung up")
            self._buffer += received


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


def _limit_waiting(connection: socket.socket, seconds: float) -> None:
    """Let nothing on `connection` wait for longer.

    By the kernel where it can: Python asks it before each reading and writing of a socket with a time limit, which is
    two more calls for each mail. (TLS reads in a loop that the kernel's limit does not end.)
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if isinstance(connection, ssl.SSLSocket):
        connection.settimeout(seconds)
        return
    connection.settimeout(None)
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


@cache
def _trust() -> ssl.SSLContext:
    """The machine's certificate authorities; reading them takes tens of milliseconds."""
    return ssl.create_default_context()


def _code(line: bytes) -> int:
    code = line[:3]
    if len(code) != 3 or not code.isdigit():
        raise EOFError(f"this is no answer: {line[:100]!r}")
    return int(code)


def _words(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(said.split())}"[:500]


def _enhanced_code(words: bytes) -> str:
    code = words.decode("utf-8", "replace").split(" ", 1)[0]
    return code if code.startswith("5.") and code.count(".") == 2 else ""


def _blames_recipient(code: int, words: bytes) -> bool:
    if enhanced := _enhanced_code(words):
        return enhanced.startswith(RECIPIENT_CODES) and enhanced[:6] != "5.1.15"
    return code in RECIPIENT_REPLIES and not ABOUT_US.search(words)
