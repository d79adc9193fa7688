"""The page in several languages, by path: what is translated, what is not, and how readers are told."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from incidents.actions import post_update
from incidents.component_actions import save_page_part
from incidents.corrections import edit_update, redact_update
from incidents.models import Component, ComponentGroup, Page
from incidents.translation_actions import to_translate, translate_notice
from incidents.translations import line_field
from incidents.values import EffectLine, NoticeDetails, UpdateText
from publishing.formats import page_artefacts
from publishing.formats.document import with_links_below
from publishing.generation import file_name, live_directory, place_of, subject_of
from publishing.loading import load_state
from publishing.publish import publish_if_stale
from publishing.state import Mirror, path_in
from tests.make import make_component, make_incident, make_maintenance, make_page, utc
from tests.render import files

pytestmark = pytest.mark.django_db

NOW = utc(2026, 1, 3, 12)


def page_in(*languages: str, original: str = "en") -> Page:
    page = make_page()
    Page.objects.update(language=original, languages=list(languages))
    page.refresh_from_db()
    return page


def body(path: str) -> str:
    return files(NOW)[path].decode()


def test_without_a_further_language_nothing_of_it_is_there():
    page_in()
    notice = make_incident("Slow mail", at=NOW)

    made = files(NOW)

    assert not [path for path in made if path.startswith(("/en", "/nl"))]
    assert not re.search(r"hreflang|og:locale|tongues", made[f"/incidents/{notice.code}"].decode())
    assert "translations" not in json.loads(made[f"/incidents/{notice.code}.json"])


def test_each_language_has_all_that_people_read_and_machines_have_one_of_each():
    page_in("nl", "de")
    component = make_component("Mail")
    down = {component.pk: "operational"}
    notice = make_maintenance(starts=utc(2026, 1, 4), ends=utc(2026, 1, 5), at=NOW, components=down)

    made = files(NOW)

    code, own = notice.code, component.code
    below = {path.removeprefix("/nl") for path in made if path.startswith("/nl/")}
    assert below == {
        *(
            "/history",
            "/history/2026/01",
            "/history/2026/01.json",
            "/history.atom",
            "/history.rss",
            "/feed.json",
            "/calendar.ics",
            "/api",
        ),
        *(f"/incidents/{code}", f"/incidents/{code}.txt", f"/incidents/{code}.ics"),
        *(f"/components/{own}{ending}" for ending in ("", ".atom", ".rss", ".ics", "/feed.json")),
    }
    assert all(path_in("/nl", path) == f"/nl{path}" for path in below), "links know what there is"
    one_for_all = made.keys() - {path for path in made if path.startswith(("/nl", "/de"))} - below - {"/"}
    assert {path for path in one_for_all if path_in("/nl", path) != path} == set()
    assert '<html lang="nl">' in made["/nl"].decode()
    assert '<html lang="en">' in made["/"].decode()


def test_links_stay_in_the_language_and_the_switch_leads_to_the_same_page_in_the_other():
    page_in("nl")
    notice = make_incident("Slow mail", at=NOW)
    path = f"/incidents/{notice.code}"

    dutch, english = body(f"/nl{path}"), body(path)

    hrefs = re.findall(r'<a [^>]*?href="(/[^"]*)"', re.sub(r"<a [^>]*hreflang[^>]*>", "", dutch))
    assert {"/nl", "/nl/history", "/nl/history.atom", f"{path}.json", f"/nl{path}.txt"} <= set(hrefs)
    assert not {"/", "/history", path} & set(hrefs)
    for page in (dutch, english):
        assert f'<a href="/nl{path}" hreflang="nl" lang="nl"' in page
        assert f'<a href="{path}" hreflang="en" lang="en"' in page
        assert re.findall(r'<link rel="alternate" hreflang="(\S+)" href="http://[^/]+(\S+)">', page) == [
            ("en", path),
            ("nl", f"/nl{path}"),
            ("x-default", path),
        ]
    assert re.search(rf'rel="canonical" href="http://[^/]+/nl{path}"', dutch)
    assert 'property="og:locale" content="nl_NL"' in dutch
    assert 'property="og:locale:alternate" content="nl_NL"' in english


def test_links_below_a_path_and_a_language():
    html = (
        '<a href="/">a</a><a href="/#copy">b</a><a href="/de" hreflang="de">c</a>'
        '<img src="/badge.svg"><a href="//x/y">d</a>'
    )

    assert with_links_below("/copy", html, prefix="/nl") == (
        '<a href="/copy/nl">a</a><a href="/copy/nl#copy">b</a><a href="/copy/de" hreflang="de">c</a>'
        '<img src="/copy/badge.svg"><a href="//x/y">d</a>'
    )


def test_a_mirror_below_a_path_has_the_languages_below_it():
    page_in("nl")
    state = load_state(NOW, mirror=Mirror("https://copy.example/status", "https://status.example.com"))

    home = next(one for one in page_artefacts(state) if one.path == "/nl").body.decode()

    assert '<a class="wordmark" href="/status/nl">' in home
    assert 'rel="canonical" href="https://copy.example/status/nl"' in home


def test_what_is_not_translated_stands_in_the_original_and_says_so_once():
    page_in("nl")
    make_incident("Slow mail", body="We are **looking**.", at=NOW)

    home = body("/nl")
    notice = next(text for path, text in files(NOW).items() if re.fullmatch(r"/nl/incidents/\w+", path)).decode()

    assert notice.count('<p class="tongue">') == 1
    assert '<h1><bdi lang="en">Slow mail</bdi></h1>' in notice
    assert notice.count('<div class="prose" dir="auto" lang="en"><p>We are <strong>looking</strong>.') == 2
    assert re.search(r'<a href="/nl/incidents/\w+"><bdi lang="en">Slow mail</bdi></a>', home)


def test_what_is_translated_is_told_in_the_language_everywhere_and_the_rest_is_marked():
    page_in("nl")
    effects = [EffectLine("Mail", "slower", "Up to an hour")]
    details = NoticeDetails(reason="A disk broke.", advice_during="Wait.", effects=effects)
    incident = make_incident("Slow mail", body="We look.", details=details, at=NOW)
    first = incident.updates.get()
    translate_notice(
        incident,
        "nl",
        actor=None,
        notice={"title": "Trage post", "reason": "Een schijf ging **stuk**.", line_field("Mail"): "Post"},
        updates={first.pk: {"body": "Wij kijken."}},
        at=NOW,
    )
    post_update(incident, UpdateText(status="monitoring", body="Better."), actor=None, at=NOW)

    made = files(NOW)
    path = f"/incidents/{incident.code}"
    dutch, plain = made[f"/nl{path}"].decode(), made[f"/nl{path}.txt"].decode()

    assert "<h1><bdi>Trage post</bdi></h1>" in dutch
    assert "<p>Een schijf ging <strong>stuk</strong>.</p>" in dutch
    assert '<div class="prose" dir="auto"><p>Wij kijken.</p></div>' in dutch
    assert '<div lang="en"><p>Wait.</p></div>' in dutch
    assert "<bdi>Post</bdi>" in dutch and '<bdi lang="en">Up to an hour</bdi>' in dutch
    assert dutch.count('<div class="prose" dir="auto" lang="en"><p>Better.</p>') == 2
    assert dutch.count('<p class="tongue">') == 3, "parts of the notice; the newest update, on top and in the timeline"
    assert all(words in plain for words in ("Trage post", "Een schijf ging **stuk**.", "Post: ", "Wij kijken."))
    assert "Trage post" in made["/nl"].decode()
    assert "Trage post" in made["/nl/history/2026/01"].decode()
    assert "Slow mail" in made[path].decode() and "Trage" not in made[path].decode()

    told = json.loads(made[f"{path}.json"])
    assert told["translations"]["nl"]["title"] == {"text": "Trage post", "is_outdated": False}
    assert [one["translations"]["nl"].get("body") for one in told["incident_updates"]] == [
        None,
        {"text": "Wij kijken.", "is_outdated": False},
    ]


def test_feeds_of_two_languages_hold_different_entries():
    page_in("nl")
    incident = make_incident("Slow mail", body="We look.", at=NOW)
    atom = "{http://www.w3.org/2005/Atom}"

    feeds = {path: ElementTree.fromstring(files(NOW)[path]) for path in ("/history.atom", "/nl/history.atom")}

    ids = {path: (feed.findtext(f"{atom}id"), feed.findtext(f"{atom}entry/{atom}id")) for path, feed in feeds.items()}
    assert ids["/nl/history.atom"][0] == ids["/history.atom"][0].replace(":/", ":/nl/")
    assert ids["/nl/history.atom"][1] == ids["/history.atom"][1] + "/nl"
    dutch = feeds["/nl/history.atom"]
    assert dutch.get("{http://www.w3.org/XML/1998/namespace}lang") == "nl"
    assert dutch.find(f"{atom}entry/{atom}link").get("href").endswith(f"/nl/incidents/{incident.code}")
    assert '<span lang="en">We look.</span>' in dutch.findtext(f"{atom}entry/{atom}content")


def test_a_translation_of_an_earlier_text_is_shown_and_says_so_and_a_redaction_takes_it_out():
    page_in("nl")
    incident = make_incident("Slow mail", body="The key is hunter2.", at=NOW)
    update = incident.updates.get()
    told = {"title": "Trage post"}
    translate_notice(incident, "nl", actor=None, notice=told, updates={update.pk: {"body": "Sleutel: jager2."}})

    edit_update(update, "The key was hunter2.", kind="correction", actor=None)
    path = f"/nl/incidents/{incident.code}"
    assert "Sleutel: jager2." in body(path)
    original = rf"/incidents/{incident.code}#update-\w+"
    assert re.search(rf'<p class="tongue">[^<]+<a href="{original}" hreflang="en">', body(path))
    assert re.search('<blockquote class="was" dir="auto" lang="en">The key <del>is', body(path))

    redact_update(update, "hunter2", actor=None)
    assert not [name for name, content in files(NOW).items() if b"jager2" in content or b"hunter2" in content]


def test_names_and_descriptions_of_functions_are_translated_also_in_notices():
    page_in("nl")
    group = ComponentGroup.objects.create(name="Office")
    component = make_component("Mail")
    Component.objects.filter(pk=component.pk).update(group=group, description="Letters.")
    component.refresh_from_db()
    details = NoticeDetails(effects=[EffectLine("Mail", "slower")])
    incident = make_incident("Slow", components={component.pk: "major_outage"}, details=details, at=NOW)
    words = {"nl": {"name": "Post", "description": "Brieven."}}
    save_page_part(component, actor=None, changed=[], translations=words)
    save_page_part(group, actor=None, changed=[], translations={"nl": {"name": "Kantoor"}})

    home, notice = body("/nl"), body(f"/nl/incidents/{incident.code}")

    for shown in ("<bdi>Post</bdi></a></p>", "<bdi>Brieven.</bdi>", "<h3><bdi>Kantoor</bdi></h3>"):
        assert shown in home
    assert re.search("<dd>(<bdi>)?Post(</bdi>)?</dd>", notice)
    assert '<th scope="row"><bdi>Post</bdi></th>' in notice
    assert [one.field for one in to_translate(incident, "nl")] == ["title", "body"]
    assert "Kantoor - Post" in body(f"/nl/incidents/{incident.code}.txt")
    assert "<bdi>Mail</bdi></a></p>" in body("/")


def test_files_of_all_languages_lie_in_the_shard_of_their_subject():
    html = "text/html; charset=utf-8"

    assert place_of("/nl/incidents/k3v9") == place_of("/incidents/k3v9") == ("incidents", "k", "k3")
    assert file_name("/nl/incidents/k3v9", html) == "k3v9.nl.html"
    assert file_name("/pt-br/incidents/k3v9.txt", "text/plain") == "k3v9.pt-br.txt"
    assert subject_of("/nl/incidents/k3v9.txt", ("incidents", "k", "k3")) == "k3v9"
    assert place_of("/nl/history/2013/11") == ("history", "2013")
    assert file_name("/nl/history/2013/11", html) == "11.nl.html"
    assert subject_of("/nl/history/2013/11", ("history", "2013")) == "11"
    assert (place_of("/nl"), file_name("/nl", html)) == ((), "nl.html")
    assert (place_of("/nl/history.atom"), file_name("/nl/history.atom", "x")) == ((), "nl/history.atom")


def test_a_translation_costs_its_own_notice(settings):
    page_in("nl")
    incident = make_incident("Slow mail", body="We look.", at=NOW)
    publish_if_stale(NOW)
    before = {path.stat().st_ino for path in live_directory(settings.SNAPSHOT_DIR).glob("incidents/*/*/*.html")}

    translate_notice(incident, "nl", actor=None, notice={"title": "Trage post"}, updates={})
    publish_if_stale(NOW)

    files_now = list(live_directory(settings.SNAPSHOT_DIR).glob("incidents/*/*/*.html"))
    assert len(files_now) == 2 and not before & {path.stat().st_ino for path in files_now}
