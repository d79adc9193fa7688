"""Browsers of some years ago, which docs/architecture.md promises to serve: Chromium, less what they did not know."""

from __future__ import annotations

import pytest

from incidents.models import IncidentUpdate
from tests.browser import open_browser, served
from tests.incidents.screens import screen
from tests.incidents.test_staff_browser import log_in
from tests.make import make_component, make_incident, make_page, make_staff, utc
from tests.render import everything

pytestmark = pytest.mark.browser

# Safari 15 knew no AbortSignal.timeout, Firefox 115 no :has(), and Safari 16.3 no button of a FormData.
OLDER = """
delete AbortSignal.timeout;
for (const kind of [Document, Element, DocumentFragment]) for (const name of ["querySelector", "querySelectorAll"]) {
  const plain = kind.prototype[name];
  kind.prototype[name] = function (selector) {
    if (selector.includes(":has(")) throw new SyntaxError(selector);
    return plain.call(this, selector);
  };
}
window.FormData = class extends FormData { constructor(form) { super(form); } };
"""


@pytest.mark.django_db
def test_the_page_looks_for_news_and_shows_first_what_its_reader_uses():
    make_page()
    for name in ("Images", "Links"):
        make_component(name)
    make_incident("Links are late", at=utc(2026, 3, 2, 9))
    with served(everything(utc(2026, 3, 2, 10))) as address, open_browser() as browser:
        page = browser.new_page()
        page.add_init_script(OLDER)
        with page.expect_request("**/live.json", timeout=5000):
            page.goto(address)
        page.get_by_role("button", name="Choose").click()
        page.get_by_label("Links").check()
        page.get_by_role("button", name="Keep this choice").click()

        assert page.locator(".component .name:visible").all_inner_texts() == ["Links", "Images"]


@pytest.mark.django_db(transaction=True)
def test_a_draft_is_not_published(live_server):
    make_page()
    make_staff("edward")
    with open_browser() as browser:
        page = browser.new_page()
        page.add_init_script(OLDER)
        log_in(page, live_server.url)
        page.goto(live_server.url + screen("incident_open"))
        page.fill("#id_title", "Images do not show")
        page.fill("#id_body", "We are looking into it.")
        page.click("button[value=draft]")
        page.wait_for_url("**/change/")

    assert IncidentUpdate.objects.get().is_draft
