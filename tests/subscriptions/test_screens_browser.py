"""The screens of subscribers and deliveries in a real browser: live, for everybody, under the strict policy."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from incidents.models import IncidentUpdate
from subscriptions import tasks
from subscriptions.control import pause_notification
from subscriptions.importing import jobs
from subscriptions.models import ChannelPause, Delivery, Notification, RefusedLine, Subscriber, UploadedList
from tests.incidents.screens import screen
from tests.incidents.test_staff_browser import findings, listen, log_in
from tests.make import make_component, make_page, make_staff, make_subscriber
from tests.subscriptions.test_progress import make_notification

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a" * 60 + "@" + "b" * 60 + ".example.com"
CSV = f"address,confirmed_at,plan\nann@example.com,2013-11-09\nbob@example.com\n{'x' * 120},\n=1+1\n"


def admin_url(name: str, *args: int) -> str:
    return reverse(f"admin:subscriptions_{name}", args=args)


def meanwhile(work: Callable[[], Any]) -> None:
    """Do something in the database while a browser is open: Django allows it in no thread that drives one."""

    def do() -> None:
        work()
        connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(do).result()


def tell_deliveries(client: Client) -> list[str]:
    """Every screen, in the middle of things; `client` uploads a list."""
    make_page()
    edward = make_staff("edward", email="edward@example.com")
    sending = make_notification(*["sent"] * 30, *["queued"] * 20, "failed", "skipped")
    paused = make_notification("sent", "queued")
    pause_notification(paused, actor_name="Edward", reason="a wrong date " * 10, now=timezone.now())
    ChannelPause.objects.create(channel="email", since=timezone.now(), until=timezone.now(), reason="535 no")
    reader = make_subscriber(LONG, components=[make_component("Mailings", group="Sending")])
    Delivery.objects.create(notification=sending, subscriber=reader, state="failed", last_error="550 " + "no" * 80)
    client.force_login(edward)
    upload = client.post(admin_url("lists"), {"file": SimpleUploadedFile("list.csv", CSV.encode())}).url
    now = timezone.now()
    done = UploadedList.objects.create(
        uploaded_by=edward, name="done.csv", confirmed_at=now, finished_at=now, last_line=5, cursor=5, new=2, refused=1
    )
    RefusedLine.objects.create(upload=done, line=4, value="x" * 120, reason="Write an address such as ann@example.com.")
    return [
        admin_url("notification_changelist"),
        admin_url("notification_change", sending.pk),
        admin_url("notification_change", paused.pk),
        admin_url("notification_retry", sending.pk),
        admin_url("delivery_changelist") + f"?notification__id__exact={sending.pk}",
        admin_url("subscriber_changelist"),
        admin_url("subscriber_change", reader.pk),
        admin_url("lists"),
        upload,
        admin_url("lists_uploaded", done.pk),
        screen("incident_change", sending.update.incident_id),
        screen("incident_open"),
    ]


@pytest.fixture
def pages(live_server, client) -> list[str]:
    return tell_deliveries(client)


def test_each_screen_is_for_everybody_and_keeps_the_policy(live_server, pages, browser):
    found = []
    page = browser.new_page()
    complaints = listen(page)
    log_in(page, live_server.url)
    for path in pages:
        page.goto(live_server.url + path)
        found += findings(page, path)

    assert not found, "\n".join(map(str, found))
    assert complaints == []


def test_progress_moves_by_itself_and_stops_when_all_is_done(live_server, browser):
    make_page()
    make_staff("edward")
    notification = make_notification("queued", "queued", fanned_out_at=None, max_subscriber_id=10, cursor=5)
    waiting = Delivery.objects.filter(state="queued")
    asked = []

    def send_one() -> None:
        Notification.objects.update(fanned_out_at=timezone.now(), cursor=10)
        Delivery.objects.filter(pk=waiting.first().pk).update(state="sent", sent_at=timezone.now())

    page = browser.new_page()
    page.clock.install()
    log_in(page, live_server.url)
    page.goto(live_server.url + admin_url("notification_change", notification.pk))
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)
    page.get_by_text("still being found").first.wait_for()

    meanwhile(send_one)
    page.get_by_text("Being sent: 1 of 2.").wait_for()
    assert page.locator("progress").evaluate("bar => bar.value") == 50
    assert page.get_by_role("status").inner_text() == "50% done"
    assert page.get_by_role("link", name="Failed deliveries").count() == 0

    meanwhile(lambda: waiting.update(state="failed", last_error="550 no such mailbox"))
    page.get_by_text("Done: 2 of 2.").first.wait_for()
    page.get_by_role("link", name="Failed deliveries").wait_for()
    assert not page.get_by_role("button", name="Pause").is_visible()
    before = len(asked)
    page.clock.run_for(60_000)

    assert len(asked) == before >= 2


def test_a_notice_just_published_is_followed_from_the_first_moment(live_server, browser):
    make_page()
    make_staff("edward")
    page = browser.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + screen("incident_open"))
    page.fill("#id_title", "Images do not show")
    page.fill("#id_body", "We are looking into it.")
    page.click("button[value=publish]")
    page.get_by_text("Waiting for the worker to begin.").wait_for()

    meanwhile(lambda: make_notification("sent", "queued", update=IncidentUpdate.objects.get()))
    page.get_by_text("Being sent: 1 of 2.").wait_for()


def test_an_import_moves_by_itself_and_shows_at_its_end_what_was_refused(live_server, pages, monkeypatch, browser):
    monkeypatch.setattr(jobs, "SLICE", 1)
    upload = pages[8]
    page = browser.new_page()
    log_in(page, live_server.url)
    page.goto(live_server.url + upload)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Import").click()
    page.get_by_text("Waiting for the worker to begin.").first.wait_for()

    meanwhile(lambda: tasks.import_lists(budget=0))
    page.get_by_text("Being imported: line 2 of 5.").wait_for()
    assert page.locator("[data-shows=new]").inner_text() == "1"
    assert page.locator("[data-at-end] table").count() == 0

    meanwhile(tasks.import_lists)
    page.locator("[data-at-end] table").get_by_text("=1+1").wait_for()
    assert page.get_by_role("status").inner_text() == "Imported: all lines are done."


def test_staff_pause_import_and_try_a_draft_without_scripts(live_server, pages, settings, browser):
    sending, lists = pages[1], admin_url("lists")
    page = browser.new_page(java_script_enabled=False)
    log_in(page, live_server.url)
    page.goto(live_server.url + sending)
    page.get_by_label("Why").fill("a wrong date")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("It goes on.").wait_for()

    page.goto(live_server.url + lists)
    page.get_by_label("CSV file").set_input_files(
        {"name": "l.csv", "mimeType": "text/csv", "buffer": b"address,confirmed_at\ncleo@example.com,2013-11-09\n"}
    )
    page.get_by_role("button", name="Show what it would change").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Import").click()
    page.get_by_text("Waiting for the worker to begin.").first.wait_for()
    meanwhile(tasks.import_lists)
    page.reload()
    page.get_by_text("Imported: all lines are done.").first.wait_for()

    page.goto(live_server.url + screen("incident_open"))
    page.fill("#id_title", "Images do not show")
    page.fill("#id_body", "We are looking into it.")
    page.get_by_role("button", name="Send a test to edward@example.com").click()
    page.frame_locator("#preview").get_by_text("the test for edward@example.com lies in the Outbox").wait_for()

    assert Subscriber.objects.active().filter(endpoint="cleo@example.com").exists()
    assert len(list(settings.OUTBOX_DIR.glob("*.eml"))) == 1
