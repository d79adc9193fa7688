from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from incidents.actions import post_update
from incidents.models import Change, Incident, IncidentTemplate
from incidents.prepared import Prepared, prepared_of
from incidents.template_actions import save_template
from incidents.values import EffectLine, UpdateText
from tests.incidents.screens import at as at_time
from tests.incidents.screens import errors, fill, newest, preview, publish, read_form, save_draft, screen
from tests.make import make_component, make_incident, make_maintenance, make_page, make_role, utc

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("our_texts")]

OPEN, SCHEDULE = screen("incident_open"), screen("scheduledmaintenance_schedule")
ADD = screen("incidenttemplate_add")


@pytest.fixture(autouse=True)
def monday_evening(time_machine):
    time_machine.move_to(utc(2026, 11, 9, 20, 2), tick=False)


@pytest.fixture
def petra(db):
    make_page()
    client = Client()
    client.force_login(make_role("Publisher", "petra"))
    return client


def make_template(kind: str = "incident", name: str = "Slow again", **fields) -> IncidentTemplate:
    return save_template(Prepared(kind, name, **fields), actor=None)


def begun(url: str, template: IncidentTemplate) -> str:
    return f"{url}?template={template.pk}"


def query_count(client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_an_address_begins_the_form_with_a_template(edward):
    mailings = make_component("Mailings")
    template = make_template(
        title="Mailings are slow",
        body="They leave late on ((page)).",
        status="identified",
        advice_during="Wait.",
        data_statement="delayed_not_lost",
        notify=False,
        next_update_minutes=45,
        effects=[EffectLine("Mailings", "delayed", "an hour")],
        components={mailings.pk: "degraded_performance"},
    )

    response = edward.get(begun(OPEN, template))
    sent = read_form(response).values

    assert (sent["title"], sent["body"]) == ("Mailings are slow", "They leave late on Copernica.")
    assert (sent["status"], sent["data_statement"], sent["advice_during"]) == (
        "identified",
        "delayed_not_lost",
        "Wait.",
    )
    assert (sent["next_update_by_time"], "notify" in sent) == ("21:50", False)
    assert (sent["effects-0-function"], sent["effects-0-note"]) == ("Mailings", "an hour")
    assert sent[f"component-{mailings.pk}"] == "degraded_performance"
    folds = {section.title: is_open for section, _fields, _part, is_open in response.context["form"].shown_sections()}
    assert (folds["Effects"], folds["Advice and reason"], folds["Links to other notices"]) == (True, True, False)


def test_a_first_message_is_a_template_a_component_and_one_click(edward):
    mailings = make_component("Mailings")
    template = IncidentTemplate.objects.get(shipped_as="first-message")

    response = publish(edward, begun(OPEN, template), **{f"component-{mailings.pk}": "partial_outage"})

    notice = Incident.objects.get()
    assert response.status_code == 302
    assert notice.title == "Problem with Mailings"
    assert "Something is wrong with Mailings." in newest(notice).body
    assert "comes by Monday 9 November 2026, 21:25 CET (20:25 UTC)" in newest(notice).body
    assert IncidentTemplate.objects.get(pk=template.pk).uses == 1


def test_a_row_of_a_template_is_posted_as_the_form_sends_it(edward):
    template = make_template(title="Late", body="They wait.", effects=[EffectLine("((functions))", "delayed")])
    mailings = make_component("Mailings")

    publish(edward, begun(OPEN, template), **{f"component-{mailings.pk}": "partial_outage"})

    assert str(Incident.objects.get().effects.get()) == "Mailings: Delayed"


def test_an_incident_with_a_gap_is_asked_about_once_and_never_blocked(edward):
    url = OPEN
    sent = fill(edward, url, title="Late", body="See ((ticket)).")

    asked = edward.post(url, {**sent, "act": "publish"})
    assert errors(asked) == {
        "body": ["Still to be filled in: ((ticket)). Write it, or publish once more to send it as it stands."]
    }
    assert not Incident.objects.exists()

    edward.post(url, {**read_form(asked).values, "act": "publish"})

    assert newest(Incident.objects.get()).body == "See ((ticket))."


def test_another_gap_is_asked_about_again(edward):
    asked = publish(edward, OPEN, title="Late", body="See ((ticket)).")

    again = edward.post(OPEN, {**read_form(asked).values, "body": "See ((page number)).", "act": "publish"})

    assert list(errors(again)) == ["body"]
    assert not Incident.objects.exists()


def test_an_announcement_with_a_gap_is_refused_next_to_the_field(edward):
    times = at_time("work_starts_at", "2026-11-14", "21:00") | at_time("work_ends_at", "2026-11-15", "00:00")
    values = {"title": "Work", "body": "From ((work starts)).", "reason": "((why))", **times}
    values |= {"effects-0-function": "Mailings", "effects-0-level": "delayed", "effects-0-note": "((how long))"}

    for _time in range(2):
        refused = publish(edward, SCHEDULE, **values)
        assert errors(refused) == {"reason": ["Still to be filled in: ((why))."]}
        assert refused.context["form"].effects.errors[0] == {"note": ["Still to be filled in: ((how long))."]}

    publish(edward, SCHEDULE, **{**values, "reason": "So.", "effects-0-note": ""})
    assert newest(Incident.objects.get()).body == "From Saturday 14 November 2026, 21:00 CET (20:00 UTC)."


def test_an_end_with_a_gap_is_refused(edward):
    incident = make_incident()

    refused = publish(edward, screen("incident_post_update", incident.pk), status="resolved", body="((what follows))")

    assert errors(refused) == {"body": ["Still to be filled in: ((what follows))."]}


def test_the_preview_fills_in_and_remarks_on_what_is_left(edward):
    shown = preview(edward, OPEN, title="Late on ((page))", body="((ticket)): ((functions))")

    remarks = [(str(label), remark.words) for label, _place, remark in shown.context["remarks"]]
    assert remarks[:2] == [("Text", "((ticket))"), ("Text", "((functions))")]
    assert "Late on Copernica" in shown.content.decode()


def test_a_draft_keeps_its_gaps(wilma):
    save_draft(wilma, OPEN, title="Late on ((page))", body="((ticket))")

    notice = Incident.objects.get()
    assert (notice.title, newest(notice).body) == ("Late on Copernica", "((ticket))")


def test_lengths_of_a_template_plan_what_is_left_empty(edward):
    template = make_template(
        "maintenance",
        "Power",
        title="Power work",
        body="It ends on ((work ends)).",
        work_minutes=180,
        avoid_before_minutes=180,
        avoid_after_minutes=0,
    )
    url = begun(SCHEDULE, template)
    assert "Empty: 3 h after the start." in edward.get(url).content.decode()

    publish(edward, url, **at_time("work_starts_at", "2026-11-14", "21:00"))

    notice = Incident.objects.get()
    assert (notice.work_ends_at, notice.avoid_starts_at) == (utc(2026, 11, 14, 23), utc(2026, 11, 14, 17))
    assert newest(notice).body == "It ends on Sunday 15 November 2026, 00:00 CET (14 Nov 23:00 UTC)."


def test_each_screen_offers_what_fits_it(edward):
    incident, work = make_incident(), make_maintenance(starts=utc(2026, 11, 14, 20), ends=utc(2026, 11, 14, 23))
    make_template("update", "Any time")
    make_template("update", "Called off", status="cancelled")

    def offered(url: str) -> list[str]:
        return [template.name for template in edward.get(url).context["screen"].start.templates]

    assert offered(OPEN)[0] == "First message, scope unknown"
    assert offered(SCHEDULE) == ["Planned maintenance", "Power or network work"]
    assert offered(screen("incident_post_update", incident.pk)) == [
        "Cause found",
        "Fix in place, watching",
        "Resolved",
        "Any time",
    ]
    assert offered(screen("incident_post_update", work.pk)) == ["Maintenance takes longer", "Any time"]
    assert offered(screen("incident_all_clear", work.pk)) == ["All-clear, as planned", "All-clear, not all as planned"]
    assert offered(screen("incident_cancel", work.pk)) == ["Called off"]
    assert offered(screen("incident_move", work.pk)) == ["Any time"]


def test_an_update_begins_with_what_its_notice_says(edward):
    mailings = make_component("Mailings")
    incident = make_incident("Late", components={mailings.pk: "partial_outage"})
    template = make_template("update", "Found", body="((title)): ((functions)) ((ticket))", status="identified")

    sent = read_form(edward.get(begun(screen("incident_post_update", incident.pk), template))).values

    assert (sent["body"], sent["status"]) == ("Late: Mailings ((ticket))", "identified")


def test_an_all_clear_says_when_the_work_really_was(edward):
    work = make_maintenance(starts=utc(2026, 11, 9, 18), ends=utc(2026, 11, 9, 20), at=utc(2026, 11, 8))
    post_update(work, UpdateText(status="verifying", body="Checking."), actor=None)
    template = IncidentTemplate.objects.get(shipped_as="all-clear")
    times = at_time("actual_started_at", "2026-11-09", "19:05") | at_time("actual_ended_at", "2026-11-09", "20:40")

    publish(edward, begun(screen("incident_all_clear", work.pk), template), **times)

    assert newest(work).body.splitlines()[0] == (
        "The work is done, as announced: from Monday 9 November 2026, 19:05 CET (18:05 UTC) "
        "to Monday 9 November 2026, 20:40 CET (19:40 UTC)."
    )
    assert Incident.objects.get().data_outcome == "none_lost"


@pytest.mark.parametrize("asked", ["0", "999999999999999999999999", "x", "²", "-1"])
def test_an_old_bookmark_leads_to_the_form_as_it_always_is(edward, asked):
    response = edward.get(f"{OPEN}?template={asked}")

    assert read_form(response).values["title"] == ""
    assert "no longer offered here" in response.content.decode()


def test_what_was_sent_comes_back_with_the_template_it_began_with(edward):
    template = make_template("maintenance", "Power", title="Power work", body="Soon.", work_minutes=60)

    refused = publish(edward, begun(SCHEDULE, template), title="")

    assert read_form(refused).values["template"] == str(template.pk)
    assert list(errors(refused)) == ["title", "work_starts_at"]


@pytest.mark.parametrize("url", ["/admin/", OPEN, screen("incidenttemplate_changelist")])
def test_more_templates_cost_no_more_queries(edward, url):
    IncidentTemplate.objects.all().delete()
    component = make_component()
    make_template(name="One", components={component.pk: "major_outage"})
    one = query_count(edward, url)
    for name in ("Two", "Three"):
        make_template(name=name, components={component.pk: "major_outage"})

    assert query_count(edward, url) == one


def test_the_first_screen_offers_what_is_used_most(edward, wilma):
    IncidentTemplate.objects.filter(shipped_as="delayed").update(uses=3)
    IncidentTemplate.objects.filter(shipped_as="slow").update(is_in_use=False)

    starts = wilma.get("/admin/").context["starts"]

    assert [task.label for task in starts["incident"]] == [
        "Data is delayed, not lost",
        "First message, scope unknown",
        "A function is unavailable",
    ]
    assert edward.get(starts["maintenance"][0].url).context["screen"].start.chosen.shipped_as == "planned-work"


def acts() -> list[str]:
    return list(Change.objects.exclude(verb="sign_in").order_by("pk").values_list("verb", flat=True))


def test_a_publisher_keeps_templates(petra):
    mailings = make_component("Mailings")
    url = f"{ADD}?kind=maintenance"
    rows = {
        "effects-TOTAL_FORMS": "2",
        "effects-INITIAL_FORMS": "0",
        "effects-0-function": "Mailings",
        "effects-0-level": "delayed",
        "components-TOTAL_FORMS": "1",
        "components-INITIAL_FORMS": "0",
        "components-0-component": str(mailings.pk),
        "components-0-status": "under_maintenance",
    }
    values = {
        "name": "Disks",
        "position": "3",
        "is_in_use": "on",
        "title": "New disks",
        "body": "Soon.",
        "notify": "on",
    }

    assert petra.get(url).status_code == 200
    added = petra.post(url, {**values, **rows, "work_minutes": "90"})
    template = IncidentTemplate.objects.get(name="Disks")
    change = screen("incidenttemplate_change", template.pk)
    effect = template.effects.get()
    rows |= {"effects-INITIAL_FORMS": "1", "effects-0-id": str(effect.pk), "effects-0-template": str(template.pk)}
    changed = petra.post(change, {**values, **rows, "title": "Newer disks", "effects-0-DELETE": "on"})

    held = prepared_of(IncidentTemplate.objects.get(name="Disks"))
    assert (added.status_code, changed.status_code) == (302, 302)
    assert (held.kind, held.title, held.work_minutes, list(held.effects)) == ("maintenance", "Newer disks", None, [])
    assert held.components == {mailings.pk: "under_maintenance"}
    assert acts() == [
        "add_template",
        "change_template",
    ]


def test_a_name_that_is_taken_is_refused_next_to_the_field(petra):
    rows = {f"{part}-{n}_FORMS": "0" for part in ("effects", "components") for n in ("TOTAL", "INITIAL")}

    refused = petra.post(f"{ADD}?kind=incident", {"name": "A function is slow", "position": "1", **rows})

    assert "There is a template of this name already." in refused.content.decode()


def test_templates_are_copied_retired_and_deleted_from_the_list(petra):
    template = IncidentTemplate.objects.get(shipped_as="slow")
    chosen = {"_selected_action": [str(template.pk)]}
    url = screen("incidenttemplate_changelist")

    copied = petra.post(url, {**chosen, "action": "duplicate"})
    petra.post(url, {**chosen, "action": "take_out_of_use"})
    petra.post(url, {**chosen, "action": "delete_selected", "post": "yes"})

    copy = IncidentTemplate.objects.get(name="A function is slow (copy)")
    assert copied.url == screen("incidenttemplate_change", copy.pk)
    assert not IncidentTemplate.objects.filter(shipped_as="slow").exists()
    assert acts() == [
        "add_template",
        "change_template",
        "delete_template",
    ]


def test_a_notice_is_saved_as_a_template(petra):
    notice = make_incident("Mailings leave late")
    url = screen("incidenttemplate_from_notice", notice.pk)

    assert f'href="{url}"' in petra.get(screen("incident_change", notice.pk)).content.decode()
    assert read_form(petra.get(url)).values == {}
    kept = petra.post(url, {"name": "Late mailings"})
    twice = petra.post(url, {"name": "Late mailings"})

    template = IncidentTemplate.objects.get(name="Late mailings")
    assert (template.title, template.body) == ("Mailings leave late", "We are looking into it.")
    assert kept.url == screen("incidenttemplate_change", template.pk)
    assert errors(twice) == {"name": ["There is a template of this name already."]}


def test_a_writer_uses_templates_and_changes_none(wilma):
    template = IncidentTemplate.objects.get(shipped_as="slow")
    change = screen("incidenttemplate_change", template.pk)

    assert read_form(wilma.get(begun(OPEN, template))).values["status"] == "investigating"
    assert wilma.get(change).status_code == 200
    assert wilma.post(change, {"name": "Mine"}).status_code == 403
    for url in (ADD, screen("incidenttemplate_from_notice", make_incident().pk), f"{change[:-7]}delete/"):
        assert (wilma.get(url).status_code, wilma.post(url).status_code) == (403, 403)
    assert "Save as a template" not in wilma.get(screen("incident_change", Incident.objects.get().pk)).content.decode()
