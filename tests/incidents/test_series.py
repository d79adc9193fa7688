"""Maintenance that comes again: each time a notice of its own, announced once."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import threading
from itertools import islice

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from incidents.actions import post_update, publish_draft
from incidents.clock import run_clock
from incidents.models import Change, Incident, IncidentUpdate, MaintenanceSeries, SeriesOccurrence
from incidents.recurrence import Recurrence
from incidents.series import (
    change_series,
    coming_days,
    end_series,
    plan_like,
    plan_of,
    restore_day,
    skip_day,
    start_series,
)
from incidents.values import EffectLine, NoticeDetails, StaleSeries, UpdateText
from subscriptions.fanout import open_notifications
from subscriptions.models import Notification
from tests.incidents.screens import fill, read_form
from tests.make import make_component, make_maintenance, make_page, make_staff, utc
from tests.servers import ROOT, manage
from tests.subscriptions.faults import suite_environment

pytestmark = pytest.mark.django_db

# Sunday 11 January 2026, 02:00 CET, for three hours.
FIRST = utc(2026, 1, 11, 1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
BEFORE = FIRST - 5 * DAY


def make_series(*, announce_days: int = 7, at: dt.datetime = BEFORE, actor=None, notice=None, **rule):
    make_page()
    component = make_component()
    notice = notice or make_maintenance(
        "Backup test",
        starts=FIRST,
        ends=FIRST + 3 * HOUR,
        avoid_starts=FIRST - HOUR,
        avoid_ends=FIRST + 4 * HOUR,
        body="We restore last week's backup.",
        components={component.pk: "degraded_performance"},
        details=NoticeDetails(
            reason="So that it works when it counts.",
            advice_before="Nothing.",
            data_statement="none_expected_lost",
            effects=[EffectLine("Statistics", "slower", "some minutes")],
            reminders=[24 * 60],
        ),
        actor=actor,
        at=at,
    )
    recurrence = Recurrence(**{"first": dt.date(2026, 1, 11), "frequency": "weekly"} | rule)
    return start_series(
        plan_like(notice, recurrence, announce_days=announce_days), actor=actor, first_notice=notice, at=at
    )


def starts(series: MaintenanceSeries) -> list[str]:
    notices = Incident.objects.filter(occurrence__series=series).order_by("work_starts_at")
    return [f"{notice.work_starts_at:%d.%m %H:%M}" for notice in notices]


def test_each_day_is_announced_once_some_days_ahead_and_says_what_the_first_notice_said():
    edward = make_staff("edward", first_name="Edward", last_name="S")
    series = make_series(actor=edward)

    run_clock(FIRST - HOUR)
    assert starts(series) == ["11.01 01:00"]
    (update,) = run_clock(FIRST)[1:]
    run_clock(FIRST)

    first, second = Incident.objects.order_by("work_starts_at")
    assert starts(series) == ["11.01 01:00", "18.01 01:00"]
    assert (update.incident, update.body, update.notify) == (second, "We restore last week's backup.", True)
    same = ("title", "reason", "advice_before", "data_statement", "reminders", "byline", "time_zone")
    assert [getattr(second, name) for name in same] == [getattr(first, name) for name in same]
    assert (second.byline, update.byline, update.author) == ("Edward S", "Edward S", None)
    assert (second.work_ends_at, second.avoid_starts_at, second.avoid_ends_at) == (
        FIRST + 7 * DAY + 3 * HOUR,
        FIRST + 7 * DAY - HOUR,
        FIRST + 7 * DAY + 4 * HOUR,
    )
    assert [(line.function, line.level, line.note) for line in second.effects.all()] == [
        ("Statistics", "slower", "some minutes")
    ]
    assert second.affected.get().status == "degraded_performance"
    open_notifications(FIRST)
    assert Notification.objects.filter(update=update).exists()


def test_what_is_repeated_after_the_work_says_what_was_planned():
    series = make_series()
    notice = Incident.objects.get()
    run_clock(FIRST)
    post_update(
        Incident.objects.get(pk=notice.pk), UpdateText(status="completed", body="Done."), actor=None, at=FIRST + HOUR
    )

    plan = plan_like(Incident.objects.get(pk=notice.pk), plan_of(series).recurrence)

    assert list(plan.components.values()) == ["degraded_performance"]
    assert plan.body == "We restore last week's backup."


def test_clocks_that_change_leave_the_wall_time_as_it_is():
    series = make_series(announce_days=60)

    run_clock(utc(2026, 3, 20))

    assert starts(series)[-3:] == ["03.05 00:00", "10.05 00:00", "17.05 00:00"]
    assert starts(series)[1:3] == ["22.03 01:00", "29.03 01:00"]


def test_after_a_pause_of_the_clock_what_has_begun_is_left_out_and_what_comes_is_announced_late():
    series = make_series()

    run_clock(FIRST + 15 * DAY + HOUR)
    run_clock(FIRST + 20 * DAY + 23 * HOUR)

    assert starts(series) == ["11.01 01:00", "01.02 01:00"]
    second = Incident.objects.order_by("work_starts_at").last()
    assert second.published_at == FIRST + 15 * DAY + HOUR


def test_a_clock_that_is_set_back_announces_nothing_twice():
    series = make_series()
    run_clock(FIRST + 14 * DAY)
    run_clock(FIRST)
    run_clock(FIRST + 14 * DAY)

    assert starts(series) == ["11.01 01:00", "01.02 01:00"]


def test_a_skipped_day_is_not_announced_and_can_be_taken_back():
    series = make_series()
    skip_day(series, dt.date(2026, 1, 18), actor=None, at=BEFORE)
    skip_day(series, dt.date(2026, 1, 18), actor=None, at=BEFORE)
    run_clock(FIRST + HOUR)
    assert starts(series) == ["11.01 01:00"]

    restore_day(series, dt.date(2026, 1, 18), actor=None, at=BEFORE)
    run_clock(FIRST + HOUR)
    assert starts(series) == ["11.01 01:00", "18.01 01:00"]
    assert list(Change.objects.filter(verb__endswith="_day").order_by("pk").values_list("verb", flat=True)) == [
        "skip_day",
        "restore_day",
        "announce_day",
    ]


@pytest.mark.parametrize("day", [dt.date(2026, 1, 11), dt.date(2026, 1, 19)])
def test_a_day_that_is_announced_or_none_of_the_series_cannot_be_skipped(day):
    series = make_series()

    with pytest.raises(ValidationError):
        skip_day(series, day, actor=None, at=BEFORE)


def test_a_change_concerns_what_is_not_announced_yet():
    series = make_series()
    run_clock(FIRST)
    plan = plan_of(series)
    rule = Recurrence(first=dt.date(2026, 1, 10), frequency="weekly")
    change_series(series, plan.__class__(**vars(plan) | {"title": "Restore", "recurrence": rule}), actor=None, at=FIRST)
    series.refresh_from_db()

    run_clock(FIRST + 7 * DAY)

    assert starts(series) == ["11.01 01:00", "18.01 01:00", "24.01 01:00"]
    titles = list(Incident.objects.order_by("work_starts_at").values_list("title", flat=True))
    assert titles == ["Backup test", "Backup test", "Restore"]


def test_a_series_that_ended_announces_nothing_and_leaves_what_is_announced():
    series = make_series()
    run_clock(FIRST)
    end_series(series, actor=None, at=FIRST)
    end_series(series, actor=None, at=FIRST)
    series.refresh_from_db()

    run_clock(FIRST + 7 * DAY)

    assert starts(series) == ["11.01 01:00", "18.01 01:00"]
    assert list(coming_days(series, FIRST)) == []
    assert Change.objects.filter(verb="end_series").count() == 1
    with pytest.raises(ValidationError):
        change_series(series, plan_of(series), actor=None)


def test_who_was_slower_is_told():
    series = make_series()
    with pytest.raises(StaleSeries):
        change_series(series, plan_of(series), actor=None, unchanged_since=BEFORE - HOUR)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"body": " "}, "body"),
        ({"body": "*" * 9000}, "body"),
        ({"duration": dt.timedelta(0)}, "duration"),
        ({"announce_days": 0}, "announce_days"),
        ({"recurrence": Recurrence(dt.date(2020, 1, 5), "weekly", count=2)}, "frequency"),
        ({"recurrence": Recurrence(dt.date(2020, 1, 5), "weekly", count=2, until=dt.date(2030, 1, 1))}, "count"),
    ],
)
def test_what_could_never_be_announced_is_refused_at_once(change, field):
    series = make_series()
    plan = plan_of(series)

    with pytest.raises(ValidationError) as refused:
        change_series(series, plan.__class__(**vars(plan) | change), actor=None, at=BEFORE)

    assert list(refused.value.error_dict) == [field]


def test_one_series_that_cannot_be_announced_does_not_silence_the_others():
    broken, series = make_series(), make_series()
    MaintenanceSeries.objects.filter(pk=broken.pk).update(body="*" * 9000)

    run_clock(FIRST)

    assert starts(broken) == ["11.01 01:00"]
    assert starts(series) == ["11.01 01:00", "18.01 01:00"]


@pytest.mark.django_db(transaction=True)
def test_two_clocks_at_once_announce_each_day_once():
    series = make_series()
    barrier, problems = threading.Barrier(2), []

    def tick() -> None:
        try:
            barrier.wait(10)
            run_clock(FIRST)
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tick) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert starts(series) == ["11.01 01:00", "18.01 01:00"]
    assert Incident.objects.count() == 2


# A clock that dies between the notice and the note that its day is announced.
ANNOUNCE_AND_DIE = """
import datetime as dt, os, signal
from incidents.clock import run_clock
from incidents.models import SeriesOccurrence
SeriesOccurrence.objects.create = lambda **_fields: os.kill(os.getpid(), signal.SIGKILL)
run_clock(dt.datetime.fromisoformat("{now}"))
"""


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_clock_that_is_killed_while_it_announces_has_announced_nothing(tmp_path):
    series = make_series()
    run_clock(FIRST - HOUR)
    command = manage("shell", "-c", ANNOUNCE_AND_DIE.format(now=(FIRST - DAY + HOUR).isoformat()))
    MaintenanceSeries.objects.update(announce_days=10)

    ended = subprocess.run(command, cwd=ROOT, env=suite_environment(tmp_path), timeout=60, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert starts(series) == ["11.01 01:00"]
    assert Incident.objects.count() == 1
    run_clock(FIRST - DAY + HOUR)
    assert starts(series) == ["11.01 01:00", "18.01 01:00"]


def soon(edward) -> Incident:
    """A maintenance announced for ten days from now."""
    starts_at = (dt.datetime.now(dt.UTC) + 10 * DAY).replace(hour=20, minute=0, second=0, microsecond=0)
    return make_maintenance(starts=starts_at, ends=starts_at + 2 * HOUR, time_zone="UTC")


def repeat_url(notice: Incident) -> str:
    return f"/admin/incidents/scheduledmaintenance/{notice.pk}/repeat/"


def test_staff_see_the_next_five_times_before_the_series_is_saved(edward):
    notice = soon(edward)
    url = repeat_url(notice)
    assert url in edward.get(f"/admin/incidents/scheduledmaintenance/{notice.pk}/change/").content.decode()
    sent = {**fill(edward, url, frequency="weekly"), "act": "save"}

    asked = edward.post(url, sent)
    assert (asked.status_code, MaintenanceSeries.objects.count()) == (200, 0)
    words = [words for words, _remark in asked.context["dates"]]
    second = notice.work_starts_at + 7 * DAY
    assert len(words) == 5
    assert words[0].startswith(f"{second:%A} {second.day} {second:%B %Y}, 20:00 UTC to ")

    confirmed = read_form(asked).values | {"act": "save"}
    saved = edward.post(url, confirmed)
    edward.post(url, confirmed)
    series = MaintenanceSeries.objects.get()
    assert saved.url == f"/admin/incidents/maintenanceseries/{series.pk}/change/"
    assert SeriesOccurrence.objects.get().notice == notice
    assert edward.get(url).url == saved.url
    page = edward.get(saved.url).content.decode()
    assert "Every week on" in page
    assert words[0] in page


def test_a_notice_begins_one_series_though_two_colleagues_repeat_it(edward):
    notice = soon(edward)
    url = repeat_url(notice)
    seen = read_form(edward.post(url, {**fill(edward, url, frequency="weekly"), "act": "dates"})).values
    start_series(plan_like(notice, Recurrence(dt.date.min, "weekly")), actor=None, first_notice=notice)

    refused = edward.post(url, {**seen, "act": "save"})

    assert list(refused.context["form"].non_field_errors()) == ["This notice is part of a series already."]
    assert MaintenanceSeries.objects.count() == 1


def test_other_days_than_those_that_were_seen_are_shown_first(edward):
    url = repeat_url(soon(edward))
    seen = read_form(edward.post(url, {**fill(edward, url, frequency="weekly"), "act": "dates"})).values

    other = edward.post(url, {**seen, "frequency": "monthly_by_day", "act": "save"})

    assert other.context["must_check"]
    assert not MaintenanceSeries.objects.exists()


def test_what_is_near_enough_is_announced_as_soon_as_the_series_is_saved(edward):
    notice = soon(edward)
    url = repeat_url(notice)
    typed = fill(edward, url, frequency="weekly", announce_days="20")

    edward.post(url, read_form(edward.post(url, {**typed, "act": "save"})).values | {"act": "save"})

    assert Incident.objects.count() == 2


def test_a_series_is_changed_skipped_and_ended_on_its_screens(edward):
    notice = soon(edward)
    series = start_series(plan_like(notice, Recurrence(dt.date.min, "weekly")), actor=None, first_notice=notice)
    url = f"/admin/incidents/maintenanceseries/{series.pk}/"
    typed = fill(edward, f"{url}edit/", title="Work on the feeds", duration="90 minutes", until=None)
    shown = edward.post(f"{url}edit/", {**typed, "act": "save"})
    edward.post(f"{url}edit/", read_form(shown).values | {"act": "save"})
    series.refresh_from_db()
    assert (series.title, series.minutes) == ("Work on the feeds", 90)
    assert [row.ends_at - row.starts_at for row in islice(coming_days(series, dt.datetime.now(dt.UTC)), 1)] == [
        90 * DAY / 1440
    ]

    day = next(coming_days(series, dt.datetime.now(dt.UTC))).day
    edward.post(f"{url}act/", {"act": "skip", "day": day.isoformat()})
    assert series.occurrences.get(state="skipped").day == day
    assert b"Take it back" in edward.get(f"{url}change/").content
    edward.post(f"{url}act/", {"act": "restore", "day": day.isoformat()})
    assert not series.occurrences.filter(state="skipped").exists()
    assert [
        edward.post(f"{url}act/", sent).status_code for sent in ({"act": "skip"}, {"act": "x", "day": "2026-01-01"})
    ] == [404, 404]
    edward.post(f"{url}act/", {"act": "end"})
    series.refresh_from_db()
    assert series.ended_at
    assert edward.get(f"{url}edit/").status_code == 404


def test_who_was_slower_sees_it_and_keeps_what_was_typed(edward):
    notice = soon(edward)
    series = start_series(plan_like(notice, Recurrence(dt.date.min, "weekly")), actor=None, first_notice=notice)
    url = f"/admin/incidents/maintenanceseries/{series.pk}/edit/"
    mine = read_form(edward.post(url, {**fill(edward, url, title="Mine"), "act": "dates"})).values | {"act": "save"}
    change_series(series, plan_of(series), actor=None)

    stale = edward.post(url, mine)
    assert stale.context["is_stale"]
    edward.post(url, read_form(stale).values | {"act": "save"})

    assert MaintenanceSeries.objects.get().title == "Mine"


def test_a_writer_sees_series_and_changes_none(wilma):
    notice = soon(None)
    series = start_series(plan_like(notice, Recurrence(dt.date.min, "weekly")), actor=None, first_notice=notice)
    url = f"/admin/incidents/maintenanceseries/{series.pk}/"

    assert wilma.get(f"{url}change/").status_code == 200
    assert wilma.get("/admin/incidents/maintenanceseries/").status_code == 200
    assert [wilma.get(address).status_code for address in (repeat_url(notice), f"{url}edit/")] == [403, 403]
    assert wilma.post(f"{url}act/", {"act": "end"}).status_code == 403
    assert b"Repeat" not in wilma.get(f"/admin/incidents/scheduledmaintenance/{notice.pk}/change/").content


@pytest.mark.parametrize("page", ["/admin/incidents/maintenanceseries/", "/admin/"])
def test_lists_ask_as_many_queries_for_three_as_for_one(edward, page):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert edward.get(page).status_code == 200
        return len(asked)

    make_series()
    queries()
    one = queries()
    make_series()
    make_series()
    assert queries() == one


def test_where_a_second_person_is_asked_for_the_clock_writes_a_draft_for_one():
    series = make_series(announce_days=3, actor=make_staff("petra", first_name="Petra"))
    make_page(needs_review=True)

    for _round in range(2):
        run_clock(FIRST + 5 * DAY)

    draft = IncidentUpdate.objects.drafts().get()
    assert (draft.incident.is_draft, draft.byline, draft.incident.work_starts_at) == (True, "Petra", FIRST + 7 * DAY)
    assert draft.review_asked_at == FIRST + 5 * DAY
    assert series.occurrences.count() == 2

    publish_draft(draft, actor=make_staff("quentin"), at=FIRST + 5 * DAY)
    assert Incident.objects.public().filter(work_starts_at=FIRST + 7 * DAY).exists()
