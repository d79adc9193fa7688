"""A mail server on loopback that keeps what it was handed, and fails at any point in any way that a test wants.

It knows no more of SMTP than a client of ours may say, so that it takes mails by the hundred thousand. What goes wrong
is a script: a function that is asked at each step. Scripts for what servers in the field do stand at the end.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import random
import re
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from statuspage.environment import MailServer

Script = Callable[[str, str], str | None]

HANG_UP = "hang up"
HANG = "hang"

MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
ADDRESS = re.compile(rb"<([^>]*)>")


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    raw: bytes
    at: float

    @property
    def recipient(self) -> str:
        (only,) = self.recipients
        return only


@dataclass
class Sink:
    """`answer(step, word)` may return what the server says instead of its good answer, HANG_UP or HANG.

    The steps are connect, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, body (the mail has begun to arrive), dot (it is
    there) and done (its answer is on the way); `word` is what was said with the command, from DATA on the recipient. A
    mail is kept when its dot gets a good answer, and also when it gets HANG_UP or HANG: then nobody hears that it was.

    `delay` is how long each mail takes, in seconds, `byte_pause` how long each byte of an answer. With `tls` it offers
    STARTTLS. `swallowed` is how many mails were kept while nobody heard of it, `asked` how often each step came with
    each word.
    """

    delay: float = 0.0
    answer: Script = lambda _step, _word: None
    takes_utf8: bool = False
    takes_pipelining: bool = True
    takes_auth: bool = False
    tls: ssl.SSLContext | None = None
    byte_pause: float = 0.0
    keeps_raw: bool = True
    received: list[Received] = field(default_factory=list)
    swallowed: int = 0
    connections: int = 0
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    port: int = 0

    def __enter__(self) -> Sink:
        self.start()
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Take connections; again on the same port after `stop`."""
        self.loop = asyncio.new_event_loop()
        self.open: set[asyncio.Transport] = set()
        self._server = self.loop.run_until_complete(
            self.loop.create_server(lambda: _Conversation(self), "127.0.0.1", self.port, backlog=100)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        self.loop.call_soon_threadsafe(self._close)
        self._thread.join()
        self.loop.close()

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

    @property
    def message_ids(self) -> dict[str, set[str]]:
        """Under which ids each recipient got them."""
        ids: dict[str, set[str]] = {}
        for mail in self.received:
            ids.setdefault(mail.recipient, set()).add(mail.message_id)
        return ids

    def messages(self) -> list[email.message.EmailMessage]:
        return [email.message_from_bytes(mail.raw, policy=email.policy.default) for mail in self.received]

    def _close(self) -> None:
        self._server.close()
        for transport in self.open:
            transport.abort()
        self.loop.call_soon(self.loop.stop)


class _Conversation(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._waits = False  # nothing more is read for now
        self._in_body = False
        self._looked_at = 0  # so many bytes of the body hold no end
        self._speaks_until = 0.0
        self._sender = ""
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sink.open.add(transport)
        self._sink.connections += 1
        self._answer("connect", "", "220 sink.test ESMTP")

    def connection_lost(self, _error: Exception | None) -> None:
        self._sink.open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._waits and (self._take_body() if self._in_body else self._take_line()):
            pass

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        verb, _space, rest = line.partition(b" ")
        take = {
            b"EHLO": self._ehlo, b"HELO": self._ehlo, b"STARTTLS": self._starttls, b"AUTH": self._auth,
            b"MAIL": self._mail, b"RCPT": self._rcpt, b"DATA": self._data, b"RSET": self._rset, b"QUIT": self._quit,
            b"NOOP": self._rset,
        }.get(verb.upper())  # fmt: skip
        if take is None:
            self._say("500 5.5.2 what?")
        else:
            take(rest)
        return True

    def _ehlo(self, _name: bytes) -> None:
        sink = self._sink
        offers = {
            "STARTTLS": sink.tls is not None and self._transport.get_extra_info("sslcontext") is None,
            "AUTH PLAIN LOGIN": sink.takes_auth,
            "SMTPUTF8": sink.takes_utf8,
            "PIPELINING": sink.takes_pipelining,
        }
        lines = ["sink.test", "8BITMIME", *(name for name, is_offered in offers.items() if is_offered)]
        self._answer("EHLO", "", "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]))

    def _starttls(self, _nothing: bytes) -> None:
        if self._answer("STARTTLS", "", "220 go on"):
            self._waits = True
            self._upgrade = self._sink.loop.create_task(self._begin_tls())

    async def _begin_tls(self) -> None:
        plain = self._transport
        try:
            secured = await self._sink.loop.start_tls(plain, self, self._sink.tls, server_side=True)
        except (OSError, ssl.SSLError):
            plain.abort()
            return
        self._sink.open.discard(plain)
        self._sink.open.add(secured)
        self._transport = secured
        self._go_on()

    def _auth(self, _words: bytes) -> None:
        self._answer("AUTH", "", "235 2.7.0 welcome")

    def _mail(self, words: bytes) -> None:
        self._sender, self._recipients = _address(words), []
        self._answer("MAIL", self._sender, "250 2.1.0 ok")

    def _rcpt(self, words: bytes) -> None:
        address = _address(words)
        if self._answer("RCPT", address, "250 2.1.5 ok"):
            self._recipients.append(address)

    def _data(self, _nothing: bytes) -> None:
        if not self._recipients:
            self._say("554 5.5.1 no valid recipients")
        elif self._answer("DATA", self._recipients[0], "354 go on"):
            self._in_body, self._looked_at = True, 0
            self._has_begun = False

    def _rset(self, _nothing: bytes) -> None:
        self._recipients = []
        self._say("250 2.0.0 ok")

    def _quit(self, _nothing: bytes) -> None:
        self._say("221 2.0.0 bye")
        self._transport.close()
        self._waits = True

    def _take_body(self) -> bool:
        if self._buffer and not self._has_begun:
            self._has_begun = True
            if self._sink.answer("body", self._recipients[0]) == HANG_UP:
                self._hang_up()
                return False
        if self._buffer.startswith(b".\r\n"):
            start, rest = 0, 3
        else:
            start = self._buffer.find(b"\r\n.\r\n", max(0, self._looked_at - 4)) + 2
            rest = start + 3
        if start == 1:
            self._looked_at = len(self._buffer)
            return False
        raw = bytes(self._buffer[:start])
        del self._buffer[:rest]
        self._in_body = False
        if self._sink.delay:
            self._waits = True
            self._sink.loop.call_later(self._sink.delay, self._decide_late, raw)
        else:
            self._decide(raw)
        return True

    def _decide_late(self, raw: bytes) -> None:
        self._decide(raw)
        self._go_on()

    def _decide(self, raw: bytes) -> None:
        """Keep the mail, or not, and say so, or not."""
        sink, recipient = self._sink, self._recipients[0]
        said = sink.answer("dot", recipient)
        if said is None or said in (HANG_UP, HANG) or said.startswith("2"):
            found = MESSAGE_ID.search(raw)
            sink.received.append(
                Received(
                    self._sender,
                    tuple(self._recipients),
                    found[1].decode() if found else "",
                    raw.replace(b"\r\n..", b"\r\n.") if sink.keeps_raw else b"",
                    time.time(),
                )
            )
            sink.swallowed += said in (HANG_UP, HANG)
        self._recipients = []
        self._act(said, "250 2.0.0 kept")
        sink.answer("done", recipient)

    def _answer(self, step: str, word: str, good: str) -> bool:
        self._sink.asked[step, word] += 1
        return self._act(self._sink.answer(step, word), good)

    def _act(self, said: str | None, good: str) -> bool:
        if said == HANG_UP:
            self._hang_up()
        elif said == HANG:
            self._waits = True
        else:
            self._say(said or good)
        return said is None or said[0] in "23"

    def _say(self, line: str) -> None:
        data = line.encode() + b"\r\n"
        if self._sink.byte_pause:
            for byte in data:
                self._speaks_until = max(self._sink.loop.time(), self._speaks_until) + self._sink.byte_pause
                self._sink.loop.call_at(self._speaks_until, self._transport.write, bytes([byte]))
        else:
            self._transport.write(data)
        if line.startswith("421"):
            self._hang_up()

    def _hang_up(self) -> None:
        self._waits = True
        self._transport.close()

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._waits = False
            self.data_received(b"")


def _address(words: bytes) -> str:
    found = ADDRESS.search(words)
    return found[1].decode("utf-8", "replace") if found else ""


def make_certificate(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that only who is told of its file trusts; the file, and what a server needs."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    command = ["openssl", *options.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def always(step: str, said: str, *words: str) -> Script:
    """Say it at each `step`; or only to `words`, if any are named."""
    return lambda at, word: said if at == step and (not words or word in words) else None


def first(count: int, step: str, said: str) -> Script:
    """Say it the first `count` times to each word; greylisting is `first(1, "RCPT", "450 …")`."""
    times: Counter[str] = Counter()

    def script(at: str, word: str) -> str | None:
        if at != step:
            return None
        times[word] += 1
        return said if times[word] <= count else None

    return script


def after_each(count: int, step: str, said: str) -> Script:
    """Say it at every `count`-th `step`."""
    times: Counter[str] = Counter()

    def script(at: str, _word: str) -> str | None:
        times[at] += 1
        return said if at == step and times[at] % count == 0 else None

    return script


def chaos(seed: int, share: float) -> Script:
    """At a `share` of all steps refuse for the moment, close the service, or hang up; the same for the same seed."""
    chance = random.Random(seed)

    def script(step: str, _word: str) -> str | None:
        if chance.random() >= share or step == "done":
            return None
        return chance.choice(["451 4.3.0 not now", "421 4.3.2 enough for now", HANG_UP])

    return script


def both(*scripts: Script) -> Script:
    """What the first of them says that says anything."""
    return lambda step, word: next((said for script in scripts if (said := script(step, word))), None)
