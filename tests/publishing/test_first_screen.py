"""What a first-time reader asks of a maintenance is answered before they scroll."""

from __future__ import annotations

import pytest

from tests import story
from tests.browser import served
from tests.make import utc
from tests.render import everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

BEFORE = utc(2013, 11, 7, 9)
ANSWERS = {
    "May I send at 19:00 on Saturday?": (".avoid", "Saturday 9 November 2013, 18:00 CET"),
    "And what am I to do?": (".avoid .prose", "Schedule no mailings from Saturday 18:00 until Sunday 00:00 CET."),
    "Will links in last week's mail work at 22:00?": (".effects tr", "Links in mail already sent"),
    "Is my data safe?": (".facts > div", "No data will be lost."),
    "When does it end?": (".work", "Sunday 10 November 2013, 00:00 CET"),
    "When will I hear more?": (".facts > div", "when the work starts: Saturday 9 November 2013, 21:00 CET"),
}


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)], ids=["phone", "desktop"])
def test_the_first_screen_of_a_notice_answers_what_is_asked_first(width, height, browser):
    components = story.make_components()
    notice = story.announce_work(components, story.tell_power_failure(components))
    with served(everything(BEFORE)) as address:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"{address}/incidents/{notice.code}")
        ends = {}
        for question, (place, answer) in ANSWERS.items():
            box = page.locator(place, has_text=answer).first.bounding_box()
            ends[question] = box["y"] + box["height"]

    assert {question: end for question, end in ends.items() if end > height} == {}
