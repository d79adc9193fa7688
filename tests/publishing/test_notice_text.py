from __future__ import annotations

import datetime as dt

import pytest

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.values import AllClear, EffectAnswer, EffectLine, NoticeDetails, UpdateText
from publishing.formats import notice_text
from publishing.loading import load_state
from tests import story
from tests.make import make_incident, make_maintenance, make_page, move, utc

pytestmark = pytest.mark.django_db

NOW = utc(2013, 11, 7, 12)
ANNOUNCEMENT = """\
[Scheduled] Work on the power feeds of all servers

Copernica status
http://127.0.0.1:8000/incidents/%(work)s

Avoid:
  From Saturday 9 November 2013, 18:00 CET (17:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Work:
  From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Affected functions:
  Mailings - Sending mailings: Under maintenance
  Mail already sent - Links: Under maintenance
  The application: Under maintenance
Data:
  No data will be lost.

What this means for you
-----------------------

- The application: Unavailable. You cannot log in.
- Links in mail already sent: Unavailable. A click does not arrive at its
  page.
- Images in mail already sent: Unavailable. Pictures are missing from the
  mail.
- Sending mailings: Delayed. Sent after Sunday 10 November 2013, 00:00 CET.
- Follow-up actions: Delayed

What to do
----------

Before:
Schedule no mailings from Saturday 18:00 until Sunday 00:00 CET.

Afterwards:
Nothing. Mailings that waited are sent by themselves.

Why
---

The power failure shall not happen again: each server gets both sources
directly.

Notices that belong to this one
-------------------------------

- Caused by: Power lost in one server cabinet
  http://127.0.0.1:8000/incidents/%(cause)s

Updates, newest first
---------------------

Scheduled · Wednesday 6 November 2013, 11:30 CET (10:30 UTC)

On Saturday evening we connect all our servers to two power sources.
"""


def read(incident, now=NOW) -> str:
    state = load_state(now)
    (artefact,) = notice_text.notice(state, next(n for n in state.notices if n.pk == incident.pk))
    assert (artefact.path, artefact.content_type) == (f"/incidents/{incident.code}.txt", "text/plain; charset=utf-8")
    return artefact.body.decode()


def tell_story():
    components = story.make_components()
    return story.announce_work(components, story.tell_power_failure(components))


def test_an_announcement_is_told_whole():
    work = tell_story()

    cause = work.links_out.get().target
    assert read(work) == ANNOUNCEMENT % {"work": work.code, "cause": cause.code}


def test_the_all_clear_stands_on_top():
    work = tell_story()
    run_clock(story.WORK_STARTS)
    story.post_all_clear(work)

    parts = read(work, utc(2013, 11, 10, 9)).split("\n\n")

    assert parts[0] == "[Completed] Work on the power feeds of all servers"
    assert parts[2] == "The work is done, nearly without downtime. Mailings were not delayed."
    assert "As it went:\n  From Saturday 9 November 2013, 21:00 CET (20:00 UTC)\n  until Saturday" in parts[3]
    assert "Data, in the end:\n  No data was lost." in parts[3]


def test_a_move_is_told_with_old_and_new_times():
    work = tell_story()
    move(work, starts=utc(2013, 11, 16, 20), ends=utc(2013, 11, 16, 23), at=NOW)

    text = read(work)

    assert (
        """
Work:
  From Saturday 16 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)
  moved from Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  to Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
"""
        in text
    )
    assert (
        """
Moved · Thursday 7 November 2013, 13:00 CET (12:00 UTC)

Was:
  From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Now:
  From Saturday 16 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 17 November 2013, 00:00 CET (16 Nov 23:00 UTC)
Avoid, was:
  From Saturday 9 November 2013, 18:00 CET (17:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Avoid, now:
  none

The parts arrive later.
"""
        in text
    )
    assert max(len(line) for line in text.split("\n")) <= 78


def test_long_lines_are_broken_and_what_they_say_is_not():
    make_page()
    address = "https://example.com/" + "a" * 90
    table = "| function | " + "x" * 90 + " |"
    body = f"- {'word ' * 30}\n- two\n\n  1. {'deep ' * 30}\n\n{address}\n\n{table}"
    incident = make_incident(body=body, at=NOW)

    text = read(incident)

    assert (address in text, table in text) == (True, True)
    assert "\n- two\n" in text
    assert "\n     deep deep" in text
    assert max(len(line) for line in text.split("\n") if line not in (address, table)) <= 78


def test_one_update_follows_another_newest_first():
    make_page()
    incident = make_incident(body="First.", at=NOW)
    update = UpdateText(status="monitoring", body="Second.", next_update_by=utc(2013, 11, 7, 15))
    post_update(incident, update, actor=None, at=utc(2013, 11, 7, 13))

    text = read(incident)

    assert text.index("Second.") < text.index("First.")
    assert "Next update by:\n  Thursday 7 November 2013, 16:00 CET (15:00 UTC)\n" in text
    assert "Ended:\n  Not yet; we do not know when.\n" in text


ENDED = """\
Outcome:
  Took longer than planned: 30 min.
First plan:
  From Saturday 2 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 3 November 2013, 00:00 CET (2 Nov 23:00 UTC)
  moved before the work began
Planned:
  From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
  lasting 3 h
While it went on the end was moved to:
  Sunday 10 November 2013, 01:00 CET (00:00 UTC)
As it went:
  From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:30 CET (9 Nov 23:30 UTC)
  lasting 3 h 30 min
Data, in the end:
  No data was lost.

What differed from the plan
---------------------------

One server had to be started twice.

The effects, as they turned out
-------------------------------

- Mailings: Unavailable. In the end: Less than announced. For ten minutes.
"""


def test_work_that_is_over_is_told_with_its_promise_beside_it():
    make_page()
    hour, week, ends = dt.timedelta(hours=1), dt.timedelta(days=7), story.WORK_ENDS
    work = make_maintenance(
        starts=story.WORK_STARTS - week,
        ends=ends - week,
        details=NoticeDetails(effects=[EffectLine("Mailings", "unavailable")]),
        at=story.WORK_STARTS - 2 * week,
    )
    move(work, starts=story.WORK_STARTS, ends=ends, at=story.WORK_STARTS - 2 * week)
    run_clock(story.WORK_STARTS)
    move(work, ends=ends + hour, at=ends - hour)
    effects = [EffectAnswer("Mailings", "less", "For ten minutes.")]
    over = ends + hour / 2
    answers = AllClear(story.WORK_STARTS, over, "none_lost", "One server had to be started twice.", effects)
    post_update(work, UpdateText(status="completed", body="Done."), actor=None, all_clear=answers, at=over)

    assert ENDED in read(work, over + hour)


def test_a_planned_end_that_has_passed_is_said_to_have_passed():
    work = tell_story()
    run_clock(story.WORK_STARTS)
    run_clock(story.WORK_ENDS)

    since = "Verifying since Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"
    assert f"The planned end has passed:\n  {since}\n" in read(work, story.WORK_ENDS)
