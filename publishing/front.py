"""The snapshot server: a plain WSGI application that answers the public page from files and passes the rest to Django.

Set by the environment: FRONT_SNAPSHOT_DIR, FRONT_BACKEND_SOCKET, FRONT_PUBLIC_URL; FRONT_THREADS, how many threads the
server runs it with (4); FRONT_TRUSTED_PROXIES, how many proxies stand in front of it (0). Needs neither Django nor a
database to answer, and its own texts are therefore not translated.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from publishing.forward import AnswerLost, Backend, BackendAway, BadRequest, Reply, TooBusy
from publishing.generation import DamagedGeneration
from publishing.live import OPEN_TO_SCRIPTS, Answer, Headers, Live, Table
from publishing.negotiation import has_it, is_unmodified

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[[str, Headers], Any]

DYNAMIC = ("/admin", "/static", "/subscribe")
NOT_FOUND = "/404"  # the artefact shown for what does not exist; never a page of its own
API = "/api/v2/"
CACHE_NOTHING = "public, max-age=10"  # what is asked for may be published in this moment
THREADS_FOR_THE_PAGE = 2

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
    "<body><h1>{title}</h1><p>{text}</p></body></html>"
)


class Front:
    """The WSGI application. `threads` is how many the server runs it with."""

    def __init__(
        self, snapshot_dir: Path, *, backend_socket: str, public_url: str, threads: int, trusted_proxies: int
    ) -> None:
        scheme = urlsplit(public_url).scheme or "http"
        self._security = (*SECURITY, STRICT_TRANSPORT) if scheme == "https" else SECURITY
        self._live = Live(snapshot_dir, self._security)
        slots = max(1, threads - THREADS_FOR_THE_PAGE)
        self._backend = Backend(backend_socket, scheme=scheme, slots=slots, trusted_proxies=trusted_proxies)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        table = self._live.table()
        if table is not None and environ["REQUEST_METHOD"] == "GET":
            ready = table.ready.get((environ["PATH_INFO"], environ.get("HTTP_ACCEPT_ENCODING", "")))
            if ready is not None:
                return _send(ready, environ, start_response)
        try:
            reply = self._reply(environ, table)
        except DamagedGeneration as problem:
            log.error("cannot read the snapshot: %s", problem)
            reply = self._own("503 Service Unavailable", "One moment", "Please try again.", ("Retry-After", "2"))
        if isinstance(reply, Answer):
            return _send(reply, environ, start_response)
        start_response(reply.status, reply.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    def _reply(self, environ: Environ, table: Table | None) -> Answer | Reply:
        path, is_reading = environ["PATH_INFO"], environ["REQUEST_METHOD"] in ("GET", "HEAD")
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        if table is not None and path != NOT_FOUND and (answer := table.answer(path, accepted)) is not None:
            if is_reading:
                table.remember(path, accepted, answer)
                return answer
            return self._own(
                "405 Method Not Allowed", "Not here", "This page can only be read.", ("Allow", "GET, HEAD")
            )
        if path.startswith(DYNAMIC) and any(path == place or path.startswith(f"{place}/") for place in DYNAMIC):
            return self._from_django(environ)
        if table is None:
            text = "This status page is starting. It will be here in a moment."
            return self._own("503 Service Unavailable", "One moment", text, ("Retry-After", "5"))
        known = _tidied(path)
        is_known = is_reading and known != NOT_FOUND and table.has(known)
        if f"{known}/".startswith(API):  # its clients join addresses carelessly, and take a redirect for an outage
            return (table.answer(known, accepted) if is_known else None) or self._no_such_data()
        if is_known:
            return self._own("301 Moved Permanently", "Moved", "This page has moved.", ("Location", known))
        return self._not_found(table, environ)

    def _no_such_data(self) -> Reply:
        about = [("Content-Length", "0"), ("Cache-Control", CACHE_NOTHING), *OPEN_TO_SCRIPTS]
        return Reply("404 Not Found", [*about, *self._security], b"")

    def _not_found(self, table: Table, environ: Environ) -> Reply:
        answer = table.answer(NOT_FOUND, environ.get("HTTP_ACCEPT_ENCODING", ""))
        if answer is None:
            return self._own("404 Not Found", "Not found", "There is no such page here.")
        headers = [line for line in answer.headers if line[0] not in ("ETag", "Last-Modified", "Cache-Control")]
        return Reply("404 Not Found", [*headers, ("Cache-Control", CACHE_NOTHING)], answer.body)

    def _from_django(self, environ: Environ) -> Reply:
        try:
            return self._backend.forward(environ)
        except BackendAway:
            text = "The staff area and subscriptions are unavailable for a moment. The status page itself works."
            return self._own("503 Service Unavailable", "Unavailable", text, ("Retry-After", "10"))
        except TooBusy:
            text = "Too many people are asking for this at once. Please try again. The status page itself works."
            return self._own("503 Service Unavailable", "Busy", text, ("Retry-After", "2"))
        except AnswerLost:
            text = "There was no answer. What you sent may have arrived: look before you send it again."
            return self._own("504 Gateway Timeout", "No answer", text)
        except BadRequest as problem:
            return self._own(problem.status, "Not accepted", "This request cannot be taken as it is.")

    def _own(self, status: str, title: str, text: str, *headers: tuple[str, str]) -> Reply:
        body = _PAGE.format(title=title, text=text).encode()
        about = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        return Reply(status, [*about, ("Cache-Control", "no-store"), *headers, *self._security], body)


def _send(answer: Answer, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    tag = environ.get("HTTP_IF_NONE_MATCH")
    if tag is not None:
        is_known = has_it(tag, answer.etag)
    else:
        since = environ.get("HTTP_IF_MODIFIED_SINCE")
        is_known = since is not None and is_unmodified(since, answer.modified)
    if is_known:
        start_response("304 Not Modified", answer.headers_unchanged)
        return []
    start_response("200 OK", answer.headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


def _tidied(path: str) -> str:
    """`path` without doubled and trailing slashes. As it begins with one slash, it never leads to another host."""
    return "/" + "/".join(part for part in path.split("/") if part) if path.startswith("/") else path


application = Front(
    Path(os.environ.get("FRONT_SNAPSHOT_DIR", "var/snapshot")),
    backend_socket=os.environ.get("FRONT_BACKEND_SOCKET", "var/django.sock"),
    public_url=os.environ.get("FRONT_PUBLIC_URL", "http://127.0.0.1:8000"),
    threads=int(os.environ.get("FRONT_THREADS", "4")),
    trusted_proxies=int(os.environ.get("FRONT_TRUSTED_PROXIES", "0")),
)
