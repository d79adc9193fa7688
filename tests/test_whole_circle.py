"""The product as its three kinds of people use it: real processes, browser and feed reader; mails as files."""

from __future__ import annotations

import email
import re
import urllib.request
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import urlencode

import feedparser
import pytest
from playwright.sync_api import Page

from tests.browser import open_browser
from tests.servers import free_port, get, manage, product_environment, running, scratch_database, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.browser]

NOTICE = "Move of all images to a larger store"
HALF = "Half of the queue is done."
ALL_CLEAR = "All images are in their new store; nothing was delayed."


@pytest.fixture
def product(tmp_path: Path):
    port = free_port()
    with scratch_database(tmp_path) as url:
        environment = product_environment(tmp_path / "data", port=port, DATABASE_URL=url)
        with running(manage("serve", "--demo"), env=environment, log=tmp_path / "log") as served:
            wait_for(lambda: "Ctrl-C stops it." in served.output(), seconds=180, what="the product")
            yield f"http://127.0.0.1:{port}"


def mails(tmp_path: Path) -> list[EmailMessage]:
    files = sorted((tmp_path / "data" / "outbox").glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]


def plain(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content()


def wait_for_mail(tmp_path: Path, count: int) -> EmailMessage:
    wait_for(lambda: len(mails(tmp_path)) >= count, seconds=60, what=f"mail number {count}")
    return mails(tmp_path)[count - 1]


def wait_for_subject(tmp_path: Path, beginning: str) -> EmailMessage:
    """The one mail whose subject begins so; where open notices stand was told before it."""

    def found() -> list[EmailMessage]:
        return [mail for mail in mails(tmp_path) if mail["Subject"].startswith(beginning)]

    (mail,) = wait_for(found, seconds=60, what=f"a mail on {beginning}")
    return mail


def log_in(page: Page, site: str, tmp_path: Path) -> None:
    user, password = (tmp_path / "data" / "demo-login").read_text().split()
    page.goto(f"{site}/admin/")
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.click("[type=submit]")
    page.locator("#logout-form").wait_for()


def post_all_clear(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/")
    page.locator("article, li, section, div").filter(has_text=NOTICE).get_by_text("Post the all-clear").last.click()
    page.fill("textarea[name=body]", ALL_CLEAR)
    page.check("input[name=data_outcome][value=none_lost]")
    page.get_by_role("button", name="Publish the all-clear").click()
    page.wait_for_url(lambda url: "all-clear" not in url)


def test_the_whole_circle(product, tmp_path):
    with open_browser() as browser:
        reader = browser.new_context(java_script_enabled=False).new_page()
        reader.goto(f"{product}/")
        reader.fill("input[name=email]", "reader@example.com")
        reader.locator("form[action='/subscribe/'] button").click()
        confirmation = wait_for_mail(tmp_path, 1)
        reader.goto(re.search(r"http\S+/subscribe/confirm/\S+", plain(confirmation))[0])
        reader.locator("main form button").click()
        reader.get_by_role("heading", name="You are subscribed").wait_for()
        assert "reader@example.com" in reader.locator("main").inner_text()

        staff = browser.new_context().new_page()
        log_in(staff, product, tmp_path)
        post_all_clear(staff, product)

        told = wait_for_subject(tmp_path, f"[Completed] {NOTICE}")
        assert told["To"] == "reader@example.com"
        assert ALL_CLEAR in plain(told)

        reader.goto(f"{product}/")
        assert ALL_CLEAR in reader.locator("main").inner_text()
        reader.get_by_role("link", name=NOTICE).first.click()
        reader.wait_for_url("**/incidents/*")
        on_top = reader.locator("main").inner_text()
        assert on_top.index(ALL_CLEAR) < on_top.index("Saturday")
        for feed in ("history.atom", "history.rss"):
            newest = feedparser.parse(f"{product}/{feed}").entries[0]
            assert (newest.title, ALL_CLEAR in str(newest)) == (NOTICE, True)

        leave = urllib.request.Request(
            told["List-Unsubscribe"].strip("<>"), data=urlencode({"List-Unsubscribe": "One-Click"}).encode()
        )
        with urllib.request.urlopen(leave) as answer:
            assert answer.status == 200
        staff.goto(f"{product}/admin/")
        staff.get_by_role("link", name="Post update").first.click()
        staff.fill("textarea[name=body]", HALF)
        staff.get_by_role("button", name=re.compile("^Publish")).click()
        staff.wait_for_url(lambda url: "post-update" not in url)
        wait_for(lambda: HALF in get(f"{product}/")[1], what="the update on the page")
        staff.get_by_text("It concerned no subscriber.").first.wait_for()
        assert [mail["To"] for mail in mails(tmp_path) if HALF in plain(mail)] == []
