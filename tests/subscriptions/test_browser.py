"""The subscribers' pages in a real browser: for everybody, on any screen, and safe from scanners that run scripts."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from publishing.artefact import Artefact
from subscriptions.models import Notification, Subscriber
from subscriptions.tokens import make_token
from tests.browser import DARK, FORCED_PHONE, LIGHT_PHONE, flaws, lost_on_the_way, served, tight_spots
from tests.make import make_component, make_incident, make_maintenance, make_page, make_subscriber
from tests.render import everything

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def answer(path, name, **data):
    """What Django answers, to be served as `name`."""
    body = (Client().post(path, data) if data else Client().get(path)).content
    return Artefact(f"/{name}", "text/html; charset=utf-8", body)


def subscriber_pages() -> list[Artefact]:
    """Each page that a subscriber meets, with as much on it as there can be."""
    make_page(name="Copernica")
    parts = [make_component(name, group="Mail in flight") for name in ("Sending", "Links in sent mail", "Images")]
    parts += [
        make_component("The application itself"),
        make_component("Hyperlink-redirection-for-everybody-everywhere"),
    ]
    incident = make_incident("Links in sent mail are slow", components={parts[1].pk: "degraded_performance"})
    start = timezone.now() + dt.timedelta(days=2)
    work = make_maintenance("Work on the power feeds", starts=start, ends=start + dt.timedelta(hours=3))
    some = make_subscriber("ann@example.com", components=parts[:1], groups=[parts[0].group])
    some.notices.add(work)
    pending = make_subscriber("a.very.long.name.of.somebody@subdomain.example.com", state="pending")
    keys = {purpose: f"/subscribe/{purpose}/{make_token(some, purpose)}" for purpose in ("manage", "unsubscribe")}
    confirm = f"/subscribe/confirm/{make_token(pending, 'confirm')}"
    return [
        *(artefact for artefact in everything(timezone.now()) if artefact.path.startswith("/assets/")),
        answer("/subscribe/", "subscribe"),
        answer("/subscribe/?choose=1", "choose"),
        answer("/subscribe/?notice=nonesuch", "over"),
        answer("/subscribe/", "wrong", email="ann", scope="some", shown="1", time_zone="Mars/Base"),
        answer(f"/subscribe/?notice={incident.code}", "notice"),
        answer("/subscribe/check-mail", "check-mail"),
        answer(confirm, "confirm"),
        answer(confirm, "confirmed", yes="1"),
        answer(f"{keys['manage']}?notice={incident.code}", "manage"),
        answer(keys["manage"], "manage-saved", scope="all"),
        answer(keys["manage"], "manage-wrong", scope="some", shown="1"),
        answer(keys["unsubscribe"], "unsubscribe"),
        answer("/subscribe/manage/junk", "void"),
        answer(keys["unsubscribe"], "unsubscribed", yes="1"),
    ]


@pytest.fixture
def artefacts():
    return subscriber_pages()


def page_paths(artefacts):
    return [artefact.path for artefact in artefacts if artefact.content_type.startswith("text/html")]


def test_each_page_is_for_everybody_and_keeps_the_policy(artefacts, browser):
    found = []
    with served(artefacts) as address:
        page = browser.new_page()
        page.on("console", lambda message: found.append(message.text))
        for path in page_paths(artefacts):
            page.goto(address + path)
            found += lost_on_the_way(page, path)
            found += flaws(page, path, LIGHT_PHONE, DARK, FORCED_PHONE)
            found += tight_spots(page, path)

    assert not found, "\n".join(map(str, found))


def test_a_form_is_filled_in_by_keyboard_and_asks_only_what_is_needed(artefacts, browser):
    with served(artefacts) as address:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(address + "/subscribe")
        page.locator("#email").focus()
        page.keyboard.type("ann@example.com")
        is_folded = not page.locator("#scope-some").is_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # on "Choose what you hear of"
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        chosen = page.locator("#scope-some").is_checked()
        shows_parts = page.locator(".tree").is_visible()
        page.locator("#kind-maintenance").uncheck()

        assert (is_folded, chosen, shows_parts) == (True, True, True)
        assert not page.locator("#kind-reminders").is_visible()


@pytest.mark.django_db(transaction=True)
def test_a_scanner_that_runs_scripts_changes_nothing(live_server, browser):
    """Some mail scanners open every link in a browser and stay for a while: here, a minute of its clock."""
    make_page()
    make_incident()
    active, pending = make_subscriber("ann@example.com"), make_subscriber("bob@example.com", state="pending")
    before = list(Subscriber.objects.order_by("pk").values()), Notification.objects.count()
    paths = [f"/subscribe/{purpose}/{make_token(active, purpose)}" for purpose in ("confirm", "manage", "unsubscribe")]
    paths += [f"/subscribe/{purpose}/{make_token(pending, purpose)}" for purpose in ("confirm", "unsubscribe")]
    files = {artefact.path: artefact for artefact in everything(timezone.now())}
    pages = [browser.new_page() for _path in paths]
    for page, path in zip(pages, paths, strict=True):
        page.clock.install()
        page.route("**/assets/*", lambda route: route.fulfill(**_file(files, route.request.url)))
        page.goto(live_server.url + path)
        page.keyboard.press("Tab")
        page.clock.run_for(60_000)
    for page in pages:
        page.wait_for_load_state("networkidle")
    titles = [page.locator("h1").inner_text() for page in pages]

    assert titles == [
        "You are subscribed",
        "Your subscription",
        "Stop all mails?",
        "One click to go",
        "Stop all mails?",
    ]
    assert (list(Subscriber.objects.order_by("pk").values()), Notification.objects.count()) == before


def _file(files, url):
    artefact = files["/" + url.split("/", 3)[3]]
    return {"body": artefact.body, "content_type": artefact.content_type}
