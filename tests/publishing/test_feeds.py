from __future__ import annotations

import dataclasses
import datetime as dt

import feedparser
import pytest

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.values import UpdateText
from publishing.formats import feeds
from publishing.formats.one_paragraph import one_paragraph
from publishing.loading import load_component_past, load_state
from tests import story
from tests.make import make_component, make_incident, make_maintenance, make_page, move, utc

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 7, 12)


def read(format_, now=NOW):
    (artefact,) = format_(load_state(now))
    feed = feedparser.parse(artefact.body)
    assert not feed.bozo
    return feed


def tell_story():
    components = story.make_components()
    return story.announce_work(components, story.tell_power_failure(components))


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_each_notice_is_one_entry_newest_first_and_planned_work_on_top(format_):
    tell_story()
    make_incident("Images load slowly", at=utc(2013, 11, 7, 9))

    assert [entry.title for entry in read(format_).entries] == [
        "Work on the power feeds of all servers",
        "Images load slowly",
        "Power lost in one server cabinet",
    ]


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_an_entry_is_dated_by_its_start_while_scheduled_and_then_by_its_newest_update(format_):
    work = tell_story()
    assert read(format_).entries[0].published_parsed[:6] == story.WORK_STARTS.timetuple()[:6]

    at = utc(2013, 11, 8, 9)
    post_update(work, UpdateText(status="in_progress", body="We begin early."), actor=None, at=at)

    assert read(format_).entries[0].published_parsed[:6] == at.timetuple()[:6]


def test_ids_never_change_and_lead_to_the_notice(settings):
    settings.PUBLIC_URL = "https://status.example.com"
    work = tell_story()
    address = f"https://status.example.com/incidents/{work.code}"

    for format_, feed_id, entry_id in [
        (feeds.atom, "tag:status.example.com,2005:/history", f"tag:status.example.com,2005:Incident/{work.pk}"),
        (feeds.rss, "", address),
    ]:
        before = read(format_)
        post_update(work, UpdateText(status="scheduled", body="Still planned."), actor=None, at=NOW)
        after = read(format_)
        assert before.feed.get("id", "") == after.feed.get("id", "") == feed_id
        assert before.entries[0].id == after.entries[0].id == entry_id
        assert after.entries[0].link == address


def test_a_move_is_told_with_old_and_new_times_and_the_banner_has_the_new_ones():
    work = tell_story()
    end = utc(2013, 11, 16, 23)
    move(work, starts=utc(2013, 11, 16, 20), ends=end, avoid_starts=story.AVOID_STARTS, avoid_ends=end, at=NOW)
    state = load_state(NOW)

    body = feeds.entry_html(state.upcoming[0], state.zone)

    assert "SCHEDULED EVENT Nov <var data-var='date'>16</var>" in body
    assert (
        "<strong>Update</strong> - The parts arrive later.<br />Was: <del>From Saturday 9 November 2013, 21:00 CET "
        "(20:00 UTC) until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)</del><br />Now: From Saturday "
        "16 November 2013, 21:00 CET (20:00 UTC) until Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)<br />Avoid"
    ) in body


def test_the_body_is_one_paragraph_for_each_update_newest_first():
    make_page()
    incident = make_incident("Mail", body="We *look*.", at=utc(2021, 12, 8, 2))
    for minute, status, body in [(5, "investigating", "Still looking.\n\n- here\n- there"), (10, "resolved", "a < b")]:
        post_update(incident, UpdateText(status=status, body=body), actor=None, at=utc(2021, 12, 8, 2, minute))
    (notice,) = load_state(utc(2021, 12, 9)).notices

    def stamp(clock):
        return f"<small>Dec <var data-var='date'> 8</var>, <var data-var='time'>{clock}</var> CET</small><br>"

    assert feeds.entry_html(notice, load_state(utc(2021, 12, 9)).zone) == (
        f"<p>{stamp('03:10')}<strong>Resolved</strong> - a &lt; b</p>"
        f"<p>{stamp('03:05')}<strong>Update</strong> - Still looking.<br /><br />- here<br />- there</p>"
        f"<p>{stamp('03:00')}<strong>Investigating</strong> - We <em>look</em>.</p>"
    )


def test_a_banner_holds_the_planned_times_only_while_scheduled():
    tell_story()
    banner = (
        "<p><strong>THIS IS A SCHEDULED EVENT Nov <var data-var='date'> 9</var>, <var data-var='time'>21:00</var> CET "
        "&nbsp;-&nbsp; Nov <var data-var='date'>10</var>, <var data-var='time'>00:00</var> CET</strong></p>"
    )
    state = load_state(NOW)
    assert feeds.entry_html(state.notices[0], state.zone).startswith(banner)

    run_clock(story.WORK_STARTS)

    state = load_state(story.WORK_STARTS)
    assert "SCHEDULED EVENT" not in feeds.entry_html(state.notices[0], state.zone)


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_there_are_25_entries_at_most(format_):
    for number in range(27):
        make_incident(f"Number {number}", at=utc(2013, 11, 1) + dt.timedelta(hours=number))

    titles = [entry.title for entry in read(format_).entries]

    assert titles == [f"Number {number}" for number in range(26, 1, -1)]


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_a_feed_changes_with_the_facts_and_not_with_the_clock(format_):
    tell_story()

    (early,), (late,) = format_(load_state(NOW)), format_(load_state(NOW + dt.timedelta(hours=1)))

    assert early == late


def test_a_feed_is_dated_by_its_newest_change():
    tell_story()

    assert read(feeds.atom).feed.updated == "2013-11-06T10:30:00Z"
    assert read(feeds.rss).feed.published == "Wed, 06 Nov 2013 10:30:00 +0000"


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_a_feed_without_notices_is_a_feed(format_):
    make_page()

    assert read(format_).feed.title == "Copernica Status - Incident History"


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_what_xml_cannot_hold_costs_a_character_and_not_the_feed(format_):
    make_maintenance(starts=utc(2013, 11, 9), ends=utc(2013, 11, 10))
    state = load_state(NOW)
    broken = dataclasses.replace(state.notices[0], title="Wo\x00rk \x1b\ud800\ufffeagain")

    (artefact,) = format_(dataclasses.replace(state, notices=(broken,)))

    assert feedparser.parse(artefact.body).entries[0].title == "Work again"


@pytest.mark.parametrize("format_", [feeds.atom, feeds.rss])
def test_a_hostile_title_stays_text(format_):
    make_incident("<script>alert(1)</script> & ]]>", at=NOW)

    (artefact,) = format_(load_state(NOW))

    assert b"<title>&lt;script&gt;alert(1)&lt;/script&gt; &amp; ]]&gt;</title>" in artefact.body


@pytest.mark.parametrize(
    ("html", "paragraph"),
    [
        ("<p>One</p>\n<p>Two<br>\nlines</p>", "One<br /><br />Two<br />lines"),
        ("<p>See:</p>\n<ol>\n<li>a</li>\n<li>b</li>\n</ol>", "See:<br /><br />- a<br />- b"),
        ('<p><a href="https://x.example/?a=1&amp;b=2">x</a></p>', '<a href="https://x.example/?a=1&amp;b=2">x</a>'),
        ("<p>1 &lt; 2 &amp; 3</p>", "1 &lt; 2 &amp; 3"),
        ("", ""),
    ],
)
def test_blocks_become_lines_of_one_paragraph(html, paragraph):
    assert one_paragraph(html) == paragraph


def test_a_component_has_feeds_of_what_names_it_and_of_what_is_for_everybody(settings):
    settings.PUBLIC_URL = "https://status.example.com"
    make_page()
    images, links = make_component("Images"), make_component("Links")
    concerned = make_incident("Images load slowly", components={images.pk: "partial_outage"}, at=NOW)
    for_all = make_incident("Late mail", at=NOW + dt.timedelta(minutes=1))
    state = load_state(NOW + dt.timedelta(minutes=2))

    def feeds_of(component):
        past = load_component_past(component.code, state.site, state.notices)
        made = feeds.component(state, state.component(component.code), past)
        by_path = {artefact.path: artefact.body for artefact in made}
        assert set(by_path) == {f"/components/{component.code}.{kind}" for kind in ("atom", "rss")}
        return [feedparser.parse(body) for body in by_path.values()]

    for feed in feeds_of(images):
        assert feed.feed.title == "Copernica Status - Images"
        assert [entry.link.rpartition("/")[2] for entry in feed.entries] == [for_all.code, concerned.code]
    for feed in feeds_of(links):
        assert (feed.bozo, [entry.link.rpartition("/")[2] for entry in feed.entries]) == (False, [for_all.code])
    (tag, _none) = [feed.feed.get("id", "") for feed in feeds_of(images)]
    assert tag == f"tag:status.example.com,2005:/components/{images.code}"
