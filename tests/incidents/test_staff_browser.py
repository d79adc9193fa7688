"""The staff screens in a real browser: for everybody, on any screen, under the strict policy."""

from __future__ import annotations

import pytest
from django.utils import timezone

from incidents.actions import post_update
from incidents.models import Incident
from incidents.values import EffectLine, NoticeDetails, UpdateText
from tests.browser import DARK_PHONE, FORCED, LIGHT, flaws, open_browser
from tests.incidents.screens import screen
from tests.make import make_component, make_incident, make_maintenance, make_page, make_staff, utc

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def notices(live_server) -> dict[str, int]:
    """A page in the middle of things; ids by what they are."""
    make_page()
    edward = make_staff("edward")
    mailings, images = make_component("Mailings", group="Sending"), make_component("Images")
    held = {mailings.pk: "degraded_performance"}
    incident = make_incident("Mailings leave late", components=held, actor=edward)
    overdue = UpdateText(status="identified", body="A **full** disk.", next_update_by=timezone.now())
    post_update(incident, overdue, actor=edward)
    draft = post_update(incident, UpdateText(status="resolved", body="Done."), actor=edward, publish=False)
    maintenance = make_maintenance(
        starts=utc(2100, 1, 2, 20),
        ends=utc(2100, 1, 2, 23),
        components={images.pk: "under_maintenance"},
        details=NoticeDetails(reason="So.", effects=[EffectLine("Images", "unavailable", "in sent mail too")]),
        actor=edward,
    )
    return {"incident": incident.pk, "draft": draft.pk, "maintenance": maintenance.pk}


def screens(notices: dict[str, int]) -> list[str]:
    incident, maintenance, draft = (notices[name] for name in ("incident", "maintenance", "draft"))
    return [
        "/admin/",
        screen("incident_open"),
        screen("scheduledmaintenance_schedule"),
        screen("incident_post_update", incident),
        screen("incident_all_clear", maintenance),
        screen("incident_cancel", maintenance),
        screen("incident_edit", maintenance),
        screen("incident_move", maintenance),
        screen("incident_draft", draft),
        screen("incident_discard", draft),
        screen("incident_change", incident),
        screen("scheduledmaintenance_change", maintenance),
        screen("incident_changelist"),
        screen("component_changelist"),
        screen("page_change", 1),
        screen("change_changelist"),
    ]


def log_in(page, address: str) -> None:
    page.goto(f"{address}/admin/login/?next=/admin/")
    page.fill("#id_username", "edward")
    page.fill("#id_password", "correct horse battery")
    page.click("[type=submit]")


def findings(page, where: str) -> list[tuple]:
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    return flaws(page, where, LIGHT, DARK_PHONE, FORCED)


def test_axe_finds_nothing_and_nothing_is_cut_off(live_server, notices):
    found = []
    with open_browser() as browser:
        page = browser.new_page()
        page.goto(f"{live_server.url}/admin/login/")
        found += findings(page, "login")
        log_in(page, live_server.url)
        for path in screens(notices):
            page.goto(live_server.url + path)
            found += findings(page, path)
        page.goto(live_server.url + screen("incident_open"))
        page.click("text=Publish incident")
        found += findings(page, "a refused form")

    assert found == []


def test_the_policy_is_never_broken_and_no_script_fails(live_server, notices):
    complaints = []
    with open_browser() as browser:
        page = browser.new_page()
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        log_in(page, live_server.url)
        for path in screens(notices):
            page.goto(live_server.url + path)

    assert complaints == []


def test_a_colleague_writes_looks_and_publishes(live_server, notices):
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        log_in(page, live_server.url)
        page.click("text=Post update >> nth=0")
        page.fill("#id_body", "Mailings leave **on time** again.")
        page.check("text=Resolved")
        page.click("button[value=preview]")
        preview = page.frame_locator("#preview")
        shown = preview.frame_locator(".pane-1 iframe").locator("body")
        shown.get_by_text("Mailings leave on time again.").first.wait_for()
        preview.locator("label", has_text="Mail").first.click()
        page.dblclick("button[value=publish]")
        page.wait_for_url("**/change/")
        message = page.locator(".messagelist").inner_text()

    incident = Incident.objects.get(pk=notices["incident"])
    assert "See it on the public page" in message
    assert (incident.status, incident.updates.public().count()) == ("resolved", 3)


def test_everything_works_without_scripts(live_server, notices):
    with open_browser() as browser:
        page = browser.new_page(java_script_enabled=False)
        log_in(page, live_server.url)
        page.goto(live_server.url + screen("incident_open"))
        page.fill("#id_title", "Images do not show")
        page.fill("#id_body", "We are looking into it.")
        page.click("summary:has-text('Effects')")
        page.fill("#id_effects-2-function", "Images")
        page.select_option("#id_effects-2-level", "unavailable")
        page.click("button[value=preview]")
        page.frame_locator("#preview").get_by_text("Times, as customers read them").wait_for()
        page.click("button[value=publish]")
        page.wait_for_url("**/change/")

    assert str(Incident.objects.get(title="Images do not show").effects.get()) == "Images: Unavailable"


def test_leaving_with_words_unsaved_is_asked_about(live_server, notices):
    asked = []
    with open_browser() as browser:
        page = browser.new_page()
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        log_in(page, live_server.url)
        page.goto(live_server.url + screen("incident_open"))
        page.locator("#id_title").press_sequentially("Late")
        page.goto(live_server.url + "/admin/")

    assert asked == ["beforeunload"]
