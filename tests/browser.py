"""Chromium for tests, and a server for rendered artefacts that holds pages to the strictest policy."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Browser, sync_playwright

from publishing.artefact import Artefact

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def chromium() -> str:
    path = find_chromium()
    assert path, "These tests drive a Chromium: install one, or name it in CHROMIUM."
    return path


@contextmanager
def open_browser() -> Iterator[Browser]:
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=as_root)
        yield browser
        browser.close()


@contextmanager
def served(artefacts: Iterable[Artefact], *, policy: str = POLICY) -> Iterator[str]:
    """The address at which `artefacts` are served, on this machine only."""
    by_path = {artefact.path: artefact for artefact in artefacts}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            artefact = by_path.get(self.path)
            self.send_response(200 if artefact else 404)
            self.send_header("Content-Security-Policy", policy)
            if artefact:
                self.send_header("Content-Type", artefact.content_type)
            self.end_headers()
            if artefact and self.command == "GET":
                self.wfile.write(artefact.body)

        do_HEAD = do_GET

        def log_message(self, *_args: object) -> None:
            """Say nothing: what went wrong is told by the browser."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
