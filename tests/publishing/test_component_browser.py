"""The bars and the calendar of a function in a real browser."""

from __future__ import annotations

import datetime as dt

import pytest

from incidents.actions import post_update
from incidents.values import UpdateText
from tests.browser import served
from tests.make import make_component, make_incident, make_page, utc
from tests.render import everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NOW = utc(2026, 11, 29, 12)

# Where the bars of the days lie that are drawn one by one, and what of them is seen.
BARS = """[...document.querySelectorAll(".component .bars")].map(bars => {
  const seen = bars.parentElement.getBoundingClientRect();
  return [...bars.querySelectorAll("rect")].map(bar => {
    const box = bar.getBoundingClientRect();
    return [box.left, box.right].map(edge => Math.round(100 * (edge - seen.left) / seen.width));
  });
})"""


def test_days_of_trouble_are_found_by_keyboard_and_a_phone_shows_thirty(browser):
    make_page()
    mail = make_component("Mailings", group="Sending", start_date=dt.date(2026, 1, 1))
    for day, status in [(utc(2026, 9, 15, 9), "partial_outage"), (utc(2026, 11, 29, 9), "major_outage")]:
        incident = make_incident("Down", components={mail.pk: status}, at=day)
        over = UpdateText(status="resolved", body="Over.", components={mail.pk: "operational"})
        post_update(incident, over, actor=None, at=day + dt.timedelta(hours=1))

    with served(everything(NOW)) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        assert page.evaluate(BARS) == [[[99, 100], [16, 16]]]  # the newest first
        assert page.get_by_text("the last 90 up to today").is_visible()
        page.set_viewport_size({"width": 320, "height": 640})
        ((today, (_left, right_of_september)),) = page.evaluate(BARS)
        assert today == [97, 99]
        assert right_of_september < 0
        assert page.get_by_text("the last 30 up to today").is_visible()
        assert not page.get_by_text("the last 90 up to today").is_visible()

        page.get_by_role("link", name="Mailings").click()
        page.get_by_role("link", name="Sunday 29 November 2026: Major outage for 1 h").focus()
        page.keyboard.press("Tab")  # all quiet days between are passed over
        focused = page.locator(":focus")
        assert focused.get_attribute("aria-label") == "Tuesday 15 September 2026: Partial outage for 1 h"
        size = focused.bounding_box()
        assert min(size["width"], size["height"]) >= 24
        page.keyboard.press("Enter")
        page.wait_for_url("**#day-2026-09-15")
        target = page.locator(":target")
        assert target.get_by_role("link", name="Down").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
