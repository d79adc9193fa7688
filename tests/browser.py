"""Chromium for tests, and a server for rendered artefacts that holds pages to the strictest policy."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect, sync_playwright

from publishing.artefact import Artefact
from tests.servers import wait_for

expect.set_options(timeout=30_000)  # as patient as everything else that waits for a browser: machines are busy

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

OFF, ON = {"enabled": False}, {"enabled": True}
RULES = {"target-size": ON}  # of WCAG 2.2 AA, and the only one of it that axe leaves out unless told
RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"]
NO_EXCEPTIONS: Mapping[str, object] = {}

# Sheets that a script makes are none of the page's own: the policy lets them be.
ENLARGE = """() => {
  const sheet = text => { const made = new CSSStyleSheet(); made.replaceSync(text); return made; };
  window.spacedOut = sheet(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }`);
  window.twiceAsLarge = sheet("html { font-size: 200% !important; }");
}"""
ENLARGED = (
    (768, 1024, ""),
    (320, 256, ""),
    (320, 256, "spacedOut"),
    (1280, 1024, "spacedOut"),
    (640, 800, "twiceAsLarge"),
)
TOO_WIDE = """() => document.documentElement.scrollWidth <= window.innerWidth ? [] :
  [...document.querySelectorAll('body, body *')].filter(one => one.getBoundingClientRect().right > window.innerWidth)
  .map(one => one.outerHTML.slice(0, 200)).slice(-3)"""
CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(one => {
  const style = getComputedStyle(one);
  const cuts = ['hidden', 'clip'];
  if (!one.innerText || one.closest('.unseen, .visually-hidden') || style.clipPath !== 'none') return false;
  return (cuts.includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1)
    || (cuts.includes(style.overflowY) && one.scrollHeight > one.clientHeight + 1);
}).map(one => one.outerHTML.slice(0, 200))"""
FOCUS = """() => {
  const here = document.activeElement;
  if (here === document.body || here === document.documentElement) return null;
  const {outlineStyle, outlineWidth} = getComputedStyle(here), complaints = [];
  // What has a document or controls of its own inside shows there where the focus is.
  if (here.matches('iframe, [type=date], [type=time]')) return {complaints};
  const shows = outlineStyle === 'auto' || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2);
  if (!shows) complaints.push('shows no focus');
  const isSeen = [...here.getClientRects()].some(box => {
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    return right > left && bottom > top && [0.1, 0.5, 0.9].some(part => {
      const above = document.elementFromPoint(left + (right - left) * part, top + (bottom - top) * part);
      return above && (here.contains(above) || above.contains(here));
    });
  });
  if (!isSeen) complaints.push('lies hidden');
  return {complaints, html: here.outerHTML.slice(0, 200)};
}"""
MOTION = """() => [...document.querySelectorAll('*')].filter(one => {
  const style = getComputedStyle(one);
  const takes = `${style.transitionDuration}, ${style.animationDuration}`.split(', ');
  return takes.some(time => parseFloat(time) > 0.01) || style.scrollBehavior === 'smooth';
}).map(one => one.outerHTML.slice(0, 200))"""


@dataclass(frozen=True)
class Look:
    """A screen, and how its owner wants to see."""

    width: int
    scheme: Literal["light", "dark"] = "light"
    forced_colors: Literal["active", "none"] = "none"


Flaw = tuple[str, "Look | str", str, object]

LIGHT, LIGHT_PHONE = Look(1280), Look(320)
DARK, DARK_PHONE = Look(1280, "dark"), Look(320, "dark")
FORCED, FORCED_PHONE = Look(1280, "dark", "active"), Look(320, "dark", "active")


def wait_for_script(page: Page, expression: str, arg: object = None) -> None:
    """Until `expression` holds in `page`. Playwright's wait_for_function has the page itself evaluate the text each
    time it looks again, and that is what our policies forbid."""
    wait_for(lambda: page.evaluate(expression, arg), what=expression)


def flaws(page: Page, where: str, *looks: Look, rules: Mapping[str, object] = NO_EXCEPTIONS) -> list[Flaw]:
    """What axe finds on the open page and what is cut off there, in each of `looks`.

    The page is loaded once. Each of its rules is asked again only where a look can change the answer: how wide the
    screen is says what is shown and how large, the colours say what can be read. Contrast takes most of the time.
    """
    found: list[Flaw] = []
    widths, colours = set(), set()
    page.evaluate(AXE_SCRIPT)
    for look in looks:
        _show_in(page, look)
        if shots := os.environ.get("SHOTS"):  # a directory, for whoever wants to look
            name = re.sub(r"\W+", "-", where).strip("-")
            page.screenshot(path=f"{shots}/{name}-{look.scheme}-{look.width}.png", full_page=True)
        colour = (look.scheme, look.forced_colors)
        if look.width not in widths:
            told = dict.fromkeys(RULES_OF_COLOUR, OFF) if colour in colours else {}
            found += [(where, look, *one) for one in _violations(page, {"rules": {**RULES, **rules, **told}})]
        elif colour not in colours:
            found += [(where, look, *one) for one in _violations(page, {"runOnly": RULES_OF_COLOUR})]
        found += [(where, look, "scrolls sideways", what) for what in page.evaluate(TOO_WIDE)]
        widths.add(look.width)
        colours.add(colour)
    page.emulate_media(color_scheme=looks[0].scheme, forced_colors=looks[0].forced_colors)  # for the next page to load
    return found


def unreadable(page: Page, where: str, look: Look) -> list[Flaw]:
    """What axe finds of the colours alone, on an open page that `flaws` has seen before something became of it."""
    _show_in(page, look)
    return [(where, look, *one) for one in _violations(page, {"runOnly": RULES_OF_COLOUR})]


def _show_in(page: Page, look: Look) -> None:
    page.set_viewport_size({"width": look.width, "height": 800})
    page.emulate_media(color_scheme=look.scheme, forced_colors=look.forced_colors)
    page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished))")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")  # a bar that stays in sight lies on nothing there


def _violations(page: Page, options: Mapping[str, object]) -> list[tuple[str, object]]:
    # axe is in no frame of ours, and would wait half a second for an answer out of each. Preloading breaks the policy.
    always = {"resultTypes": ["violations"], "pingWaitTime": 1, "preload": False}
    run = "options => axe.run(options).then(result => result.violations)"
    return [
        (violation["id"], [node["html"] + node["failureSummary"] for node in violation["nodes"]])
        for violation in page.evaluate(run, {**always, **options})
    ]


def tight_spots(page: Page, where: str) -> list[Flaw]:
    """Where text is lost on the open page when its reader enlarges it (WCAG 1.4.4, 1.4.10) or spaces it (1.4.12).

    At 400 % a window of 1280 by 1024 pixels is one of 320 by 256; at twice the letters it is one of 640.
    """
    found: list[Flaw] = []
    page.evaluate(ENLARGE)
    for width, height, name in ENLARGED:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("name => { document.adoptedStyleSheets = name ? [window[name]] : []; }", name)
        look = f"{width}x{height} {name}"
        found += [(where, look, "scrolls sideways", what) for what in page.evaluate(TOO_WIDE)]
        found += [(where, look, "cut off", what) for what in page.evaluate(CUT_OFF)]
    page.evaluate("document.adoptedStyleSheets = []")
    return found


def lost_on_the_way(page: Page, where: str) -> list[Flaw]:
    """What Tab meets on the open page that does not show it (WCAG 2.4.7), or lies under something else (2.4.11).

    It is pressed until it has left the page: what keeps it is a trap (2.1.2).
    """
    found: list[Flaw] = []
    page.set_viewport_size({"width": 320, "height": 256})
    page.emulate_media(reduced_motion="reduce")  # what scrolls smoothly is on its way for a while
    stops = page.evaluate("document.body.focus(), document.querySelectorAll('*').length")
    for _press in range(stops):
        page.keyboard.press("Tab")
        if (says := page.evaluate(FOCUS)) is None:
            break
        found += [(where, "320x256", complaint, says["html"]) for complaint in says["complaints"]]
    else:
        found.append((where, "320x256", "keeps the focus", ""))
    page.emulate_media(reduced_motion="no-preference")
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
