"""Mails in the subscriber's language: what is translated is told so, the rest as it was written, and it is said."""

from __future__ import annotations

import re

import pytest

from incidents.actions import post_update
from incidents.component_actions import save_page_part
from incidents.corrections import edit_update
from incidents.models import Incident, IncidentUpdate, Page
from incidents.translation_actions import translate_notice
from incidents.translations import line_field
from incidents.values import EffectLine, NoticeDetails, UpdateText
from subscriptions.models import Notification, Subscriber
from subscriptions.wording import Words, write_correction, write_update
from tests.make import make_component, make_incident, make_page, utc

pytestmark = pytest.mark.django_db

LINKS = {purpose: f"https://status.example.com/{purpose}" for purpose in ("confirm", "manage", "unsubscribe")}
NOW = utc(2026, 1, 3, 12)


@pytest.fixture(autouse=True)
def page(settings):
    settings.PUBLIC_URL = "https://status.example.com"
    make_page()
    Page.objects.update(languages=["nl"])


def words_of(update: IncidentUpdate, language: str = "nl") -> Words:
    return write_update(IncidentUpdate.objects.get(pk=update.pk), LINKS, language=language, time_zone="")


def the_incident() -> Incident:
    component = make_component("Mail")
    save_page_part(component, actor=None, changed=[], translations={"nl": {"name": "Post"}})
    details = NoticeDetails(reason="A disk broke.", advice_during="Wait.", effects=[EffectLine("Mail", "slower")])
    down = {component.pk: "major_outage"}
    return make_incident("Slow mail", body="We look.", details=details, components=down, at=NOW)


def translate(incident: Incident, notice: dict[str, str], **body: str) -> None:
    updates = {incident.updates.get().pk: body}
    translate_notice(incident, "nl", actor=None, notice=notice, updates=updates, at=NOW)


def test_all_that_is_translated_is_told_in_the_language_and_leads_to_the_page_in_it():
    incident = the_incident()
    texts = {"title": "Trage post", "reason": "Een schijf **brak**.", "advice_during": "Wacht."}
    translate(incident, {**texts, line_field("Mail"): "Post"}, body="Wij kijken.")

    mail = words_of(incident.updates.get())

    assert mail.subject.endswith("] Trage post")
    for text in (mail.text, mail.html):
        assert all(words in text for words in ("Trage post", "Wij kijken.", "Wacht.", "Post: ", "Een schijf"))
        assert not re.search(r"Slow mail|We look|Wait\.|A disk|\bMail\b", text)
        assert f"https://status.example.com/nl/incidents/{incident.code}#update-" in text
    assert "lang=" in mail.html and 'lang="en"' not in mail.html


@pytest.mark.parametrize(
    ("notice", "body", "lang_en"),
    [({}, "", 2), ({"title": "Trage post"}, "", 1), ({"title": "Trage post"}, "Wij kijken.", 0)],
)
def test_what_is_not_translated_is_told_in_the_original_with_one_line_that_says_so(notice, body, lang_en):
    incident = the_incident()
    translate(incident, notice, body=body)

    mail = words_of(incident.updates.get())

    assert mail.subject.endswith(notice.get("title", "Slow mail"))
    assert (body or "We look.") in mail.text
    assert mail.text.count("Engels") == 1
    assert mail.html.count('class="hint"') == 1
    assert len(re.findall(r'<(?:bdi|div)[^>]* lang="en"', mail.html)) == lang_en


def test_a_translation_of_an_earlier_text_is_not_mailed():
    incident = the_incident()
    translate(incident, {"title": "Trage post"}, body="Wij kijken.")
    update = incident.updates.get()
    edit_update(update, "We looked.", kind="correction", why="It is over.", notify=True, actor=None)
    update.refresh_from_db()

    correction = write_correction(update.revisions.get(), LINKS, language="nl", time_zone="")

    assert "Wij kijken." not in words_of(update).text + correction.text
    assert "We looked." in correction.text and "We looked." in words_of(update).text
    assert correction.text.count("Engels") == 1

    edit_update(
        update,
        "We have looked.",
        kind="correction",
        notify=True,
        actor=None,
        translations={"nl": {"body": "Wij hebben gekeken."}},
    )
    update.refresh_from_db()
    again = write_correction(update.revisions.last(), LINKS, language="nl", time_zone="")
    assert "Wij hebben gekeken." in again.text and "Engels" not in again.text


def test_earlier_updates_are_told_in_the_language_too():
    incident = the_incident()
    translate(incident, {"title": "Trage post"}, body="Wij kijken.")
    text = UpdateText(status="monitoring", body="Better.", translations={"nl": {"body": "Beter."}})
    update = post_update(incident, text, actor=None, at=NOW)

    mail = words_of(update)

    assert "Beter." in mail.text and "Wij kijken." in mail.text
    assert "We look." not in mail.text


def test_subscribers_of_the_original_and_of_other_languages_get_what_they_got_before():
    incident = the_incident()
    Page.objects.update(languages=[])
    before = {language: words_of(incident.updates.get(), language) for language in ("en", "fr")}
    Page.objects.update(languages=["nl"])
    translate(incident, {"title": "Trage post"}, body="Wij kijken.")

    assert {language: words_of(incident.updates.get(), language) for language in ("en", "fr")} == before


def test_a_translation_added_later_is_told_to_nobody():
    incident = the_incident()
    owed = Notification.objects.count()

    translate(incident, {"title": "Trage post"}, body="Wij kijken.")

    assert Notification.objects.count() == owed


def test_who_comes_from_the_page_in_a_language_subscribes_in_it(client):
    shown = client.get("/subscribe/?choose=1&language=nl").content.decode()
    assert '<html lang="nl">' in shown
    assert 'action="/subscribe/?language=nl"' in shown
    assert re.findall(r'<option value="(\w+)"', shown.partition('id="language"')[2])[:2] == ["en", "nl"]

    client.post("/subscribe/?language=nl", {"email": "reader@example.com", "scope": "all"})

    assert Subscriber.objects.get().language == "nl"
    assert '<html lang="en">' in client.get("/subscribe/?language=xx").content.decode()
