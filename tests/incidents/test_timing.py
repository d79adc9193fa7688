from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from incidents.actions import discard_draft, edit_draft, edit_notice, post_update, publish_draft
from incidents.clock import next_move, run_clock
from incidents.models import Change, Incident, IncidentUpdate, Page
from incidents.timing import schedule_draft, unschedule_draft
from incidents.values import NoticeDetails, StaleIncident, UpdateText
from tests.make import make_incident, make_maintenance, make_page, make_staff, utc

pytestmark = pytest.mark.django_db

NOW, LATER = utc(2026, 11, 9, 20, 2), utc(2026, 11, 9, 21)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def monday_evening(time_machine, db):
    time_machine.move_to(NOW, tick=False)
    make_page()


def an_update(notice: Incident, *, status: str = "identified", actor=None, **fields) -> IncidentUpdate:
    return post_update(notice, UpdateText(status, "A full disk.", **fields), actor=actor, publish=False)


def scheduled(notice: Incident | None = None, *, at: dt.datetime = LATER, **fields) -> IncidentUpdate:
    return schedule_draft(an_update(notice or make_incident(), **fields), at, actor=make_staff())


def why_missed(draft: IncidentUpdate) -> str:
    draft.refresh_from_db()
    assert draft.is_draft and draft.publish_at is None
    return draft.missed_because


def test_a_draft_is_published_at_its_time_and_not_before():
    draft = scheduled()

    assert run_clock(LATER - SECOND) == []
    assert run_clock(LATER) == [draft]
    assert run_clock(LATER) == []

    draft.refresh_from_db()
    assert (draft.published_at, draft.display_at, draft.publish_at) == (LATER, LATER, None)
    assert draft.incident.status == "identified"
    assert Change.objects.values_list("verb", "actor_name").first() == ("publish_by_clock", "clock")


def test_a_notice_is_opened_at_its_time_and_starts_then():
    notice = make_incident(publish=False)
    schedule_draft(notice.updates.get(), LATER, actor=None)

    run_clock(LATER + SECOND)

    notice.refresh_from_db()
    assert notice.published_at == notice.started_at == LATER + SECOND


def test_a_start_that_was_given_stays():
    notice = make_incident(publish=False, started_at=utc(2026, 11, 9, 19))
    schedule_draft(notice.updates.get(), LATER, actor=None)

    run_clock(LATER)

    notice.refresh_from_db()
    assert notice.started_at == utc(2026, 11, 9, 19)


def test_the_next_move_tells_of_it():
    assert next_move(NOW) is None

    scheduled()

    assert next_move(NOW) == LATER
    assert next_move(LATER + SECOND) == LATER + SECOND


def test_setting_a_time_is_not_public():
    draft = scheduled()
    unschedule_draft(draft, actor=None)

    assert Page.objects.current().version == 2


@pytest.mark.parametrize("at", [NOW, NOW - SECOND])
def test_a_time_that_has_passed_is_refused(at):
    with pytest.raises(ValidationError) as refused:
        scheduled(at=at)

    assert set(refused.value.message_dict) == {"publish_at"}


def test_the_next_update_is_promised_for_after_it():
    with pytest.raises(ValidationError) as refused:
        scheduled(next_update_by=LATER)

    assert set(refused.value.message_dict) == {"next_update_by"}


def test_an_announcement_comes_before_its_work_is_over():
    maintenance = make_maintenance(starts=NOW + SECOND, ends=LATER, publish=False)

    with pytest.raises(ValidationError):
        schedule_draft(maintenance.updates.get(), LATER, actor=None)


def test_what_a_colleague_posted_keeps_it_back():
    notice = make_incident()
    draft = scheduled(notice)
    post_update(notice, UpdateText("monitoring", "Better."), actor=make_staff())

    assert run_clock(LATER) == []

    assert (why_missed(draft), draft.missed_at) == ("overtaken", LATER)
    assert Change.objects.values_list("verb", "actor_name").first() == ("miss_draft", "clock")


def test_a_notice_that_was_closed_keeps_it_back():
    notice = make_incident()
    draft = scheduled(notice)
    post_update(notice, UpdateText("resolved", "Done."), actor=make_staff())
    run_clock(LATER)

    assert why_missed(draft) == "closed"


def test_what_the_clock_closed_keeps_back_what_no_longer_fits():
    work = make_maintenance(starts=NOW + SECOND, ends=NOW + 2 * SECOND, completes_by_clock=True)
    draft = scheduled(work, status="in_progress")
    for now in (NOW + SECOND, NOW + 2 * SECOND, LATER):
        run_clock(now)

    assert why_missed(draft) == "closed"


def test_the_clock_itself_overtakes_nobody():
    work = make_maintenance(starts=NOW + SECOND, ends=LATER + SECOND)
    draft = scheduled(work, status="in_progress")

    run_clock(NOW + SECOND)
    run_clock(LATER)

    draft.refresh_from_db()
    assert not draft.is_draft


def test_several_can_be_scheduled_one_after_the_other():
    notice = make_incident()
    first, second = scheduled(notice), scheduled(notice, at=LATER + SECOND, status="monitoring")

    assert run_clock(LATER + SECOND) == [first, second]


def test_a_draft_and_the_start_of_the_work_at_the_same_time_are_told_once():
    work = make_maintenance(starts=LATER, ends=LATER + SECOND)
    draft = scheduled(work, status="in_progress")

    assert run_clock(LATER) == [draft]


def test_a_corrected_title_keeps_nothing_back():
    notice = make_incident()
    draft = scheduled(notice)
    edit_notice(notice, actor=None, title="Mailings wait", details=NoticeDetails())

    assert run_clock(LATER) == [draft]


def test_a_draft_that_is_changed_has_to_be_approved_again():
    draft = scheduled()
    edit_draft(draft, UpdateText("identified", "Another disk.", publish_at=LATER), actor=None)
    run_clock(LATER)

    assert why_missed(draft) == "not_approved"


def test_a_time_alone_is_a_wish():
    draft = an_update(make_incident(), publish_at=LATER)
    run_clock(LATER)

    assert why_missed(draft) == "not_approved"


def test_the_rule_of_the_second_person_holds_also_for_what_was_scheduled_before_it():
    anna = make_staff()
    alone = schedule_draft(an_update(make_incident(), actor=anna), LATER, actor=anna)
    reviewed = scheduled(actor=anna)
    make_page(needs_review=True)
    run_clock(LATER)

    assert why_missed(alone) == "not_approved"
    reviewed.refresh_from_db()
    assert not reviewed.is_draft


def test_after_an_hour_without_a_clock_it_is_not_published_any_more():
    draft, late = scheduled(), scheduled(at=LATER + SECOND)

    assert run_clock(LATER + dt.timedelta(hours=1) + SECOND) == [late]

    assert why_missed(draft) == "too_late"


def test_what_the_verbs_refuse_stays_a_draft_and_holds_up_nobody(monkeypatch):
    work = make_maintenance(starts=NOW + SECOND, ends=LATER - SECOND)
    run_clock(NOW + SECOND)
    draft, other = scheduled(work, status="scheduled"), scheduled()

    assert run_clock(LATER)[-1] == other

    assert why_missed(draft) == "refused"
    assert "cannot go there" in Change.objects.get(verb="miss_draft").after["why"]
    assert Page.objects.current().version == Change.objects.filter(version__isnull=False).count() + 1


def test_unscheduled_it_stays_a_draft():
    draft = unschedule_draft(scheduled(), actor=None)

    assert run_clock(LATER) == []
    assert (draft.publish_at, draft.approved_version) == (None, None)


def test_published_now_or_discarded_it_comes_no_second_time():
    now, gone = scheduled(), scheduled()
    publish_draft(now, actor=None)
    discard_draft(gone, actor=None)

    assert run_clock(LATER) == []


def test_who_scheduled_had_read_all_that_was_posted():
    notice = make_incident()
    seen = notice.updates.get().pk
    draft = an_update(notice)
    post_update(notice, UpdateText("monitoring", "Better."), actor=None)

    with pytest.raises(StaleIncident):
        schedule_draft(draft, LATER, actor=None, seen=seen)


def test_a_new_time_forgets_that_the_old_one_was_missed():
    notice = make_incident()
    draft = scheduled(notice)
    post_update(notice, UpdateText("monitoring", "Better."), actor=None)
    run_clock(LATER)

    again = schedule_draft(draft, LATER + SECOND, actor=None, at=LATER)

    assert (again.missed_at, again.missed_because) == (None, "")
    assert run_clock(LATER + SECOND) == [draft]


@pytest.mark.django_db(transaction=True)
def test_many_clocks_at_the_same_instant_publish_once(transactional_db):
    make_page()
    drafts = [scheduled() for _one in range(3)]
    clocks = 4
    barrier = Barrier(clocks)

    def tick(_number: int) -> int:
        barrier.wait()
        try:
            return len(run_clock(LATER))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(clocks) as pool:
        posted = list(pool.map(tick, range(clocks)))

    assert sum(posted) == len(drafts)
    assert Change.objects.filter(verb="publish_by_clock").count() == len(drafts)
