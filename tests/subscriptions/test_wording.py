from __future__ import annotations

import re

import pytest
from django.utils.html import strip_tags

from incidents.actions import post_update
from incidents.models import Incident, IncidentUpdate
from incidents.values import AllClear, EffectAnswer, EffectLine, LinkTo, NoticeDetails, UpdateText
from subscriptions.models import Notification
from subscriptions.wording import Words, write, write_update
from tests.make import (
    make_component,
    make_incident,
    make_maintenance,
    make_page,
    make_staff,
    make_subscribers,
    move,
    utc,
)

pytestmark = pytest.mark.django_db

SIGNATURE = "-- "  # with the space, mail programs know what follows for a footer

LINKS = {purpose: f"https://status.example.com/{purpose}" for purpose in ("confirm", "manage", "unsubscribe")}


@pytest.fixture(autouse=True)
def page(settings):
    settings.PUBLIC_URL = "https://status.example.com"
    return make_page(name="Copernica status")


def words_of(update: IncidentUpdate, *, time_zone: str = "", language: str = "en") -> Words:
    return write_update(update, LINKS, language=language, time_zone=time_zone)


def the_maintenance() -> Incident:
    cause = make_incident("A cabinet without power", at=utc(2013, 10, 30, 13))
    details = NoticeDetails(
        reason="So that a failed switch takes nothing down again.",
        advice_before="Schedule no mailings for that evening.",
        advice_during="Nothing.",
        advice_after="Check your **last** mailing.",
        data_statement="none_expected_lost",
        effects=[EffectLine("Sending mailings", "delayed", "They leave after midnight.")],
        links=[LinkTo(cause.pk, "caused_by")],
    )
    return make_maintenance(
        "New power feeds",
        starts=utc(2013, 11, 9, 20),
        ends=utc(2013, 11, 9, 23),
        avoid_starts=utc(2013, 11, 9, 17),
        avoid_ends=utc(2013, 11, 9, 23),
        body="Servers go off in turn.",
        components={make_component("Sending mailings").pk: "under_maintenance"},
        details=details,
        actor=make_staff("edward", first_name="Edward"),
        at=utc(2013, 11, 6, 10),
    )


def test_an_announcement_says_all_of_it_in_plain_text():
    incident = the_maintenance()
    update = incident.updates.get()
    cause = incident.links_out.get().target

    words = words_of(update)

    assert words.subject == "[Scheduled] New power feeds — Saturday 9 November 2013"
    assert (
        words.text
        == f"""[Scheduled] New power feeds

Work: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Best avoided: From Saturday 9 November 2013, 18:00 CET (17:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Concerns: Sending mailings

What to do
Before: Schedule no mailings for that evening.

Meanwhile: Nothing.

Afterwards: Check your **last** mailing.

What this means for you
- Sending mailings: Delayed. They leave after midnight.

Your data
No data will be lost.

The update (Wednesday 6 November 2013, 11:00 CET (10:00 UTC), by Edward)
Servers go off in turn.

Read it on the status page:
https://status.example.com/incidents/{incident.code}#update-{update.code}

Why
So that a failed switch takes nothing down again.

Related notices
- Caused by: A cabinet without power
  https://status.example.com/incidents/{cause.code}

{SIGNATURE}
You get this mail because this address is subscribed to Copernica status.
Change what you get: https://status.example.com/manage
Unsubscribe: https://status.example.com/unsubscribe
"""
    )


def test_both_bodies_hold_the_same_facts():
    words = words_of(the_maintenance().updates.get())

    seen = " ".join(strip_tags(words.html.partition("</head>")[2]).split())
    for fact in (
        "21:00 CET (20:00 UTC)",
        "18:00 CET (17:00 UTC)",
        "They leave after midnight.",
        "No data will be lost.",
    ):
        assert fact in seen
    assert "Check your last mailing." in seen


def test_a_move_says_from_when_to_when_in_subject_text_and_html():
    incident = the_maintenance()
    ends = utc(2013, 11, 16, 23)
    update = move(incident, starts=utc(2013, 11, 16, 20), ends=ends, avoid_starts=utc(2013, 11, 9, 17), avoid_ends=ends,
                  at=utc(2013, 11, 7, 10))  # fmt: skip

    words = words_of(update)

    assert words.subject == "[Moved] New power feeds — Saturday 16 November 2013"
    assert words.text.startswith(
        """[Moved] New power feeds

Was: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Now: From Saturday 16 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)
Avoid, was: From Saturday 9 November 2013, 18:00 CET (17:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Avoid, now: From Saturday 9 November 2013, 18:00 CET (17:00 UTC)
  until Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)
Concerns: """
    )
    struck = re.findall(r"<s>(.*?)</s>", words.html)
    assert [line.split(",")[0] for line in struck[:2]] == [
        "From Saturday 9 November 2013",
        "until Sunday 10 November 2013",
    ]
    assert len(struck) == 4


def test_an_avoid_window_that_goes_is_told_and_work_that_stays_is_not_called_moved():
    incident = the_maintenance()
    update = move(incident, at=utc(2013, 11, 7, 10))

    text = words_of(update).text

    assert "Work: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)\n" in text
    assert "Avoid, now: none\n" in text
    assert "Was:" not in text


def test_an_all_clear_stands_on_top_with_promise_beside_outcome():
    incident = the_maintenance()
    answers = AllClear(utc(2013, 11, 9, 20), utc(2013, 11, 9, 22, 40), "none_lost")
    text = UpdateText(status="completed", body="Done without incident.")
    update = post_update(incident, text, actor=None, all_clear=answers, at=utc(2013, 11, 9, 23))

    words = words_of(update)

    assert words.subject == "[Completed] New power feeds — Saturday 9 November 2013"
    assert words.text.startswith(
        "[Completed] New power feeds\n\n"
        "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)\n\n"
        "Done without incident.\n\n"
        "Outcome: As planned\n"
        "Took place: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)\n"
        "  until Saturday 9 November 2013, 23:40 CET (22:40 UTC)\n"
        "  lasting 2 h 40 min\n"
        "Planned: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)\n"
        "  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)\n"
        "  lasting 3 h\n"
    )
    assert "No data was lost. (Announced was: No data will be lost.)" in words.text
    assert "Best avoided" not in words.text
    assert "- Scheduled, Wednesday 6 November 2013, 11:00 CET (10:00 UTC)\n  Servers go off in turn." in words.text


def test_an_all_clear_says_what_became_of_each_effect_and_what_differed():
    incident = the_maintenance()
    move(incident, starts=utc(2013, 11, 10, 20), ends=utc(2013, 11, 10, 23), at=utc(2013, 11, 8, 9))
    answers = AllClear(
        utc(2013, 11, 10, 20),
        utc(2013, 11, 10, 23, 20),
        "none_lost",
        "One server had to be started **twice**.",
        [EffectAnswer("Sending mailings", "less", "No mailing was delayed.")],
    )
    text = UpdateText(status="completed", body="Done.")
    update = post_update(incident, text, actor=None, all_clear=answers, at=utc(2013, 11, 10, 23, 30))

    words = words_of(update)

    assert "\nOutcome: Took longer than planned: 20 min\n" in words.text
    assert "\nFirst plan: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)\n" in words.text
    assert (
        "What differed from the plan\nOne server had to be started **twice**.\n\n"
        "What we said, and what happened\n"
        "- Sending mailings: Delayed. In the end: Less than announced. No mailing was delayed.\n"
    ) in words.text
    assert "One server had to be started <strong>twice</strong>." in words.html
    plain = " ".join(re.sub("<[^>]+>", " ", words.html).split())
    assert "Sending mailings Planned: Delayed As it went: Less than announced No mailing was delayed." in plain


def test_an_update_after_the_planned_end_says_that_it_has_passed():
    incident = the_maintenance()
    text = UpdateText(status="in_progress", body="It takes longer.")

    in_time = post_update(incident, text, actor=None, at=utc(2013, 11, 9, 22))
    assert "Over time" not in words_of(in_time).text
    late = post_update(incident, text, actor=None, at=utc(2013, 11, 9, 23, 5))
    assert "Over time: The planned end has passed.\nWork: From" in words_of(late).text


def test_an_incident_names_what_is_down_and_when_the_next_word_comes():
    component = make_component("API")
    incident = make_incident("No mail", components={component.pk: "major_outage"}, at=utc(2026, 3, 2, 9))
    text = UpdateText(
        status="identified", body="Found.", components={component.pk: "partial_outage"},
        next_update_by=utc(2026, 3, 2, 9, 40),
    )  # fmt: skip
    update = post_update(incident, text, actor=None, at=utc(2026, 3, 2, 9, 20))

    words = words_of(update)

    assert words.subject == "[Identified] No mail"
    assert "Began: Monday 2 March 2026, 10:00 CET (09:00 UTC)\n" in words.text
    assert "Concerns: API: Partial outage\n" in words.text
    assert "Next update by: Monday 2 March 2026, 10:40 CET (09:40 UTC)\n" in words.text


def test_a_mail_about_an_update_says_what_that_update_said():
    incident = make_incident("No mail", at=utc(2026, 3, 2, 9))
    first = incident.updates.get()
    post_update(incident, UpdateText(status="resolved", body="Over."), actor=None, at=utc(2026, 3, 2, 10))

    words = words_of(IncidentUpdate.objects.get(pk=first.pk))

    assert words.subject == "[Investigating] No mail"
    assert "Over." not in words.text
    assert "Resolved" not in words.text


def test_times_are_in_the_readers_own_zone_if_they_chose_one():
    words = words_of(the_maintenance().updates.get(), time_zone="Asia/Kolkata")

    assert words.subject == "[Scheduled] New power feeds — Sunday 10 November 2013"
    assert "Work: From Sunday 10 November 2013, 01:30 IST (9 Nov 20:00 UTC)" in words.text


def test_the_story_costs_few_queries_whatever_its_length(django_assert_max_num_queries):
    incident = the_maintenance()
    for minute in range(5):
        text = UpdateText(status="in_progress", body="Going well.")
        update = post_update(incident, text, actor=None, at=utc(2013, 11, 9, 21, minute))

    with django_assert_max_num_queries(10):
        words_of(IncidentUpdate.objects.select_related("incident").get(pk=update.pk))


def first_screen(words: Words) -> str:
    return "\n".join(words.text.splitlines()[:10])


def test_the_first_screen_of_an_announcement_says_what_when_and_what_to_do():
    seen = first_screen(words_of(the_maintenance().updates.get()))

    assert "New power feeds" in seen
    assert "Saturday 9 November 2013, 21:00 CET" in seen
    assert "Saturday 9 November 2013, 18:00 CET" in seen
    assert "Before: Schedule no mailings for that evening." in seen


def test_once_the_work_has_begun_nothing_is_advised_for_before_it():
    incident = the_maintenance()
    update = post_update(incident, UpdateText(status="in_progress", body="Off they go."), actor=None)

    words = words_of(update)

    assert "Schedule no mailings for that evening." not in words.text + words.html
    assert "What to do\nMeanwhile: Nothing.\n\nAfterwards: Check your" in words.text


def test_the_first_screen_of_an_incident_holds_its_news_however_much_is_down():
    down = {make_component(f"Service {number}").pk: "major_outage" for number in range(20)}
    incident = make_incident(
        "No mail", body="We look.", components=down, details=NoticeDetails(advice_during="Use the other door.")
    )

    seen = first_screen(words_of(incident.updates.get()))

    assert "Service 19: Major outage" in seen
    assert "Meanwhile: Use the other door." in seen
    assert "We look." in seen


@pytest.mark.parametrize(
    ("status", "preview"),
    [
        (
            "scheduled",
            "From 21:00 CET until Sunday 10 November 2013, 00:00 CET. Schedule no mailings for that evening.",
        ),
        ("in_progress", "It has begun. Next update by 22:00 CET."),
        ("completed", "It has begun."),
    ],
)
def test_the_preview_says_what_the_subject_does_not(status, preview):
    incident = the_maintenance()
    if status != "scheduled":
        text = UpdateText(status=status, body="It has\nbegun.", next_update_by=utc(2013, 11, 9, 21))
        post_update(incident, text, actor=None, at=utc(2013, 11, 9, 20))

    html = words_of(incident.updates.first()).html

    assert preview in html.partition('class="preview"')[2].partition("</div>")[0]


def test_a_name_or_title_from_elsewhere_ends_no_line_and_turns_nothing_around():
    incident = make_incident()
    Incident.objects.filter(pk=incident.pk).update(title="Fixed\r\nBcc: all\u202e@example.com")
    make_page(name="\u2066Copernica\u2028status")

    words = words_of(IncidentUpdate.objects.get(incident=incident))

    assert words.subject == "[Investigating] Fixed  Bcc: all@example.com"
    assert words.sender_name == "Copernica status"


@pytest.mark.parametrize("purpose", ["confirm", "manage"])
def test_a_personal_mail_holds_no_word_that_a_stranger_chose(purpose):
    (subscriber,) = make_subscribers(1, endpoint="buy-pills-now@example.com", state="pending")
    notification = Notification.objects.create(purpose=purpose, subscriber=subscriber)

    words = write(notification, LINKS, language="en", time_zone="")

    assert LINKS[purpose] in words.text and LINKS[purpose] in words.html
    assert "buy-pills" not in words.subject + words.text + words.html


def test_the_html_is_dressed_for_dark_and_narrow_screens():
    html = words_of(the_maintenance().updates.get()).html

    assert "@media (prefers-color-scheme: dark)" in html
    assert 'name="color-scheme" content="light dark"' in html
    assert re.search(r'class="inner"[^>]* style="', html)
    assert len(html) < 100_000


def test_a_notice_too_long_for_a_mail_is_cut_in_html_alone():
    long = "日本語" * 3_000
    details = NoticeDetails(reason=long, advice_before=long, advice_during=long, advice_after=f"{long} end")
    incident = make_maintenance(
        starts=utc(2026, 5, 2, 20), ends=utc(2026, 5, 2, 23), body=f"{long} body", details=details
    )

    words = words_of(incident.updates.get())

    assert len(words.html.encode()) < 100_000
    assert f"{long} body" in words.html
    assert f"{long} end" in words.text


def test_no_notice_is_so_long_that_mail_programs_cut_off_its_links():
    table = "| a | b |\n| - | - |\n" + "|" * 9_900
    effects = [EffectLine("緊" * 200, "delayed", "緊" * 300) for _line in range(80)]
    incident = make_incident(body=table, details=NoticeDetails(effects=effects))

    words = words_of(incident.updates.get())

    assert len(words.html.encode()) < 100_000
    assert LINKS["unsubscribe"] in words.html
    assert "This notice is too long for a mail." in words.html
    assert words.text.count("緊" * 300) == 80
