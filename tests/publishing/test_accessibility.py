"""The rendered pages in a real browser: for everybody, on any screen, under the strictest policy."""

from __future__ import annotations

import pytest

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.values import UpdateText
from tests import story
from tests.browser import DARK, DARK_PHONE, FORCED_PHONE, LIGHT, LIGHT_PHONE, flaws, open_browser, served
from tests.make import make_incident, move, utc
from tests.render import everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NOW = utc(2013, 11, 9, 21)


@pytest.fixture
def artefacts():
    """A page on which everything happens at once: work going on, work done, work moved, an incident that is overdue."""
    components = story.make_components()
    cause = story.tell_power_failure(components)
    done = story.announce_work(components, cause)
    run_clock(story.WORK_STARTS)
    story.post_all_clear(done)
    move(story.announce_work(components, cause), ends=utc(2013, 11, 10, 1), at=NOW)
    late = UpdateText(status="monitoring", body="- a\n- b", next_update_by=utc(2013, 11, 9, 20, 30))
    incident = make_incident("Late mail", at=utc(2013, 11, 9, 20), components={components[1].pk: "partial_outage"})
    post_update(incident, late, actor=None, at=utc(2013, 11, 9, 20, 5))
    return everything(NOW)


def page_paths(artefacts):
    """Home, an all-clear, an incident that is overdue, a maintenance to come, history, a month, a function, nothing."""
    pages = [artefact.path for artefact in artefacts if artefact.content_type.startswith("text/html")]
    functions = [path for path in pages if path.startswith("/components/")]
    return [path for path in pages if path not in ("/history/2013/10", *functions[1:])]


def test_axe_finds_nothing_and_nothing_is_cut_off(artefacts):
    found = []
    with served(artefacts) as address, open_browser() as browser:
        page = browser.new_page()
        for path in page_paths(artefacts):
            page.goto(address + path)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found += flaws(page, path, LIGHT_PHONE, LIGHT, DARK_PHONE, DARK, FORCED_PHONE)

    assert found == []


def test_nothing_is_asked_of_other_hosts_and_the_policy_is_never_broken(artefacts):
    asked, complaints = [], []
    with served(artefacts) as address, open_browser() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in page_paths(artefacts):
            if path == "/404":  # alone looks for no news
                page.goto(address + path)
                continue
            with page.expect_event("requestfinished", lambda request: request.url == f"{address}/live.json"):
                page.goto(address + path)
        cookies = page.context.cookies()

    assert [url for url in asked if not url.startswith(f"{address}/")] == []
    assert complaints == []
    assert cookies == []


def test_a_page_is_complete_without_scripts(artefacts):
    with served(artefacts) as address, open_browser() as browser:
        texts = {}
        for scripts in (True, False):
            page = browser.new_context(java_script_enabled=scripts, timezone_id="Europe/Amsterdam").new_page()
            page.goto(address)
            question = page.locator(".concerns")  # asked by a script, and of use with it alone
            if question.count():
                question.evaluate("box => box.remove()")
            texts[scripts] = page.locator("main").inner_text()

    assert texts[False] == texts[True]


def test_a_reader_elsewhere_is_told_their_own_time_and_paper_the_time_of_the_page(artefacts):
    told, printed = {}, {}
    with served(artefacts) as address, open_browser() as browser:
        for zone in ("Asia/Tokyo", "America/New_York", "Europe/Helsinki", "Africa/Lagos"):
            page = browser.new_context(timezone_id=zone).new_page()
            page.goto(address)
            window = page.locator(".when", has_text="21:00 CET to Sunday 10 November 2013, 00:00 CET").first
            told[zone] = window.inner_text().splitlines()[1:]
            page.emulate_media(media="print")
            printed[zone] = window.inner_text()

    assert told == {
        "Asia/Tokyo": ["your time: Sun 10 Nov, 05:00–08:00 GMT+9"],
        "America/New_York": ["your time: Sat 9 Nov, 15:00–18:00 GMT-5"],
        "Europe/Helsinki": ["your time: Sat 9 Nov, 22:00 EET – Sun 10 Nov, 01:00 EET"],
        "Africa/Lagos": [],  # their clocks say the same
    }
    assert set(printed.values()) == {
        "Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (20:00 to 23:00 UTC)"
    }


def test_days_of_trouble_open_by_keyboard(artefacts):
    with served(artefacts) as address, open_browser() as browser:
        page = browser.new_page()
        page.goto(address)
        page.locator("details.days > summary").first.focus()
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        page.keyboard.press("Enter")
        opened = page.locator("details.days[open] li").first.inner_text()

    assert ring == "solid"
    assert opened.startswith("Saturday 9 November 2013: Under maintenance for")


def test_text_may_be_twice_as_large(artefacts):
    with served(artefacts) as address, open_browser() as browser:
        page = browser.new_page(viewport={"width": 640, "height": 800})
        for path in page_paths(artefacts):
            page.goto(address + path)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert page.evaluate("document.documentElement.scrollWidth") <= 640, path
