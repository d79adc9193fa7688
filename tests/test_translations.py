"""What customers and subscribers read, in each language that comes with the product."""

from __future__ import annotations

import gettext
import re
from collections import Counter
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import DjangoTranslation

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.corrections import edit_update
from incidents.languages import offered_languages
from incidents.times import day_words, month_words
from incidents.values import UpdateText
from subscriptions import wording
from subscriptions.channels import email
from subscriptions.fanout import open_notifications
from subscriptions.models import Subscriber
from subscriptions.tokens import MANAGE, make_token
from tests.make import make_incident, make_page, make_subscriber, utc
from tests.render import everything
from tests.story import announce_work, make_components, post_all_clear, tell_power_failure

LOCALE = Path(settings.LOCALE_PATHS[0])
LANGUAGES = sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())
NUMBER = re.compile(r"%\((?:count|number)\)[sd]")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+[^>]*>")

Kept = tuple[tuple[str, ...], bool, bool]


def catalog(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def texts(entry: polib.POEntry, forms: Counter[int]) -> list[tuple[set[Kept], str]]:
    """Each translation, and what it may keep of the original.

    Of a plural that is what singular or plural keep, and a form for a single number need not name it: "two days" is one
    word in Arabic.
    """
    if not entry.msgid_plural:
        return [({kept(entry.msgid)}, entry.msgstr)]
    originals = {kept(entry.msgid), kept(entry.msgid_plural)}
    unnamed = {kept(NUMBER.sub("", original)) for original in (entry.msgid, entry.msgid_plural)}
    return [(originals | (unnamed if forms[form] == 1 else set()), text) for form, text in entry.msgstr_plural.items()]


def kept(text: str) -> Kept:
    return tuple(sorted(PLACEHOLDER.findall(text))), text.startswith("\n"), text.endswith("\n")


def test_these_languages_come_with_the_product():
    assert LANGUAGES == ["ar", "de", "es", "fr", "nl"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_translated_and_keeps_what_is_filled_in(language):
    entries = catalog(language)
    form_of = gettext.c2py(re.search("plural=(.*);", entries.metadata["Plural-Forms"])[1])
    forms = Counter(form_of(number) for number in range(1000))

    assert [entry.msgid for entry in entries if entry.fuzzy or not entry.translated()] == []
    for entry in entries:
        for originals, text in texts(entry, forms):
            assert kept(text) in originals, entry.msgid


def test_all_languages_translate_the_same():
    first, *others = ({(entry.msgctxt, entry.msgid) for entry in catalog(language)} for language in LANGUAGES)

    assert all(other == first for other in others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_used_was_made_from_what_is_edited(language):
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    for entry in catalog(language):
        context = f"{entry.msgctxt}\x04" if entry.msgctxt else ""
        if entry.msgid_plural:
            found = {form: compiled._catalog[context + entry.msgid, form] for form in entry.msgstr_plural}
            assert found == entry.msgstr_plural
        else:
            assert compiled._catalog[context + entry.msgid] == entry.msgstr


@pytest.mark.parametrize(
    ("language", "day", "month"),
    [
        ("en", "Sunday 10 November 2013", "November 2013"),
        ("nl", "zondag 10 november 2013", "november 2013"),
        ("de", "Sonntag, 10. November 2013", "November 2013"),
        ("fr", "dimanche 10 novembre 2013", "novembre 2013"),
        ("ar", "الأحد 10 نوفمبر 2013", "نوفمبر 2013"),
        ("es", "domingo 10 de noviembre de 2013", "noviembre de 2013"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language, day, month):
    moment = utc(2013, 11, 10).date()

    with translation.override(language):
        assert (day_words(moment).lower(), month_words(moment).lower()) == (day.lower(), month.lower())


@pytest.fixture
def left_in_english(monkeypatch) -> set[str]:
    """What was looked up since, and is neither among our translations nor Django's."""
    missed: set[str] = set()
    look_up = DjangoTranslation.gettext

    def spy(self: DjangoTranslation, message: str) -> str:
        if message and self.language() in LANGUAGES and message not in self._catalog:
            missed.add(message)
        return look_up(self, message)

    monkeypatch.setattr(DjangoTranslation, "gettext", spy)
    return missed


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_readers_get_is_left_in_english(client, time_machine, left_in_english, language):
    components = make_components()
    make_page(language=language)
    time_machine.move_to(utc(2013, 11, 6, 10), tick=False)
    failure = tell_power_failure(components)
    work = announce_work(components, failure)
    time_machine.move_to(utc(2013, 11, 9, 20, 1), tick=False)
    run_clock(utc(2013, 11, 9, 20, 1))
    slow = make_incident(components={components[0].pk: "degraded_performance"})
    late = UpdateText(status="identified", body="Still slow.", next_update_by=utc(2013, 11, 9, 20, 30))
    edit_update(post_update(slow, late, actor=None), "Slow yet.", kind="correction", notify=True, actor=None)
    time_machine.move_to(utc(2013, 11, 10, 0, 5), tick=False)
    run_clock(utc(2013, 11, 10, 0, 5))
    left_in_english.clear()

    everything(utc(2013, 11, 10, 0, 6))
    post_all_clear(work)
    everything(utc(2013, 11, 10, 0, 7))
    for notification in open_notifications(utc(2013, 11, 10, 0, 7)):
        email.compose(notification, language=language, time_zone="")
    make_subscriber("reader@example.com", language=language)
    subscriber = Subscriber.objects.get()
    links = dict.fromkeys(("confirm", "manage", "unsubscribe"), "https://status.example.com/x")
    manage = make_token(subscriber, MANAGE)
    wording.write_choices(subscriber, links, language=language)
    wording.write_offer(slow, links, language=language)
    for path in ("/subscribe/", f"/subscribe/?notice={slow.code}", "/subscribe/check-mail", "/subscribe/manage/nobody"):
        client.get(path)
    client.post("/subscribe/", {"email": "no address"})

    assert f'<html lang="{language}"' in client.get(f"/subscribe/manage/{manage}").content.decode()

    assert left_in_english == set()


@pytest.mark.django_db
def test_french_has_a_space_before_each_colon(time_machine):
    components = make_components()
    make_page(language="fr")
    time_machine.move_to(utc(2013, 11, 6, 10), tick=False)
    work = announce_work(components, tell_power_failure(components))
    time_machine.move_to(utc(2013, 11, 9, 20, 1), tick=False)
    run_clock(utc(2013, 11, 9, 20, 1))
    artefacts = everything(utc(2013, 11, 9, 20, 2))
    time_machine.move_to(utc(2013, 11, 10, 0, 5), tick=False)
    post_all_clear(work)
    artefacts += everything(utc(2013, 11, 10, 0, 7))
    links = dict.fromkeys(("confirm", "manage", "unsubscribe"), "https://status.example.com/x")
    mails = [
        wording.write(one, links, language="fr", time_zone="") for one in open_notifications(utc(2013, 11, 10, 0, 7))
    ]
    shown = [one for one in artefacts if one.content_type.startswith(("text/html", "text/plain"))]
    read = [one.body.decode() for one in shown if one.path != "/robots.txt"]
    read += [text for mail in mails for text in (mail.subject, mail.text)]

    assert len(mails) == 5
    assert set(re.findall(r"\w+:(?=[ \n<])", " ".join(read))) == {"again:"}  # of the story, which is English


@pytest.mark.django_db
def test_subscribers_choose_their_language():
    assert [code for code, _name in offered_languages("en")] == ["en", "ar", "de", "es", "fr", "nl"]
