"""The story of an incident, from the first screen to the end of it, told by keyboard alone."""

from __future__ import annotations

import pytest

from incidents.models import Incident
from tests.browser import wait_for_script
from tests.incidents.test_staff_browser import log_in
from tests.make import make_component, make_page, make_staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FAR = 80
HERE = """() => {
  const here = document.activeElement;
  if (here === document.body) return '';
  const label = here.labels?.[0]?.innerText ?? here.getAttribute('aria-label') ?? '';
  return [here.id, here.innerText ?? '', here.value ?? '', label].join('|');
}"""
RING = "() => getComputedStyle(document.activeElement).outlineStyle"


@pytest.fixture
def told(live_server):
    make_page()
    make_staff("edward")
    make_component("Images")
    yield live_server.url
    incident = Incident.objects.get()
    assert list(incident.updates.order_by("pk").values_list("status", "body")) == [
        ("investigating", "We are looking into it."),
        ("identified", "A full disk."),
        ("resolved", "Images show again."),
    ]


def tab_to(page, words: str) -> None:
    """Press Tab until what has the focus says `words`; whatever it is, it must be seen to have the focus."""
    passed = []
    for _press in range(FAR):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(HERE))
        if words in passed[-1]:
            assert page.evaluate(RING) != "none"
            return
    raise AssertionError(f"no way to {words!r} past {passed}")


def publish(page) -> None:
    tab_to(page, "|publish|")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")


def test_an_incident_is_opened_updated_and_resolved_by_keyboard_alone(told, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    log_in(page, told)
    tab_to(page, "Open an incident")
    page.keyboard.press("Enter")
    page.wait_for_url("**/open/")

    tab_to(page, "id_title")
    page.keyboard.type("Images do not show")
    page.keyboard.press("Enter")  # a slip: it looks, and publishes nothing
    wait_for_script(page, "() => document.activeElement.id === 'preview'")
    page.keyboard.press("Escape")
    wait_for_script(page, "() => document.activeElement.id === 'id_title'")
    tab_to(page, "id_body")
    page.keyboard.type("We are looking into it.")
    page.keyboard.press("Control+Enter")
    wait_for_script(page, "() => document.activeElement.id === 'preview'")
    page.frame_locator("#preview").frame_locator("[data-pane=page] iframe").get_by_text("looking").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    wait_for_script(page, "() => document.activeElement.id === 'id_body'")
    tab_to(page, "in 1 hour")
    page.keyboard.press("Enter")
    publish(page)

    tab_to(page, "Post update")
    page.keyboard.press("Enter")
    page.wait_for_url("**/post-update/")
    tab_to(page, "Investigating")
    page.keyboard.press("ArrowDown")
    tab_to(page, "id_body")
    page.keyboard.type("A full disk.")
    publish(page)

    tab_to(page, "Resolve")
    page.keyboard.press("Enter")
    page.wait_for_url("**/post-update/?status=resolved")
    tab_to(page, "id_body")
    page.keyboard.type("Images show again.")
    publish(page)
