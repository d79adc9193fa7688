"""The rendered pages in a real browser: for everybody, on any screen, under the strictest policy."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.corrections import edit_update
from incidents.values import EffectLine, NoticeDetails, UpdateText
from publishing.artefact import Artefact
from tests import story
from tests.browser import (
    DARK,
    FORCED_PHONE,
    LIGHT_PHONE,
    MOTION,
    flaws,
    lost_on_the_way,
    served,
    tight_spots,
)
from tests.make import make_component, make_incident, move, utc
from tests.render import everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NOW = utc(2013, 11, 9, 21)
FORGET = "where => document.querySelectorAll(where).forEach(one => one.remove())"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauamt"
ERRORS = ("400", "403", "403_csrf", "404", "500", "503")


def everything_at_once() -> list[Artefact]:
    """A page on which all happens: work going on, work done, work moved, a text corrected, an incident overdue."""
    components = story.make_components()
    cause = story.tell_power_failure(components)
    done = story.announce_work(components, cause)
    run_clock(story.WORK_STARTS)
    story.post_all_clear(done)
    move(story.announce_work(components, cause), ends=utc(2013, 11, 10, 1), at=NOW)
    late = UpdateText(status="monitoring", body="- a\n- b", next_update_by=utc(2013, 11, 9, 20, 30))
    struck = {components[1].pk: "partial_outage", make_component(LONG).pk: "major_outage"}
    effects = NoticeDetails(effects=[EffectLine(LONG, "slower", LONG)])
    incident = make_incident(LONG, at=utc(2013, 11, 9, 20), components=struck, details=effects)
    said = post_update(incident, late, actor=None, at=utc(2013, 11, 9, 20, 5))
    edit_update(said, "- a\n- c", kind="correction", why="It was c.", actor=None, at=utc(2013, 11, 9, 20, 9))
    return everything(NOW)


def error_pages() -> list[Artefact]:
    """What Django answers when it cannot."""
    return [
        Artefact(f"/{name}.html", "text/html; charset=utf-8", render_to_string(f"{name}.html").encode())
        for name in ERRORS
    ]


@pytest.fixture
def artefacts():
    return everything_at_once()


def page_paths(artefacts):
    """Home, an all-clear, an incident that is overdue, a maintenance to come, history, a month, a function, nothing."""
    pages = [artefact.path for artefact in artefacts if artefact.content_type.startswith("text/html")]
    functions = [path for path in pages if path.startswith("/components/")]
    return [path for path in pages if path not in ("/history/2013/10", *functions[1:])]


def test_each_page_is_for_everybody_keeps_the_policy_and_asks_no_other_host(artefacts, browser):
    found, asked = [], []
    with served([*artefacts, *error_pages()]) as address:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request))
        page.on("console", lambda message: found.append(message.text))
        page.on("pageerror", lambda error: found.append(str(error)))
        for path in page_paths([*artefacts, *error_pages()]):
            page.goto(address + path)
            found += lost_on_the_way(page, path)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found += flaws(page, path, LIGHT_PHONE, DARK, FORCED_PHONE)
            found += tight_spots(page, path)
        with page.expect_event("requestfinished", lambda request: request.url == f"{address}/live.json"):
            page.goto(address)  # it looks for news
        cookies = page.context.cookies()

    assert not found, "\n".join(map(str, found))
    assert [request.url for request in asked if not request.url.startswith(f"{address}/")] == []
    assert cookies == []


def test_each_page_is_complete_without_scripts_and_still_for_who_wants_no_motion(artefacts, browser):
    texts = {True: [], False: []}
    moving = []
    with served(artefacts) as address:
        for scripts in texts:
            context = browser.new_context(
                java_script_enabled=scripts, timezone_id="Europe/Amsterdam", reduced_motion="reduce"
            )
            page = context.new_page()
            for path in page_paths(artefacts):
                page.goto(address + path)
                page.evaluate(FORGET, ".concerns, .search")  # answered by scripts, and shown with them alone
                texts[scripts].append(page.locator("main").inner_text())
                moving += page.evaluate(MOTION) if scripts else []

    assert texts[False] == texts[True]
    assert moving == []


def test_a_reader_elsewhere_is_told_their_own_time_and_paper_the_time_of_the_page(artefacts, browser):
    told, printed = {}, {}
    with served(artefacts) as address:
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


def test_days_of_trouble_open_by_keyboard(artefacts, browser):
    with served(artefacts) as address:
        page = browser.new_page()
        page.goto(address)
        page.locator("details.days > summary").first.focus()
        page.keyboard.press("Enter")
        opened = page.locator("details.days[open] li").first.inner_text()

    assert opened.startswith("Saturday 9 November 2013: Under maintenance for")
