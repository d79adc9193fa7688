from __future__ import annotations

import pytest

from incidents.actions import edit_notice, post_update
from incidents.clock import run_clock
from incidents.models import EffectOutcome
from incidents.values import EffectLine, NoticeDetails, UpdateText
from tests.incidents.screens import at, errors, fill, newest, preview, publish, read_form, save_draft, screen
from tests.make import make_component, make_maintenance, utc

pytestmark = pytest.mark.django_db

START, END = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)
WORDS = "The work on the power feeds is done."


@pytest.fixture
def maintenance(time_machine, edward):
    """The story's maintenance after its end, waiting for a person."""
    time_machine.move_to(utc(2013, 11, 9, 23, 1, 30), tick=False)
    notice = make_maintenance(
        starts=START,
        ends=END,
        components={make_component().pk: "under_maintenance"},
        details=NoticeDetails(effects=[EffectLine("Mailings", "delayed"), EffectLine("Links", "unavailable")]),
        at=utc(2013, 11, 6, 10),
    )
    for now in (START, END):
        run_clock(now)
    notice.refresh_from_db()
    return notice


def test_the_all_clear_closes_the_notice_with_its_answers(edward, maintenance):
    publish(
        edward,
        screen("incident_all_clear", maintenance.pk),
        body=WORDS,
        data_outcome="none_lost",
        **at("actual_ended_at", "2013-11-09", "23:40"),
    )

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.data_outcome) == ("completed", "none_lost")
    assert (maintenance.actual_started_at, maintenance.actual_ended_at) == (START, utc(2013, 11, 9, 22, 40))
    assert (newest(maintenance).status, newest(maintenance).body) == ("completed", WORDS)
    assert newest(maintenance).affected.get().new_status == "operational"


def test_the_planned_times_are_there_to_be_corrected(edward, maintenance):
    sent = fill(edward, screen("incident_all_clear", maintenance.pk))

    assert (sent["actual_started_at_date"], sent["actual_started_at_time"]) == ("2013-11-09", "21:00")
    assert (sent["actual_ended_at_date"], sent["actual_ended_at_time"]) == ("2013-11-10", "00:00")


def test_the_promise_about_data_must_be_answered(edward, maintenance):
    answer = publish(edward, screen("incident_all_clear", maintenance.pk), body=WORDS)

    assert set(errors(answer)) == {"data_outcome"}


@pytest.mark.parametrize(
    "ended", [at("actual_ended_at", "2013-11-09", "20:00"), at("actual_ended_at", "2013-11-10", "09:00")], ids=str
)
def test_work_ends_after_it_began_and_not_in_the_future(edward, maintenance, ended):
    url = screen("incident_all_clear", maintenance.pk)

    assert set(errors(publish(edward, url, body=WORDS, data_outcome="none_lost", **ended))) == {"actual_ended_at"}


def test_a_draft_of_the_all_clear_answers_nothing_before_it_is_published(edward, maintenance):
    url = screen("incident_all_clear", maintenance.pk)
    save_draft(edward, url, body=WORDS, data_outcome="some_lost", **at("actual_ended_at", "2013-11-09", "22:00"))
    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.data_outcome, maintenance.actual_ended_at) == ("verifying", "", None)

    publish(edward, screen("incident_draft", newest(maintenance).pk))

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.data_outcome) == ("completed", "some_lost")
    assert maintenance.actual_ended_at == utc(2013, 11, 9, 21)


def test_work_finished_before_it_was_planned_can_be_closed(edward, time_machine):
    time_machine.move_to(utc(2013, 11, 8, 9, 30, 15), tick=False)
    early = make_maintenance(starts=START, ends=END)

    answer = publish(edward, screen("incident_all_clear", early.pk), body=WORDS, data_outcome="none_lost")

    early.refresh_from_db()
    assert answer.status_code == 302
    assert early.actual_started_at == early.actual_ended_at == utc(2013, 11, 8, 9, 30)


def said_of_effects(notice) -> list[tuple[str, str, str, str]]:
    return [(o.function, o.announced, o.turned_out, o.note) for o in EffectOutcome.objects.of(notice)]


def test_each_effect_turned_out_as_announced_unless_something_else_is_said(edward, maintenance):
    publish(
        edward,
        screen("incident_all_clear", maintenance.pk),
        body=WORDS,
        data_outcome="none_lost",
        deviations="The connection was interrupted **twice**.",
        **{"outcomes-turned_out_1": "less", "outcomes-note_1": "Two short interruptions."},
    )

    maintenance.refresh_from_db()
    assert maintenance.deviations_html == "<p>The connection was interrupted <strong>twice</strong>.</p>"
    assert said_of_effects(maintenance) == [
        ("Mailings", "delayed", "as_announced", ""),
        ("Links", "unavailable", "less", "Two short interruptions."),
    ]


def test_a_draft_keeps_what_it_says_of_the_effects(edward, maintenance):
    url, less = screen("incident_all_clear", maintenance.pk), {"outcomes-turned_out_0": "less"}
    save_draft(edward, url, body=WORDS, data_outcome="none_lost", deviations="Twice.", **less)
    assert said_of_effects(maintenance) == []

    draft = screen("incident_draft", newest(maintenance).pk)
    sent = fill(edward, draft)
    assert (sent["outcomes-turned_out_0"], sent["outcomes-turned_out_1"]) == ("less", "as_announced")
    assert sent["deviations"] == "Twice."
    publish(edward, draft, **{"outcomes-turned_out_1": "more"})

    assert [turned_out for _f, _a, turned_out, _n in said_of_effects(maintenance)] == ["less", "more"]


def test_an_effect_that_a_colleague_changed_meanwhile_is_asked_again(edward, maintenance):
    url = screen("incident_all_clear", maintenance.pk)
    sent = {**fill(edward, url, body=WORDS, data_outcome="none_lost"), "act": "publish"}
    details = NoticeDetails(effects=[EffectLine("Mailings", "delayed"), EffectLine("Images", "slower")])
    edit_notice(maintenance, actor=None, title=maintenance.title, details=details)

    refused = edward.post(url, sent)

    assert list(refused.context["form"].outcomes.errors) == ["turned_out_1"]
    assert edward.post(url, {**read_form(refused).values, "act": "publish"}).status_code == 302
    assert [function for function, *_said in said_of_effects(maintenance)] == ["Mailings", "Images"]


def test_work_that_still_goes_on_is_taken_to_end_now(edward, maintenance, time_machine):
    time_machine.move_to(utc(2013, 11, 9, 23, 40), tick=False)
    post_update(maintenance, UpdateText(status="in_progress", body="It takes longer."), actor=None)

    sent = fill(edward, screen("incident_all_clear", maintenance.pk))

    assert (sent["actual_ended_at_date"], sent["actual_ended_at_time"]) == ("2013-11-10", "00:40")


def test_the_preview_asks_why_work_took_longer(edward, maintenance, time_machine):
    time_machine.move_to(utc(2013, 11, 9, 23, 40), tick=False)
    answers = {"body": WORDS, "data_outcome": "none_lost", **at("actual_ended_at", "2013-11-10", "00:14")}
    url = screen("incident_all_clear", maintenance.pk)

    told = preview(edward, url, **answers, **{"outcomes-turned_out_0": "more"}).context["remarks"]

    assert [(label, remark.words, remark.text) for label, _place, remark in told] == [
        ("What differed from the plan", "", "By these times the work took 14 min longer: say why."),
        ("The effects, as they turned out", "Mailings", "was affected more than announced: say what happened."),
    ]
    assert not preview(edward, url, **answers, deviations="One server failed.").context["remarks"]


def test_an_all_clear_is_corrected_by_saying_it_again(edward, maintenance):
    url, less = screen("incident_all_clear", maintenance.pk), {"outcomes-turned_out_0": "less"}
    publish(edward, url, body=WORDS, data_outcome="none_lost", deviations="Twice.", **less)

    sent = fill(edward, url)
    assert [sent[name] for name in ("data_outcome", "deviations", "outcomes-turned_out_0")] == [
        "none_lost",
        "Twice.",
        "less",
    ]
    publish(edward, url, body="One mailing was lost.", data_outcome="some_lost", deviations="")

    maintenance.refresh_from_db()
    assert (maintenance.data_outcome, maintenance.deviations, maintenance.deviations_html) == ("some_lost", "", "")


def test_a_later_word_leaves_the_answers_as_they_are(edward, maintenance):
    publish(
        edward,
        screen("incident_all_clear", maintenance.pk),
        body=WORDS,
        data_outcome="none_lost",
        deviations="Twice.",
    )
    publish(edward, screen("incident_post_update", maintenance.pk), body="Thank you for your patience.")

    maintenance.refresh_from_db()
    assert (maintenance.deviations, len(said_of_effects(maintenance))) == ("Twice.", 2)
