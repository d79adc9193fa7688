"""Every way that a notice can go: what is allowed and what is refused, and what each path of a maintenance leads to."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from incidents.actions import post_update
from incidents.choices import CLOSED, NEXT_STATUSES, STATUSES, IncidentKind, IncidentStatus
from incidents.clock import next_move, run_clock
from incidents.models import EffectOutcome
from incidents.outcome import course_of
from incidents.values import AllClear, EffectAnswer, EffectLine, NoticeDetails, UpdateText
from tests.make import make_incident, make_maintenance, make_staff, move, utc

pytestmark = pytest.mark.django_db

ANNOUNCED, START, END = utc(2026, 1, 2, 9), utc(2026, 1, 3, 20), utc(2026, 1, 3, 23)
HOUR, MINUTE, WEEK = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(days=7)

DETAILS = NoticeDetails(effects=[EffectLine("Mailings", "unavailable")])

# How a notice gets where it is, by one post after another.
WAYS = {
    "investigating": ["investigating"],
    "identified": ["investigating", "identified"],
    "monitoring": ["investigating", "monitoring"],
    "resolved": ["investigating", "resolved"],
    "postmortem": ["investigating", "resolved", "postmortem"],
    "scheduled": ["scheduled"],
    "in_progress": ["scheduled", "in_progress"],
    "verifying": ["scheduled", "in_progress", "verifying"],
    "completed": ["scheduled", "in_progress", "verifying", "completed"],
    "cancelled": ["scheduled", "cancelled"],
}
STEPS = [(a, b) for statuses in STATUSES.values() for a in statuses for b in statuses]


def notice_at(status):
    """A notice that went its way to `status`, one hour after the other."""
    first, *others = WAYS[status]
    if first == "scheduled":
        notice = make_maintenance(starts=START, ends=END, at=ANNOUNCED)
    else:
        notice = make_incident(status=first, at=ANNOUNCED)
    for hours, other in enumerate(others, start=1):
        post_update(notice, UpdateText(status=other, body="Next."), actor=None, at=ANNOUNCED + hours * HOUR)
    notice.refresh_from_db()
    return notice


def test_every_status_is_reached():
    assert set(WAYS) == set(IncidentStatus.values) == set(NEXT_STATUSES)


@pytest.mark.parametrize(("before", "after"), [step for step in STEPS if step[1] in NEXT_STATUSES[step[0]]])
def test_an_allowed_step_is_made(before, after):
    notice = notice_at(before)
    ended = notice.resolved_at
    now = ANNOUNCED + 10 * HOUR

    post_update(notice, UpdateText(status=after, body="Next.", next_update_by=now + HOUR), actor=None, at=now)

    notice.refresh_from_db()
    assert (notice.status, notice.updates.first().status) == (after, after)
    assert notice.resolved_at == ((ended or now) if after in CLOSED else None)
    assert notice.next_update_by == (None if after in CLOSED else now + HOUR)


@pytest.mark.parametrize(("before", "after"), [step for step in STEPS if step[1] not in NEXT_STATUSES[step[0]]])
def test_a_step_that_is_not_allowed_changes_nothing(before, after):
    notice = notice_at(before)
    updates = notice.updates.count()

    with pytest.raises(ValidationError):
        post_update(notice, UpdateText(status=after, body="Next."), actor=None)

    notice.refresh_from_db()
    assert (notice.status, notice.updates.count()) == (before, updates)


@pytest.mark.parametrize("kind", IncidentKind.values)
def test_a_status_of_the_other_kind_is_always_refused(kind):
    own, (others,) = STATUSES[kind], [those for other, those in STATUSES.items() if other != kind]
    for status in own:
        notice = notice_at(status)
        for other in others:
            with pytest.raises(ValidationError):
                post_update(notice, UpdateText(status=other, body="Next."), actor=None)


# Steps of a maintenance that is announced for START to END.


def clock(at):
    return lambda notice: run_clock(at)


def say(status, at):
    return lambda notice: post_update(notice, UpdateText(status=status, body="Word."), actor=make_staff(), at=at)


def moved(at, **times):
    return lambda notice: move(notice, at=at, **times)


def clear(started, ended, *, at=END + HOUR, effects=("as_announced",), deviations=""):
    answers = AllClear(started, ended, "none_lost", deviations, [EffectAnswer("Mailings", turn) for turn in effects])
    text = UpdateText(status="completed", body="Done.")
    return lambda notice: post_update(notice, text, actor=make_staff(), all_clear=answers, at=at)


BEGUN, OVER = clock(START), clock(END)

# Name; steps; the statuses told, those of which subscribers hear nothing in brackets; outcome; whether the window was
# kept; by how many minutes it was overrun; whether it had been moved before it began.
PATHS = {
    "as planned": (
        [BEGUN, OVER, clear(START, END)],
        "scheduled in_progress (verifying) completed",
        ("as_planned", True, 0, False),
    ),
    "over early": (
        [BEGUN, clear(START, END - HOUR, at=END - HOUR)],
        "scheduled in_progress completed",
        ("as_planned", True, 0, False),
    ),
    "begun late": (
        [BEGUN, OVER, clear(START + HOUR, END)],
        "scheduled in_progress (verifying) completed",
        ("as_planned", True, 0, False),
    ),
    "begun early by a person": (
        [say("in_progress", START - HOUR), clock(START), clear(None, END)],
        "scheduled in_progress completed",
        ("deviated", False, 0, False),
    ),
    "over before it was planned": (
        [clear(START - 3 * HOUR, START - HOUR, at=START - HOUR)],
        "scheduled completed",
        ("deviated", False, 0, False),
    ),
    "overrun": (
        [BEGUN, OVER, clear(START, END + 14 * MINUTE)],
        "scheduled in_progress (verifying) completed",
        ("overran", False, 14, False),
    ),
    "over within the last minute": (
        [BEGUN, OVER, clear(START, END + MINUTE - dt.timedelta(seconds=1))],
        "scheduled in_progress (verifying) completed",
        ("as_planned", True, 0, False),
    ),
    "an overrun that was told before the end passed": (
        [BEGUN, moved(END - HOUR, ends=END + HOUR), clear(START, END + 30 * MINUTE)],
        "scheduled in_progress in_progress completed",
        ("overran", False, 30, False),
    ),
    "an end put off twice": (
        [BEGUN, moved(END - HOUR, ends=END + HOUR), moved(END, ends=END + 2 * HOUR), clear(START, END + 90 * MINUTE)],
        "scheduled in_progress in_progress in_progress completed",
        ("overran", False, 90, False),
    ),
    "an end put off without need": (
        [BEGUN, moved(END - HOUR, ends=END + HOUR), clear(START, END - MINUTE)],
        "scheduled in_progress in_progress completed",
        ("as_planned", True, 0, False),
    ),
    "thought over, and going on to a new end": (
        [BEGUN, OVER, moved(END + MINUTE, ends=END + HOUR), clock(END + HOUR), clear(START, END + 50 * MINUTE)],
        "scheduled in_progress (verifying) in_progress (verifying) completed",
        ("overran", False, 50, False),
    ),
    "thought over, and going on without a new end": (
        [BEGUN, OVER, say("in_progress", END + MINUTE), clock(END + HOUR), clear(START, END + 20 * MINUTE)],
        "scheduled in_progress (verifying) in_progress completed",
        ("overran", False, 20, False),
    ),
    "moved by a week, then as planned": (
        [
            moved(ANNOUNCED, starts=START + WEEK, ends=END + WEEK),
            clock(START),
            clock(START + WEEK),
            clear(START + WEEK, END + WEEK, at=END + WEEK),
        ],
        "scheduled scheduled in_progress completed",
        ("as_planned", True, 0, True),
    ),
    "moved by a week, then overrun": (
        [
            moved(ANNOUNCED, starts=START + WEEK, ends=END + WEEK),
            clock(START + WEEK),
            moved(END + WEEK - MINUTE, ends=END + WEEK + HOUR),
            clear(START + WEEK, END + WEEK + HOUR, at=END + WEEK + HOUR),
        ],
        "scheduled scheduled in_progress in_progress completed",
        ("overran", False, 60, True),
    ),
    "milder than announced": (
        [BEGUN, OVER, clear(START, END, effects=["less"], deviations="Two short interruptions.")],
        "scheduled in_progress (verifying) completed",
        ("milder", True, 0, False),
    ),
    "worse than announced": (
        [BEGUN, OVER, clear(START, END, effects=["more"])],
        "scheduled in_progress (verifying) completed",
        ("deviated", True, 0, False),
    ),
    "with deviations": (
        [BEGUN, OVER, clear(START, END, deviations="One server kept its old feed.")],
        "scheduled in_progress (verifying) completed",
        ("deviated", True, 0, False),
    ),
    "cancelled": ([say("cancelled", ANNOUNCED + HOUR)], "scheduled cancelled", ("cancelled", None, 0, False)),
    "moved and cancelled": (
        [moved(ANNOUNCED, starts=START + WEEK, ends=END + WEEK), say("cancelled", ANNOUNCED + HOUR)],
        "scheduled scheduled cancelled",
        ("cancelled", None, 0, True),
    ),
    "broken off": (
        [BEGUN, say("cancelled", START + HOUR), clock(END)],
        "scheduled in_progress cancelled",
        ("cancelled", None, 0, False),
    ),
    "still to come": ([], "scheduled", (None, None, 0, False)),
    "waiting for the all-clear": (
        [BEGUN, OVER, clock(END + WEEK)],
        "scheduled in_progress (verifying)",
        (None, None, 0, False),
    ),
}


def told(notice) -> str:
    rows = notice.updates.public().order_by("display_at", "pk").values_list("status", "notify")
    return " ".join(status if notify else f"({status})" for status, notify in rows)


def course(notice):
    turnouts = [line.turned_out for line in EffectOutcome.objects.of(notice)]
    return course_of(notice, list(notice.updates.public()), turnouts)


@pytest.mark.parametrize("name", PATHS)
def test_a_maintenance_on_its_path(name):
    steps, statuses, (outcome, has_kept, overrun, was_moved) = PATHS[name]
    notice = make_maintenance(starts=START, ends=END, details=DETAILS, at=ANNOUNCED)

    for step in steps:
        step(notice)

    notice.refresh_from_db()
    assert told(notice) == statuses
    went = course(notice)
    assert (went.outcome, went.has_kept, went.overrun) == (outcome, has_kept, overrun * MINUTE)
    assert went.first == ((START, END) if was_moved else None)


def test_work_that_the_clock_completes_is_said_to_be_over_and_no_more():
    notice = make_maintenance(starts=START, ends=END, completes_by_clock=True, at=ANNOUNCED)
    run_clock(START)
    run_clock(END)

    notice.refresh_from_db()
    assert told(notice) == "scheduled in_progress completed"
    assert (course(notice).outcome, course(notice).has_kept) == (None, None)


def test_work_begun_by_a_person_has_begun_then():
    early = make_maintenance(starts=START, ends=END, at=ANNOUNCED)
    say("in_progress", START - HOUR)(early)
    late = make_maintenance(starts=START, ends=END, at=ANNOUNCED)
    run_clock(START)
    say("in_progress", START + HOUR)(late)

    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.actual_started_at, late.actual_started_at) == (START - HOUR, START)


def test_the_clock_waits_for_no_end_that_it_has_told():
    notice = make_maintenance(starts=START, ends=END, at=ANNOUNCED)
    run_clock(START)
    run_clock(END)
    say("in_progress", END + MINUTE)(notice)

    assert next_move(END + HOUR) is None
    move(notice, ends=END + 2 * HOUR, at=END + HOUR)
    assert next_move(END + HOUR) == END + 2 * HOUR


def test_effects_are_answered_as_they_were_announced_or_not_at_all():
    details = NoticeDetails(effects=[EffectLine("Mailings", "unavailable"), EffectLine("Links", "slower")])
    notice = make_maintenance(starts=START, ends=END, details=details, at=ANNOUNCED)

    with pytest.raises(ValidationError) as refused:
        clear(START, END, effects=["less"])(notice)

    assert list(refused.value.message_dict) == ["effects"]
    assert EffectOutcome.objects.count() == 0
