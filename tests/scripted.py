"""A raw mail server that says exactly what a test wants, at the moment it wants, in the pieces it wants."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from statuspage.environment import MailServer

GREETING = "220 scripted.test"
EHLO = "250-scripted.test\r\n250-PIPELINING\r\n250 8BITMIME"
HANG_UP = "hang up"


@dataclass
class ScriptedServer:
    """`say(command)` may return what is answered instead of the usual; a command is a line, or "." for a whole mail.

    An answer may be "hang up". `piece` cuts answers into packets of so many bytes, with a `pause` after each. `log` has
    what was heard, in order.
    """

    say: Callable[[str], str | None] = lambda _command: None
    ehlo: str = EHLO
    piece: int = 0
    pause: float = 0.001
    log: list[str] = field(default_factory=list)
    mails: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __enter__(self) -> ScriptedServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._listener.close()

    @property
    def server(self) -> MailServer:
        return MailServer("smtp", "127.0.0.1", self.port, "", "")

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _text in self.mails]

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as lines:
                self._send(connection, GREETING)
                self._converse(connection, lines)
        except OSError:
            return

    def _converse(self, connection, lines) -> None:
        recipient, is_text_wanted = "", False
        while command := (self._text(lines) if is_text_wanted else lines.readline()):
            is_text = is_text_wanted
            is_text_wanted = False
            word = "." if is_text else command.decode().strip()
            self.log.append(word)
            if word.startswith("RCPT"):
                recipient = word.partition("<")[2].rstrip(">")
            answer = self.say(f". {recipient}" if is_text else word) or self._usual(word)
            if answer == HANG_UP:
                connection.shutdown(socket.SHUT_RDWR)
                return
            if is_text and answer.startswith("250"):
                self.mails.append((recipient, command))
            self._send(connection, answer)
            is_text_wanted = answer.startswith("354")
            if answer.startswith(("421", "221")):
                return

    def _usual(self, word: str) -> str:
        if word.upper().startswith("EHLO"):
            return self.ehlo
        return {"DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 fine")

    @staticmethod
    def _text(lines) -> bytes:
        """A whole mail; an empty line for a lone dot, nothing when the other side hung up."""
        text = b""
        while (line := lines.readline()) != b".\r\n":
            if not line:
                return b""
            text += line
        return text or b"\r\n"

    def _send(self, connection: socket.socket, answer: str) -> None:
        data = f"{answer}\r\n".encode()
        for start in range(0, len(data), self.piece or len(data)):
            connection.sendall(data[start : start + (self.piece or len(data))])
            if self.piece:
                time.sleep(self.pause)
