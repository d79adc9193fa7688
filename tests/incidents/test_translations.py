"""How staff translate: beside the original, with drafts, and later on a screen that leaves the original as it is."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from incidents.actions import edit_draft, edit_notice, open_incident, post_update, publish_draft
from incidents.corrections import edit_update, redact_update
from incidents.models import Change, Component, Incident, IncidentUpdate, Page, Translation
from incidents.review import submit_for_review
from incidents.translation_actions import to_translate, translate_notice
from incidents.translations import find, line_field, words_of
from incidents.values import EffectLine, NoticeDetails, ReviewNeeded, StaleIncident, UpdateText
from tests.incidents.screens import errors, fill, preview, publish, read_form, save_draft, screen
from tests.make import make_component, make_incident, make_page, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def page() -> None:
    make_page()
    Page.objects.update(languages=["nl", "de"])


@pytest.fixture
def staff(client) -> Client:
    client.force_login(make_staff("anna"))
    return client


def body_of(update: IncidentUpdate, language: str = "nl") -> str:
    words = find(words_of(update), language, "body")
    return words.text if words else ""


def states(incident: Incident, language: str = "nl") -> list[tuple[str, str]]:
    """Of each text, what is to be done."""
    incident.refresh_from_db()
    return [
        (one.field, "missing" if one.is_missing else "outdated" if one.is_outdated else "done")
        for one in to_translate(incident, language)
    ]


def translated(incident: Incident, *, title: str = "Trage post", body: str = "Wij kijken.", **fields) -> None:
    updates = {incident.updates.first().pk: {"body": body}}
    translate_notice(incident, "nl", **{"actor": None, "notice": {"title": title}, "updates": updates} | fields)


def test_a_draft_keeps_its_translations_and_is_published_with_them():
    words = {"nl": {"title": "Trage post"}}
    first = UpdateText(status="investigating", body="We look.", translations={"nl": {"body": "Wij **kijken**."}})
    details = NoticeDetails(translations=words)
    draft = open_incident(title="Slow mail", update=first, details=details, actor=None, publish=False)

    update = publish_draft(draft, actor=None)

    assert find(words_of(update), "nl", "body").html == "<p>Wij <strong>kijken</strong>.</p>"
    assert find(words_of(update.incident), "nl", "title").text == "Trage post"


def test_what_a_caller_does_not_name_stays_and_an_empty_text_takes_it_away():
    first = UpdateText(status="investigating", body="We look.", translations={"nl": {"body": "Wij kijken."}})
    draft = open_incident(title="Slow mail", update=first, actor=None, publish=False)

    edit_draft(draft, UpdateText(status="investigating", body="We look again."), actor=None)
    assert body_of(draft) == "Wij kijken."

    gone = UpdateText(status="investigating", body="We look again.", translations={"nl": {"body": " "}})
    edit_draft(draft, gone, actor=None)
    assert not Translation.objects.exists()


def test_only_languages_of_the_page_are_taken_and_texts_that_can_be_shown():
    incident = make_incident()

    with pytest.raises(ValidationError):
        translate_notice(incident, "fr", actor=None, notice={"title": "Lent"}, updates={})
    with pytest.raises(ValidationError) as refused:
        translate_notice(incident, "nl", actor=None, notice={"title": "Traag\x00"}, updates={})
    assert list(refused.value.message_dict) == ["title_nl"]
    assert not Translation.objects.exists()


def test_a_translation_is_one_public_act_without_its_words_in_the_audit():
    incident = make_incident()
    before = Page.objects.current().version

    translated(incident)

    change = Change.objects.first()
    assert (change.verb, change.version, change.after) == ("translate_notice", before + 1, {"language": "nl"})
    assert change.incident == incident


def test_whoever_edits_the_original_makes_the_translation_outdated_until_somebody_says_that_it_fits():
    incident = make_incident("Slow mail", body="We look.")
    translated(incident)
    update = incident.updates.get()
    assert states(incident) == [("title", "done"), ("body", "done")]

    edit_update(update, "We look into it.", kind="typo", actor=None)
    edit_notice(incident, actor=None, title="Slow mails", details=NoticeDetails())
    assert states(incident) == [("title", "outdated"), ("body", "outdated")]

    translated(incident)  # the same words again say nothing
    assert states(incident) == [("title", "outdated"), ("body", "outdated")]
    translated(incident, title="Trage berichten", fits=[(update.pk, "body")])
    assert states(incident) == [("title", "done"), ("body", "done")]


def test_lines_of_effects_stay_with_their_words_wherever_they_stand():
    effects = [EffectLine("Mail", "slower", "Up to an hour"), EffectLine("Files", "delayed")]
    incident = make_incident("Slow", details=NoticeDetails(effects=effects))
    told = {line_field("Mail"): "Post", line_field("Files"): "Bestanden"}
    translate_notice(incident, "nl", actor=None, notice=told, updates={})

    edit_notice(incident, actor=None, title="Slow", details=NoticeDetails(effects=[EffectLine("Files", "slower")]))

    lines = [(one.original, one.words and one.words.text) for one in to_translate(incident, "nl")]
    assert ("Files", "Bestanden") in lines and "Mail" not in dict(lines)
    translate_notice(incident, "nl", actor=None, notice={"title": "Traag"}, updates={})
    assert not Translation.objects.filter(text="Post").exists()


def test_a_redaction_leaves_no_word_of_any_translation():
    incident = make_incident(body="The key is hunter2.")
    translated(incident, body="Sleutel: jager2.")

    redact_update(incident.updates.get(), "hunter2", actor=None)

    assert not incident.updates.get().translations.exists()
    assert "jager2" not in "".join(f"{change.before}{change.after}" for change in Change.objects.all())


def test_two_translators_do_not_write_over_each_other():
    incident = make_incident()
    since = incident.updated_at
    translated(incident)

    with pytest.raises(StaleIncident):
        translated(incident, title="Iets anders", unchanged_since=since)


def test_where_a_second_person_is_asked_for_a_translation_needs_one_too():
    anna, bob = make_staff("anna"), make_staff("bob")
    first = UpdateText(status="investigating", body="We look.")
    draft = open_incident(title="Slow mail", update=first, actor=anna, publish=False)
    Page.objects.update(needs_review=True)
    submit_for_review(draft, actor=anna)

    words = UpdateText(status="investigating", body="We look.", translations={"nl": {"body": "Wij kijken."}})
    edit_draft(draft, words, actor=bob)
    with pytest.raises(ReviewNeeded):
        publish_draft(draft, actor=bob)
    incident = publish_draft(draft, actor=anna).incident
    with pytest.raises(ReviewNeeded):
        translated(incident, actor=anna)
    translated(incident, actor=anna, urgent_because="Half of our readers wait.")
    assert incident.urgent_acts.get().because == "Half of our readers wait."


def test_a_composing_screen_has_a_stretch_for_each_language_and_nothing_in_it_is_needed(staff):
    url = screen("incident_open")
    shown = staff.get(url).content.decode()
    assert shown.count('<details class="stretch tongue">') == 2

    answer = preview(staff, url, title="Slow mail", body="We look.", body_nl="Wij kijken.").content.decode()
    assert "Not translated: German" in answer
    panes = ["page", "page-nl", "page-de", "feed", "mail-html", "mail-nl", "mail-de", "mail-text"]
    assert [f'data-pane="{name}"' in answer for name in panes] == [True] * len(panes)
    assert "Wij kijken." in answer

    publish(staff, url, title="Slow mail", body="We look.", body_nl="Wij kijken.", title_nl="Trage post")
    update = IncidentUpdate.objects.get()
    assert (body_of(update), body_of(update, "de")) == ("Wij kijken.", "")

    url = screen("incident_post_update", update.incident_id)
    publish(staff, url, body="Better.", status="monitoring", body_de="Besser.")
    assert body_of(IncidentUpdate.objects.latest("pk"), "de") == "Besser."


def test_what_was_typed_in_a_language_survives_a_refusal_and_a_draft(staff):
    url = screen("incident_open")

    refused = publish(staff, url, title="", body="We look.", body_nl="Wij kijken.")
    assert "title" in errors(refused)
    assert read_form(refused).values["body_nl"] == "Wij kijken."

    save_draft(staff, url, title="Slow mail", body="We look.", body_nl="Wij kijken.")
    draft = IncidentUpdate.objects.get()
    assert fill(staff, screen("incident_draft", draft.pk))["body_nl"] == "Wij kijken."


def test_the_translator_sees_each_original_beside_its_translation_and_changes_nothing_else(staff):
    incident = make_incident(
        "Slow mail", body="We look.", details=NoticeDetails(effects=[EffectLine("Mail", "slower")])
    )
    translated(incident)
    edit_update(incident.updates.get(), "We look into it.", kind="typo", actor=None)
    pk, line = incident.updates.get().pk, line_field("Mail").replace("line:", "line-")

    on_its_page = staff.get(screen("incident_change", incident.pk)).content.decode()
    assert "<strong>Dutch</strong>: 1 text is missing, 1 is of an earlier text" in on_its_page
    assert "<strong>German</strong>: 3 texts are missing" in on_its_page

    url = screen("incident_translate", incident.pk, "nl")
    assert url in on_its_page
    shown = staff.get(url).content.decode()
    assert '<span class="original" lang="en">We look into it.</span>' in shown
    sent = fill(staff, url)
    assert (sent["title"], sent[f"update-{pk}-body"], sent[line]) == ("Trage post", "Wij kijken.", "")

    told = {"title": "Trage mail", f"update-{pk}-body-fits": "on", line: "Post"}
    assert "Trage mail" in preview(staff, url, **told).content.decode()
    assert find(words_of(incident), "nl", "title").text == "Trage post", "a preview writes nothing"
    assert publish(staff, url, **told).status_code == 302

    incident.refresh_from_db()
    assert (incident.title, incident.updates.get().body) == ("Slow mail", "We look into it.")
    assert states(incident) == [("title", "done"), (line_field("Mail"), "done"), ("body", "done")]
    assert staff.get(screen("incident_translate", incident.pk, "fr")).status_code == 404


def test_a_correction_can_bring_its_translation(staff):
    incident = make_incident("Slow mail", body="We look.")
    translated(incident)
    url = screen("incident_correct", incident.updates.get().pk)
    assert fill(staff, url)["body_nl"] == "Wij kijken."

    publish(staff, url, kind="typo", body="We look into it.", body_nl="Wij zoeken het uit.")

    assert states(incident) == [("title", "done"), ("body", "done")]


def test_names_are_translated_on_the_form_of_the_component(staff):
    component = make_component("Mail")
    url = screen("component_change", component.pk)
    shown = staff.get(url).content.decode()
    assert 'name="name_nl"' in shown and 'name="description_de"' in shown
    values = {"name": "Mail", "status": "operational", "position": "1", "description": "", "start_date": ""}
    before = Page.objects.current().version

    answer = staff.post(url, {**values, "name_nl": "Post", "description_nl": ""})

    assert answer.status_code == 302
    assert find(words_of(component), "nl", "name").text == "Post"
    assert Page.objects.current().version == before + 1
    assert 'value="Post"' in staff.get(url).content.decode()
    staff.post(url, {**values, "name": "Letters", "name_nl": "Post", "description_nl": ""})
    assert find(words_of(component), "nl", "name").is_of("Letters"), "it was saved beside the new name"
    added = staff.post(screen("component_add"), {**values, "name": "Files", "name_nl": "Bestanden"})
    assert added.status_code == 302
    assert find(words_of(Component.objects.get(name="Files")), "nl", "name").text == "Bestanden"


def test_the_page_names_its_further_languages_without_its_own(staff):
    url = screen("page_change", 1)
    values = {"name": "Status", "time_zone": "UTC", "language": "en", "reminders": "", "description": ""}

    answer = staff.post(url, {**values, "support_url": "", "languages": ["nl", "en"]})

    assert answer.status_code == 302
    assert Page.objects.current().languages == ["nl"]
    assert staff.post(url, {**values, "support_url": "", "languages": ["xx"]}).status_code == 200


def test_nothing_of_it_is_shown_on_a_page_in_one_language(staff):
    Page.objects.update(languages=[])
    incident = make_incident()

    assert "tongue" not in staff.get(screen("incident_open")).content.decode()
    assert "Translations" not in staff.get(screen("incident_change", incident.pk)).content.decode()
    post_update(incident, UpdateText(status="monitoring", body="Better."), actor=None)
    assert not Translation.objects.exists()
