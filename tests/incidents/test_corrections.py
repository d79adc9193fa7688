from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from incidents.actions import edit_notice, post_update
from incidents.corrections import edit_update, redact_update
from incidents.models import Change, Incident, IncidentUpdate, Page, UpdateRevision
from incidents.values import EffectLine, NoticeDetails, StaleIncident, UpdateText
from tests.incidents.screens import errors, fill, preview, publish, read_form, screen
from tests.make import make_incident, make_page, make_role, make_staff, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 2, 3, 12)


def update_of(body: str = "Mailings in Europe wait.", **fields) -> IncidentUpdate:
    return make_incident(body=body, at=utc(2026, 1, 3, 9), **fields).updates.get()


def correct(update: IncidentUpdate, body: str = "Mailings in Asia wait.", **fields) -> IncidentUpdate:
    return edit_update(update, body, **{"kind": "correction", "actor": None, "at": NOW} | fields)


def test_a_correction_replaces_the_text_and_keeps_the_earlier_one():
    update, anna = update_of(), make_staff("anna", first_name="Anna")

    correct(update, "Mailings in **Asia** wait.", why="Wrong region.", notify=True, actor=anna)

    update.refresh_from_db()
    revision = update.revisions.get()
    assert update.body_html == "<p>Mailings in <strong>Asia</strong> wait.</p>"
    assert (update.edited_at, update.updated_at, update.incident.updated_at) == (NOW, NOW, NOW)
    assert update.display_at == update.published_at == utc(2026, 1, 3, 9)
    kept = (revision.body, revision.body_html, revision.kind, revision.why, revision.actor_name, revision.notify)
    earlier = "Mailings in Europe wait."
    assert kept == (earlier, f"<p>{earlier}</p>", "correction", "Wrong region.", "Anna", True)


def test_an_edit_is_one_version_of_the_page_and_one_line_of_the_audit():
    update = update_of()
    before = Page.objects.current().version

    correct(update)

    change = Change.objects.first()
    assert Page.objects.current().version == change.version == before + 1
    assert (change.verb, change.after) == ("edit_update", {"update": update.code, "kind": "correction", "why": ""})


def test_an_old_closed_notice_can_be_corrected_and_stays_closed():
    update = update_of()
    closing = post_update(update.incident, UpdateText(status="resolved", body="Over."), actor=None)

    correct(closing, "Over, since noon.")

    assert Incident.objects.get().status == "resolved"


@pytest.mark.parametrize(
    ("body", "fields", "wrong"),
    [
        ("Mailings in Europe wait.", {}, "body"),
        (" ", {}, "body"),
        ("\x00", {}, "body"),
        ("New.", {"kind": "redaction"}, "kind"),
        ("New.", {"kind": "typo", "notify": True}, "notify"),
        ("New.", {"why": "x" * 301}, "why"),
    ],
)
def test_what_is_refused_leaves_everything_as_it_was(body, fields, wrong):
    update = update_of()

    with pytest.raises(ValidationError) as refused:
        correct(update, body, **fields)

    update.refresh_from_db()
    assert list(refused.value.error_dict) == [wrong]
    assert (update.body, update.edited_at, UpdateRevision.objects.count()) == ("Mailings in Europe wait.", None, 0)


def test_a_draft_is_no_matter_of_correction():
    draft = make_incident(publish=False).updates.get()

    with pytest.raises(ValidationError):
        correct(draft)


def test_who_was_faster_is_shown():
    update = update_of()
    seen = update.updated_at
    correct(update)

    with pytest.raises(StaleIncident) as stale:
        correct(update, "Mine.", unchanged_since=seen)

    assert [row.body for row in stale.value.meanwhile] == ["Mailings in Asia wait."]


def test_a_double_click_edits_once():
    update, form_id = update_of(), uuid.uuid4()
    seen = update.updated_at

    for _click in range(2):
        edited = correct(update, form_id=form_id, unchanged_since=seen)

    assert (edited.body, update.revisions.count()) == ("Mailings in Asia wait.", 1)


def test_what_is_removed_is_gone_from_the_text_from_earlier_ones_and_from_the_audit():
    update = update_of("The key is hunter2. We wait.")
    correct(update, "The key is hunter2. We go on.")

    redact_update(update, "hunter2", actor=None, why="A password.")

    update.refresh_from_db()
    assert update.body == "The key is [removed]. We go on."
    assert [r.kind for r in update.revisions.all()] == ["correction", "redaction"]
    everything = [
        *UpdateRevision.objects.values_list("body", "body_html"),
        *Change.objects.values_list("before", "after"),
    ]
    assert "hunter2" not in f"{everything} {update.body_html}"


def test_what_stands_nowhere_cannot_be_removed():
    with pytest.raises(ValidationError):
        redact_update(update_of(), "hunter2", actor=None)


def test_the_audit_keeps_effects_with_an_edit():
    details = NoticeDetails(effects=[EffectLine("Mailings", "delayed", "By an hour.")])
    edit_notice(make_incident(at=utc(2026, 1, 3, 9)), actor=None, title="New", details=details, at=NOW)

    change = Change.objects.first()
    assert (change.before.get("effects"), change.after["effects"]) == (None, "Mailings: Delayed – By an hour.")


# The screens


def test_staff_correct_an_update_and_the_page_of_the_notice_offers_it(edward):
    update = update_of()
    url = screen("incident_correct", update.pk)

    assert url in edward.get(screen("incident_change", update.incident.pk)).content.decode()
    assert read_form(edward.get(url)).acts == ["publish", "preview"]
    publish(edward, url, body="Mailings in Asia wait.", kind="correction", why="Wrong region.", notify=None)

    update.refresh_from_db()
    revision = update.revisions.get()
    assert (update.body, revision.why, revision.notify) == ("Mailings in Asia wait.", "Wrong region.", False)


def test_a_slip_of_the_pen_is_told_to_nobody_whatever_is_ticked(edward):
    update = update_of()

    publish(edward, screen("incident_correct", update.pk), body="Mailings wait.", kind="typo", notify="on")

    assert update.revisions.get().notify is False


def test_the_kind_must_be_said(edward):
    refused = publish(edward, screen("incident_correct", update_of().pk), body="New.")

    assert errors(refused) == {"kind": ["Say whether this is a correction or a slip of the pen."]}


def test_the_slower_corrector_sees_the_text_that_came_and_keeps_the_typing(edward):
    update = update_of()
    url = screen("incident_correct", update.pk)
    sent = {**fill(edward, url, body="Mine.", kind="typo"), "act": "publish"}
    correct(update, "Theirs.")

    told = edward.post(url, sent)

    assert [row.body for row in told.context["meanwhile"]] == ["Theirs."]
    assert read_form(told).values["body"] == "Mine."
    edward.post(url, {**read_form(told).values, "act": "publish"})
    assert IncidentUpdate.objects.get().body == "Mine."


def test_the_preview_shows_the_correction_and_changes_nothing(edward):
    update = update_of()

    page = preview(edward, screen("incident_correct", update.pk), body="In Asia.", kind="correction", notify="on")

    panes = {pane.name: pane.content for pane in page.context["panes"]}
    assert "[Correction] Slow mailings" in panes["mail-text"]
    assert "What it said before" in panes["page"]
    assert UpdateRevision.objects.count() == 0


def test_only_administrators_remove():
    make_page()
    update = update_of("The key is hunter2.")
    url = screen("incident_redact", update.pk)
    clients = {role: Client() for role in ("Publisher", "Administrator")}
    for role, client in clients.items():
        client.force_login(make_role(role))

    assert clients["Publisher"].get(url).status_code == 403
    publish(clients["Administrator"], url, passage="hunter2", why="A password.")

    update.refresh_from_db()
    assert update.body == "The key is [removed]."
