"""What a first visit to each page weighs, as a Markdown table: `python -m bench.weight`.

Tells the demo into a scratch database, publishes it, serves the files with our own server and opens each page in a
Chromium that has seen none before, on a phone. What goes over the wire is counted where it leaves: status, headers
and bodies, as a browser gets them that takes Brotli.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from playwright.sync_api import Browser

from tests.browser import open_browser

Application = Callable[..., Iterable[bytes]]

SUBSCRIBE = "/subscribe/"
ZONE = "Europe/Amsterdam"  # of the page: to readers elsewhere the script adds lines with their own times
PHONE = {"width": 360, "height": 640}
OBSERVE = """
window.measured = {shift: 0, largest: ""};
const path = element => element ? `${path(element.parentElement)} ${element.localName}.${element.classList}` : "";
const observe = (type, take) =>
  new PerformanceObserver(list => list.getEntries().forEach(take)).observe({type, buffered: true});
observe("layout-shift", entry => { measured.shift += entry.value; });
observe("largest-contentful-paint", entry => { measured.largest = path(entry.element); });
"""
MEASURE = """() => ({
  ...measured,
  blocking: performance.getEntriesByType("resource").filter(one => one.renderBlockingStatus === "blocking").length,
  elements: document.querySelectorAll("*").length,
  begins: document.querySelector("h1").getBoundingClientRect().bottom <= innerHeight,
})"""


@dataclass(frozen=True)
class Weight:
    """`begins`: its heading stands on the first screen. `largest` is where the largest thing of that stands; `foreign`
    is what other hosts are asked."""

    page: str
    bytes: int
    requests: int
    blocking: int
    elements: int
    shift: float
    begins: bool
    largest: str
    foreign: tuple[str, ...]

    def row(self) -> str:
        answer = "the answer" if "answer" in self.largest else self.largest.rpartition(" ")[2].strip(".")
        cells = (f"{self.bytes / 1000:.1f}", self.requests, self.blocking, self.elements, f"{self.shift:.3f}", answer)
        return f"| {self.page} | " + " | ".join(map(str, cells)) + " |"


HEADING = (
    "| page | kB | requests | of these blocking | elements | layout shift | largest on the first screen |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def table(weights: Iterable[Weight]) -> str:
    return "\n".join([HEADING, *(weight.row() for weight in weights)])


@dataclass
class Scales:
    """A WSGI application in front of another: it counts what leaves. `plain` is answered as it is, by path."""

    application: Application
    plain: Mapping[str, bytes] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        heads: list[int] = []

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            heads.append(
                len(f"HTTP/1.1 {status}\r\n\r\n") + sum(len(f"{name}: {value}\r\n") for name, value in headers)
            )
            return start_response(status, headers)

        if (body := self.plain.get(environ["PATH_INFO"])) is not None:
            start("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
            bodies = [body]
        else:
            bodies = list(self.application(environ, start))
        self.lengths.append(sum(heads) + sum(map(len, bodies)))
        return bodies


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the table is the output."""


@contextmanager
def served(application: Application) -> Iterator[str]:
    """The address at which it answers, on this machine only."""
    server = make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def weigh(browser: Browser, scales: Scales, pages: Mapping[str, str]) -> list[Weight]:
    """The weight of each page by name and path, each in a browser that has seen nothing yet."""
    found = []
    with served(scales) as address:
        for name, path in pages.items():
            scales.lengths.clear()
            asked: list[str] = []
            context = browser.new_context(viewport=PHONE, timezone_id=ZONE)
            page = context.new_page()
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.add_init_script(OBSERVE)
            page.goto(address + path)
            page.wait_for_function("() => measured.largest")
            page.wait_for_load_state("networkidle")
            measured = page.evaluate(MEASURE)
            context.close()
            foreign = tuple(url for url in asked if not url.startswith(f"{address}/"))
            found.append(Weight(name, sum(scales.lengths), len(scales.lengths), foreign=foreign, **measured))
    return found


def publish() -> Scales:
    """The page of the facts as they stand, and the form to subscribe, as they are served."""
    from django.conf import settings  # noqa: PLC0415 - whoever calls this has set up Django
    from django.test import Client  # noqa: PLC0415

    from publishing.front import Front  # noqa: PLC0415
    from publishing.publish import publish_if_stale  # noqa: PLC0415

    publish_if_stale()
    front = Front(settings.SNAPSHOT_DIR, backend_socket="", public_url="http://127.0.0.1", threads=4, trusted_proxies=0)
    # Django compresses nothing: its pages answer each reader with what is theirs.
    return Scales(front, plain={SUBSCRIBE: Client().get(SUBSCRIBE, HTTP_HOST="localhost").content})


def first_link(page: str, link: str) -> str:
    """Where the first link of the published `page` leads that looks so."""
    from django.conf import settings  # noqa: PLC0415

    text = (settings.SNAPSHOT_DIR / "current" / f"{page}.html").read_text()
    return re.findall(f'href="({link})"', text)[0]


def calm_down() -> None:
    """End whatever is open or announced."""
    from incidents.actions import post_update  # noqa: PLC0415
    from incidents.models import Incident  # noqa: PLC0415
    from incidents.values import UpdateText  # noqa: PLC0415

    for notice in Incident.objects.public().open():
        end = "cancelled" if notice.is_scheduled else "resolved"
        post_update(notice, UpdateText(status=end, body="All is well.", components={}), actor=None)


def busy_and_calm(browser: Browser) -> list[Weight]:
    """Each kind of page while something goes on, and home when nothing does."""
    scales = publish()
    pages = {"home, busy": "/", "notice": first_link("index", r"/incidents/\w+"), "history": "/history"}
    pages |= {"month": first_link("history", r"/history/\d+/\d+"), "subscribe": SUBSCRIBE}
    busy = weigh(browser, scales, pages)
    calm_down()
    return [*busy, *weigh(browser, publish(), {"home, calm": "/"})]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="weight-") as scratch:
        os.environ |= {
            "DATA_DIR": scratch,
            "SECRET_KEY": "a key of the benchmark, of no worth to anybody",
            "DJANGO_SETTINGS_MODULE": "statuspage.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "1",  # Playwright keeps an event loop in this thread
        }
        import django  # noqa: PLC0415 - after its settings are named

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415
        from django.utils import timezone  # noqa: PLC0415

        from incidents.demo import load_demo  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        load_demo(timezone.now(), password="of no worth")
        with open_browser() as browser:
            print(table(busy_and_calm(browser)))


if __name__ == "__main__":
    main()
