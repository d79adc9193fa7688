from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from incidents.actions import edit_notice, post_update, reschedule_maintenance
from incidents.clock import run_clock
from incidents.models import Change, Incident, IncidentUpdate, Page
from incidents.values import NoticeDetails, StaleIncident, UpdateText, Window
from tests.incidents.screens import at, errors, fill, newest, preview, publish, read_form, screen
from tests.make import make_incident, make_maintenance, move, utc

pytestmark = pytest.mark.django_db

ANNOUNCED, NOW = utc(2013, 11, 6, 10), utc(2013, 11, 7, 10)
START, END = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)
AVOID_START = utc(2013, 11, 9, 17)
LATER = dt.timedelta(days=7)
NEW_DAY = {
    **at("work_starts_at", "2013-11-16", "21:00"),
    **at("work_ends_at", "2013-11-16", "24:00"),
    **at("avoid_starts_at", "2013-11-16", "18:00"),
    **at("avoid_ends_at", "2013-11-16", "24:00"),
}


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def maintenance(db):
    return make_maintenance(starts=START, ends=END, avoid_starts=AVOID_START, avoid_ends=END, at=ANNOUNCED)


def times(notice) -> tuple:
    return notice.work_starts_at, notice.work_ends_at, notice.avoid_starts_at, notice.avoid_ends_at


def replaced(update) -> tuple:
    return (
        update.was_work_starts_at,
        update.was_work_ends_at,
        update.was_avoid_starts_at,
        update.was_avoid_ends_at,
    )


def test_a_move_publishes_an_update_that_keeps_the_old_times(maintenance):
    version = Page.objects.current().version

    update = move(maintenance, starts=START + LATER, ends=END + LATER)

    maintenance.refresh_from_db()
    assert times(maintenance) == (START + LATER, END + LATER, None, None)
    assert replaced(update) == (START, END, AVOID_START, END)
    assert (update.published_at, update.status, update.notify) == (NOW, "scheduled", True)
    assert Page.objects.current().version == version + 1
    change = Change.objects.get(verb="reschedule_maintenance")
    assert (change.before["work_starts_at"], change.after["work_starts_at"]) == (str(START), str(START + LATER))
    assert change.after["update"] == update.code


def test_a_window_that_changes_and_changes_back_is_told_twice(maintenance):
    move(maintenance, starts=START + LATER, ends=END + LATER)
    back = move(maintenance, starts=START, ends=END)

    assert replaced(back)[:2] == (START + LATER, END + LATER)
    assert maintenance.updates.count() == 3


def test_nothing_that_moves_is_no_move(maintenance):
    with pytest.raises(ValidationError):
        move(maintenance, avoid_starts=AVOID_START, avoid_ends=END)

    assert maintenance.updates.count() == 1


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_what_is_over_cannot_be_moved(maintenance, status, today):
    today.move_to(START, tick=False)
    if status != "cancelled":
        run_clock(START)
    post_update(maintenance, UpdateText(status=status, body="Over."), actor=None)

    with pytest.raises(ValidationError):
        move(maintenance, ends=END + LATER)


def test_neither_an_incident_nor_a_draft_can_be_moved():
    window = Window(START, END, "UTC")
    draft = make_maintenance(starts=START + LATER, ends=END + LATER, publish=False)
    for notice in (make_incident(), draft):
        with pytest.raises(ValidationError):
            reschedule_maintenance(notice, window, UpdateText(status=notice.status, body="Later."), actor=None)

    assert IncidentUpdate.objects.filter(was_work_starts_at__isnull=False).count() == 0


def test_once_the_work_has_begun_only_its_end_moves(maintenance, today):
    today.move_to(START, tick=False)
    run_clock(START)
    end = END + dt.timedelta(hours=1)
    for start in ({"starts": START - LATER, "avoid_starts": START - LATER}, {"avoid_starts": AVOID_START - LATER}):
        with pytest.raises(ValidationError):
            move(maintenance, **{"ends": end, "avoid_starts": AVOID_START, "avoid_ends": end} | start)

    update = move(maintenance, ends=end, avoid_starts=AVOID_START, avoid_ends=end)

    assert (update.status, replaced(update)[:2]) == ("in_progress", (START, END))
    assert run_clock(END) == []
    assert [one.status for one in run_clock(end)] == ["verifying"]


def test_an_end_that_has_passed_is_refused(maintenance):
    with pytest.raises(ValidationError) as refused:
        move(maintenance, starts=NOW - LATER, ends=NOW)

    assert list(refused.value.error_dict) == ["work_ends_at"]


def test_a_move_leaves_the_status_as_it_is(maintenance):
    window = Window(START + LATER, END + LATER, "UTC")

    with pytest.raises(ValidationError) as refused:
        reschedule_maintenance(maintenance, window, UpdateText(status="in_progress", body="Go."), actor=None)

    assert list(refused.value.error_dict) == ["status"]


def test_the_second_of_two_who_move_is_told_of_the_first(maintenance):
    seen = newest(maintenance).pk
    first = move(maintenance, starts=START + LATER, ends=END + LATER, seen=seen)

    with pytest.raises(StaleIncident) as stale:
        move(maintenance, starts=START + 2 * LATER, ends=END + 2 * LATER, seen=seen)

    assert stale.value.meanwhile == [first]
    maintenance.refresh_from_db()
    assert maintenance.work_starts_at == START + LATER


@pytest.mark.django_db(transaction=True)
def test_of_many_who_move_at_once_one_does(maintenance):
    seen, outcomes = newest(maintenance).pk, []

    def work(days: int) -> None:
        shift = dt.timedelta(days=days)
        window = Window(START + shift, END + shift, "UTC")
        try:
            text = UpdateText(status="scheduled", body="Later.", seen=seen)
            reschedule_maintenance(maintenance, window, text, actor=None)
            outcomes.append("moved")
        except Exception as problem:
            outcomes.append(type(problem).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[days]) for days in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["StaleIncident", "StaleIncident", "moved"]
    assert maintenance.updates.count() == 2


def test_an_edit_cannot_move_what_is_published(maintenance):
    def edit(notice, window):
        edit_notice(notice, actor=None, title="Feeds", details=NoticeDetails(), window=window)

    draft = make_maintenance(starts=START, ends=END, publish=False)
    edit(draft, Window(START + LATER, END + LATER, "UTC"))
    with pytest.raises(ValidationError):
        edit(maintenance, Window(START + LATER, END + LATER, "UTC"))

    assert set(Incident.objects.values_list("work_starts_at", flat=True)) == {START, START + LATER}


def test_staff_move_it_on_a_screen_that_begins_with_the_present_times(edward, maintenance):
    url = screen("incident_move", maintenance.pk)
    form = fill(edward, url)
    assert (form["work_starts_at_date"], form["work_starts_at_time"]) == ("2013-11-09", "21:00")
    assert (form["avoid_ends_at_date"], form["avoid_ends_at_time"]) == ("2013-11-10", "00:00")
    assert (form["body"], form["notify"], form["time_zone"]) == ("", "on", "Europe/Amsterdam")

    assert set(errors(publish(edward, url, **NEW_DAY))) == {"body"}
    answer = publish(edward, url, **NEW_DAY, body="The parts arrive later.")

    maintenance.refresh_from_db()
    assert times(maintenance) == (START + LATER, END + LATER, AVOID_START + LATER, END + LATER)
    assert replaced(newest(maintenance)) == (START, END, AVOID_START, END)
    told = edward.get(answer.url).content.decode()
    assert "The maintenance is moved." in told
    assert "Moved. It was planned from Saturday 9 November 2013, 21:00 CET (20:00 UTC) until" in told


def test_the_preview_shows_old_and_new_and_moves_nothing(edward, maintenance):
    answer = preview(edward, screen("incident_move", maintenance.pk), **NEW_DAY, body="Later.")

    assert {pane.name for pane in answer.context["panes"]} >= {"page", "mail-html"}
    maintenance.refresh_from_db()
    assert (maintenance.work_starts_at, maintenance.updates.count()) == (START, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "__all__"),
        (at("work_ends_at", "2013-11-09", "20:00"), "work_ends_at"),
        (at("avoid_starts_at", "", ""), "avoid_starts_at"),
        (at("work_starts_at", "2013-11-09", "9 PM"), "work_starts_at"),
        ({**at("work_starts_at", "2013-11-01", "21:00"), **at("work_ends_at", "2013-11-01", "23:00"),
          **at("avoid_starts_at", "", ""), **at("avoid_ends_at", "", "")}, "work_ends_at"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused_next_to_its_field_and_nothing_typed_is_lost(edward, maintenance, change, field):
    url = screen("incident_move", maintenance.pk)

    answer = publish(edward, url, **change, body="The parts arrive later.")

    assert list(errors(answer)) == [field]
    assert read_form(answer).values["body"] == "The parts arrive later."
    assert maintenance.updates.count() == 1


def test_a_form_that_comes_twice_moves_once_and_other_times_in_it_are_not_dropped(edward, maintenance):
    url = screen("incident_move", maintenance.pk)
    sent = {**fill(edward, url, **NEW_DAY, body="The parts arrive later."), "act": "publish"}
    assert edward.post(url, sent).status_code == 302
    assert edward.post(url, sent).status_code == 302

    back = edward.post(url, {**sent, **at("work_ends_at", "2013-11-16", "23:00")})

    assert back.context["posted_already"] == newest(maintenance)
    assert maintenance.updates.count() == 2


def test_in_progress_the_screen_asks_for_the_end_alone(edward, maintenance, today):
    today.move_to(START, tick=False)
    run_clock(START)
    url = screen("incident_move", maintenance.pk)
    assert "work_starts_at_date" not in fill(edward, url)

    end = {**at("work_ends_at", "2013-11-10", "02:00"), **at("avoid_ends_at", "2013-11-10", "02:00")}
    publish(edward, url, **end, body="It takes longer.")

    maintenance.refresh_from_db()
    assert times(maintenance) == (START, utc(2013, 11, 10, 1), AVOID_START, utc(2013, 11, 10, 1))


def test_a_start_that_came_while_staff_wrote_is_told_and_keeps_the_words(edward, maintenance, today):
    url = screen("incident_move", maintenance.pk)
    sent = {**fill(edward, url, **NEW_DAY, body="The parts arrive later."), "act": "publish"}
    today.move_to(START, tick=False)
    run_clock(START)

    told = edward.post(url, sent)

    assert [update.status for update in told.context["meanwhile"]] == ["in_progress"]
    assert read_form(told).values["body"] == "The parts arrive later."


def test_only_publishers_find_the_screen_and_only_while_it_can_move(edward, wilma, maintenance):
    url = screen("incident_move", maintenance.pk)
    own_page = screen("scheduledmaintenance_change", maintenance.pk)
    assert url in edward.get(own_page).content.decode()
    assert url not in wilma.get(own_page).content.decode()
    assert wilma.get(url).status_code == 403

    post_update(maintenance, UpdateText(status="cancelled", body="Not needed."), actor=None)

    assert url not in edward.get(own_page).content.decode()
    assert edward.get(url).status_code == 404
    assert edward.get(screen("incident_move", make_incident().pk)).status_code == 404


def test_the_edit_screen_leads_to_the_move_and_has_no_times(edward, maintenance):
    url = screen("incident_edit", maintenance.pk)
    answer = edward.get(url)
    assert f'<a href="{screen("incident_move", maintenance.pk)}">' in answer.content.decode()
    assert [name for name in read_form(answer).values if name.startswith(("work_", "avoid_"))] == []

    publish(edward, url, title="Feeds", completes_by_clock="on", time_zone="UTC")

    maintenance.refresh_from_db()
    assert times(maintenance) == (START, END, AVOID_START, END)
    assert (maintenance.title, maintenance.completes_by_clock, maintenance.time_zone) == ("Feeds", True, "UTC")
