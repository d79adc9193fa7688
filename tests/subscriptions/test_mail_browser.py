"""The HTML of mails in a real browser: in light and dark, narrow and wide, and as programs that know less show it."""

from __future__ import annotations

import pytest

from incidents.actions import post_update
from incidents.corrections import edit_update
from incidents.staff_reminders import to_dos
from incidents.values import UpdateText
from subscriptions.models import Notification
from subscriptions.wording import Words, write, write_correction, write_to_dos, write_update
from tests import story
from tests.browser import DARK, DARK_PHONE, LIGHT, LIGHT_PHONE, OFF, flaws, unreadable
from tests.make import make_incident, make_subscribers, utc

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NOW = utc(2013, 11, 9, 21)

# A mail is shown inside a page, whose landmarks are not its own.
NO_LANDMARKS = {"landmark-one-main": OFF, "region": OFF}

LINKS = {purpose: f"https://status.example.com/{purpose}" for purpose in ("confirm", "manage", "unsubscribe")}


# As programs show it that take no media queries: what stands on the elements is all there is.
WITHOUT_STYLE_SHEET = "document.querySelectorAll('style').forEach(sheet => sheet.remove())"
# As web mail shows it that paints its own ground behind a mail.
ON_A_BLACK_GROUND = (
    "document.querySelector('.outer').style.backgroundColor = document.body.style.backgroundColor = '#121212'"
)


def every_mail() -> dict[str, Words]:
    """One of each kind, by what it is, and of the longest and the strangest."""
    components = story.make_components()
    cause = story.tell_power_failure(components)
    work = story.announce_work(components, cause)
    story.post_all_clear(work)
    body = "Late.\n\n| queue | late |\n| - | - |\n| bulk | 20 min |\n\n> So.\n\n`code` https://example.com/" + "x" * 90
    incident = make_incident("השירות איטי", body=body, components={components[0].pk: "major_outage"})
    late = UpdateText(status="monitoring", body="- a\n- b", next_update_by=utc(2013, 11, 9, 20, 30))
    post_update(incident, late, actor=None)
    waiting = to_dos(NOW)
    post_update(incident, UpdateText(status="resolved", body="Over."), actor=None)
    revised = edit_update(
        incident.updates.first(), "On *time*.", kind="correction", why="It was not late.", actor=None, notify=False
    )
    updates = [*cause.updates.all(), *work.updates.all(), *incident.updates.all()]
    style = {"language": "en", "time_zone": ""}
    found = {f"{update}": write_update(update, LINKS, **style) for update in updates}
    found["correction"] = write_correction(revised.revisions.get(), LINKS, **style)
    found["catch up"] = write_update(incident.updates.last(), LINKS, **style, template="catch_up")
    to_come = story.announce_work(components, cause)
    reminder = Notification(
        purpose="reminder", update=to_come.updates.get(), lead_minutes=60, starts_at=story.WORK_STARTS
    )
    found["reminder"] = write(reminder, LINKS, **style)
    found["to do"] = write_to_dos(waiting, now=NOW)
    (reader,) = make_subscribers(1)
    for purpose, about in (("confirm", None), ("manage", None), ("manage", incident), ("choices", None)):
        notification = Notification(purpose=purpose, subscriber=reader, incident=about)
        found[f"{purpose}, {about}"] = write(notification, LINKS, **style)
    return found


@pytest.fixture
def mails() -> dict[str, Words]:
    return every_mail()


def test_each_mail_is_for_everybody_however_it_is_shown(mails, browser):
    found = []
    page = browser.new_page()
    for name, words in mails.items():
        page.set_content(words.html)
        found += flaws(page, name, LIGHT_PHONE, DARK, rules=NO_LANDMARKS)
        page.evaluate(WITHOUT_STYLE_SHEET)
        found += unreadable(page, f"{name}, without style sheet", DARK_PHONE)
        page.evaluate(ON_A_BLACK_GROUND)
        found += unreadable(page, f"{name}, on a black ground", LIGHT)

    assert not found, "\n".join(map(str, found))
