"""The preview beside the form follows what is typed, and stays out of the way."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from incidents.models import Incident
from tests.browser import wait_for_script
from tests.incidents.screens import screen
from tests.incidents.test_staff_browser import log_in
from tests.make import make_component, make_incident, make_page, make_staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE, MAIL = "[data-pane=page] iframe", "[data-pane=mail-html] iframe"
SCROLLED = "document.querySelector('#preview').contentDocument.querySelector('[data-pane=page] iframe').contentWindow"


@pytest.fixture
def address(live_server) -> str:
    make_page()
    make_staff("edward")
    return live_server.url


@pytest.fixture
def ids(address) -> dict[str, int]:
    images = make_component("Images")
    other = make_incident("Other trouble", body="\n\n".join("A long story." for _line in range(60)))
    make_incident("The same again", components={images.pk: "major_outage"})
    return {"images": images.pk, "other": other.pk}


@pytest.fixture
def page(address, ids, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    log_in(page, address)
    return page


def pane(page, which: str):
    return page.frame_locator("#preview").frame_locator(which).locator("body")


def test_it_follows_the_typing_and_keeps_focus_pane_scroll_and_history(address, ids, page):
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    page.goto(address + screen("incident_post_update", ids["other"]))
    page.locator("#id_body").press_sequentially("First")
    pane(page, PAGE).get_by_text("First").first.wait_for()
    wait_for_script(page, f"{SCROLLED}.document.readyState === 'complete'")  # all of the long story is there
    page.evaluate(f"{SCROLLED}.scrollTo(0, 300)")
    before = page.evaluate("history.length")

    page.locator("#id_body").press_sequentially(" and second")
    pane(page, PAGE).get_by_text("First and second").first.wait_for()

    assert page.evaluate(f"{SCROLLED}.scrollY") == 300
    assert page.evaluate("document.activeElement.id") == "id_body"
    assert page.evaluate("history.length") == before

    page.frame_locator("#preview").locator("label", has_text="Mail").first.click()
    page.locator("#id_body").press_sequentially(" and third")
    pane(page, MAIL).get_by_text("First and second and third").last.wait_for()
    heading = pane(page, MAIL).locator("h1, [style*=font-size]").first
    assert heading.evaluate("node => node.style.length") > 0
    page.frame_locator("#preview").locator("#width-phone").check()
    assert page.frame_locator("#preview").locator(MAIL).evaluate("frame => frame.offsetWidth") <= 377
    assert complaints == []


def test_a_remark_leads_to_its_words(address, page):
    page.goto(address + screen("incident_open"))
    page.fill("#id_title", "Images late")
    page.fill("#id_body", "We look. Some users wait.")
    page.frame_locator("#preview").locator("a[data-words='Some users']").click()

    body = page.locator("#id_body")
    expect(body).to_be_focused()
    chosen = body.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert chosen == "Some users"

    page.frame_locator("#preview").locator("a[data-control='id_effects-0-function']").click()
    expect(page.locator("#id_effects-0-function")).to_be_focused()

    page.click("button[value=trial]")
    page.frame_locator("#preview").locator(".answer").wait_for()


def test_a_server_that_is_away_is_told_of_beside_the_preview_and_comes_back_by_itself(address, page):
    page.goto(address + screen("incident_open"))
    page.fill("#id_title", "Images late")
    pane(page, PAGE).get_by_text("Images late").first.wait_for()
    page.route("**/preview/", lambda route: route.abort())

    page.fill("#id_title", "Images very late")

    page.locator("#preview-state", has_text="No answer from the server").wait_for()
    page.unroute("**/preview/")
    pane(page, PAGE).get_by_text("Images very late").first.wait_for()
    page.locator("#preview-state", has_text="The server is back").wait_for()


def test_one_request_is_under_way_and_the_newest_words_win(address, page):
    under_way, most = [], []

    def slowly(route):
        under_way.append(route)
        most.append(len(under_way))
        page.locator("#id_title").press_sequentially("x")  # typed while the answer is awaited
        under_way.remove(route)
        route.continue_()

    page.goto(address + screen("incident_open"))
    page.route("**/preview/", slowly, times=2)
    page.fill("#id_title", "Images")
    pane(page, PAGE).get_by_text("Imagesxx").first.wait_for()

    assert max(most) == 1


def test_each_time_reads_beside_its_field_and_one_that_comes_twice_is_asked_about(address, page):
    page.goto(address + screen("scheduledmaintenance_schedule"))
    page.fill("#id_work_starts_at_date", "2100-10-31")
    page.fill("#id_work_starts_at_time", "02:30")
    asked = page.locator("[data-beside=work_starts_at]")
    asked.get_by_text("comes twice on that day").wait_for()

    asked.get_by_label("the second, CET (UTC+1)").check()

    asked.get_by_text("Sunday 31 October 2100, 02:30 CET (01:30 UTC)").wait_for()
    assert asked.get_by_label("the second, CET (UTC+1)").is_checked()
    page.fill("#id_title", "Work")
    page.fill("#id_work_ends_at_date", "2100-10-31")
    page.fill("#id_work_ends_at_time", "05:00")
    pane(page, PAGE).get_by_text("31 October 2100").first.wait_for()


def test_the_next_update_is_promised_by_one_press(address, page):
    page.goto(address + screen("incident_open"))
    page.click("text=tomorrow 09:00")

    said = page.locator("[data-beside=next_update_by] .reads-as")
    said.get_by_text(", 09:00 CE").wait_for()
    tomorrow = said.inner_text()
    page.click("text=in 1 hour")
    expect(said).not_to_have_text(tomorrow)  # before eight it is nine too, today
    assert page.input_value("#id_next_update_by_time")[-1] in "05"


def test_notices_on_the_components_being_chosen_come_first(address, ids, page):
    chosen = f"[name=component-{ids['images']}]"
    page.goto(address + screen("incident_open"))

    page.select_option(chosen, "major_outage")

    listed = page.locator("#id_links-0-target optgroup:first-of-type")
    expect(listed).to_have_attribute("label", "On the same components")
    expect(listed).to_contain_text("The same again")
    page.select_option(chosen, "")
    expect(page.locator("#id_links-0-target optgroup:not([hidden])").first).to_have_attribute("label", "Open now")


def test_without_scripts_a_remark_still_leads_to_its_field(address, browser):
    page = browser.new_page(java_script_enabled=False)
    log_in(page, address)
    page.goto(address + screen("incident_open"))
    page.fill("#id_title", "Images late")
    page.fill("#id_body", "Some users wait.")
    page.press("#id_title", "Enter")
    page.frame_locator("#preview").locator("a[data-words='Some users']").click()
    page.wait_for_url("**/open/#id_body")
    assert page.input_value("#id_body") == "Some users wait."

    assert not Incident.objects.exists()
