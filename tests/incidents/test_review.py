from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from incidents.actions import (
    edit_draft,
    edit_notice,
    open_incident,
    post_update,
    publish_draft,
    reschedule_maintenance,
    schedule_maintenance,
)
from incidents.clock import run_clock
from incidents.corrections import edit_update
from incidents.models import Change, Incident, IncidentUpdate, Page, UrgentAct
from incidents.past import report_past_incident
from incidents.review import acknowledge, send_back, submit_for_review
from incidents.timing import schedule_draft
from incidents.values import AllClear, NoticeDetails, ReviewNeeded, StaleIncident, UpdateText, Window
from tests.make import make_incident, make_maintenance, make_page, make_staff, utc

pytestmark = pytest.mark.django_db

START, END = utc(2100, 1, 3, 20), utc(2100, 1, 3, 23)
FOUND = UpdateText(status="identified", body="A full disk.")


@pytest.fixture(autouse=True)
def second_person_needed(db):
    make_page(needs_review=True)


@pytest.fixture
def anna(db):
    return make_staff("anna")


@pytest.fixture
def bert(db):
    return make_staff("bert")


def published_before(make=make_incident, **fields) -> Incident:
    """A notice from before the page asked for a second person."""
    Page.objects.update(needs_review=False)
    notice = make(**fields)
    Page.objects.update(needs_review=True)
    return notice


def maintenance_before() -> Incident:
    return published_before(make_maintenance, starts=START, ends=END)


def draft_of(author, **fields) -> IncidentUpdate:
    text = UpdateText(status="investigating", body="We are looking.", **fields)
    return open_incident(title="Mailings leave late", update=text, actor=author, publish=False)


def open_one(actor, **urgent):
    open_incident(title="Late", update=UpdateText("investigating", "We look."), actor=actor, **urgent)


def announce(actor, **urgent):
    window = Window(work_starts_at=START, work_ends_at=END, time_zone="UTC")
    schedule_maintenance(title="Work", window=window, update=UpdateText("scheduled", "Soon."), actor=actor, **urgent)


def post(actor, **urgent):
    post_update(published_before(), FOUND, actor=actor, **urgent)


def all_clear(actor, **urgent):
    went = AllClear(START, END, "none_lost")
    post_update(maintenance_before(), UpdateText("completed", "Done."), actor=actor, all_clear=went, **urgent)


def cancel(actor, **urgent):
    post_update(maintenance_before(), UpdateText("cancelled", "Not needed."), actor=actor, **urgent)


def move(actor, **urgent):
    window = Window(work_starts_at=utc(2100, 1, 4, 20), work_ends_at=utc(2100, 1, 4, 23), time_zone="UTC")
    reschedule_maintenance(maintenance_before(), window, UpdateText("scheduled", "Later."), actor=actor, **urgent)


def edit(actor, **urgent):
    edit_notice(published_before(), actor=actor, title="Late mailings", details=NoticeDetails(), **urgent)


def publish_own(actor, **urgent):
    publish_draft(draft_of(actor), actor=actor, **urgent)


def schedule_own(actor, **urgent):
    schedule_draft(draft_of(actor), START, actor=actor, **urgent)


WAYS = [open_one, announce, post, all_clear, cancel, move, edit, publish_own, schedule_own]


@pytest.mark.parametrize("way", WAYS)
def test_nobody_publishes_alone(way, anna):
    with pytest.raises(ReviewNeeded):
        way(anna)

    assert not Change.objects.filter(actor=anna, version__isnull=False).exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reason", ["", " "])
def test_nobody_in_particular_is_no_second_person(way, reason):
    with pytest.raises(ReviewNeeded):
        way(None, urgent_because=reason)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_urgent_goes_out_with_a_reason_and_waits_for_a_look(way, anna):
    way(anna, urgent_because="Everything is down.")

    act = UrgentAct.objects.get()
    assert (act.actor, act.because, act.acknowledged_at) == (anna, "Everything is down.", None)
    assert Change.objects.get(verb="publish_urgently").after["because"] == "Everything is down."


@pytest.mark.parametrize("way", [open_one, announce, publish_own, schedule_own])
def test_without_the_rule_everybody_publishes_alone_and_a_reason_means_nothing(way, anna):
    make_page(needs_review=False)

    way(anna, urgent_because="Everything is down.")

    assert not UrgentAct.objects.exists()


def test_a_second_person_approves_and_that_is_written_down(anna, bert):
    draft = draft_of(anna)
    submit_for_review(draft, actor=anna)

    publish_draft(draft, actor=bert)

    draft.refresh_from_db()
    assert not draft.is_draft and draft.review_asked_at is None
    assert draft.byline == "anna"
    assert Change.objects.values_list("verb", "actor_name").first() == ("approve_draft", "bert")
    assert not UrgentAct.objects.exists()


def test_who_edited_last_does_not_publish_who_began_may(anna, bert):
    draft = draft_of(anna)
    edit_draft(draft, UpdateText("investigating", "We are looking closely."), actor=bert)

    with pytest.raises(ReviewNeeded):
        publish_draft(draft, actor=bert)
    publish_draft(draft, actor=anna)


def test_saving_without_a_change_makes_nobody_the_author(anna, bert):
    draft = draft_of(anna)
    edit_draft(draft, UpdateText("investigating", "We are looking."), actor=bert)

    with pytest.raises(ReviewNeeded):
        publish_draft(draft, actor=anna)
    publish_draft(draft, actor=bert)


def test_renewing_a_promise_that_has_passed_is_no_change_of_the_text(anna, bert):
    draft = draft_of(anna, next_update_by=utc(2013, 1, 1))
    renewed = UpdateText("investigating", "We are looking.", next_update_by=utc(2100, 1, 1))

    edit_draft(draft, renewed, actor=bert)

    publish_draft(draft, actor=bert)


def test_a_changed_title_counts_as_a_change_of_the_text(anna, bert):
    draft = draft_of(anna)
    edit_notice(draft.incident, actor=bert, title="Mailings wait", details=NoticeDetails())

    with pytest.raises(ReviewNeeded):
        publish_draft(draft, actor=bert)


def test_what_is_approved_is_what_was_read(anna, bert):
    draft = draft_of(anna)
    read = draft.updated_at
    edit_draft(draft, UpdateText("investigating", "Something else."), actor=anna)

    with pytest.raises(StaleIncident):
        publish_draft(draft, actor=bert, unchanged_since=read)
    with pytest.raises(StaleIncident):
        schedule_draft(draft, START, actor=bert, unchanged_since=read)
    with pytest.raises(StaleIncident):
        send_back(draft, "No.", actor=bert, unchanged_since=read)


def test_a_title_changed_while_it_was_read_is_noticed_too(anna, bert):
    draft = draft_of(anna)
    read = draft.updated_at
    edit_notice(draft.incident, actor=anna, title="Mailings wait", details=NoticeDetails())

    with pytest.raises(StaleIncident):
        publish_draft(draft, actor=bert, unchanged_since=read)


def test_a_draft_is_sent_back_with_a_note_that_goes_when_it_comes_again(anna, bert):
    draft = draft_of(anna)
    submit_for_review(draft, actor=anna)

    sent_back = send_back(draft, "Say **which** mailings.", actor=bert)
    assert (sent_back.review_asked_at, sent_back.sent_back_by) == (None, "bert")
    assert Change.objects.first().after["note"] == "Say **which** mailings."

    again = submit_for_review(draft, actor=anna)
    assert (again.sent_back_note, again.review_asked_at is None) == ("", False)


def test_a_note_says_something_and_a_submitted_draft_too(anna):
    with pytest.raises(ValidationError):
        send_back(draft_of(anna), " ", actor=anna)
    empty = open_incident(title="Late", update=UpdateText("investigating", ""), actor=anna, publish=False)
    with pytest.raises(ValidationError):
        submit_for_review(empty, actor=anna)


def test_the_clock_is_not_held_up():
    maintenance = maintenance_before()

    for now in (START, END):
        run_clock(now)

    maintenance.refresh_from_db()
    assert maintenance.status == "verifying"


def test_somebody_else_acknowledges_what_was_urgent_once(anna, bert):
    open_one(anna, urgent_because="Everything is down.")
    act = UrgentAct.objects.get()

    with pytest.raises(ValidationError):
        acknowledge(act, actor=anna)
    for colleague in (bert, make_staff("carl")):
        act = acknowledge(act, actor=colleague)

    assert act.acknowledged_by == "bert"
    assert Change.objects.filter(verb="acknowledge").values_list("actor_name", flat=True).get() == "bert"


def test_a_reason_that_is_too_long_is_refused(anna):
    with pytest.raises(ValidationError):
        open_one(anna, urgent_because="x" * 301)


def at_once(*acts) -> list[str]:
    """Do all of them at the same instant; what came of each."""
    barrier = Barrier(len(acts))

    def run(act) -> str:
        barrier.wait()
        try:
            act()
        except (StaleIncident, ValidationError) as refusal:
            return type(refusal).__name__
        else:
            return "done"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.django_db(transaction=True)
def test_two_who_approve_at_the_same_instant_publish_once(transactional_db):
    make_page(needs_review=True)
    anna, *others = (make_staff() for _one in range(5))
    draft = draft_of(anna)

    outcomes = at_once(*(lambda who=who: publish_draft(draft, actor=who) for who in others))

    assert outcomes == ["done"] * 4
    assert Change.objects.filter(verb="approve_draft").count() == 1


@pytest.mark.django_db(transaction=True)
def test_approving_against_editing_never_publishes_what_was_not_read(transactional_db):
    make_page(needs_review=True)
    anna, bert = make_staff("anna"), make_staff("bert")
    for _round in range(8):
        draft = draft_of(anna)
        changed = UpdateText("investigating", "Something else.")

        outcomes = at_once(
            lambda: publish_draft(draft, actor=bert, unchanged_since=draft.updated_at),  # noqa: B023
            lambda: edit_draft(draft, changed, actor=anna),  # noqa: B023
        )

        draft.refresh_from_db()
        assert sorted(outcomes) in (["StaleIncident", "done"], ["ValidationError", "done"])
        assert (draft.is_draft, draft.body) in ((True, "Something else."), (False, "We are looking."))


def test_what_has_no_draft_takes_a_reason_and_waits_for_a_look_afterwards():
    incident = published_before()
    petra = make_staff("petra")
    past = {
        "title": "Mailings waited",
        "started_at": utc(2026, 1, 2, 9),
        "ended_at": utc(2026, 1, 2, 10),
        "opening": UpdateText(status="investigating", body="They wait."),
        "closing": UpdateText(status="resolved", body="They went."),
        "actor": petra,
    }
    correction = {"kind": "correction", "actor": petra}
    acts = [
        lambda **why: report_past_incident(**past, **why),
        lambda **why: edit_update(incident.updates.get(), "It was Asia.", **correction, **why),
    ]

    for act in acts:
        with pytest.raises(ReviewNeeded):
            act()
    assert not UrgentAct.objects.exists()

    for act in acts:
        act(urgent_because="Nobody else is here.")
    assert [act.incident.title for act in UrgentAct.objects.order_by("pk")] == ["Mailings waited", incident.title]
    assert [update.body for update in incident.updates.all()] == ["It was Asia."]
