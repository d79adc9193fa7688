"""One feed or calendar for the functions that a reader chose, as our own server makes it of the files of each."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json

import feedparser
import pytest
from icalendar import Calendar

from incidents.actions import post_update
from incidents.component_actions import archive_component
from incidents.values import UpdateText
from publishing import plan
from publishing.artefact import Artefact
from publishing.formats import calendar, feeds, json_feed
from publishing.generation import live_directory, live_manifest, walk
from publishing.loading import load_component_notices, load_component_past, load_state
from publishing.publish import last_failure, publish_if_stale
from publishing.state import NoticeState
from tests import story
from tests.make import make_component, make_incident, make_maintenance, make_page, utc
from tests.publishing.test_front import ask, look_again, make_front

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 7, 12)
FORMS = ["history.atom", "history.rss", "feed.json", "calendar.ics"]


@pytest.fixture
def front(settings):
    return make_front(settings.SNAPSHOT_DIR)


def publish(now=NOW, **how):
    publish_if_stale(now, **how)
    assert last_failure() is None


def tell_a_lot() -> list[str]:
    """Notices on one function, on several, on none; more than a feed holds. The codes of two functions and a third."""
    sending, links, application = story.make_components()
    story.announce_work([sending, links], story.tell_power_failure([sending, links, application]))
    for number in range(42):
        on = [sending, links, application][number % 3]
        at = utc(2013, 11, 1, 8, number)
        made = make_incident(f"Number {number} <&>", at=at, components={on.pk: "partial_outage"})
        if number % 2:
            post_update(made, UpdateText(status="resolved", body="*Over*."), actor=None, at=at + dt.timedelta(hours=1))
    make_incident("It concerns all; nobody knows what", at=utc(2013, 11, 6))
    down = {application.pk: "under_maintenance"}
    make_maintenance("Of the third alone", starts=NOW, ends=utc(2013, 11, 8), at=NOW, components=down)
    return [component.code for component in (sending, links, application)]


def tell_the_story() -> list[str]:
    components = story.make_components()
    story.announce_work(components[:2], story.tell_power_failure(components))
    return [component.code for component in components]


def notices_of(*codes: str) -> list[NoticeState]:
    state = load_state(NOW)
    found = {notice.pk: notice for code in codes for notice in load_component_notices(code, state.notices)}
    return list(found.values())


def entries(body: bytes) -> list[tuple]:
    feed = feedparser.parse(body)
    assert not feed.bozo
    return [(entry.id, entry.title, entry.link, entry.published_parsed, entry.description) for entry in feed.entries]


def test_a_choice_is_told_what_each_of_its_functions_is_told_each_notice_once_newest_first(front):
    sending, links, _third = tell_a_lot()
    publish()
    state = load_state(NOW)
    first, second = sorted([sending, links])
    names = {component.code: component.name for component in state.components}
    title = f"{names[first]}, {names[second]}"

    def asked(form: str) -> bytes:
        answer = ask(front, f"/functions/{links},{sending}/{form}")
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        return answer.body

    path = f"/functions/{first},{second}/history"
    whole = feeds.Selection(path, f"Copernica Status - {title}", notices_of(first, second), NOW)
    for form, content_type in (("atom", "application/atom+xml"), ("rss", "application/rss+xml")):
        expected = getattr(feeds, f"_{form}")(state.site, whole)
        assert len(entries(expected.body)) == 25
        assert asked(f"history.{form}") == expected.body
        assert expected.content_type == f"{content_type}; charset=utf-8"
    feed = json.loads(asked("feed.json"))
    assert [item["title"] for item in feed["items"]] == [entry[1] for entry in entries(asked("history.atom"))]
    assert (feed["title"], feed["feed_url"]) == (whole.title, f"{state.url}/functions/{first},{second}/feed.json")
    assert "_component" not in feed
    events = Calendar.from_ical(asked("calendar.ics"))
    expected = calendar._calendar(state.site, "", f"Copernica: {title}", notices_of(first, second))
    assert (events.errors, events["x-wr-calname"]) == ([], f"Copernica: {title}")
    assert sorted(map(str, events.walk("VEVENT"))) == sorted(map(str, Calendar.from_ical(expected.body).walk("VEVENT")))


def test_any_order_is_the_same_answer_and_what_is_unknown_counts_for_nothing(front):
    codes = tell_the_story()
    publish()

    for form in FORMS:
        answers = [ask(front, f"/functions/{','.join(order)}/{form}") for order in itertools.permutations(codes)]
        answers.append(ask(front, f"/functions/{','.join([*codes, 'unknown', codes[0]])}/{form}"))
        assert {answer.status for answer in answers} == {200}
        assert len({(answer.body, answer.headers["etag"]) for answer in answers}) == 1


def test_it_is_answered_as_the_other_files_are(front):
    codes = ",".join(tell_the_story())
    publish()
    path = f"/functions/{codes}/history.atom"
    plain, packed = ask(front, path), ask(front, path, accept_encoding="gzip, br")

    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert plain.headers["cache-control"] == ask(front, "/history.atom").headers["cache-control"]
    assert ask(front, path, if_none_match=plain.headers["etag"]).status == 304
    assert ask(front, path, "HEAD").body == b""
    assert ask(front, path, "POST").status == 405

    make_incident("News")
    publish(utc(2013, 11, 7, 13))
    look_again()
    assert b"News" in ask(front, path, if_none_match=plain.headers["etag"]).body


def test_what_holds_nothing_yet_is_read_all_the_same(front):
    make_page()
    codes = ",".join(make_component(name).code for name in ("Mail, letters; <b>", "Żółw " * 20))
    publish()

    titles = {form: ask(front, f"/functions/{codes}/{form}").body for form in FORMS}

    for form in FORMS[:2]:
        feed = feedparser.parse(titles[form])
        assert (feed.bozo, feed.entries, "Mail, letters; <b>" in feed.feed.title_detail.value) == (False, [], True)
    assert json.loads(titles["feed.json"])["items"] == []
    name = str(Calendar.from_ical(titles["calendar.ics"])["x-wr-calname"])
    assert "Mail, letters; <b>" in name
    assert "Żółw" in name
    assert max(map(len, titles["calendar.ics"].split(b"\r\n"))) <= 75


def test_who_asks_for_nothing_that_is_here_gets_the_404_of_the_page(front):
    code = tell_the_story()[0]
    publish()
    paths = ["/functions", "/functions/", f"/functions/{code}", f"/functions/{code}/", f"/functions/{code}/history"]
    paths += [f"/functions/unknown/{form}" for form in FORMS]
    paths += ["/functions/,/history.atom", f"/functions/../{code}/history.atom", f"/functions/{'a' * 401}/feed.json"]
    paths.append("/functions/" + ",".join([code, *(f"code{number}" for number in range(20))]) + "/feed.json")

    assert {path: ask(front, path).status for path in paths} == dict.fromkeys(paths, 404)


def test_an_archived_function_leaves_the_choice(front):
    make_page()
    kept, gone = make_component("Kept"), make_component("Gone")
    publish()
    archive_component(gone, actor=None)
    publish()

    feed = json.loads(ask(front, f"/functions/{kept.code},{gone.code}/feed.json").body)

    assert feed["title"] == "Copernica Status - Kept"
    assert feed["feed_url"].endswith(f"/functions/{kept.code}/feed.json")


def test_the_feed_of_a_function_holds_what_names_none_as_mail_to_its_subscribers_does():
    make_page()
    links, images = make_component("Links"), make_component("Images")
    make_incident("Of links", components={links.pk: "major_outage"}, at=utc(2013, 11, 1))
    none = make_incident("Of everybody", at=utc(2013, 11, 2))
    narrowed = make_incident("It turned out to be links", at=utc(2013, 11, 3))
    named = UpdateText(status="identified", body="Only links.", components={links.pk: "partial_outage"})
    post_update(narrowed, named, actor=None, at=utc(2013, 11, 4))
    state = load_state(NOW)
    images_state = next(component for component in state.components if component.code == images.code)

    past = load_component_past(images.code, state.site, state.notices)

    assert [notice.pk for notice in past.notices] == [narrowed.pk, none.pk]
    files: dict[str, Artefact] = {a.path: a for a in json_feed.component(state.site, images_state, past)}
    items = json.loads(files[f"/components/{images.code}/feed.json"].body)["items"]
    assert [item["title"] for item in items] == ["It turned out to be links", "Of everybody"]


def test_news_for_everybody_does_not_wait_for_the_feeds_of_many_functions(settings, monkeypatch):
    make_page()
    codes = [make_component().code for _number in range(3)]
    publish()
    monkeypatch.setattr(plan, "NEWS_SECONDS", 0)

    make_incident("Nobody knows what", at=NOW)
    publish(finish=False)
    published = {path: file for path, _entry, file in walk(live_directory(settings.SNAPSHOT_DIR))}
    assert b"Nobody knows what" in published["/"].read_bytes()
    publish()

    assert live_manifest(settings.SNAPSHOT_DIR).is_finished
    published = {path: file for path, _entry, file in walk(live_directory(settings.SNAPSHOT_DIR))}
    assert all(b"Nobody knows what" in published[f"/components/{code}.rss"].read_bytes() for code in codes)
