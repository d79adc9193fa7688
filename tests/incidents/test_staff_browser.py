"""The staff screens in a real browser: for everybody, on any screen, under the strict policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from incidents.actions import post_update
from incidents.models import Incident
from incidents.prepared import Prepared
from incidents.review import send_back
from incidents.template_actions import save_template
from incidents.timing import schedule_draft
from incidents.values import EffectLine, NoticeDetails, UpdateText
from tests.browser import DARK_PHONE, FORCED_PHONE, LIGHT, flaws, lost_on_the_way, tight_spots
from tests.incidents.screens import screen
from tests.make import make_component, make_incident, make_maintenance, make_page, make_staff, utc

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tell_staff_notices() -> dict[str, int]:
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
    planned = post_update(incident, UpdateText(status="monitoring", body="Better."), actor=None, publish=False)
    schedule_draft(planned, utc(2100, 1, 2), actor=edward)
    make_page(needs_review=True)
    submitted = post_update(incident, UpdateText(status="resolved", body="All well."), actor=None, publish=False)
    send_back(submitted, "Since when?", actor=edward)
    post_update(incident, UpdateText(status="monitoring", body="Soon."), actor=None, urgent_because="Fire.")
    make_page(needs_review=False)
    prepared = Prepared("maintenance", "Power work", body="((functions)) on ((floor))", work_minutes=180)
    template = save_template(replace(prepared, effects=[EffectLine("Images", "slower")]), actor=edward)
    ids = {"incident": incident.pk, "draft": draft.pk, "maintenance": maintenance.pk}
    return ids | {"planned": planned.pk, "submitted": submitted.pk, "template": template.pk}


@pytest.fixture
def notices(live_server) -> dict[str, int]:
    return tell_staff_notices()


def screens(notices: dict[str, int]) -> list[str]:
    incident, maintenance, draft, template = (
        notices[name] for name in ("incident", "maintenance", "draft", "template")
    )
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
        screen("incident_review", notices["planned"]),
        screen("incident_draft", notices["submitted"]),
        screen("incident_change", incident),
        screen("scheduledmaintenance_change", maintenance),
        screen("incident_changelist"),
        screen("component_changelist"),
        screen("page_change", 1),
        screen("change_changelist"),
        f"{screen('scheduledmaintenance_schedule')}?template={template}",
        screen("incidenttemplate_changelist"),
        screen("incidenttemplate_change", template),
        screen("incidenttemplate_add"),
        screen("incidenttemplate_from_notice", maintenance),
    ]


def log_in(page, address: str, name: str = "edward") -> None:
    page.goto(f"{address}/admin/login/?next=/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", "correct horse battery")
    page.click("[type=submit]")
    page.locator("#logout-form").wait_for()


def findings(page, where: str) -> list[tuple]:
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    return [*flaws(page, where, LIGHT, DARK_PHONE, FORCED_PHONE), *tight_spots(page, where)]


def listen(page) -> list[str]:
    """What the page will complain of: the policy was broken, or a script failed."""
    complaints: list[str] = []
    page.on(
        "console",
        lambda said: complaints.append(f"{page.url}: {said.text}") if "Content Security" in said.text else None,
    )
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    return complaints


def test_each_screen_is_for_everybody_and_keeps_the_policy(live_server, notices, browser):
    page = browser.new_page()
    complaints = listen(page)
    page.goto(f"{live_server.url}/admin/login/")
    found = findings(page, "login")
    log_in(page, live_server.url)
    for path in screens(notices):
        page.goto(live_server.url + path)
        found += findings(page, path)
    page.goto(live_server.url + screen("incident_open"))
    found += lost_on_the_way(page, "the form")
    page.click("text=Publish incident")
    page.locator("#problems").wait_for()
    found += findings(page, "a refused form")
    page.fill("#id_title", "Late")
    page.context.clear_cookies()
    page.click("text=Publish incident")
    page.locator("#login-form").wait_for()
    found += findings(page, "a login that ran out")

    assert not found, "\n".join(map(str, found))
    assert complaints == []


def test_a_colleague_writes_looks_and_publishes(live_server, notices, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    log_in(page, live_server.url)
    page.click("text=Post update >> nth=0")
    page.fill("#id_body", "Mailings leave **on time** again.")
    page.check("text=Resolved")
    page.click(".compose-acts button[value=preview]")
    preview = page.frame_locator("#preview")
    shown = preview.frame_locator(".pane-1 iframe").locator("body")
    shown.get_by_text("Mailings leave on time again.").first.wait_for()
    preview.locator("label", has_text="Mail").first.click()
    page.dblclick("button[value=publish]")
    page.wait_for_url("**/change/")
    message = page.locator(".messagelist").inner_text()

    incident = Incident.objects.get(pk=notices["incident"])
    assert "See it on the public page" in message
    assert (incident.status, incident.updates.public().count()) == ("resolved", 4)


def test_a_colleague_approves_what_another_submitted(live_server, browser):
    make_page(needs_review=True)
    make_staff("edward")
    anna = make_staff("anna")
    author, reader = (browser.new_context(viewport={"width": 1280, "height": 900}).new_page() for _one in range(2))
    log_in(author, live_server.url)
    author.click("text=Open an incident")
    author.fill("#id_title", "Images do not show")
    author.fill("#id_body", "We are **looking** into it.")
    author.click("text=Submit for review")
    author.wait_for_url("**/change/")
    submitted = author.locator(".waiting-state").inner_text()
    log_in(reader, live_server.url, anna.username)
    reader.click("text=Read and approve")
    shown = reader.frame_locator("#preview").frame_locator(".pane-1 iframe").locator("body")
    shown.get_by_text("We are looking into it.").first.wait_for()
    reader.click("text=Approve and publish")
    reader.wait_for_url("**/admin/")

    assert submitted == "Waits for a colleague to approve it."
    assert Incident.objects.public().get().title == "Images do not show"


def test_everything_works_without_scripts(live_server, notices, browser):
    page = browser.new_page(java_script_enabled=False)
    log_in(page, live_server.url)
    page.goto(live_server.url + screen("incident_open"))
    page.fill("#id_title", "Images do not show")
    page.fill("#id_body", "We are looking into it.")
    page.click("summary:has-text('Effects')")
    page.fill("#id_effects-2-function", "Images")
    page.select_option("#id_effects-2-level", "unavailable")
    page.click(".compose-acts button[value=preview]")
    page.frame_locator("#preview").get_by_text("Times, as customers read them").wait_for()
    page.click("button[value=publish]")
    page.wait_for_url("**/change/")

    assert str(Incident.objects.get(title="Images do not show").effects.get()) == "Images: Unavailable"


def test_leaving_with_words_unsaved_is_asked_about(live_server, notices, browser):
    asked = []
    page = browser.new_page()
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    log_in(page, live_server.url)
    page.goto(live_server.url + screen("incident_open"))
    page.locator("#id_title").press_sequentially("Late")
    page.goto(live_server.url + "/admin/")

    assert asked == ["beforeunload"]


def test_a_template_fills_what_is_empty_and_keeps_what_was_typed(live_server, notices, browser):
    edward = User.objects.get(username="edward")
    four = [EffectLine(name, "slower") for name in ("Mailings", "Images", "Links", "Logging in")]
    for name, effects in (("All slow", four), ("One slow", four[:1])):
        prepared = Prepared("incident", name, title=f"{name} now", body=f"{name}: ((ticket))", advice_during="Wait.")
        save_template(replace(prepared, effects=effects, status="identified"), actor=edward)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    log_in(page, live_server.url)
    page.goto(live_server.url + screen("incident_open"))
    page.fill("#id_title", "My own words")
    for name in ("All slow", "One slow", "All slow"):
        page.select_option("#start-from-template", label=name)
        page.click("text=Fill in")
        expect(page.locator("#id_body")).to_have_value(f"{name}: ((ticket))")
        expect(page.locator("#id_effects-3-function")).to_have_value("Logging in" if name == "All slow" else "")
        expect(page.locator(".start-said")).to_have_text("Kept as you typed it: Title")
    expect(page.locator("#id_advice_during")).to_be_visible()
    expect(page.locator(".start-gaps code")).to_have_text(["((ticket))"])
    page.fill("#id_body", "All is slow.")
    page.click("button[value=publish]")
    page.wait_for_url("**/change/")

    incident = Incident.objects.get(title="My own words")
    assert (incident.status, incident.advice_during) == ("identified", "Wait.")
    assert [effect.function for effect in incident.effects.all()] == ["Mailings", "Images", "Links", "Logging in"]
