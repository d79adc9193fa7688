"""A lost connection, a closed tab, a login that ran out: in a real browser, with everything typed still there."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from incidents.models import Incident, IncidentUpdate
from tests.browser import wait_for_script
from tests.incidents.screens import screen
from tests.incidents.test_staff_browser import log_in
from tests.make import make_component, make_page, make_staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OPEN = screen("incident_open")
KEPT = """() => Object.values(localStorage).some(copy => copy.includes('"effects-4-level","slower"'))"""
COPIES = "Object.keys(localStorage).filter(key => key.startsWith('statuspage.copy:')).length"


@pytest.fixture
def address(live_server) -> str:
    make_page()
    make_staff("edward")
    make_component("Images")
    return live_server.url


@pytest.fixture
def window(address, browser) -> BrowserContext:
    """Of Edward's; leaving it asks nothing, as when it crashes."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    log_in(context.new_page(), address)
    return context


def write(page, address: str) -> None:
    page.goto(address + OPEN)
    page.fill("#id_title", "Images do not show")
    page.fill("#id_body", "We are **looking** into it.")
    page.click("summary:has-text('Effects')")
    page.click(".field-notify input")
    for _row in range(4):
        page.click("[data-rows=effects] .add-row")
    page.fill("#id_effects-4-function", "Images")
    page.select_option("#id_effects-4-level", "slower")
    wait_for_script(page, KEPT)  # a copy lies there from the first pause on, and follows


def written(page) -> list:
    names = ("#id_title", "#id_body", "#id_effects-4-function", "#id_effects-4-level")
    return [*(page.input_value(name) for name in names), page.is_checked("#id_notify")]


WORDS = ["Images do not show", "We are **looking** into it.", "Images", "slower", False]


def test_a_server_that_is_away_when_publishing_leaves_the_page_as_it_is(address, window):
    page = window.pages[0]
    write(page, address)
    page.route("**/open/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())

    page.click("button[value=publish]")

    page.locator("#send-state", has_text="Not published: the server cannot be reached").wait_for()
    assert written(page) == WORDS
    page.unroute("**/open/")
    page.locator("#send-state", has_text="The server is back").wait_for()
    page.click("button[value=publish]")
    page.wait_for_url("**/change/")
    wait_for_script(page, f"() => {COPIES} === 0")


def test_an_answer_that_got_lost_does_not_publish_twice(address, window):
    page = window.pages[0]
    write(page, address)

    def lose_the_answer(route):
        if route.request.method == "POST":
            route.fetch(max_redirects=0)
            route.abort()
        else:
            route.continue_()

    page.route("**/open/", lose_the_answer)
    page.click("button[value=publish]")
    page.locator("#send-state", has_text="Not published: the server cannot be reached").wait_for()
    page.unroute("**/open/")

    later = window.new_page()
    later.goto(address + OPEN)
    wait_for_script(later, f"() => {COPIES} === 0")  # it has arrived after all: nothing to offer
    assert later.locator(".notice-bar-offer").count() == 0
    page.click("button[value=publish]")
    page.wait_for_url("**/change/")


@pytest.fixture
def once():
    """What a test leaves in the database, looked at when its browser is closed."""
    yield
    assert (Incident.objects.count(), IncidentUpdate.objects.count()) == (1, 1)


def test_a_closed_tab_is_offered_again_and_never_put_back_by_itself(once, address, window):
    page = window.pages[0]
    write(page, address)
    page.close(run_before_unload=False)

    again = window.new_page()
    again.goto(address + OPEN)
    offer = again.locator(".notice-bar-offer")
    offer.get_by_text("Images do not show: We are **looking** into it.").wait_for()
    assert again.input_value("#id_title") == ""
    offer.get_by_text("Bring it back").click()

    assert written(again) == WORDS
    assert again.evaluate("document.activeElement.id") == "id_title"
    again.frame_locator("#preview").frame_locator("iframe >> nth=0").get_by_text("Images do not show").first.wait_for()
    again.click("button[value=publish]")
    again.wait_for_url("**/change/")
    wait_for_script(again, f"() => {COPIES} === 0")


def test_what_is_discarded_or_left_by_logging_out_leaves_no_copy(address, window):
    page = window.pages[0]
    write(page, address)
    other = window.new_page()
    other.goto(address + OPEN)
    other.click("text=Discard it")
    wait_for_script(other, f"() => {COPIES} === 0")

    other.fill("#id_title", "Something else")
    wait_for_script(other, f"() => {COPIES} === 1")
    admin = window.new_page()
    admin.goto(address + "/admin/")
    admin.click("#logout-form button")
    admin.wait_for_url("**/logout/")
    wait_for_script(admin, f"() => {COPIES} === 0")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_login_that_ran_out_costs_no_word(once, address, scripts, browser):
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    log_in(page, address)
    page.goto(address + OPEN)
    page.fill("#id_title", "Images do not show")
    page.fill("#id_body", "One line.\n\nAnother <one>.")
    context.clear_cookies(name="sessionid")
    page.click("button[value=publish]")
    page.fill("[name=log-in-username]", "edward")
    page.fill("[name=log-in-password]", "correct horse battery")
    page.click("#login-form [type=submit]")
    page.get_by_text("Nothing is published yet").wait_for()
    assert page.input_value("#id_body") == "One line.\n\nAnother <one>."
    page.click("button[value=publish]")
    page.wait_for_url("**/change/")


def test_a_login_in_another_window_makes_the_form_good_again_by_itself(once, address, window):
    page = window.pages[0]
    page.goto(address + OPEN)
    page.fill("#id_title", "Images do not show")
    page.fill("#id_body", "We look.")
    window.clear_cookies()
    page.press("#id_body", "Control+Enter")
    page.locator("#preview-state", has_text="Your login has run out").wait_for()
    other = window.new_page()
    log_in(other, address)

    page.bring_to_front()
    page.press("#id_body", "Control+Enter")
    page.locator("#preview-state", has_text="Follows what you type").wait_for()
    page.click("button[value=publish]")
    page.wait_for_url("**/change/")
