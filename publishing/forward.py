"""Handing a request on to Django over its Unix socket. Knows no Django itself."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

CONNECT_TIMEOUT = 2.0
ANSWER_TIMEOUT = 60.0
LARGEST_BODY = 11 * 1024 * 1024  # a list of subscribers of 10 MB, the largest thing that forms take, and its wrapping

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
# What only a proxy may say of a request: ours says it anew.
_FORGEABLE = {
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
}
_NOT_FORWARDED = HOP_BY_HOP | _FORGEABLE | {"expect", "content-length", "proxy"}
_NOT_RETURNED = HOP_BY_HOP | {"date", "server"}
# granian lays the process's own variables under each request, so that HTTP_PROXY would look like a header.
_NOT_HEADERS = frozenset(name for name in os.environ if name.startswith("HTTP_"))


class BackendAway(Exception):
    """Django does not answer on its socket: nothing has been done."""


class AnswerLost(Exception):
    """Django took the request and gave no answer: nobody knows whether it has been done."""


class TooBusy(Exception):
    """As many requests are being forwarded as may be at once."""


class BadRequest(Exception):
    """The request cannot be handed on as it is; `status` says why."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Reply:
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Backend:
    """Django behind `socket_path`.

    At most `slots` requests are under way at once, and no address takes all of them: the threads beyond that are free
    for the public page, however slow Django or a client's upload is. `trusted_proxies` is how many proxies stand in
    front of us and each add an address to X-Forwarded-For.
    """

    def __init__(self, socket_path: str, *, scheme: str, slots: int, trusted_proxies: int = 0) -> None:
        self._socket_path = socket_path
        self._scheme = scheme
        self._slots = slots
        self._slots_per_address = slots - slots // 5  # a browser alone opens six connections
        self._trusted_proxies = trusted_proxies
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    def forward(self, environ: dict[str, Any]) -> Reply:
        """Raises BackendAway, AnswerLost, TooBusy or BadRequest."""
        address = client_address(environ, self._trusted_proxies)
        with self._slot(address):
            body = _read_body(environ)
            headers = [
                *_request_headers(environ),
                ("X-Forwarded-For", address),
                ("X-Forwarded-Proto", self._scheme),
            ]
            return self._ask(environ, headers, body)

    @contextmanager
    def _slot(self, address: str) -> Iterator[None]:
        with self._lock:
            if self._under_way.total() >= self._slots or self._under_way[address] >= self._slots_per_address:
                raise TooBusy
            self._under_way[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[address] -= 1
                if not self._under_way[address]:
                    del self._under_way[address]

    def _ask(self, environ: dict[str, Any], headers: list[tuple[str, str]], body: bytes | None) -> Reply:
        connection = _UnixConnection(self._socket_path)
        try:
            try:
                connection.connect()
            except OSError as problem:
                raise BackendAway(str(problem)) from problem
            try:
                _send(connection, environ["REQUEST_METHOD"], _target(environ), headers, body)
            except (http.client.HTTPException, ValueError) as problem:
                raise BadRequest("400 Bad Request") from problem
            return _reply(connection.getresponse())
        except (OSError, http.client.HTTPException) as problem:
            raise AnswerLost(str(problem)) from problem
        finally:
            connection.close()


def client_address(environ: dict[str, Any], trusted_proxies: int) -> str:
    """Who asks. What the client itself claims counts for nothing, only what trusted proxies added."""
    claimed = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    chain = [*claimed, environ.get("REMOTE_ADDR", "")]
    return chain[max(len(chain) - 1 - trusted_proxies, 0)]


def _read_body(environ: dict[str, Any]) -> bytes | None:
    try:
        length = int(environ.get("CONTENT_LENGTH") or -1)
    except ValueError:
        raise BadRequest("400 Bad Request") from None
    if length > LARGEST_BODY:
        raise BadRequest("413 Content Too Large")
    if length < 0 and not environ.get("wsgi.input_terminated"):
        return None
    wanted = LARGEST_BODY + 1 if length < 0 else length
    body = bytearray()
    while len(body) < wanted and (chunk := environ["wsgi.input"].read(min(wanted - len(body), 65536))):
        body += chunk
    if len(body) > LARGEST_BODY:
        raise BadRequest("413 Content Too Large")
    if len(body) < length:
        raise BadRequest("400 Bad Request")
    return bytes(body) if body or length == 0 else None


def _request_headers(environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    dropped = _NOT_FORWARDED | {name.strip().lower() for name in environ.get("HTTP_CONNECTION", "").split(",")}
    if environ.get("CONTENT_TYPE"):
        yield "Content-Type", environ["CONTENT_TYPE"]
    for key, value in environ.items():
        if key.startswith("HTTP_") and key not in _NOT_HEADERS:
            name = key[5:].replace("_", "-").lower()
            if name not in dropped:
                yield name, value


def _target(environ: dict[str, Any]) -> str:
    path = quote(environ["PATH_INFO"].encode("latin-1", "replace"), safe="/~!$&'()*+,;=:@")
    query = quote(environ.get("QUERY_STRING", "").encode("latin-1", "replace"), safe="/~!$&'()*+,;=:@?%[]")
    return f"{path}?{query}" if query else path


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: list[tuple[str, str]],
    body: bytes | None,
) -> None:
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)


def _reply(response: http.client.HTTPResponse) -> Reply:
    body = response.read()
    headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _NOT_RETURNED]
    if not any(name.lower() == "content-length" for name, _value in headers) and response.status not in (204, 304):
        headers.append(("Content-Length", str(len(body))))
    return Reply(f"{response.status} {response.reason}", headers, body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_TIMEOUT)
        self.sock.connect(self._path)
        self.sock.settimeout(ANSWER_TIMEOUT)
