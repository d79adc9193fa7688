"""Chromium for tests, and a server for rendered artefacts that holds pages to the strictest policy."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from publishing.artefact import Artefact

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Look:
    """A screen, and how its owner wants to see."""

    width: int
    scheme: Literal["light", "dark"] = "light"
    forced_colors: Literal["active", "none"] = "none"


LIGHT, LIGHT_PHONE = Look(1280), Look(320)
DARK, DARK_PHONE = Look(1280, "dark"), Look(320, "dark")
FORCED, FORCED_PHONE = Look(768, "dark", "active"), Look(320, "dark", "active")


def flaws(page: Page, where: str, *looks: Look) -> list[tuple[str, Look, str, object]]:
    """What axe finds on the open page and what is cut off there, in each of `looks`.

    The page is loaded once and shown in all of them: loading it costs as much as looking at it.
    """
    found: list[tuple[str, Look, str, object]] = []
    for look in looks:
        page.set_viewport_size({"width": look.width, "height": 800})
        page.emulate_media(color_scheme=look.scheme, forced_colors=look.forced_colors)
        page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished))")
        if shots := os.environ.get("SHOTS"):  # a directory, for whoever wants to look
            name = re.sub(r"\W+", "-", where).strip("-")
            page.screenshot(path=f"{shots}/{name}-{look.scheme}-{look.width}.png", full_page=True)
        for violation in Axe().run(page).response["violations"]:
            words = [node["html"] + node["failureSummary"] for node in violation["nodes"]]
            found.append((where, look, violation["id"], words))
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            found.append((where, look, "scrolls sideways", wide))
    page.emulate_media(color_scheme=looks[0].scheme, forced_colors=looks[0].forced_colors)  # for the next page to load
    return found


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
            artefact = by_path.get(self.path.partition("?")[0])
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
