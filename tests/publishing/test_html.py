from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser

import pytest

from incidents.actions import edit_notice, post_update
from incidents.clock import run_clock
from incidents.models import Component
from incidents.values import AllClear, EffectAnswer, NoticeDetails, UpdateText
from publishing.formats import component_artefacts, month_artefacts, notice_artefacts, page_artefacts
from publishing.formats.home import recent
from publishing.loading import load_month, load_state
from publishing.notices import load_notices
from publishing.state import ComponentPast, MonthState
from publishing.texts import load_texts
from tests import story
from tests.make import make_component, make_incident, make_maintenance, make_page, move, utc
from tests.render import everything

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 7, 12)


class Reader(HTMLParser):
    """The text a reader gets, one line for each block, and all elements with their attributes."""

    BLOCKS = frozenset("p h1 h2 h3 h4 li dt dd tr th td section article title summary caption div dl ul ol".split())

    def __init__(self, source):
        super().__init__()
        self.elements, self.pieces = [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.pieces.append("\n" if tag in self.BLOCKS else "")

    def handle_endtag(self, tag):
        self.pieces.append("\n" if tag in self.BLOCKS else "")

    def handle_data(self, data):
        self.pieces.append(data.replace("\n", " "))

    @property
    def lines(self):
        lines = (re.sub(r"\s+", " ", line).strip() for line in "".join(self.pieces).split("\n"))
        return [line for line in lines if line]

    def after(self, label):
        """The line that follows the first line `label`."""
        return self.lines[self.lines.index(label) + 1]


def pages(now=NOW):
    return {a.path: a.body.decode() for a in everything(now) if a.content_type.startswith("text/html")}


def page(path="/", now=NOW):
    return Reader(pages(now)[path])


def tell_story():
    components = story.make_components()
    return story.announce_work(components, story.tell_power_failure(components))


def path_of(incident):
    return f"/incidents/{incident.code}"


def test_there_is_a_page_for_everything_public_and_none_for_drafts():
    work = tell_story()
    make_incident("Not yet", publish=False)

    cause = work.links_out.get().target
    assert set(pages()) == {
        "/",
        path_of(work),
        path_of(cause),
        "/history",
        "/history/2013/11",
        "/history/2013/10",
        *(f"/components/{component.code}" for component in Component.objects.all()),
        "/api",
        "/offline",
        "/404",
    }


def test_the_notice_answers_the_first_readers_questions():
    notice = page(path_of(tell_story()))

    assert notice.after("Avoid") == (
        "Saturday 9 November 2013, 18:00 CET to Sunday 10 November 2013, 00:00 CET (17:00 to 23:00 UTC)"
    )
    assert notice.after("Work") == (
        "Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (20:00 to 23:00 UTC)"
    )
    assert "Schedule no mailings from Saturday 18:00 until Sunday 00:00 CET." in notice.lines
    assert notice.after("Links in mail already sent") == "Unavailable"
    assert notice.after("Unavailable") == "You cannot log in."
    assert notice.after("Data") == "No data will be lost."
    assert notice.after("Next update") == "when the work starts: Saturday 9 November 2013, 21:00 CET (20:00 UTC)"
    assert "Published by Edward Touw Feike Wierda, Wednesday 6 November 2013, 11:30 CET (10:30 UTC)" in notice.lines


def test_links_between_notices_are_shown_at_both_ends():
    work = tell_story()
    cause = work.links_out.get().target

    assert "Caused by Power lost in one server cabinet Wednesday 30 October 2013, 09:06 CET (08:06 UTC)" in (
        page(path_of(work)).lines
    )
    assert "Led to Work on the power feeds of all servers Saturday 9 November 2013, 21:00 CET (20:00 UTC)" in (
        page(path_of(cause)).lines
    )


def test_the_all_clear_stands_on_top_and_sets_what_happened_beside_what_was_planned():
    work = tell_story()
    run_clock(story.WORK_STARTS)
    story.post_all_clear(work)

    notice = page(path_of(work), now=utc(2013, 11, 10, 9))

    clear = notice.lines.index("All clear")
    assert notice.lines[clear + 1 : clear + 3] == [
        "As planned. The work kept its window.",
        "The work is done, nearly without downtime. Mailings were not delayed.",
    ]
    assert clear < notice.lines.index("The announcement")
    end = notice.lines.index("End")
    assert notice.lines[end + 1 : end + 3] == [
        "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)",
        "Saturday 9 November 2013, 23:40 CET (22:40 UTC)",
    ]
    data = notice.lines.index("Data")
    assert notice.lines[data + 1 : data + 3] == ["No data will be lost.", "No data was lost."]


def test_an_overdue_update_is_called_overdue_once_its_time_has_passed():
    make_page()
    by = utc(2013, 11, 7, 13, 20)
    incident = make_incident("Mail waits", at=utc(2013, 11, 7, 13))
    update = UpdateText(status="investigating", body="Looking.", next_update_by=by)
    post_update(incident, update, actor=None, at=utc(2013, 11, 7, 13, 5))

    when = "Thursday 7 November 2013, 14:20 CET (13:20 UTC)"
    for path in ("/", path_of(incident)):
        assert page(path, now=by - dt.timedelta(seconds=1)).after("Next update") == f"by {when}"
        assert page(path, now=by).after("Next update") == f"Overdue. It was due by {when}"


def test_a_cancelled_maintenance_says_first_that_it_will_not_happen():
    work = tell_story()
    post_update(work, UpdateText(status="cancelled", body="A new date follows."), actor=None, at=NOW)

    lines = page(path_of(work)).lines

    assert lines.index("Cancelled: this will not happen") < lines.index("What had been announced")


NEXT_WEEK, MINUTE = dt.timedelta(days=7), dt.timedelta(minutes=1)


def test_a_moved_maintenance_is_told_with_old_and_new_times():
    work = tell_story()
    starts, ends = story.WORK_STARTS + NEXT_WEEK, story.WORK_ENDS + NEXT_WEEK
    move(work, starts=starts, ends=ends, avoid_starts=story.AVOID_STARTS, avoid_ends=ends, at=NOW)

    notice = page(path_of(work))

    assert notice.after("Work") == (
        "Saturday 16 November 2013, 21:00 CET to Sunday 17 November 2013, 00:00 CET (20:00 to 23:00 UTC)"
    )
    assert notice.lines[notice.lines.index("Work") + 2] == (
        "Moved from Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (20:00 to 23:00 UTC)"
    )
    timeline = notice.lines[notice.lines.index("Updates, newest first") :]
    assert timeline[1] == "Moved: Scheduled"
    assert timeline[3:12] == [
        "Was",
        "From Saturday 9 November 2013, 21:00 CET (20:00 UTC) until "
        "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)",
        "Now",
        "From Saturday 16 November 2013, 21:00 CET (20:00 UTC) until "
        "Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)",
        "Avoid, was",
        "From Saturday 9 November 2013, 18:00 CET (17:00 UTC) until "
        "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)",
        "Avoid, now",
        "From Saturday 9 November 2013, 18:00 CET (17:00 UTC) until "
        "Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)",
        "The parts arrive later.",
    ]


def test_each_move_keeps_its_own_times_and_the_head_names_those_planned_first():
    work = tell_story()
    for weeks in (1, 2):
        shift = weeks * NEXT_WEEK
        move(work, starts=story.WORK_STARTS + shift, ends=story.WORK_ENDS + shift, at=NOW + weeks * MINUTE)

    lines = page(path_of(work)).lines

    assert sum(line.startswith("Moved from Saturday 9 November") for line in lines) == 1
    told = [line for at, line in enumerate(lines) if lines[at - 1] in ("Was", "Now")]
    assert [line.split(",")[0] for line in told] == [
        "From Saturday 16 November 2013",
        "From Saturday 23 November 2013",
        "From Saturday 9 November 2013",
        "From Saturday 16 November 2013",
    ]


def test_once_it_is_over_or_back_where_it_was_the_head_names_no_other_times():
    work = tell_story()
    back = {"avoid_starts": story.AVOID_STARTS, "avoid_ends": story.WORK_ENDS}
    move(work, starts=story.WORK_STARTS + NEXT_WEEK, ends=story.WORK_ENDS + NEXT_WEEK, at=NOW)
    move(work, starts=story.WORK_STARTS, ends=story.WORK_ENDS, at=NOW + MINUTE, **back)
    assert "Moved from" not in " ".join(page(path_of(work)).lines)

    move(work, starts=story.WORK_STARTS - MINUTE, ends=story.WORK_ENDS, at=NOW + 2 * MINUTE, **back)
    assert "Moved from" in " ".join(page(path_of(work)).lines)
    post_update(work, UpdateText(status="cancelled", body="Not needed."), actor=None, at=NOW + 3 * MINUTE)

    assert "Moved from" not in " ".join(page(path_of(work)).lines)


def test_a_notices_bytes_stand_while_its_facts_stand():
    tell_story()
    early, late = pages(NOW), pages(NOW + dt.timedelta(days=1))

    assert [path for path in early if early[path] != late[path] and "/components/" not in path] == ["/"]


def test_each_update_has_an_anchor_and_says_what_it_changed():
    make_page()
    mailings = make_component("Mailings")
    incident = make_incident("Mail waits", components={mailings.pk: "major_outage"}, at=utc(2013, 11, 7, 9))
    second = UpdateText(status="investigating", body="Still.", components={mailings.pk: "partial_outage"})
    post_update(incident, second, actor=None, at=utc(2013, 11, 7, 10))

    notice = page(path_of(incident))

    anchors = [attrs["id"] for _tag, attrs in notice.elements if attrs.get("id", "").startswith("update-")]
    assert anchors == [f"update-{update.code}" for update in incident.updates.order_by("-display_at")]
    timeline = notice.lines[notice.lines.index("Updates, newest first") :]
    assert timeline[1:6] == [
        "Update: Investigating",
        "Thursday 7 November 2013, 11:00 CET (10:00 UTC)",
        "Still.",
        "Partial outage",
        "Mailings",
    ]


def test_an_edited_notice_says_so():
    make_page()
    incident = make_incident(at=utc(2013, 11, 7, 9))
    edit_notice(incident, actor=None, title="Late mailings", details=NoticeDetails(), at=utc(2013, 11, 7, 10))

    assert "edited Thursday 7 November 2013, 11:00 CET (10:00 UTC)" in " ".join(page(path_of(incident)).lines)


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ("operational", "Everything works."),
        ("under_maintenance", "We are doing maintenance."),
        ("degraded_performance", "We have a minor problem."),
        ("partial_outage", "We have a serious problem."),
        ("major_outage", "We have a major outage."),
    ],
)
def test_home_answers_first_whether_it_works(status, headline):
    make_page()
    make_component("Mailings", shown_status=status, status=status)

    home = page()

    assert home.after("Copernica status History Subscribe") == headline


def test_home_says_what_is_affected_until_when_and_when_the_next_word_comes():
    tell_story()
    run_clock(story.WORK_STARTS)

    home = page(now=story.WORK_STARTS + dt.timedelta(hours=1))

    assert home.after("Affected") == "Under maintenance"
    assert home.after("Under maintenance") == "Sending mailings, Links, The application"
    assert home.after("Until") == "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"
    assert home.after("Next update") == "at the planned end: Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"


def test_home_says_what_to_do_about_what_is_planned_and_what_goes_on():
    tell_story()
    make_incident("Late mail", at=NOW, details=NoticeDetails(advice_during="Do not send it twice."))
    home = page("/")

    assert home.after("What to do") == "Do not send it twice."
    assert home.after(home.after("Avoid")) == "Schedule no mailings from Saturday 18:00 until Sunday 00:00 CET."


def test_home_tells_days_of_trouble_in_words_with_the_notice_that_was_about_them():
    tell_story()

    home = page()

    assert "Wednesday 30 October 2013: Major outage for 14 h 54 min Power lost in one server cabinet" in home.lines
    assert "Trouble or work on 2 of 90 days" in " ".join(home.lines)


def test_home_draws_quiet_days_together():
    tell_story()

    lines = page().lines

    assert lines[lines.index("The last two weeks") + 1] == (
        "Thursday 31 October 2013 to Thursday 7 November 2013: nothing to report."
    )


def test_home_shows_today_what_was_over_before_its_planned_start():
    make_page()
    maintenance = make_maintenance(starts=utc(2026, 1, 10, 20), ends=utc(2026, 1, 10, 23), at=utc(2026, 1, 2))
    post_update(maintenance, UpdateText(status="completed", body="Done early."), actor=None, at=utc(2026, 1, 3))

    days = recent(load_state(utc(2026, 1, 4)))

    ((day, entry),) = [(day.last, entry) for day in days for entry in day.whole]
    assert day == dt.date(2026, 1, 3)
    assert "Work on the power feeds" in entry


def test_home_says_on_no_day_that_nothing_happened_while_something_goes_on():
    make_page()
    make_incident("Late mail", at=NOW - dt.timedelta(days=2))
    make_incident("Slow images", at=NOW - dt.timedelta(hours=1))
    lines = page("/").lines

    assert lines[lines.index("The last two weeks") + 1 :][:6] == [
        "Thursday 7 November 2013",
        "Investigating Slow images",
        "Investigating Late mail",
        "Tuesday 5 November 2013 to Wednesday 6 November 2013",
        "Investigating Late mail",
        "Friday 25 October 2013 to Monday 4 November 2013: nothing to report.",
    ]


def test_home_tells_the_gravest_of_a_busy_day_and_leads_to_the_others():
    mail = make_component("Mailings")
    for hour, status in enumerate(["major_outage", *["degraded_performance"] * 5]):
        incident = make_incident(f"At {hour}", components={mail.pk: status}, at=utc(2026, 1, 3, hour))
        post_update(incident, UpdateText(status="resolved", body="Over."), actor=None, at=utc(2026, 1, 3, hour, 9))

    lines = page(now=utc(2026, 1, 4)).lines
    (more,) = [attrs for tag, attrs in page(now=utc(2026, 1, 4)).elements if "#day-" in attrs.get("href", "")]
    path, _hash, anchor = more["href"].partition("#")

    assert [line for line in lines if line.startswith("At ")] == ["At 5", "At 4", "At 0"]
    assert "and 3 more: Saturday 3 January 2026" in lines
    assert anchor in [attrs.get("id") for _tag, attrs in page(path).elements]


def test_home_stays_short_however_much_happened():
    """What it tells of the last days and of each function is bounded by count."""
    make_page()
    mail = make_component("Mailings", start_date=dt.date(2025, 9, 1))
    busy = {"status": "resolved", "components": {mail.pk: "operational"}}
    for day in range(1, 21):
        for hour in range(5):
            at = utc(2025, 12, day, hour)
            incident = make_incident(f"{day} {hour}", components={mail.pk: "partial_outage"}, at=at)
            post_update(incident, UpdateText(body="Over.", **busy), actor=None, at=at + dt.timedelta(minutes=9))

    home = page(now=utc(2025, 12, 20, 12))

    whole = [attrs for tag, attrs in home.elements if attrs.get("class") == "past"]
    brief = [attrs for tag, attrs in home.elements if attrs.get("class") == "past-brief"]
    assert (len(whole), len(brief)) == (9, 14 * 3 - 9)
    assert home.lines.count("and 2 more: Saturday 20 December 2025") == 1
    told = [line for line in home.lines if line.endswith("and 2 more")]
    assert told[0] == "Saturday 20 December 2025: Partial outage for 45 min 20 4 20 3 20 2 and 2 more"
    assert len(told) == 14
    assert "6 more days: Mailings" in home.lines
    assert len([tag for tag, _attrs in home.elements if tag == "rect"]) == 14


def test_home_subscribes_without_a_script():
    home = page()

    fields = {(tag, attrs.get("name")) for tag, attrs in home.elements if tag in ("form", "input")}
    (form,) = [attrs for tag, attrs in home.elements if tag == "form"]
    assert (form["method"], form["action"]) == ("post", "/subscribe/")
    assert fields == {("form", None), ("input", "email"), ("input", "scope")}


def test_only_a_component_in_trouble_is_shown_when_it_asked_for_that():
    make_page()
    quiet = make_component("Night jobs", only_show_if_degraded=True)
    assert "Night jobs" not in page().lines

    Component.objects.filter(pk=quiet.pk).update(shown_status="partial_outage")

    assert "Night jobs" in page().lines


def test_history_leads_from_month_to_month_and_leaves_empty_ones_out():
    make_page()
    for year, month in [(2013, 10), (2014, 2)]:
        make_incident(f"In {year}", at=utc(year, month, 5))
    make_maintenance("Work", starts=utc(2014, 1, 31, 23), ends=utc(2014, 2, 1), at=utc(2014, 1, 20))

    index = page("/history", now=utc(2014, 3, 1)).lines

    assert [line for line in index if "notice" in line] == ["February 2014 2 notices", "October 2013 1 notice"]
    links = [attrs["href"] for tag, attrs in page("/history/2014/02").elements if attrs.get("rel") == "prev"]
    assert links == ["/history/2013/10"]


def test_a_month_says_of_an_open_incident_what_it_weighs_now_as_its_own_page_does():
    mail = make_component()
    incident = make_incident(at=NOW - dt.timedelta(hours=2), components={mail.pk: "major_outage"})
    better = UpdateText(status="identified", body="Slow now.", components={mail.pk: "degraded_performance"})
    post_update(incident, better, actor=None, at=NOW - dt.timedelta(hours=1))

    assert "Identified Incident, minor impact" in page(path_of(incident)).lines
    assert "Identified Incident, minor impact" in page("/history/2013/11").lines
    post_update(incident, UpdateText(status="resolved", body="Over."), actor=None, at=NOW)
    assert "Resolved Incident, critical impact" in page("/history/2013/11").lines


def test_home_leads_to_what_is_left_out_of_a_long_update():
    incident = make_incident(body="word " * 150, at=NOW)

    home = page()

    assert [line.count("word") for line in home.lines if line.startswith("word word")] == [120]
    assert ("a", {"href": path_of(incident)}) in home.elements


def test_the_word_status_stands_once_beside_the_name_of_the_page():
    make_page(name="Example Status")
    assert page().lines[0] == "Everything works. Example Status"
    assert "Example Status History Subscribe" in page().lines

    make_page(name="Example")
    assert page().lines[0] == "Everything works. Example status"
    assert "Example status History Subscribe" in page().lines


def test_a_notice_is_filed_under_its_day_in_the_pages_zone():
    make_page()
    make_incident("Just before the new year", started_at=utc(2013, 12, 31, 23, 30), at=utc(2014, 1, 1, 9))

    assert "/history/2014/01" in pages()


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns"])
def test_pages_render_in_zones_far_away(zone):
    make_page(time_zone=zone)
    make_component()
    make_maintenance(starts=utc(2024, 2, 28, 23), ends=utc(2024, 3, 1), time_zone=zone, at=utc(2024, 2, 1))

    assert "/history/2024/02" in pages(utc(2024, 2, 29, 12))


def test_hostile_words_stay_words():
    evil = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    make_page(name=evil[:100], description=evil)
    component = make_component(evil[:100], group=evil[:90], description=evil)
    effects = [story.EffectLine(evil, "slower", evil)]
    make_incident(
        evil,
        components={component.pk: "major_outage"},
        details=NoticeDetails(effects=effects, byline=evil[:100]),
        at=NOW,
    )

    for path, source in pages().items():
        read = Reader(source)
        scripts = [attrs.get("src", "its own") for tag, attrs in read.elements if tag == "script"]
        assert [script for script in scripts if not script.startswith("/assets/")] == [], path
        assert not [attrs for tag, attrs in read.elements if tag == "img" and not attrs["src"].startswith("/badge")]
        assert not [tag for tag, attrs in read.elements if any(name[:2] == "on" for name in attrs)]


def test_no_page_holds_a_style_a_script_of_its_own_or_an_address_elsewhere(settings):
    tell_story()

    for path, source in pages().items():
        read = Reader(source)
        assert not [tag for tag, attrs in read.elements if tag == "style" or "style" in attrs], path
        assert not [attrs for tag, attrs in read.elements if tag == "script" and "src" not in attrs], path
        addresses = [
            value for _tag, attrs in read.elements for name, value in attrs.items() if name in ("src", "href", "action")
        ]
        assert not [a for a in addresses if not a.startswith(("/", "#", settings.PUBLIC_URL))], path


def test_every_asset_a_page_names_is_published():
    tell_story()
    artefacts = everything(NOW)
    paths = [artefact.path for artefact in artefacts]

    named = {path for a in artefacts for path in re.findall(rb'"(/assets/[^"]+)"', a.body)}

    assert len(paths) == len(set(paths))
    assert {path.decode() for path in named} <= set(paths)
    assert {artefact.immutable for artefact in artefacts if artefact.path.startswith("/assets/")} == {True}


def test_rendering_asks_the_database_nothing(django_assert_num_queries):
    tell_story()
    state, notices = load_state(NOW), load_notices()
    past = load_month((2013, 11), state.zone)
    texts = load_texts((2013, 11), state.zone)

    with django_assert_num_queries(0):
        list(page_artefacts(state))
        for notice in notices:
            list(notice_artefacts(state.site, notice))
        list(month_artefacts(state.site, MonthState((2013, 11), past, None, None, texts)))
        for component in state.components:
            list(component_artefacts(state.site, component, ComponentPast(tuple(notices), component.changes, ())))


def tell_the_end(work, **answers):
    """The story's work, over with two short interruptions."""
    run_clock(story.WORK_STARTS)
    effects = [EffectAnswer(line.function, "less") for line in story.EFFECTS]
    effects[0] = EffectAnswer("The application", "less", "Two short interruptions.")
    given = {"actual_started_at": story.WORK_STARTS, "actual_ended_at": story.WORK_ENDS, "data_outcome": "none_lost"}
    all_clear = AllClear(**{**given, **answers}, effects=effects)
    text = UpdateText(status="completed", body="The work is done.")
    return post_update(work, text, actor=None, all_clear=all_clear, at=story.WORK_ENDS + dt.timedelta(hours=2))


def test_what_became_of_each_effect_stands_beside_what_was_announced():
    work = tell_story()
    tell_the_end(work, deviations="Nearly no downtime: two short interruptions.")

    lines = page(path_of(work), now=utc(2013, 11, 10, 9)).lines

    clear, table = lines.index("All clear"), lines.index("What we said, and what happened")
    assert lines[clear + 1 : table] == [
        "Milder than announced. The work kept its window.",
        "The work is done.",
        "What differed from the plan",
        "Nearly no downtime: two short interruptions.",
    ]
    duration = lines.index("Duration")
    assert lines[duration + 1 : duration + 6] == [
        "3 h",
        "3 h",
        "The application",
        "Unavailable",
        "Less than announced Two short interruptions.",
    ]


def test_work_that_overran_is_held_to_the_end_announced_when_it_began():
    work = tell_story()
    run_clock(story.WORK_STARTS)
    later, ended = story.WORK_ENDS + dt.timedelta(hours=1), story.WORK_ENDS + dt.timedelta(minutes=30)
    ends = {"ends": later, "avoid_starts": story.AVOID_STARTS, "avoid_ends": later}
    move(work, at=story.WORK_ENDS - MINUTE, **ends)
    tell_the_end(work, actual_ended_at=ended)

    notice = page(path_of(work), now=utc(2013, 11, 10, 9))

    assert notice.after("All clear") == "Took longer than planned: 30 min."
    end = notice.lines.index("End")
    assert notice.lines[end + 1 : end + 3] == [
        "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC) "
        "Put off meanwhile to Sunday 10 November 2013, 01:00 CET (00:00 UTC)",
        "Sunday 10 November 2013, 00:30 CET (9 Nov 23:30 UTC)",
    ]
    assert notice.after("Work") == (
        "Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (20:00 to 23:00 UTC)"
    )
    (axis,) = [a["aria-label"] for tag, a in notice.elements if tag == "svg" and a.get("class") == "axis"]
    assert axis == (
        "Avoid: Sat 18:00 to Sun 00:00; Planned: Sat 21:00 to Sun 00:00; As it went: Sat 21:00 to Sun 00:30"
    )


def test_work_that_was_moved_still_names_its_first_plan_when_it_is_over():
    work = tell_story()
    move(work, starts=story.WORK_STARTS + NEXT_WEEK, ends=story.WORK_ENDS + NEXT_WEEK, at=NOW)
    post_update(work, UpdateText(status="cancelled", body="Not needed."), actor=None, at=NOW + MINUTE)

    lines = page(path_of(work)).lines

    first = lines.index("First plan")
    assert lines[first + 1 : first + 3] == [
        "Saturday 9 November 2013, 21:00 CET to Sunday 10 November 2013, 00:00 CET (20:00 to 23:00 UTC)",
        "Moved, and then cancelled.",
    ]


def test_no_page_pretends_that_a_planned_end_that_has_passed_still_holds():
    work = tell_story()
    for now in (story.WORK_STARTS, story.WORK_ENDS):
        run_clock(now)

    verifying = "The planned end has passed. Verifying since Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"
    for path in ("/", path_of(work)):
        assert verifying in page(path, now=story.WORK_ENDS + MINUTE).lines

    post_update(work, UpdateText(status="in_progress", body="On."), actor=None, at=story.WORK_ENDS + MINUTE)
    shown = page(path_of(work), now=story.WORK_ENDS + MINUTE)
    assert (
        "The planned end has passed. In progress since Sunday 10 November 2013, 00:01 CET (9 Nov 23:01 UTC)"
        in shown.lines
    )
    assert shown.after("Next update") == "with the all-clear; no time is set"
