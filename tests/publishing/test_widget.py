"""The widget in a real browser, on a site of somebody else that allows next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from publishing.artefact import Artefact
from publishing.formats import widget
from publishing.loading import load_state
from tests.browser import served
from tests.make import make_component, make_incident, make_page, utc

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

OURS_ALONE = "default-src 'none'; script-src {ours}"
POLICIES = {
    "nothing but our script": OURS_ALONE,
    "and trusted types": f"{OURS_ALONE}; require-trusted-types-for 'script'; trusted-types 'none'",
    "in a sandbox": f"{OURS_ALONE}; sandbox allow-scripts",
}


@pytest.fixture
def script() -> Artefact:
    make_page(name="Copernica </script> & <b>")
    images = make_component("Images")
    make_incident("Images <i>load</i> slowly", components={images.pk: "partial_outage"}, at=utc(2026, 3, 4, 9))
    (artefact,) = widget.page(load_state(utc(2026, 3, 4, 12)))
    return artefact


@contextmanager
def foreign_page(browser: Browser, script: Artefact, policy: str, **look: str) -> Iterator[tuple[Page, list[str]]]:
    """A page of another origin with the one line in it, and what the browser complained of."""
    complaints: list[str] = []
    with served([script]) as ours:
        embedding = f'<!doctype html><title>Theirs</title><p>Ours:</p><script async src="{ours}/widget.js"></script>'
        theirs = Artefact("/", "text/html; charset=utf-8", embedding.encode())
        with served([theirs], policy=policy.format(ours=ours)) as address:
            page = browser.new_page(**look)
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(address)
            yield page, complaints


@pytest.mark.parametrize("policy", POLICIES)
def test_one_line_shows_how_things_are_under_a_strict_policy(script, policy, browser):
    with foreign_page(browser, script, POLICIES[policy]) as (page, complaints):
        links = [(link.inner_text(), link.get_attribute("href")) for link in page.locator("div a").all()]
        dot = page.locator("i").first.evaluate("dot => getComputedStyle(dot).backgroundColor")

    assert [text for text, _href in links] == [
        "Copernica </script> & <b>: Partial System Outage",
        "Images <i>load</i> slowly",
    ]
    assert links[0][1] == "http://127.0.0.1:8000/"
    assert links[1][1].startswith("http://127.0.0.1:8000/incidents/")
    assert dot == "rgb(194, 65, 12)"
    assert complaints == []


def test_it_is_dark_where_its_surroundings_are(script, browser):
    backgrounds = []
    for scheme in ("light", "dark"):
        with foreign_page(browser, script, OURS_ALONE, color_scheme=scheme) as (page, _complaints):
            box = page.locator("div > div").first
            backgrounds.append(box.evaluate("box => getComputedStyle(box).backgroundColor"))

    assert backgrounds == ["rgb(255, 255, 255)", "rgb(22, 27, 34)"]
