from __future__ import annotations

import time
from zoneinfo import ZoneInfo

import pytest

from incidents.placeholders import KNOWN, TIMES, Facts, fill, gaps, is_known, listed
from incidents.prepared import Prepared, apply, gaps_of, planned_around
from incidents.shipped_templates import SHIPPED
from incidents.text import render_markdown
from incidents.values import EffectLine
from tests.make import utc

MANY = 10_000
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
STARTS, ENDS = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)


def filled(text: str, limit: int = MANY, **words: str) -> str:
    return fill(text, words, limit=limit)


def test_a_known_name_is_replaced_however_it_is_written():
    assert filled("((page)), (( no )), ((Page)) and ((PAGE ))", page="Copernica") == (
        "Copernica, (( no )), Copernica and Copernica"
    )


def test_an_unknown_name_stays_and_is_told():
    text = filled("((page)): ((ticket)), ((ticket)), ((how long))", page="Copernica")

    assert text == "Copernica: ((ticket)), ((ticket)), ((how long))"
    assert gaps(text) == ["((ticket))", "((how long))"]


@pytest.mark.parametrize(
    "text",
    [
        "(see above), f(x), ((1 + 2)), (( )), ()()",
        "{{page}} {% page %} {page} [page](https://example.com/(page)) <page>",
        "`((page))` and ``a ` ((page))``",
        "((page",
        "((page)",
        "((a\nb))",
        "((" + "a" * 101 + "))",
    ],
)
def test_what_is_no_placeholder_is_left_alone(text):
    assert (filled(text, page="Copernica"), gaps(text)) == (text, [])


def test_a_stray_backtick_hides_nothing():
    assert gaps("Don`t worry about ((this)).\n\nIt`s \\`((that))\\`") == ["((this))", "((that))"]


def test_a_link_in_round_brackets_is_filled():
    assert render_markdown(filled("[us](((support)))", support="https://example.com/help")) == (
        '<p><a href="https://example.com/help" rel="noopener nofollow">us</a></p>'
    )


def test_a_value_with_brackets_is_not_looked_at_again():
    assert filled("((functions))", functions="((page))", page="Copernica") == "((page))"
    assert filled("((((page))))", page="((page))") == "((((page))))"


def test_what_would_be_too_long_stays_a_gap():
    text = "((functions)) " * 700

    assert len(filled(text, functions="x" * 100)) <= MANY
    assert gaps(filled(text, functions="x" * 100)) == ["((functions))"]
    assert filled("((a)) ((b))", limit=11, a="long enough", b="1") == "((a)) 1"


@pytest.mark.parametrize("text", ["(" * MANY, "((a" * 3_000, "`" * MANY, "` ``" * 2_500, "((a))" * 2_000])
def test_hostile_text_takes_no_time(text):
    begun = time.thread_time()  # of the processor: others may keep us waiting

    gaps(text)
    filled(text, a="b" * 1_000)

    assert time.thread_time() - begun < 0.5


def test_times_are_in_words_and_in_the_zone_of_the_notice():
    facts = Facts(times={"work_starts_at": STARTS, "work_ends_at": None}, zone=AMSTERDAM)

    assert facts.words() == {"work starts": "Saturday 9 November 2013, 21:00 CET (20:00 UTC)"}


def test_every_fact_has_a_name_that_staff_can_look_up():
    moments = ("started_at next_update_by work_starts_at work_ends_at avoid_starts_at avoid_ends_at").split()
    moments += ["actual_started_at", "actual_ended_at"]
    whole = Facts("Page", "https://example.com", "Title", ["A"], dict.fromkeys(moments, STARTS), AMSTERDAM)

    assert set(whole.words()) == set(KNOWN)


def test_names_are_listed_as_people_say_them():
    assert [listed(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == ["", "A", "A and B", "A, B and C"]


def test_apply_fills_every_text_and_leaves_the_template_as_it_was():
    prepared = Prepared(
        "maintenance",
        "Work",
        title="((page))",
        body="((page)) ((ticket))",
        reason="((page))",
        effects=[EffectLine("((functions))", "unavailable", "((functions)) ((region))")],
    )

    applied = apply(prepared, Facts(page="Copernica", functions=["Mailings"]))

    assert (applied.title, applied.body, applied.reason) == ("Copernica", "Copernica ((ticket))", "Copernica")
    assert applied.effects == [EffectLine("Mailings", "unavailable", "Mailings ((region))")]
    assert gaps_of(applied) == ["((ticket))", "((region))"]
    assert prepared.title == "((page))"


def test_lengths_say_what_was_left_open_and_nothing_else():
    lengths = {"work_minutes": 180, "avoid_before_minutes": 180, "avoid_after_minutes": None}

    planned = planned_around(lengths, work_starts_at=STARTS, work_ends_at=None)
    typed = planned_around(lengths, work_starts_at=STARTS, work_ends_at=utc(2013, 11, 9, 21), avoid_starts_at=STARTS)

    assert planned == {
        "work_starts_at": STARTS,
        "work_ends_at": ENDS,
        "avoid_starts_at": utc(2013, 11, 9, 17),
        "avoid_ends_at": ENDS,
    }
    assert (typed["work_ends_at"], typed["avoid_starts_at"], typed["avoid_ends_at"]) == (
        utc(2013, 11, 9, 21),
        STARTS,
        None,
    )


def test_work_across_a_clock_change_takes_as_long_as_any_other():
    starts = utc(2026, 10, 24, 23, 30)  # 01:30 in Amsterdam, half an hour of work before 03:00 comes twice

    planned = planned_around({"work_minutes": 180}, work_starts_at=starts, work_ends_at=None)

    assert planned["work_ends_at"] == utc(2026, 10, 25, 2, 30)


@pytest.mark.parametrize("key", SHIPPED)
def test_each_bracket_in_our_texts_opens_a_placeholder(key):
    text = SHIPPED[key]
    texts = [text.title, text.body, text.reason, text.advice_before, text.advice_during, text.advice_after]
    all_known = apply(text, Facts("P", "https://example.com", "T", ["F"], dict.fromkeys(TIMES.values(), STARTS)))

    assert [part.count("((") for part in texts] == [sum(map(part.count, gaps(part))) for part in texts]
    assert [gap for gap in gaps_of(all_known) if is_known(gap)] == []
