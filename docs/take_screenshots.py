"""Take the pictures of README and docs, each page and mail in all variants: `python docs/take_screenshots.py`.

Starts the product on a scratch database and on a clock that stands, tells the scenes of docs/scenes.py one after the
other, and pictures what there is to see. Needs the packages of requirements-dev.txt and a Chromium on PATH or named in
CHROMIUM. `--only home notice` takes these alone. An index of all pictures is written beside them.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from docs.scenes import Picture, Scene

FOLDER = ROOT / "docs" / "screenshots"
ZONE = "Europe/Amsterdam"
KINDS = re.compile(r"^(mail|staff)-")  # of looks; in the name of a picture the kind is its own
QUALITY = 70  # of 100, in WebP: letters stay sharp, and all pictures together small
LOOKS: dict[str, dict[str, Any]] = {
    "phone-light": {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
    "desktop-light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "desktop-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "desktop-forced": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark", "forced_colors": "active"},
    "print": {"viewport": {"width": 720, "height": 1000}, "color_scheme": "light"},  # of A4, less its margins
    "staff-desktop-light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "mail-phone-light": {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"},
    "mail-phone-dark": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
    "mail-desktop-light": {"viewport": {"width": 660, "height": 800}, "color_scheme": "light"},
    "mail-desktop-dark": {"viewport": {"width": 660, "height": 800}, "color_scheme": "dark"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures, such as home")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as scratch:
        os.environ |= {
            "DATA_DIR": scratch,
            "SECRET_KEY": "a key for pictures, of no worth to anybody",
            "PUBLIC_URL": "https://status.example.com",
            "ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "statuspage.settings",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "1",  # Playwright keeps an event loop in this thread
        }
        take_all(options.folder, set(options.only))


def take_all(folder: Path, only: set[str]) -> None:
    import django  # noqa: PLC0415 - after its settings are named

    django.setup()
    import time_machine  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    from bench.weight import served  # noqa: PLC0415
    from docs.scenes import SCENES  # noqa: PLC0415
    from incidents.signals import page_changed  # noqa: PLC0415
    from publishing.publish import publish_if_stale  # noqa: PLC0415
    from tests.browser import open_browser  # noqa: PLC0415

    # The browser's clock goes on: what would have expired by it lasts until it is closed. It reads plain HTTP.
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE, settings.CSRF_COOKIE_AGE = True, None
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    page_changed.disconnect(dispatch_uid="publish_after_change")  # once a scene is told is early enough
    call_command("migrate", verbosity=0)
    taken: list[tuple[Scene, list[Picture]]] = []
    with open_browser() as browser:
        for scene in SCENES:
            with time_machine.travel(scene.at, tick=False):
                pictures = scene.tell()
                taken.append((scene, pictures))
                wanted = [picture for picture in pictures if not only or picture.name in only]
                publish_if_stale()
                with served(both_sides()) as address:
                    Camera(browser, address, folder).take(scene, wanted)
    (folder / "README.md").write_text(index(taken))


def both_sides() -> Callable[..., Iterable[bytes]]:
    """The product as one WSGI application: the page server, and Django for what it would hand on."""
    from django.conf import settings  # noqa: PLC0415

    from publishing.front import DYNAMIC, Front  # noqa: PLC0415
    from statuspage.wsgi import application  # noqa: PLC0415

    front = Front(settings.SNAPSHOT_DIR, backend_socket="", public_url="http://127.0.0.1", threads=4, trusted_proxies=0)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(DYNAMIC):
            return front(environ, start)
        # The server of the standard library gives bodies without an end.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return application({**environ, "wsgi.input": BytesIO(body)}, start)

    return answer


class Camera:
    def __init__(self, browser: Browser, address: str, folder: Path) -> None:
        self.browser, self.address, self.folder = browser, address, folder

    def take(self, scene: Scene, pictures: list[Picture]) -> None:
        """Look after look, each in a browser of its own, in which the pictures follow one another."""
        for look, options in LOOKS.items():
            wanted = [picture for picture in pictures if look in picture.looks]
            if not wanted:
                continue
            context = self.browser.new_context(**options, timezone_id=ZONE, locale="en-GB")
            page = context.new_page()
            page.clock.install(time=scene.at)
            if look == "print":
                page.emulate_media(media="print")
            for picture in wanted:
                self.show(page, picture)
                whole = not look.startswith("staff-")  # what stays in sight lies in the middle of a whole screen
                self.shoot(page, self.folder / f"{picture.name}-{KINDS.sub('', look)}.webp", whole=whole)
            context.close()
        for picture in pictures:
            if not isinstance(picture.path, str):
                (self.folder / f"{picture.name}.txt").write_text(picture.path.text)

    def show(self, page: Page, picture: Picture) -> None:
        if isinstance(picture.path, str):
            page.goto(self.address + picture.path)
        else:
            page.set_content(picture.path.html)
        if picture.act:
            picture.act(page)
        page.wait_for_load_state("networkidle")
        page.evaluate("scrollTo(0, 0)")

    def shoot(self, page: Page, target: Path, *, whole: bool) -> None:
        """The page as WebP, which Chromium makes and Playwright has no word for."""
        chromium = page.context.new_cdp_session(page)
        size = chromium.send("Page.getLayoutMetrics")["cssContentSize"] if whole else page.viewport_size
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        how = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": clip}
        target.write_bytes(base64.b64decode(chromium.send("Page.captureScreenshot", how)["data"]))
        chromium.detach()
        print(f"{target.name} ({target.stat().st_size // 1024} KiB)")


def index(taken: list[tuple[Scene, list[Picture]]]) -> str:
    """All pictures by page, as Markdown."""
    lines = ["# Pictures", "", "Made by `python docs/take_screenshots.py`, which writes this page too.", ""]
    for scene, pictures in taken:
        lines += [f"## {scene.title}", ""]
        for picture in pictures:
            looks = [KINDS.sub("", look) for look in picture.looks]
            links = [f"[{look.replace('-', ', ')}]({picture.name}-{look}.webp)" for look in looks]
            if not isinstance(picture.path, str):
                links.append(f"[plain text]({picture.name}.txt)")
            lines.append(f"- {picture.says}: {' · '.join(links)}")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
