"""Readers choose the functions that they use, and the page says what concerns them: in a real browser."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from django.utils import translation
from playwright.sync_api import expect

from publishing.formats import page_artefacts
from publishing.loading import load_state
from publishing.state import Mirror
from tests import story
from tests.browser import DARK, FORCED_PHONE, LIGHT, LIGHT_PHONE, flaws, served, wait_for_script
from tests.make import make_component, make_incident, utc
from tests.render import everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NOW = utc(2013, 11, 7, 12)
NO_STORAGE = """for (const area of ["localStorage", "sessionStorage"])
    Object.defineProperty(window, area, { get() { throw new DOMException("denied"); } });"""


@dataclasses.dataclass
class World:
    sending: str
    links: str
    application: str
    work: str
    late: str
    everybody: str


@pytest.fixture
def world() -> World:
    """Work announced on two functions, with effects on more; an incident on one, and one for everybody."""
    components = story.make_components()
    make_component("Rarely seen", only_show_if_degraded=True)
    work = story.announce_work(components[:2], story.tell_power_failure(components))
    late = make_incident("Links are late", at=utc(2013, 11, 7, 9), components={components[1].pk: "partial_outage"})
    everybody = make_incident("Nobody knows what", at=utc(2013, 11, 7, 10))
    codes = [component.code for component in components]
    return World(*codes, *(f"/incidents/{notice.code}" for notice in (work, late, everybody)))


def choose(page, *names: str) -> None:
    """Tick these and no others, and keep them."""
    page.locator("[data-act=choose]").click()
    for box in page.locator(".choose-list label").all():
        box.locator("input").set_checked(box.inner_text() in names)
    page.get_by_role("button", name="Keep this choice").click()


def answer(page) -> list[str]:
    return lines(page.locator("#concerns-answer"))


def lines(shown) -> list[str]:
    return [line for line in shown.inner_text().splitlines() if line]


def marks(page) -> dict[str, str]:
    cards = page.locator(".card").all()
    return {card.locator("h3").inner_text(): card.locator(".concern").inner_text() for card in cards}


def functions(page) -> list[str]:
    return page.locator("section:has(#components) :is(h3, .name):visible").all_inner_texts()


def test_a_choice_is_made_by_keyboard_and_the_page_says_what_concerns_it(world, browser):
    with served(everything(NOW)) as address:
        page = browser.new_page()
        page.goto(address)
        assert page.locator(".concerns").inner_text() == "Which functions do you use? Choose"
        page.get_by_role("button", name="Choose").press("Enter")
        dialog = page.get_by_role("dialog", name="Which functions do you use?")
        assert dialog.locator("legend").all_inner_texts() == ["Mailings", "Mail already sent", "Others"]
        assert not page.locator(".choose-follow").is_visible()
        page.keyboard.press("Space")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        wait_for_script(page, "document.activeElement.textContent === 'Choose'")
        assert page.locator("#concerns-answer").inner_text() == ""

        page.keyboard.press("Enter")
        page.get_by_label("The application").press("Space")
        alone = f"/components/{world.application}"
        shown = [box.input_value() for box in page.locator(".address input").all()]
        assert [url.removeprefix(address) for url in shown] == [
            *(f"{alone}{ending}" for ending in (".atom", ".rss", ".ics")),
            f"/#functions={world.application}",
        ]
        page.get_by_label("Sending mailings").press("Space")
        both = ",".join(sorted([world.sending, world.application]))
        assert page.get_by_role("textbox", name="Atom").input_value() == f"{address}/functions/{both}/history.atom"
        mail = page.get_by_role("link", name="Subscribe by mail")
        assert mail.get_attribute("href") == f"{address}/subscribe/?functions={both}"
        page.get_by_role("button", name="Copy: RSS").click()
        page.locator("dialog [role=status]", has_text="Copied: RSS").wait_for(state="attached")
        assert flaws(page, "the dialog", LIGHT_PHONE, LIGHT, DARK, FORCED_PHONE) == []
        page.get_by_label("Sending mailings").set_checked(False)
        page.get_by_role("button", name="Keep this choice").press("Enter")

        wait_for_script(page, "document.activeElement.textContent === 'Change'")
        work = "The maintenance on Saturday 9 November 2013 affects what you use: The application."
        assert answer(page) == ["None of what you use is named, but what is going on concerns everybody.", work]
        assert page.locator("h1").inner_text() == "We have a serious problem."
        assert marks(page) == {
            "Nobody knows what": "For everybody: it names no function.",
            "Links are late": "Does not concern what you use. Show it",
            "Work on the power feeds of all servers": "Concerns you: The application",
        }
        assert functions(page) == [
            *["What you use", "The application", "Other functions"],
            *["Mailings", "Sending mailings", "Mail already sent", "Links"],
        ]
        late = page.locator(".card", has_text="Links are late")
        assert not late.locator(".facts").is_visible()
        assert flaws(page, "home with a choice", LIGHT_PHONE, DARK, FORCED_PHONE) == []
        late.get_by_role("button").click()
        assert late.locator(".facts").is_visible()
        assert page.evaluate("document.activeElement.textContent") == "Links are late"

        # As after a look for news: the main part is another one.
        page.evaluate(
            """() => {
                document.querySelectorAll("[data-made]").forEach((one) => one.remove());
                document.querySelectorAll("[data-shown-above]").forEach((one) => one.hidden = false);
                document.querySelector(".card").remove();
                const main = document.getElementById("main");
                const fresh = main.cloneNode(true);
                main.replaceWith(fresh);
                document.dispatchEvent(new Event("page:updated"));
                document.dispatchEvent(new Event("page:updated"));
            }"""
        )
        assert answer(page) == ["Of what you use, nothing is affected.", work]
        assert page.locator(".concerns").count() == 1
        assert functions(page).count("The application") == 1
        assert page.locator(".card", has_text="Links are late").locator(".facts").is_visible()


def test_tabs_stay_in_step_and_notices_say_whom_they_concern(world, browser):
    with served(everything(NOW)) as address:
        context = browser.new_context()
        first, second = context.new_page(), context.new_page()
        first.goto(address)
        second.goto(address)
        choose(first, "Sending mailings", "Links", "The application")
        second.locator("#concerns-answer p").first.wait_for()
        everything_affected = "affects what you use: Sending mailings, Links, The application."
        for page in (first, second):
            assert answer(page)[:3] == ["Of what you use:", "Partial outage", "Links"]
            assert answer(page)[-1].endswith(everything_affected)
        choose(second, "Sending mailings", "Links", "Rarely seen")
        first.get_by_text("affects 2 of the 3 functions you use: Sending mailings, Links.").wait_for()

        def says(path: str, words: str) -> None:
            first.goto(address + path)  # what another tab has kept may come a moment later
            expect(first.locator(".concerns-fact")).to_have_text(words, use_inner_text=True)

        acts = "Change Show everything again"
        effect = "Delayed Sending mailings – Sent after Sunday 10 November 2013, 00:00 CET."
        says(world.work, f"For you Concerns you: Sending mailings, Links {effect} {acts}")
        assert flaws(first, "a notice with a choice", LIGHT_PHONE, DARK) == []
        says(world.everybody, f"For you For everybody: it names no function. {acts}")
        choose(second, "The application")
        says(world.late, f"For you What you use is not affected. {acts}")
        effect = "Unavailable The application – You cannot log in."
        says(world.work, f"For you Concerns you: The application {effect} {acts}")
        first.get_by_role("link", name="Change").click()
        assert first.get_by_role("dialog").get_by_label("The application").is_checked()
        first.keyboard.press("Escape")
        expect(first).to_have_url(f"{address}/")
        first.get_by_role("button", name="Show everything again").click()
        second.get_by_text("Which functions do you use? Choose").wait_for()
        assert second.locator(".concern").count() == 0
        assert first.locator("section:has(#components) .name:visible").count() == 3


def test_a_link_is_for_its_tab_until_it_is_kept_and_works_where_nothing_is_kept(world, browser):
    with served(everything(NOW)) as address:
        page = browser.new_page()
        page.goto(address)
        choose(page, "Links")
        page.goto(f"{address}/?functions={world.sending},archived")
        concerns = page.locator(".concerns")
        assert answer(page)[-1].endswith("affects what you use: Sending mailings.")
        assert "The link names something that is not on this page. It is left out." in concerns.inner_text()
        page.goto(address + world.work)
        assert page.get_by_text("Concerns you: Sending mailings").is_visible()
        page.goto(address)
        page.get_by_role("button", name="Back to my own").click()
        assert answer(page)[:3] == ["Of what you use:", "Partial outage", "Links"]

        page.evaluate(f"location.hash = 'functions={world.application}'")
        page.get_by_text("affects what you use: The application").wait_for()
        page.get_by_role("button", name="Show everything again").click()
        assert "Which functions do you use?" in concerns.inner_text()
        expect(page).to_have_url(f"{address}/")
        page.get_by_role("button", name="Back to my own").click()
        page.evaluate(f"location.hash = 'functions={world.application}'")
        page.get_by_role("button", name="Keep it").click()
        page.goto(address)
        assert answer(page)[-1].endswith("affects what you use: The application.")
        assert "came with a link" not in concerns.inner_text()

        context = browser.new_context()
        context.add_init_script(NO_STORAGE)
        page = context.new_page()
        page.goto(f"{address}/#functions={world.links}")
        assert "Partial outage" in answer(page)
        choose(page, "The application")
        assert answer(page)[-1].endswith("affects what you use: The application.")
        page.reload()
        assert page.locator(".concerns").inner_text() == "Which functions do you use? Choose"


def test_a_copy_of_the_page_offers_the_files_of_each_function(world, browser):
    mirror = Mirror("https://copy.example.com", "https://status.example.com")
    with translation.override("en"):
        copy = list(page_artefacts(load_state(NOW + dt.timedelta(hours=1), mirror=mirror)))
    with served(copy) as address:
        page = browser.new_page()
        page.goto(f"{address}/#functions={world.links},{world.sending}")
        page.get_by_role("button", name="Change").click()
        links = page.locator(".choose-follow a").all()
        codes = sorted([world.links, world.sending])
        files = [f"{address}/components/{code}{ending}" for code in codes for ending in (".atom", ".rss", ".ics")]
        expected = [*files, f"https://status.example.com/subscribe/?functions={','.join(codes)}"]
        assert [link.get_attribute("href") for link in links] == expected
        assert flaws(page, "the dialog of a copy", LIGHT_PHONE) == []
