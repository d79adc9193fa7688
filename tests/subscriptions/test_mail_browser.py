"""The HTML of mails in a real browser: in light and dark, narrow and wide, and as programs that know less show it."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from incidents.actions import post_update
from incidents.values import UpdateText
from subscriptions.models import Notification
from subscriptions.wording import write, write_update
from tests import story
from tests.browser import open_browser
from tests.make import make_incident, make_subscribers, utc

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# A mail is shown inside a page, whose landmarks are not its own.
NO_LANDMARKS = {"rules": {"landmark-one-main": {"enabled": False}, "region": {"enabled": False}}}

LINKS = {purpose: f"https://status.example.com/{purpose}" for purpose in ("confirm", "manage", "unsubscribe")}


def as_meant(html: str) -> str:
    return html


def without_style_sheet(html: str) -> str:
    """As programs show it that take no media queries: what stands on the elements is all there is."""
    return re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def on_a_black_ground(html: str) -> str:
    """As web mail shows it that paints its own ground behind a mail."""
    return without_style_sheet(html).replace("background-color: #f3f4f6", "background-color: #121212")


@pytest.fixture
def mails() -> dict[str, str]:
    components = story.make_components()
    cause = story.tell_power_failure(components)
    work = story.announce_work(components, cause)
    story.post_all_clear(work)
    body = "Late.\n\n| queue | late |\n| - | - |\n| bulk | 20 min |\n\n> So.\n\n`code` https://example.com/" + "x" * 90
    incident = make_incident("השירות איטי", body=body, components={components[0].pk: "major_outage"})
    late = UpdateText(status="monitoring", body="- a\n- b", next_update_by=utc(2013, 11, 9, 20, 30))
    post_update(incident, late, actor=None)
    post_update(incident, UpdateText(status="resolved", body="Over."), actor=None)
    updates = [*cause.updates.all(), *work.updates.all(), *incident.updates.all()]
    found = {f"{update}": write_update(update, LINKS, language="en", time_zone="").html for update in updates}
    (reader,) = make_subscribers(1)
    for purpose in ("confirm", "manage"):
        notification = Notification.objects.create(purpose=purpose, subscriber=reader)
        found[purpose] = write(notification, LINKS, language="en", time_zone="").html
    return found


@pytest.mark.parametrize(
    ("shown", "scheme", "width"),
    [
        (as_meant, "light", 320),
        (as_meant, "dark", 320),
        (as_meant, "dark", 1280),
        (without_style_sheet, "dark", 320),
        (on_a_black_ground, "light", 1280),
    ],
)
def test_axe_finds_nothing_and_nothing_is_cut_off(mails, shown, scheme, width):
    found = []
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        for name, html in mails.items():
            page.set_content(shown(html))
            found += [
                (name, violation["id"], [node["html"] + node["failureSummary"] for node in violation["nodes"]])
                for violation in Axe().run(page, options=NO_LANDMARKS).response["violations"]
            ]
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [(name, "scrolls sideways", wide)] if wide > width else []

    assert found == []
