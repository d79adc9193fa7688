"""Take the pictures of the README and of docs/: `python docs/take_screenshots.py http://127.0.0.1:8000`.

Needs a running page with the demo in it, playwright, and a Chromium on PATH or named in CHROMIUM. The screens of staff
need the demo's login: `--password …`, as `./run` prints it.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
SCREENS = {"phone": (320, 640), "desktop": (1280, 800)}
STORY_MONTH = "/history/2013/11"
STORY_ZONE = "Europe/Amsterdam"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="where the page runs, such as http://127.0.0.1:8000")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--password", help="of the demo's admin; without it the screens of staff are left out")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        for screen, (width, height) in SCREENS.items():
            for scheme in ("light", "dark"):
                page = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=STORY_ZONE
                ).new_page()
                for name, address in addresses(page, options.address.rstrip("/")).items():
                    page.goto(address)
                    target = options.folder / f"{name}-{screen}-{scheme}.png"
                    page.screenshot(path=target, full_page=True)
                    print(f"{target} ({target.stat().st_size // 1024} KiB)")
        if options.password:
            take_staff_screens(browser, options.address.rstrip("/"), options.password, options.folder)
        browser.close()


def take_staff_screens(browser: Browser, base: str, password: str, folder: Path) -> None:
    width, height = SCREENS["desktop"]
    page = browser.new_page(viewport={"width": width, "height": height}, timezone_id=STORY_ZONE)
    page.goto(f"{base}/admin/login/?next=/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", password)
    page.click("[type=submit]")
    page.click("text=A function is slow")
    page.select_option("text=Sending mailings", "degraded_performance")
    page.click("button[value=preview]")
    page.frame_locator("#preview").frame_locator(".pane-1 iframe").get_by_text("Sending mailings").first.wait_for()
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=folder / "template-desktop-light.png")


def addresses(page: Page, base: str) -> dict[str, str]:
    """Home, and the notice that tells the story: the newest of its month."""
    page.goto(base + STORY_MONTH)
    return {"home": base + "/", "notice": base + str(page.locator(".past a").first.get_attribute("href"))}


if __name__ == "__main__":
    main()
