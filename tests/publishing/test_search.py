"""The search in the history: the files it looks in, and the script that does, in a browser on a mirror below a path."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from incidents.actions import post_update
from incidents.corrections import edit_update, redact_update
from incidents.values import NoticeDetails, UpdateText
from publishing.loading import load_month
from publishing.state import Mirror
from publishing.texts import load_texts, plain
from tests import story
from tests.browser import DARK_PHONE, FORCED_PHONE, LIGHT, LIGHT_PHONE, flaws, served
from tests.make import make_component, make_incident, make_maintenance, make_page, utc
from tests.render import everything, files

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 30, 12)


def index(path="/history/2013/11.json"):
    return {notice["title"]: notice for notice in json.loads(files(NOW)[path])["notices"]}


def test_a_month_is_searched_by_what_its_notices_say_in_public():
    make_page()
    mail = make_component("Sending mailings", group="Mailings")
    details = NoticeDetails(
        effects=[story.EffectLine("Follow-ups", "slower", "At < half speed.")], reason="A *worn* disk."
    )
    incident = make_incident(
        "Mail waits",
        components={mail.pk: "partial_outage"},
        details=details,
        body="We **look** into [it](https://example.com/?a=1&b=2).\n\n- first\n- second",
        at=utc(2013, 11, 7, 23, 30),
    )
    post_update(incident, UpdateText("identified", "We use the code hunter2 now."), actor=None, at=NOW)
    post_update(incident, UpdateText("monitoring", "Only a draft."), actor=None, publish=False)
    update = incident.updates.get(status="identified")
    edit_update(update, "We use the code hunter2 here.", kind="typo", actor=None)
    redact_update(update, "hunter2", actor=None, why="A password.")
    make_incident("Not yet", publish=False)
    mail.name = "Renamed since"
    mail.save()

    found = index()

    assert list(found) == ["Mail waits"]
    text = found["Mail waits"].pop("text")
    assert found["Mail waits"] == {
        "code": incident.code,
        "day": "2013-11-08",
        "kind": "realtime",
        "status": "identified",
        "impact": "major",
        "title": "Mail waits",
        "functions": [[mail.code, "Mailings - Sending mailings"]],
    }
    assert text.split("\n")[1:] == [
        "We look into it.",
        "first",
        "second",
        "Follow-ups: At < half speed.",
        "A worn disk.",
    ]
    assert text.startswith("We use the code")
    assert "hunter2" not in text


def test_what_is_said_twice_is_kept_once_and_words_are_not_glued_together():
    said = [
        "<p>Mail <em>wai</em>ts.<br>All\nof it.</p><ul><li>one</li><li>two</li></ul>",
        "<h3>two</h3><p>A &lt;b&gt;</p>",
    ]

    assert plain(said) == "Mail waits.\nAll of it.\none\ntwo\nA <b>"


def test_the_words_of_a_month_cost_as_many_queries_with_three_notices_as_with_one(django_assert_num_queries):
    zone = make_page().zone
    component = make_component()
    for count in (1, 3):
        while len(load_month((2013, 11), zone)) < count:
            make_incident(components={component.pk: "major_outage"}, at=utc(2013, 11, 7))
        with django_assert_num_queries(4):
            assert len(load_texts((2013, 11), zone)) == count


def test_a_page_in_another_language_has_the_same_index():
    page = make_page()
    make_incident("Mail waits", at=utc(2013, 11, 7))
    english = files(NOW)["/history/2013/11.json"]
    page.language = "nl"
    page.save()

    assert files(NOW)["/history/2013/11.json"] == english


def test_without_notices_there_is_nothing_to_search_and_no_field():
    make_page()

    assert b"search" not in files(NOW)["/history"]


BELOW = "/mail/status"


def tell_history():
    """Three months: words of many scripts in November, forty notices alike in October, one in September."""
    make_page()
    mail, site = make_component("Mail"), make_component("Website")
    make_incident(
        "Störung im Café", body="Die STRASSE ist zu.", components={mail.pk: "major_outage"}, at=utc(2013, 11, 9)
    )
    make_incident("邮件延迟", body="我们正在调查邮件系统。", at=utc(2013, 11, 8))
    make_maintenance(
        "New feeds", starts=utc(2013, 11, 16, 20), ends=utc(2013, 11, 16, 22), components={site.pk: "under_maintenance"}
    )
    for number in range(40):
        make_incident(
            f"Queue {number}",
            body="A relay restarted, and mail waited.",
            at=utc(2013, 10, 5) + dt.timedelta(hours=number),
        )
    make_incident("Café <b>closed</b>", at=utc(2013, 9, 1))
    return mail


@pytest.mark.browser
def test_readers_search_by_words_function_kind_and_time(browser):
    mail = tell_history()
    artefacts = everything(NOW, mirror=Mirror(f"https://copy.example.com{BELOW}", ""))
    on_mirror = [replace(artefact, path=BELOW + artefact.path.rstrip("/")) for artefact in artefacts]
    asked, complaints = [], []
    with served(on_mirror) as address:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def indexes():
            found = [path for path in asked if path.endswith(".json") and "/history/" in path]
            asked.clear()
            return found

        def said(words):
            page.locator("#found-said", has_text=words).wait_for()

        def titles():
            return page.locator("#found-list h3").all_inner_texts()

        def search(words, **filters):
            page.fill("[name=q]", words)
            for name in ("function", "kind"):
                page.select_option(f"[name={name}]", filters.get(name, ""))
            for name in ("from", "until"):
                page.fill(f"[name={name}]", filters.get(name, ""))
            page.press("[name=q]", "Enter")
            page.locator("#found-progress").wait_for(state="hidden")

        page.goto(f"{address}{BELOW}/history")
        page.locator("#search-words").wait_for()
        assert page.locator("#found").is_hidden()
        assert indexes() == []

        # Accents, case and ß do not matter; the beginnings of all words are looked for; the newest stands first.
        page.locator("summary").click()
        search("CAFE")
        said("Notices found: 2. Searched: titles, functions and texts, November 2013 back to September 2013.")
        assert titles() == ["Störung im Café", "Café <b>closed</b>"]
        assert indexes() == [f"{BELOW}/history/2013/{month}.json" for month in ("11", "10", "09")]
        assert page.locator("mark").all_inner_texts() == ["Café", "Café"]
        first = page.locator("#found-list li").first
        assert first.locator("a").get_attribute("href").startswith(f"{address}{BELOW}/incidents/")
        told = " ".join(first.inner_text().split())
        assert told == "Störung im Café Investigating Incident, critical impact Saturday, 9 November 2013 · Mail"
        assert page.locator("#by-month").is_hidden()

        search("straße stör")
        said("Notices found: 1.")
        assert page.locator(".in-text").inner_text() == "Die STRASSE ist zu."
        search("torung")
        said("Nothing found for: \u2068torung\u2069. Searched: titles, functions and texts, November 2013 back to")
        search("系统")
        assert titles() == ["邮件延迟"]

        # Filters, alone and together; a time that is not asked for is not read.
        search("", function=mail.code)
        assert titles() == ["Störung im Café"]
        search("", kind="scheduled")
        assert titles() == ["New feeds"]
        indexes()
        search("queue", **{"from": "2013-10-06", "until": "2013-10-06"})
        assert len(titles()) == 18  # by the day of the page's zone
        assert indexes() == [f"{BELOW}/history/2013/10.json"]
        search("queue", until="2012-01-01")
        said("There are no notices from that time.")

        # No further back than is wanted; what was asked for stands in the address.
        search("relay")
        said("Notices found so far: 30.")
        page.focus("#found-older")
        page.keyboard.press("Enter")
        said("Notices found: 40.")
        assert page.evaluate("document.activeElement.textContent") == titles()[30] == "Queue 9"
        page.wait_for_url(f"{address}{BELOW}/history?q=relay")
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**#main")
        assert len(titles()) == 40
        page.go_back()
        page.go_back()
        said("There are no notices from that time.")
        assert page.input_value("[name=until]") == "2012-01-01"
        page.go_forward()
        said("Notices found so far: 30.")
        page.goto(f"{address}{BELOW}/history?q=caf&kind=realtime")
        said("Notices found: 2.")
        assert page.input_value("[name=kind]") == "realtime"
        assert flaws(page, "/history found", LIGHT_PHONE, LIGHT, DARK_PHONE, FORCED_PHONE) == []

        # A month that cannot be read is told of, and the others are searched.
        page.route("**/2013/10.json", lambda route: route.abort())
        search("caf")
        said("Notices found: 2.")
        said("A part of the history could not be read.")
        page.get_by_role("link", name="Back to the months").click()
        page.locator("#by-month").wait_for()
        assert page.locator("#found").is_hidden()
    assert complaints == []
