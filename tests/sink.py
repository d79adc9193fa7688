"""A mail server on loopback that keeps what it was handed, and refuses or stalls where a test wants it to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from statuspage.environment import MailServer


@dataclass(frozen=True)
class Received:
    recipients: tuple[str, ...]
    message_id: str
    raw: bytes

    @property
    def recipient(self) -> str:
        (only,) = self.recipients
        return only


@dataclass
class Sink:
    """`answer(step, word)` may return what the server says instead of 250, at the steps MAIL, RCPT, DATA and dot.

    `word` is the address, or for DATA and dot the recipient. "hang up" closes the connection, before or (at "dot")
    after the mail was kept. `delay` is how long each mail takes, in seconds.
    """

    delay: float = 0.0
    answer: Callable[[str, str], str | None] = lambda _step, _word: None
    takes_utf8: bool = False
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __enter__(self) -> Sink:
        self.port = self.port or free_port()
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=10)
        self._controller.start()
        self.connections = 0  # the controller has called to hear whether anybody answers
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._controller.stop(no_assert=True)

    @property
    def server(self) -> MailServer:
        return MailServer("smtp", "127.0.0.1", self.port, "", "")

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def counts(self) -> Counter[str]:
        """How many mails each recipient got."""
        return Counter(mail.recipient for mail in self.received)

    def messages(self) -> list[email.message.EmailMessage]:
        return [email.message_from_bytes(mail.raw, policy=email.policy.default) for mail in self.received]

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if said := self._said("MAIL", address, session):
            return said
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if said := self._said("RCPT", address, session):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        if said := self._said("DATA", recipient, session):
            return said
        if self.delay:
            await asyncio.sleep(self.delay)
        raw = bytes(envelope.content or b"")
        headers = email.message_from_bytes(raw.partition(b"\r\n\r\n")[0])
        self.received.append(Received(tuple(envelope.rcpt_tos), str(headers["Message-ID"]), raw))
        return self._said("dot", recipient, session) or "250 kept"

    def _said(self, step: str, word: str, session: Session) -> str | None:
        said = self.answer(step, word)
        if said == "hang up":
            session.peer_transport.close()
        return said


class _Controller(Controller):
    def factory(self) -> SMTP:
        sink: Sink = self.handler

        class Server(SMTP):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                self.session.peer_transport = transport
                sink.connections += 1

        return Server(sink, hostname="sink.test", enable_SMTPUTF8=sink.takes_utf8)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
