"""Staff are told by mail of what waits for them: each step once, one mail to a person, nothing that is settled."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import subprocess
import threading
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.test import Client

from incidents.actions import post_update
from incidents.models import Incident
from incidents.values import UpdateText
from subscriptions.channels.email import sender_address
from subscriptions.models import StaffChoice, StaffDelivery, StaffReminder
from subscriptions.retention import forget
from subscriptions.staff_reminders import open_staff_reminders, send_staff_reminders
from subscriptions.tasks import sweep
from tests.mail_rules import Mail, findings
from tests.make import make_component, make_incident, make_maintenance, make_page, make_role, make_staff, utc
from tests.servers import ROOT, manage, wait_for
from tests.sink import HANG, Sink, always
from tests.subscriptions.faults import suite_environment
from tests.subscriptions.test_statement_faults import FailingStatement

pytestmark = pytest.mark.django_db

NOON = utc(2026, 3, 2, 12)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.MAIL_SERVER = server.server
        settings.PUBLIC_URL = "https://status.example.com"
        yield server


def make_publisher(name: str = "petra") -> User:
    user = make_role("Publisher", name)
    user.email = f"{name}@example.com"
    user.save()
    return user


def promise(minutes: int = 20, title: str = "Slow mailings"):
    incident = make_incident(title, at=NOON)
    text = UpdateText(status="identified", body="We know.", next_update_by=NOON + minutes * MINUTE)
    post_update(incident, text, actor=None, at=NOON)
    return incident


def remind(now: dt.datetime) -> None:
    """What each sweep does."""
    open_staff_reminders(now)
    send_staff_reminders(now)


def subjects(sink: Sink) -> list[str]:
    return [str(mail["Subject"]) for mail in sink.messages()]


def test_a_promised_update_is_told_before_its_time_and_when_it_has_passed_each_once(sink):
    make_page()
    make_publisher()
    promise()

    for minute in range(26):
        remind(NOON + minute * MINUTE)

    assert subjects(sink) == [
        "[To do] The promised update: Slow mailings",
        "[Overdue] The promised update: Slow mailings",
    ]


def test_the_mail_says_what_waits_and_leads_to_the_screen_that_settles_it(sink, client):
    make_page()
    petra = make_publisher()
    incident = promise()
    remind(NOON + 20 * MINUTE)

    text = sink.messages()[0].get_body(("plain",)).get_content()

    url = f"https://status.example.com/admin/incidents/incident/{incident.pk}/post-update/"
    assert "The next update was promised by Monday 2 March 2026, 13:20 CET (12:20 UTC), and it has not come." in text
    assert f"Post update: {url}" in text
    client.force_login(petra)
    assert client.get(url.removeprefix("https://status.example.com")).status_code == 200
    assert client.get("/admin/subscriptions/staffchoice/").status_code == 200


@pytest.mark.parametrize("words", ["Slow mailings", "השירות איטי (API v2)", "<b>& =?utf-8?q?=0d?=", "緊" * 200])
def test_the_mail_breaks_no_rule(sink, settings, words):
    settings.DEFAULT_FROM_EMAIL = "status@example.com"
    make_page()
    make_publisher()
    promise(title=words)
    make_maintenance(words, starts=NOON, ends=NOON + HOUR, at=NOON - DAY)
    remind(NOON + 20 * MINUTE)
    remind(NOON + HOUR)

    for received in sink.received:
        mail = Mail(received.raw, "petra@example.com", settings.PUBLIC_URL, sender_address(), False, words)
        assert "\n".join(findings(mail)) == ""
    assert len(sink.received) == 2


def test_several_things_that_are_due_are_one_mail(sink):
    make_page()
    make_publisher()
    promise(title="No links")
    promise(title="Slow mailings")

    remind(NOON + 20 * MINUTE)

    assert subjects(sink) == ["[Overdue] 2 things wait"]
    text = sink.messages()[0].get_body(("plain",)).get_content()
    assert text.index("No links") < text.index("Slow mailings")


def test_it_goes_to_active_staff_who_may_publish_and_have_an_address(sink):
    make_page()
    make_publisher("petra")
    make_staff("boss", email="boss@example.com")
    make_role("Writer", "wilma")
    User.objects.filter(username="wilma").update(email="wilma@example.com")
    User.objects.filter(pk=make_publisher("gone").pk).update(is_active=False)
    User.objects.filter(pk=make_publisher("api").pk).update(is_staff=False)
    make_role("Publisher", "paul")
    promise()

    remind(NOON + 20 * MINUTE)

    assert sink.counts == {"petra@example.com": 1, "boss@example.com": 1}


@pytest.mark.parametrize(("wants", "count"), [("all", 2), ("late", 1), ("none", 0)])
def test_each_chooses_what_they_are_told(sink, client, wants, count):
    make_page()
    client.force_login(make_publisher())
    assert client.post("/admin/subscriptions/staffchoice/", {"wants": wants}).status_code == 302
    promise()

    remind(NOON + 15 * MINUTE)
    remind(NOON + 20 * MINUTE)

    assert len(sink.received) == count
    assert client.get("/admin/subscriptions/staffchoice/").context["form"]["wants"].value() == wants


def test_what_was_settled_before_the_mail_left_is_not_told(sink):
    make_page()
    make_publisher()
    incident = promise()
    open_staff_reminders(NOON + 20 * MINUTE)
    post_update(incident, UpdateText(status="resolved", body="It works."), actor=None, at=NOON + 20 * MINUTE)

    send_staff_reminders(NOON + 21 * MINUTE)

    assert sink.received == []
    assert StaffDelivery.objects.get().state == "skipped"


def test_who_may_publish_no_more_before_the_mail_left_is_not_told(sink):
    make_page()
    petra = make_publisher()
    promise()
    open_staff_reminders(NOON + 20 * MINUTE)
    petra.groups.clear()

    send_staff_reminders(NOON + 20 * MINUTE)

    assert sink.received == []


def test_a_mail_server_that_was_away_is_followed_by_one_mail(sink):
    make_page()
    make_publisher()
    promise()
    sink.stop()
    for minute in (15, 16, 17, 20, 21, 50, 51, 140, 199):
        remind(NOON + minute * MINUTE)
    waiting = StaffDelivery.objects.filter(state="queued").count()
    sink.start()

    for minute in range(200, 210):
        remind(NOON + minute * MINUTE)

    assert waiting == 1
    assert subjects(sink) == ["[Overdue] The promised update: Slow mailings"]


def test_an_address_that_is_refused_keeps_nobody_else_from_being_told(sink):
    make_page()
    make_publisher("petra")
    make_publisher("paul")
    promise()
    sink.answer = always("RCPT", "550 5.1.1 no such mailbox", "petra@example.com")

    remind(NOON + 20 * MINUTE)

    assert sink.counts == {"paul@example.com": 1}
    failed = StaffDelivery.objects.get(state="failed")
    assert failed.last_error.startswith("550")


def test_a_clock_that_is_set_back_and_forth_tells_nothing_twice(sink):
    make_page()
    make_publisher()
    promise()
    times = (15, 20, 50, 14, 16, 21, 50, 51)

    for minute in times:
        remind(NOON + minute * MINUTE)

    assert len(sink.received) == 3


def test_steps_that_passed_while_nothing_ran_are_told_as_one(sink):
    make_page()
    make_publisher()
    promise()

    remind(NOON + 10 * HOUR)
    remind(NOON + 10 * HOUR + MINUTE)

    assert len(sink.received) == 1
    assert StaffReminder.objects.get().step == 3


@pytest.mark.usefixtures("without_snapshot")
def test_the_sweep_starts_and_ends_maintenance_and_then_asks_for_the_all_clear(sink):
    make_page()
    make_publisher()
    now = dt.datetime.now(dt.UTC)
    make_maintenance(starts=now - 2 * HOUR, ends=now - HOUR, at=now - DAY)

    sweep()
    sweep()
    sweep()

    assert subjects(sink) == ["[Overdue] The all-clear: Work on the power feeds"]


@pytest.mark.usefixtures("without_snapshot")
@pytest.mark.django_db(transaction=True)
def test_whatever_statement_fails_each_is_told_once(sink):
    make_page()
    make_publisher()
    for number in itertools.count(1):
        Incident.objects.all().delete()
        sink.received.clear()
        promise()
        failure = FailingStatement(number)
        with suppress(OperationalError), connection.execute_wrapper(failure):
            remind(NOON + 20 * MINUTE)
        remind(NOON + 21 * MINUTE)
        remind(NOON + 25 * MINUTE)
        assert len(sink.received) == 1, f"statement {number}"
        if not failure.was_reached:
            break
    assert number > 8


@pytest.mark.usefixtures("without_snapshot")
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_each_once(sink):
    make_page()
    people = [make_publisher(f"p{number}") for number in range(4)]
    promise()
    barrier, problems = threading.Barrier(2), []

    def work() -> None:
        try:
            barrier.wait(10)
            remind(NOON + 20 * MINUTE)
        except Exception as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert sink.counts == {user.email: 1 for user in people}


REMIND = """
import datetime as dt
from subscriptions.staff_reminders import open_staff_reminders, send_staff_reminders
now = dt.datetime.fromisoformat("{now}")
open_staff_reminders(now)
send_staff_reminders(now)
"""


@pytest.mark.processes
@pytest.mark.usefixtures("without_snapshot")
@pytest.mark.django_db(transaction=True)
def test_a_kill_while_the_mail_server_decides_repeats_that_mail_under_its_id(sink, settings, tmp_path):
    make_page()
    make_publisher()
    promise()
    sink.answer = always("dot", HANG)
    environment = suite_environment(tmp_path, EMAIL_URL=sink.url, PUBLIC_URL=settings.PUBLIC_URL)
    command = manage("shell", "-c", REMIND.format(now=(NOON + 20 * MINUTE).isoformat()))
    sender = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_for(lambda: sink.swallowed, what="the mail")
    finally:
        os.kill(sender.pid, signal.SIGKILL)
        sender.wait()
    assert StaffDelivery.objects.get().state == "sending"
    sink.answer = always("connect", "", "nothing")
    settings.JOURNAL_DIR = tmp_path / "journal"

    remind(NOON + 21 * MINUTE)
    remind(NOON + 22 * MINUTE)

    assert len(sink.received) == 2
    assert [len(ids) for ids in sink.message_ids.values()] == [1]


def test_a_claim_whose_owner_and_host_are_gone_comes_back_when_its_lease_is_over(sink):
    make_page()
    make_publisher()
    promise()
    open_staff_reminders(NOON + 20 * MINUTE)
    StaffDelivery.objects.update(state="sending", claim="0" * 32, lease_until=NOON + 23 * MINUTE)

    send_staff_reminders(NOON + 22 * MINUTE)
    before = len(sink.received)
    send_staff_reminders(NOON + 24 * MINUTE)

    assert (before, len(sink.received)) == (0, 1)


def test_old_ones_are_forgotten():
    make_page()
    make_publisher()
    promise()
    open_staff_reminders(NOON + 20 * MINUTE)

    forget(NOON + 89 * DAY)
    assert StaffReminder.objects.count() == 1
    forget(NOON + 91 * DAY)
    assert StaffDelivery.objects.count() == 0


def test_the_choice_is_ones_own_and_for_publishers():
    make_page()
    for user, status in ((make_role("Writer"), 403), (make_publisher(), 200)):
        client = Client()
        client.force_login(user)
        assert client.get("/admin/subscriptions/staffchoice/").status_code == status
    assert client.post("/admin/subscriptions/staffchoice/", {"wants": "everything"}).status_code == 200
    assert not StaffChoice.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "nonsense"},
        {"incident": None},
        {"kind": "component"},
        {"kind": "silence", "step": 0},
    ],
)
def test_the_database_refuses_reminders_of_nothing_of_two_things_and_twice(fields):
    make_page()
    incident = make_incident()
    known = {"kind": "silence", "incident": incident, "about": NOON, "step": 0}
    StaffReminder.objects.create(**known)

    with pytest.raises(IntegrityError), transaction.atomic():
        StaffReminder.objects.create(**(known | {"step": 1} | fields))


def test_the_database_refuses_a_component_twice_and_states_that_contradict_themselves():
    make_page()
    component, user = make_component(), make_staff()
    known = {"kind": "component", "component": component, "about": NOON, "step": 0}
    reminder = StaffReminder.objects.create(**known)
    StaffDelivery.objects.create(reminder=reminder, user=user)
    other = StaffReminder.objects.create(**known | {"step": 1})

    wrong = [
        lambda: StaffReminder.objects.create(**known),
        lambda: StaffDelivery.objects.create(reminder=reminder, user=user),
        lambda: StaffDelivery.objects.create(reminder=other, user=user, state="nonsense"),
        lambda: StaffDelivery.objects.create(reminder=other, user=user, state="sending"),
        lambda: StaffDelivery.objects.create(reminder=other, user=user, state="sent"),
        lambda: StaffChoice.objects.create(user=user, wants="everything"),
    ]
    for write in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            write()
