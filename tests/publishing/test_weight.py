"""What a first visit to each page costs a reader on a phone: `python -m bench.weight` measures the same of the demo."""

from __future__ import annotations

import pytest

from bench.weight import busy_and_calm, table
from tests.publishing.test_accessibility import everything_at_once

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

BYTES = 60_000  # with style sheets, scripts, fonts and pictures
REQUESTS, BLOCKING, ELEMENTS = 26, 6, 1_500  # of which those for news and for the offline copy come later
SHIFT = 0.05  # by what scripts add for this reader: how long until then; Chromium calls 0.1 good


def test_a_first_visit_is_light_still_and_begins_with_the_answer(browser):
    everything_at_once()

    weights = busy_and_calm(browser)

    told = "\n" + table(weights)
    assert [one.page for one in weights if one.bytes > BYTES] == [], told
    assert [one.page for one in weights if one.requests > REQUESTS or one.blocking > BLOCKING] == [], told
    assert [one.page for one in weights if one.elements > ELEMENTS] == [], told
    assert [one.page for one in weights if one.shift > SHIFT] == [], told
    assert [one.foreign for one in weights if one.foreign] == []
    assert [one.page for one in weights if not one.begins or "main" not in one.largest] == [], told
