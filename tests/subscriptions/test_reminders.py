from __future__ import annotations

import datetime as dt
import threading
from email import message_from_bytes, policy

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from incidents.actions import post_update, publish_draft
from incidents.clock import run_clock
from incidents.demo import load_demo
from incidents.models import Incident
from incidents.values import EffectLine, NoticeDetails, UpdateText
from subscriptions import tasks, watch
from subscriptions.fanout import fan_out, open_notifications
from subscriptions.matching import to_be_reminded
from subscriptions.models import Delivery, Notification
from subscriptions.reminders import due_reminders, open_reminders
from subscriptions.wording import write
from tests.make import make_component, make_maintenance, make_page, make_subscribers, move, utc

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
ANNOUNCED = utc(2013, 11, 1, 10)
START, END = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)
LINKS = {purpose: f"https://status.example.com/{purpose}" for purpose in ("confirm", "manage", "unsubscribe")}


def maintenance(*leads: int, **fields) -> Incident:
    """One that is announced in time, with reminders so many minutes before."""
    details = fields.pop("details", NoticeDetails(reminders=leads or (24 * 60, 60)))
    return make_maintenance(**{"starts": START, "ends": END, "at": ANNOUNCED, "details": details} | fields)


def opened(now: dt.datetime) -> list[int]:
    return [reminder.lead_minutes for reminder in open_reminders(now)]


def test_each_reminder_is_owed_at_its_moment_and_never_before():
    notice = maintenance()

    told = {}
    for minutes in range(-3, 25 * 60, 1):
        now = START - DAY - HOUR + minutes * MINUTE
        if leads := opened(now):
            told[now] = leads

    assert told == {START - DAY: [24 * 60], START - HOUR: [60]}
    for reminder in Notification.objects.filter(purpose="reminder"):
        assert (reminder.incident, reminder.starts_at, reminder.update) == (notice, START, notice.updates.get())


def test_a_reminder_is_of_the_notice_as_it_stands():
    notice = maintenance()
    word = post_update(notice, UpdateText(status="scheduled", body="Also images."), actor=None, at=ANNOUNCED + DAY)

    (reminder,) = open_reminders(START - DAY)

    assert reminder.update == word


@pytest.mark.django_db(transaction=True)
def test_three_at_once_owe_it_once():
    maintenance()
    found: list[int] = []
    problems: list[BaseException] = []

    def work() -> None:
        try:
            found.extend(opened(START - HOUR))
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (problems, found) == ([], [60])
    assert Notification.objects.filter(purpose="reminder").count() == 1


def test_the_database_refuses_a_second_reminder_of_one_start():
    maintenance()
    (reminder,) = open_reminders(START - HOUR)
    reminder.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        reminder.save(force_insert=True)


def test_of_several_missed_while_the_worker_was_away_only_the_shortest_is_told():
    maintenance(7 * 24 * 60, 24 * 60, 60)

    assert opened(START - 30 * MINUTE) == [60]
    assert opened(START - MINUTE) == []
    assert Notification.objects.count() == 1


def test_an_hour_ahead_and_back_nothing_is_told_twice_or_out_of_order():
    maintenance()
    times = [START - DAY - HOUR / 2, START - DAY + HOUR / 2, START - DAY - HOUR / 2, START - DAY, START - HOUR * 3 / 2]
    assert [opened(now) for now in times] == [[], [24 * 60], [], [], []]

    assert opened(START - HOUR / 2) == [60]
    assert [opened(START - HOUR * 3 / 2), opened(START - HOUR), opened(START - HOUR / 2)] == [[], [], []]


def test_a_clock_that_ran_days_ahead_tells_no_longer_lead_afterwards():
    maintenance()

    assert opened(START - HOUR) == [60]  # days too early, by a wrong clock
    assert [opened(START - DAY), opened(START - DAY + HOUR)] == [[], []]


def test_a_lead_that_lay_before_the_announcement_is_not_told_with_it():
    maintenance(7 * 24 * 60, 24 * 60, 60, at=START - 2 * DAY)
    assert opened(START - 2 * DAY + MINUTE) == []

    short = maintenance(24 * 60, 60, at=START - DAY)
    assert opened(START - DAY + MINUTE) == [24 * 60]  # of the first alone
    assert not Notification.objects.filter(incident=short).exists()


def test_a_draft_reminds_nobody_and_counts_from_its_publication():
    draft = maintenance(24 * 60, 60, publish=False)
    assert opened(START - DAY) == []

    publish_draft(draft.updates.get(), actor=None, at=START - 2 * HOUR)

    assert opened(START - 2 * HOUR + MINUTE) == []
    assert opened(START - HOUR) == [60]


def test_a_move_brings_new_reminders_and_forgets_those_of_the_old_start():
    notice = maintenance()
    assert opened(START - DAY) == [24 * 60]
    later = START + 7 * DAY
    move(notice, starts=later, ends=END + 7 * DAY, at=START - 2 * HOUR)

    assert opened(START - HOUR) == []
    assert opened(later - DAY) == [24 * 60]
    assert opened(later - HOUR) == [60]


def test_a_move_to_a_nearer_start_is_not_followed_by_what_it_has_just_said():
    notice = maintenance()
    sooner = START - 3 * DAY
    move(notice, starts=sooner, ends=END, at=sooner - HOUR * 2)

    assert opened(sooner - HOUR * 2 + MINUTE) == []
    assert opened(sooner - HOUR) == [60]


def test_away_and_back_the_same_start_is_told_once():
    notice = maintenance()
    assert opened(START - DAY) == [24 * 60]
    move(notice, starts=START + DAY, ends=END + DAY, at=START - 20 * HOUR)
    move(notice, starts=START, ends=END, at=START - 19 * HOUR)

    assert opened(START - 18 * HOUR) == []
    assert opened(START - HOUR) == [60]


def test_an_end_that_moves_leaves_the_reminders_of_the_start():
    notice = maintenance()
    move(notice, ends=END + HOUR, at=START - 2 * DAY)

    assert opened(START - DAY) == [24 * 60]
    move(notice, ends=END + 2 * HOUR, at=START - DAY + MINUTE)
    assert opened(START - DAY + 2 * MINUTE) == []


@pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
def test_what_has_begun_or_will_not_be_is_not_reminded_of(status):
    notice = maintenance()
    post_update(notice, UpdateText(status=status, body="News."), actor=None, at=START - 2 * DAY)

    assert [opened(START - DAY), opened(START - HOUR)] == [[], []]


def test_once_the_start_has_come_it_is_too_late():
    maintenance()

    assert opened(START) == []


def test_around_the_change_of_clocks_a_day_is_24_hours():
    # Clocks in Amsterdam are put back in the night of 25 and forward in that of 29 October and March.
    for start, before in [
        (utc(2026, 10, 25, 20), "Saturday 24 October, 22:00 CEST"),  # 21:00 CET
        (utc(2026, 3, 29, 19), "Saturday 28 March, 20:00 CET"),  # 21:00 CEST
    ]:
        notice = maintenance(24 * 60, starts=start, ends=start + HOUR, at=start - 9 * DAY)
        assert opened(start - DAY - dt.timedelta(seconds=1)) == []

        assert opened(start - DAY) == [24 * 60]
        wall = (start - DAY).astimezone(notice.zone)
        assert f"{wall:%A %-d %B, %H:%M} {wall.tzname()}" == before


def test_nothing_due_costs_one_query_however_many_are_announced(django_assert_num_queries):
    for count in (1, 3):
        for number in range(count):
            maintenance(starts=START + number * HOUR, ends=END + number * HOUR)
        with django_assert_num_queries(1):
            assert due_reminders(START - 2 * DAY) == []


# Who


def reader(*components, **fields):
    (subscriber,) = make_subscribers(1, all_components=False, **fields)
    subscriber.components.set(components)
    return subscriber


def reminded(notice: Incident) -> set[int]:
    return set(to_be_reminded(notice.updates.get()).values_list("pk", flat=True))


def test_who_is_reminded():
    api, web = make_component("API"), make_component("Web", group="Front")
    notice = maintenance(components={api.pk: "under_maintenance", web.pk: "under_maintenance"})
    (everything,) = make_subscribers(1)
    of_group = reader()
    of_group.groups.add(web.group)
    wanted = {everything.pk, of_group.pk, reader(api).pk}
    reader(make_component("Mail"))
    reader(api, hears_reminders=False)
    reader(api, hears_maintenance=False)
    reader(api, state="unsubscribed")

    assert reminded(notice) == wanted


def test_who_follows_the_notice_is_reminded_whatever_kinds_they_chose():
    notice = maintenance(components={make_component().pk: "under_maintenance"})
    follower = reader(hears_maintenance=False)
    follower.notices.add(notice)
    gone = reader(state="unsubscribed")
    gone.notices.add(notice)

    assert reminded(notice) == {follower.pk}


def test_a_notice_without_components_reminds_all_who_want_it():
    (everything,) = make_subscribers(1)
    other = reader(make_component())
    reader(hears_reminders=False)

    assert reminded(maintenance()) == {everything.pk, other.pk}


# From the clock to the mail


def mails(settings) -> list:
    files = sorted(settings.OUTBOX_DIR.glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


@pytest.fixture
def announced(settings, time_machine):
    """A maintenance that one subscriber has been told of, two days before it."""
    settings.PUBLIC_URL = "https://status.example.com"
    time_machine.move_to(START - 2 * DAY, tick=True)
    make_page()
    make_subscribers(1)
    notice = maintenance(at=timezone.now())
    tasks.sweep()
    return notice


def test_a_sweep_a_minute_reminds_once_and_in_the_thread_of_the_notice(settings, announced, time_machine):
    for moment in (START - DAY - MINUTE, START - DAY + MINUTE / 2, START - DAY + 3 * MINUTE / 2):
        time_machine.move_to(moment, tick=True)
        tasks.sweep()

    first, reminder = mails(settings)
    assert reminder["Subject"] == "[Reminder] Work on the power feeds — Saturday 9 November 2013"
    assert reminder["References"] == f"{first['References']} {first['Message-ID']}"
    assert reminder["Message-ID"] != first["Message-ID"]
    for header in ("List-Id", "List-Unsubscribe-Post"):
        assert reminder[header] == first[header]


def test_a_reminder_that_nobody_opens_is_owed(announced, time_machine):
    time_machine.move_to(START - DAY - MINUTE, tick=False)
    assert not watch.owes(timezone.now())

    time_machine.move_to(START - DAY + MINUTE, tick=False)

    assert watch.owes(timezone.now())
    assert watch.owes(timezone.now(), since=START - DAY)
    assert not watch.owes(timezone.now(), since=START - DAY - MINUTE)
    open_reminders(timezone.now())
    assert not Notification.objects.filter(purpose="reminder", fanned_out_at__isnull=False).exists()


def owe_reminder() -> Notification:
    (reminder,) = open_reminders(timezone.now())
    while fan_out(reminder.pk, now=timezone.now()):
        pass
    return reminder


@pytest.mark.parametrize("change", ["moved", "cancelled", "begun"])
def test_a_reminder_on_its_way_that_the_facts_overtake_is_not_sent(settings, announced, time_machine, change):
    time_machine.move_to(START - HOUR, tick=True)
    reminder = owe_reminder()
    if change == "moved":
        move(announced, starts=START + DAY, ends=END + DAY)
    elif change == "cancelled":
        post_update(announced, UpdateText(status="cancelled", body="Not needed."), actor=None)
    else:
        time_machine.move_to(START, tick=True)
        run_clock(START)

    tasks.drain()

    assert reminder.deliveries.get().state == "skipped"
    assert [mail["Subject"] for mail in mails(settings)] == [
        "[Scheduled] Work on the power feeds — Saturday 9 November 2013",
        {
            "moved": "[Moved] Work on the power feeds — Sunday 10 November 2013",
            "cancelled": "[Cancelled] Work on the power feeds — Saturday 9 November 2013",
            "begun": "[In progress] Work on the power feeds — Saturday 9 November 2013",
        }[change],
    ]


def test_a_cancelled_maintenance_is_told_and_never_reminded_of(settings, announced, time_machine):
    time_machine.move_to(START - DAY - HOUR, tick=True)
    post_update(announced, UpdateText(status="cancelled", body="The parts have not arrived."), actor=None)
    for moment in (START - DAY, START - HOUR, START, END):
        time_machine.move_to(moment, tick=True)
        tasks.sweep()

    _announcement, told = mails(settings)
    assert told["Subject"] == "[Cancelled] Work on the power feeds — Saturday 9 November 2013"
    assert "The parts have not arrived." in told.get_body(("plain",)).get_content()
    assert Incident.objects.get().status == "cancelled"


def test_the_worker_may_be_away_at_every_moment_of_the_story(settings, announced, time_machine):
    """Reminder, start and end, each once, though nobody swept when they were due."""
    for moment in (START - DAY + 9 * MINUTE, START - HOUR + 9 * MINUTE, START + 9 * MINUTE, END + 9 * MINUTE):
        for _sweep in range(2):
            time_machine.move_to(moment, tick=True)
            tasks.sweep()

    assert [mail["Subject"].partition("]")[0] for mail in mails(settings)] == [
        "[Scheduled",
        "[Reminder",
        "[Reminder",
        "[In progress",
    ]
    assert Incident.objects.get().status == "verifying"
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize("weekday", range(7))
def test_the_demo_reminds_of_its_maintenance_and_tells_nothing_twice(settings, time_machine, weekday):
    now = utc(2026, 11, 23, 22, 5) + weekday * DAY
    time_machine.move_to(now, tick=True)
    load_demo(now, password="correct horse battery")
    make_subscribers(1)
    notice = Incident.objects.get(status="scheduled")
    assert notice.reminders == [3 * 24 * 60, 24 * 60, 60]
    for moment in sorted({now, *(notice.work_starts_at - lead * MINUTE for lead in notice.reminders)}):
        for minutes in (0, 1):
            time_machine.move_to(max(moment, now) + minutes * MINUTE, tick=True)
            tasks.sweep()

    subjects = [mail["Subject"] for mail in mails(settings)]
    leads = Notification.objects.values_list("lead_minutes", flat=True)
    assert 60 in leads and len(leads) == len(set(leads)) == len(subjects)
    assert {subject.partition(" ")[0] for subject in subjects} == {"[Reminder]"}


# What it says


def told_in(reminder: Notification, **options):
    return write(reminder, LINKS, **{"language": "en", "time_zone": ""} | options)


def the_reminder(now: dt.datetime = START - DAY) -> Notification:
    make_page(name="Copernica status")
    details = NoticeDetails(
        advice_before="Schedule no mailings for that evening.",
        data_statement="none_expected_lost",
        effects=[EffectLine("Sending mailings", "delayed", "They leave after midnight.")],
        reminders=(24 * 60, 60),
    )
    maintenance(
        details=details,
        avoid_starts=START - 3 * HOUR,
        avoid_ends=END,
        components={make_component("Sending mailings").pk: "under_maintenance"},
    )
    (reminder,) = open_reminders(now)
    return reminder


def test_a_reminder_says_how_soon_and_everything_that_matters(settings, time_machine):
    time_machine.move_to(START - DAY + 5 * MINUTE, tick=False)
    settings.PUBLIC_URL = "https://status.example.com"
    reminder = the_reminder()
    update = reminder.update

    words = told_in(reminder)

    assert words.subject == "[Reminder] Work on the power feeds — Saturday 9 November 2013"
    assert words.text.startswith(
        """[Reminder] Work on the power feeds

Starts: in 24 hours
Work: From Saturday 9 November 2013, 21:00 CET (20:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Best avoided: From Saturday 9 November 2013, 18:00 CET (17:00 UTC)
  until Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)
Concerns: Sending mailings

What to do
Before: Schedule no mailings for that evening.

What this means for you
- Sending mailings: Delayed. They leave after midnight.

Your data
No data will be lost.
"""
    )
    for fact in ("Reminder", "in 24 hours", "21:00 CET (20:00 UTC)", "They leave after midnight.", update.body):
        assert fact in words.html and fact in words.text
    assert LINKS["unsubscribe"] in words.text and LINKS["unsubscribe"] in words.html


def test_a_reminder_that_goes_out_late_does_not_claim_that_the_lead_is_left(time_machine):
    reminder = the_reminder()
    time_machine.move_to(START - 20 * HOUR, tick=False)

    assert "Starts: in less than 24 hours\n" in told_in(reminder).text


def test_after_a_move_a_reminder_names_the_new_times_alone():
    notice = maintenance()
    move(notice, starts=START + DAY, ends=END + DAY, at=ANNOUNCED + DAY)
    (reminder,) = open_reminders(START)

    words = told_in(reminder)

    assert words.subject.endswith("— Sunday 10 November 2013")
    assert "Work: From Sunday 10 November 2013, 21:00 CET" in words.text
    assert "Was:" not in words.text


def test_opening_updates_and_reminders_is_each_their_own_debt():
    maintenance()
    open_notifications(START - DAY)
    open_reminders(START - DAY)

    assert list(Notification.objects.values_list("purpose", flat=True)) == ["update", "reminder"]
