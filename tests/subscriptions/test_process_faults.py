"""kill -9 at every step of a notification's way, and processes that should not be there or do nothing."""

from __future__ import annotations

import bisect
import os
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from incidents.models import IncidentUpdate
from subscriptions import fanout, schedules
from subscriptions.bell import ring
from subscriptions.consent import unsubscribe
from subscriptions.journal import ACCEPTED, journals
from subscriptions.models import Delivery, Notification, Subscriber
from tests.make import make_page, make_subscribers
from tests.servers import ROOT, kill, manage, parts, wait_for
from tests.sink import HANG, Sink, always
from tests.subscriptions.faults import (
    IN_FLIGHT,
    Product,
    assert_in_time,
    assert_told,
    killed_at,
    publish,
    retry_until_end,
    start,
    states,
    suite_environment,
    wait_for_end,
)

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("without_snapshot"),
]

# A process of staff's side that posts, and dies at a moment of that.
POST_AND_DIE = """
import os, signal
from django.db import transaction
from incidents.actions import open_incident
from incidents.values import UpdateText
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
with transaction.atomic():
    if {after_commit}:
        transaction.on_commit(die)  # before any bell is rung: those were asked for later
    open_incident(title="Slow mailings", update=UpdateText(status="investigating", body="We look."), actor=None)
    if not {after_commit}:
        die()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def sweep() -> None:
    """What the scheduler does once a minute, now."""
    schedules.install()
    Schedule.objects.update(next_run=timezone.now())
    scheduler()


def kill_after(mails: int, product: Product):
    """A script that kills at the instant at which so many answers have left the server."""
    left = mails

    def script(step: str, _word: str) -> None:
        nonlocal left
        if step == "done":
            left -= 1
            if left == 0:
                os.killpg(product.process.pid, signal.SIGKILL)

    return script


def spread(people: list[Subscriber], *, every: int) -> list[Subscriber]:
    """Give them ids far apart, so that a few of them need many slices of fan-out."""
    for number, one in enumerate(people, start=1):
        Subscriber.objects.filter(pk=one.pk).update(id=one.pk + number * every)
    return list(Subscriber.objects.order_by("pk"))


@pytest.mark.parametrize(("after_commit", "updates"), [(False, 0), (True, 1)])
def test_staff_s_process_killed_while_posting_has_posted_all_or_nothing(data_dir, after_commit, updates):
    make_page()
    people = make_subscribers(5)
    environment = suite_environment(data_dir)
    post = [*manage("shell", "-v", "0", "-c"), POST_AND_DIE.format(after_commit=after_commit)]
    assert subprocess.run(post, env=environment, cwd=ROOT, check=False).returncode == -signal.SIGKILL

    assert (IncidentUpdate.objects.count(), OrmQ.objects.count()) == (updates, 0)
    with Sink() as sink, start("qcluster", data_dir=data_dir, mail=sink.url):
        sweep()  # no bell was rung
        if updates:
            wait_for_end()
        else:
            wait_for(lambda: not OrmQ.objects.exists(), what="the sweep")
    assert sink.counts == {one.endpoint: 1 for one in people if updates}


def test_kills_before_and_in_the_middle_of_the_fan_out_lose_nobody(data_dir):
    people = spread(make_subscribers(300), every=2_500)
    stops = [people[0], people[100], people[200]]
    owed_to = "INSERT ON subscriptions_delivery FOR EACH ROW WHEN (NEW.subscriber_id ="
    with Sink() as sink:
        for stop in stops:
            with (
                start("qcluster", data_dir=data_dir, mail=sink.url) as product,
                killed_at(f"{owed_to} {stop.pk})", product),
            ):
                if stop == people[0]:
                    publish()
                else:
                    ring()
                is_next = Notification.objects.filter(cursor__gte=stop.pk - fanout.SLICE)
                wait_for(is_next.exists, what="the slice before")
            assert Notification.objects.get().fanned_out_at is None
            assert not Delivery.objects.filter(subscriber_id__gte=stop.pk).exists()
        unsubscribe(people[-1], timezone.now())
        with start("qcluster", data_dir=data_dir, mail=sink.url):
            ring()
            wait_for(lambda: Notification.objects.get().fanned_out_at, what="the end of the fan-out")
            retry_until_end()
    assert_told(sink, people[:-1], repeats=len(stops) * IN_FLIGHT)


@pytest.mark.parametrize("step", ["MAIL", "DATA"])
def test_a_kill_after_the_claim_and_before_the_first_mail_repeats_nothing(data_dir, step):
    people = make_subscribers(30)
    with Sink(answer=always(step, HANG)) as sink:
        with start("qcluster", data_dir=data_dir, mail=sink.url) as killed:
            publish()
            wait_for(lambda: sink.asked.total() and any(at == step for at, _word in sink.asked), what=step)
            killed.kill()
        assert sink.received == []
        sink.answer = lambda _step, _word: None
        with start("qcluster", data_dir=data_dir, mail=sink.url):
            retry_until_end()
    assert_told(sink, people)


def test_a_kill_right_after_the_kth_answer_repeats_what_was_in_flight_and_no_more(data_dir):
    people = make_subscribers(400)
    publish()
    kills = 20
    ends = []  # how many mails had arrived when each of the killed was dead
    with Sink() as sink:
        for mails in random.sample(range(1, kills + 1), kills):
            with start("qcluster", data_dir=data_dir, mail=sink.url) as killed:
                before = len(sink.received)
                sink.answer = kill_after(mails, killed)
                ring()
                killed.process.wait(timeout=60)
            wait_for(lambda: not sink.open, what="the last of what the dead had sent")
            assert len(sink.received) - before >= mails
            ends.append(len(sink.received))
        sink.answer = lambda _step, _word: None
        assert_in_time(sink, people)
        with start("qcluster", data_dir=data_dir, mail=sink.url):
            retry_until_end()
            wait_for(lambda: not list(data_dir.glob("journal/*.journal")), what="the end of what the dead held")
    assert_told(sink, people, repeats=kills * IN_FLIGHT)
    assert max(repeats_by_kill(sink, ends).values(), default=0) <= IN_FLIGHT


def repeats_by_kill(sink: Sink, ends: list[int]) -> Counter[int]:
    """How many mails each kill repeated: those that arrived before it and again after it.

    Not those that arrived again before the next kill: what one kill leaves in doubt may be sent again after several.
    """
    repeats: Counter[int] = Counter()
    last_seen: dict[str, int] = {}
    for place, mail in enumerate(sink.received):
        if mail.recipient in last_seen:
            killed = bisect.bisect_right(ends, last_seen[mail.recipient])
            assert killed < bisect.bisect_right(ends, place), f"{mail.recipient} got it twice with no kill between"
            repeats[killed] += 1
        last_seen[mail.recipient] = place
    return repeats


def test_a_kill_after_the_last_answer_and_before_it_is_settled_repeats_nothing(data_dir):
    people = make_subscribers(50)
    publish()
    with Sink(delay=1.0) as sink:
        with start("qcluster", data_dir=data_dir, mail=sink.url) as killed:
            wait_for(lambda: sink.received, what="the first mail")
            with transaction.atomic():
                Delivery.objects.update(state=F("state"))  # locked until this ends: what is under way cannot be settled
                sink.delay = 0.0
                wait_for(lambda: _noted(data_dir) == len(people), what="the last answer, in the journals")
                killed.kill()
        assert states() == {"sending": len(people)}
        with start("qcluster", data_dir=data_dir, mail=sink.url):
            retry_until_end()
    assert_told(sink, people)


def _noted(data_dir: Path) -> int:
    """How many answers stand in the journals."""
    return sum(path.read_bytes().count(ACCEPTED) for path in journals(data_dir / "journal"))


def test_whatever_is_killed_while_mails_go_out_comes_back_and_nobody_is_lost(data_dir):
    people = make_subscribers(1_500)
    victims = ["worker", "guard", "sentinel", "cluster", "supervisor"]
    with Sink(delay=0.4) as sink, ExitStack() as running:
        running.enter_context(start("worker", data_dir=data_dir, mail=sink.url))
        wait_for(lambda: len(parts(data_dir).get("worker", [])) >= 4, what="the start")
        publish()
        for victim in victims:
            ring()
            ring()
            before = len(sink.received)
            # A worker that was killed may have taken the queue's lock with it: after half a minute it is replaced.
            wait_for(lambda before=before: len(sink.received) > before + 8, seconds=90, what=f"mails before {victim}")
            assert_in_time(sink, people)
            found = wait_for(lambda victim=victim: parts(data_dir).get(victim), what=victim)
            kill(found[0])
            if victim == "supervisor":
                running.enter_context(start("worker", data_dir=data_dir, mail=sink.url))
            wait_for(lambda victim=victim, found=found: set(parts(data_dir).get(victim, [])) - set(found), what=victim)
        sink.delay = 0.0
        wait_for(lambda: ring() or states() == {"sent": len(people)}, seconds=120, what="the last mail")
    assert_told(sink, people, repeats=len(victims) * IN_FLIGHT)


def test_a_worker_that_hangs_is_replaced_and_its_mails_go_out(data_dir):
    people = make_subscribers(60)
    with Sink(delay=1.0) as sink, start("worker", data_dir=data_dir, mail=sink.url):
        wait_for(lambda: len(parts(data_dir).get("worker", [])) >= 4, what="the start")
        publish()
        wait_for(lambda: len(sink.received) > 3, what="the first mails")
        cluster = parts(data_dir)["cluster"]
        os.killpg(cluster[0], signal.SIGSTOP)
        sink.delay = 0.0
        assert states()["sending"] > 0
        wait_for(lambda: set(parts(data_dir).get("cluster", [])) - set(cluster), seconds=120, what="another cluster")
        wait_for_end()
    assert_told(sink, people, repeats=IN_FLIGHT)


def test_three_clusters_with_three_schedulers_on_one_database_send_each_mail_once(data_dir):
    people = make_subscribers(400)
    schedules.install()
    with Sink(delay=0.005) as sink, ExitStack() as running:
        for _cluster in range(3):
            running.enter_context(start("qcluster", data_dir=data_dir, mail=sink.url))
        wait_for(lambda: len(parts(data_dir).get("worker", [])) >= 12, what="three clusters")
        publish()
        loop = "from django_q.scheduler import scheduler\nfrom django_q.models import Schedule\n"
        loop += "from django.utils import timezone\n"
        loop += "for _ in range(20): Schedule.objects.update(next_run=timezone.now()); scheduler()"
        shell = [*manage("shell", "-v", "0", "-c"), loop]
        environment = suite_environment(data_dir)
        schedulers = [subprocess.Popen(shell, env=environment, cwd=ROOT) for _scheduler in range(3)]
        assert [process.wait(timeout=120) for process in schedulers] == [0, 0, 0]
        wait_for_end()
    assert_told(sink, people)


def test_a_queue_that_somebody_empties_holds_nothing_up_for_longer_than_a_sweep(data_dir):
    people = make_subscribers(100)
    publish()
    OrmQ.objects.all().delete()
    with Sink(delay=0.01) as sink, start("qcluster", data_dir=data_dir, mail=sink.url):
        wait_for(lambda: len(parts(data_dir).get("worker", [])) >= 4, what="the start")
        sweep()
        wait_for(lambda: _empty_queue() or len(sink.received) >= 50, what="half of the mails")
        sweep()
        wait_for_end()
    assert_told(sink, people)


def _empty_queue() -> None:
    OrmQ.objects.all().delete()
    if not Delivery.objects.exclude(state="queued").exists():
        sweep()  # that one was in the queue, too


def test_a_clock_that_jumps_by_an_hour_or_a_day_loses_nobody(data_dir, tmp_path):
    people = make_subscribers(800)
    off = tmp_path / "off"
    off.write_text("0")
    jumps = [3600, 0, -86400]
    with Sink(delay=0.3) as sink, start("qcluster", data_dir=data_dir, mail=sink.url, clock=off):
        publish()
        for jump in jumps:
            before = len(sink.received)
            wait_for(lambda before=before: len(sink.received) > before + 8, what=f"mails before {jump}")
            assert_in_time(sink, people)
            off.write_text(str(jump))
            time.sleep(0.5)
            ring()
        assert states() != {"sent": len(people)}  # a day too early for what was owed today: it waits
        off.write_text("0")
        sink.delay = 0.0
        wait_for(lambda: ring() or states() == {"sent": len(people)}, what="the last mail")
    assert_told(sink, people, repeats=(len(jumps) + 1) * IN_FLIGHT)
