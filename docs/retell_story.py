"""Tell the story of docs/story.md on the staff screens, from the power failure to the all-clear, and picture each.

    python docs/retell_story.py http://127.0.0.1:8000 --password …

Needs a running page with the demo in it and the demo's login (`./run` prints both), playwright, and a Chromium on PATH
or named in CHROMIUM. The work lasts one minute and begins two minutes from now, so that the real clock starts and ends
it. Everything is typed letter by letter; the time it took is printed at the end.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect, sync_playwright

FOLDER = Path(__file__).parent / "screenshots" / "story"
ZONE = ZoneInfo("Europe/Amsterdam")
FUNCTIONS = ("Sending mailings", "Follow-up actions", "Hyperlink redirects", "Images in mail already sent")
BEFORE = "Schedule no mailings in the avoid window: links and images in them would not work."
REASON = "Last week a transfer switch failed. Every server gets both power sources directly, so that it is not needed."
EFFECTS = (
    ("Sending mailings", "delayed", "They are sent after the work."),
    ("Follow-up actions", "unavailable", "They do not run meanwhile."),
    ("Hyperlink redirects", "unavailable", "Also in mail already sent."),
    ("Images in mail already sent", "unavailable", ""),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="where the page runs, such as http://127.0.0.1:8000")
    parser.add_argument("--password", required=True, help="of the demo's admin")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, timezone_id=ZONE.key)
        page.set_default_timeout(20_000)
        took = Teller(page, options.address.rstrip("/"), options.folder).tell(options.password)
        browser.close()
    print(f"Told in {took / 60:.1f} minutes.")


class Teller:
    def __init__(self, page: Page, base: str, folder: Path) -> None:
        self.page, self.base, self.folder = page, base, folder
        self.pictures = 0

    def tell(self, password: str) -> float:
        """Seconds from the sign-in to the all-clear on the public page."""
        page = self.page
        page.goto(f"{self.base}/admin/login/?next=/admin/")
        began = time.monotonic()
        self.type("#id_username", "admin")
        self.type("#id_password", password)
        page.click("[type=submit]")
        self.picture("board")
        self.open_the_incident()
        self.say_what_is_known()
        self.resolve()
        ends_at = self.announce_the_work()
        self.wait_for_the_clock(ends_at)
        self.post_the_all_clear()
        took = time.monotonic() - began
        self.show_the_public_side()
        return took

    def open_the_incident(self) -> None:
        page = self.page
        page.get_by_role("link", name="Open an incident").click()
        self.type("#id_title", "Power failure in one server cabinet")
        self.type("#id_body", "One of our server cabinets has no power. We are looking into it.")
        for function in FUNCTIONS:
            self.component(function, "major_outage")
        self.see_in_preview("One of our server cabinets")
        self.picture("open")
        self.publish("Publish incident")
        self.picture("opened")

    def say_what_is_known(self) -> None:
        page = self.page
        page.get_by_role("link", name="Post update").first.click()
        page.get_by_label("Identified", exact=True).check()
        self.type(
            "#id_body",
            "A transfer switch failed during work on the first power source. "
            "The servers of this cabinet are being started again.",
        )
        self.see_in_preview("A transfer switch failed")
        self.picture("update")
        self.publish("Publish update")

    def resolve(self) -> None:
        page = self.page
        page.get_by_role("link", name="Resolve").first.click()
        self.type("#id_body", "All servers run again. Waiting mailings have been sent.")
        page.get_by_label("No data was lost.").check()
        self.see_in_preview("All servers run again")
        self.picture("resolve")
        self.publish("Publish update")

    def announce_the_work(self) -> dt.datetime:
        page = self.page
        page.goto(f"{self.base}/admin/")
        page.get_by_role("link", name="Schedule maintenance").click()
        self.type("#id_title", "Work on the power feeds of all servers")
        self.type("#id_body", "All servers are switched off in a controlled way and connected to both power sources.")
        starts = dt.datetime.now(ZONE).replace(second=0, microsecond=0) + dt.timedelta(minutes=4)
        ends = starts + dt.timedelta(minutes=1)
        self.time("work_starts_at", starts)
        self.time("work_ends_at", ends)
        self.time("avoid_starts_at", starts - dt.timedelta(minutes=2))
        self.time("avoid_ends_at", ends)
        for function in FUNCTIONS:
            self.component(function, "under_maintenance")
        for place, (function, level, note) in enumerate(EFFECTS):
            if not page.locator(f"#id_effects-{place}-function").is_visible():
                page.locator("[data-rows=effects] .add-row").click()
            self.type(f"#id_effects-{place}-function", function)
            page.select_option(f"#id_effects-{place}-level", level)
            self.type(f"#id_effects-{place}-note", note)
        page.get_by_label("No data will be lost.").check()
        self.type("#id_advice_before", BEFORE)
        self.type("#id_advice_during", "Nothing. Mailings that wait are kept.")
        self.type("#id_advice_after", "Nothing. Waiting mailings leave by themselves.")
        self.type("#id_reason", REASON)
        page.select_option("#id_links-0-kind", "caused_by")
        target = page.locator("#id_links-0-target option", has_text="Power failure in one server cabinet").first
        page.select_option("#id_links-0-target", target.get_attribute("value"))
        self.see_in_preview("Every server gets both power sources")
        self.picture("schedule", whole=True)
        self.publish("Announce maintenance")
        self.picture("announced", whole=True)
        return ends

    def wait_for_the_clock(self, ends_at: dt.datetime) -> None:
        """The notice starts and ends by itself; then it waits for a person."""
        while dt.datetime.now(ZONE) < ends_at:
            time.sleep(0.5)
        deadline = time.monotonic() + 30
        while "Verifying" not in self.page.locator("#content").inner_text() and time.monotonic() < deadline:
            time.sleep(0.5)
            self.page.reload()
        self.page.goto(f"{self.base}/admin/")
        self.picture("verifying")

    def post_the_all_clear(self) -> None:
        page = self.page
        page.get_by_role("link", name="Post the all-clear").first.click()
        self.type(
            "#id_body",
            "The work on the power feeds is done, without incident and with nearly no downtime. "
            "Mailings and other tasks were not delayed.",
        )
        for place in range(len(EFFECTS)):
            page.select_option(f"#id_outcomes-turned_out_{place}", "less")
        self.type("#id_outcomes-note_2", "Two short interruptions.")
        self.type("#id_deviations", "The connection was interrupted twice, for a short time each.")
        page.get_by_label("No data was lost.").check()
        self.see_in_preview("without incident")
        self.picture("all-clear", whole=True)
        self.publish("Publish the all-clear")
        self.picture("done", whole=True)

    def show_the_public_side(self) -> None:
        self.page.get_by_role("link", name="See it on the public page").click()
        self.picture("public", whole=True)

    def type(self, control: str, words: str) -> None:
        self.page.locator(control).fill("")
        self.page.locator(control).press_sequentially(words, delay=8)

    def component(self, name: str, status: str) -> None:
        self.page.locator(".component-row", has_text=name).locator("select").select_option(status)

    def time(self, name: str, moment: dt.datetime) -> None:
        self.page.fill(f"#id_{name}_date", f"{moment:%Y-%m-%d}")
        self.page.fill(f"#id_{name}_time", f"{moment:%H:%M}")

    def see_in_preview(self, words: str) -> None:
        frame = self.page.frame_locator("#preview").frame_locator(".pane-1 iframe")
        expect(frame.get_by_text(words).first).to_be_attached(timeout=20_000)

    def publish(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()
        expect(self.page.get_by_role("link", name="See it on the public page")).to_be_visible()

    def picture(self, name: str, *, whole: bool = False) -> None:
        self.pictures += 1
        self.page.evaluate("scrollTo(0, 0)")
        target = self.folder / f"{self.pictures:02}-{name}.png"
        self.page.screenshot(path=target, full_page=whole)
        print(f"{target.name} ({target.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    main()
