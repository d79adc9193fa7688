"""Hands over what was claimed: a thread with several connections, which never touches the database.

It goes from one connection to the next: while the other side thinks about one parcel, the others are served. (A thread
for each connection would cost half as much again, for they wait for each other whenever one has sent or received.)

A thread that waits too long for one answer no longer counts: another takes its place, with connections of its own, and
goes on with what is queued. So a recipient whose server hangs holds up nobody else.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, NamedTuple

from subscriptions.channels.errors import ChannelDown, ConnectionLost, DeliveryError, PolicyRefusal, RecipientRefused
from subscriptions.journal import Journal
from subscriptions.ledger import LEASE, Claimed, Report

logger = logging.getLogger(__name__)

Clock = Callable[[], dt.datetime]

# Who waits longer for an answer than so many seconds is replaced. At most so many connections there may be in all.
PATIENCE = 2.0
MAX_CONNECTIONS = 32

# Where someone has hung before, and others are served quickly, a shorter wait is enough to tell.
LITTLE_PATIENCE = 0.25

# One connection for so many parcels; and one more each so many seconds while any wait.
PARCELS_PER_LANE = 50
ANOTHER_AFTER = 0.2

# After so many that hang for one destination, and none taken by it meanwhile, the others for it wait for a while.
HANGS = 4
SET_ASIDE = dt.timedelta(minutes=5)
MAX_DESTINATIONS = 10_000  # that are remembered

# After so many connections in a row that were lost before they carried anything, the other side is down.
LOSSES = 3

# So many refused with words that do not surely blame them, and none taken after them: then it is not about them.
REFUSALS = 5

FOREVER = math.inf


class Batch:
    """One claim on its way. Senders add what came of each of its deliveries, any number of them at once.

    `refusal` holds the words with which all were refused, when it is about all of us.
    """

    def __init__(self, claim: uuid.UUID, journal: Journal, rows: list[Claimed], *, stop_at: float) -> None:
        self.claim = claim
        self.journal = journal
        self.has_accepted = False
        self.refusal: str | None = None
        self._stop_at = stop_at
        self._lease_ends = time.time() + LEASE.total_seconds()
        self._size = len(rows)
        self._ends: list[tuple[Claimed, str, Any]] = []  # in order of time; to append is atomic
        self._reported = 0
        self._refused: list[tuple[Claimed, str, str]] = []  # since one was accepted, when it is open who is to blame

    @property
    def is_done(self) -> bool:
        return len(self._ends) == self._size

    @property
    def is_reported(self) -> bool:
        return self._reported == self._size

    @property
    def has_news(self) -> bool:
        return len(self._ends) > self._reported

    @property
    def is_over(self) -> bool:
        """Whether nothing more of it may be begun. By both clocks: one stands still while a machine sleeps."""
        return time.monotonic() > self._stop_at or time.time() > self._lease_ends

    def end(self, row: Claimed, how: str, detail: Any = "") -> None:
        """`how` is the name of a field of Report, "refused", "doubted" or "blamed"; `detail` its reason or time."""
        self._ends.append((row, how, detail))

    def report(self) -> Report:
        """What came of it since the last report."""
        report = Report()
        news = self._ends[self._reported :]
        self._reported += len(news)
        for row, how, detail in news:
            if how == "accepted":
                self._note_accepted(row, report)
            elif how in ("refused", "doubted"):
                self._refused.append((row, how, detail))
            elif how == "blamed":
                _fail(row, how, detail, report)
            elif how in ("skipped", "untouched"):
                getattr(report, how).append(row.pk)
            else:
                getattr(report, how)[row.pk] = detail
        if self.is_reported:
            self._decide_about_refused(report)
        return report

    def _note_accepted(self, row: Claimed, report: Report) -> None:
        self.has_accepted = True
        report.accepted.append(row.pk)
        if self._refused:  # others are taken: so these were refused for themselves
            for refused in self._refused:
                _fail(*refused, report)
            self._refused.clear()

    def _decide_about_refused(self, report: Report) -> None:
        is_about_all = len(self._refused) >= REFUSALS
        for row, how, words in self._refused:
            if is_about_all or (how == "refused" and not self.has_accepted):
                report.delayed[row.pk] = words
            else:
                _fail(row, how, words, report)
        if is_about_all:
            self.refusal = self._refused[-1][2]


def _fail(row: Claimed, how: str, words: str, report: Report) -> None:
    report.failed[row.pk] = words
    if how != "refused":
        report.blamed[row.subscriber_id] = words


class Job(NamedTuple):
    batch: Batch
    row: Claimed
    message: Any
    parcel: Any = None


class SenderFailed(Exception):
    """A sender ended with work in its hands, as when the journal cannot be written. What came of that stands there."""


class Crew:
    """The senders of one run through one channel. To be called by the one thread that claims."""

    def __init__(self, channel: ModuleType, *, now: Clock) -> None:
        self.channel = channel
        self.down: DeliveryError | None = None
        self.failure: Exception | None = None
        self.news = threading.Event()
        self._now = now
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._senders: list[_Sender] = []
        self._limit = channel.limits().connections
        self._losses = 0
        self._slowest = 0.0
        self._last_served = 0.0
        self._served: dict[str, float] = {}
        self._hangs: Counter[str] = Counter()
        self._destinations: set[str] = set()

    @property
    def backlog(self) -> int:
        return self._queue.qsize()

    def feed(self, batch: Batch, row: Claimed, message: Any) -> None:
        """`message` as composed, or the exception that kept it from being composed."""
        if len(self._destinations) < 2:
            self._destinations.add(self.channel.destination(row.endpoint))
        self._queue.put(Job(batch, row, message))

    def tend(self) -> None:
        """See to it that somebody sends, if there is anything to be sent: replace who waits too long.

        Raises SenderFailed: what a failed sender held would be waited for in vain.
        """
        if self.failure is not None:
            raise SenderFailed from self.failure
        now = time.monotonic()
        self._senders = [sender for sender in self._senders if sender.is_alive()]
        for sender in self._senders:
            if not sender.is_late and now - sender.waits_since > self._patience_with(sender):
                self._replace(sender)
        if not self.backlog or not all(sender.is_late for sender in self._senders):
            return
        if len(self._senders) < max(2, MAX_CONNECTIONS // self._limit):
            self._senders.append(_Sender(self))
            self._senders[-1].start()
        elif self._last_served:
            self._give_up_longest(now)

    def give_up_late(self) -> None:
        """End the waits of those who are late, unless the other side may have their parcel."""
        for sender in self._senders:
            if sender.is_late:
                sender.abort()

    def stop(self) -> None:
        """Return when all senders have ended; what is queued stays undone."""
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        for _sender in self._senders:
            self._queue.put(None)
        for sender in self._senders:
            sender.join()

    def next_job(self, *, wait: bool) -> Job | None:
        """The next that is to be sent, ready to be. None when there is none at once; after a wait, when all is over."""
        while True:
            try:
                job = self._queue.get(block=wait)
            except Empty:
                return None
            if job is None:
                if not wait:
                    self._queue.put(None)  # it is for somebody who waits
                return None
            if ready := self._ready(job):
                return ready
            self.news.set()

    def put_back(self, job: Job) -> None:
        self._queue.put(job)

    def lanes_wanted(self, count: int, *, last_added: float) -> int:
        """How many connections a sender is to have that has `count` of them."""
        backlog = self.backlog
        if not backlog:
            return count
        is_slow = time.monotonic() - last_added > ANOTHER_AFTER
        return min(self._limit, max(1, count + is_slow, math.ceil(backlog / PARCELS_PER_LANE)))

    def served(self, row: Claimed, *, waited: float) -> None:
        """A parcel was taken."""
        self._losses = 0
        self._last_served = now = time.monotonic()
        if waited > self._slowest:
            self._slowest = waited
        if len(self._served) > MAX_DESTINATIONS:
            self._served.clear()
        destination = self.channel.destination(row.endpoint)
        self._served[destination] = now
        if self._hangs:
            self._hangs.pop(destination, None)

    def lost(self, lost: _Lane, problem: DeliveryError, *, since: float) -> bool:
        """A connection is gone that was used or wanted `since` then. Whether it is to be replaced."""
        if lost.carried:  # it had enough of this connection
            return True
        if isinstance(problem, ChannelDown):
            if any(lane.is_open for sender in self._senders for lane in sender.lanes if lane is not lost):
                # It may take so many connections, and no more: the last one that is refused is told why.
                self._limit = max(1, self._limit - 1)
            else:
                self.down = problem
            return False
        if self._last_served < since:
            self._losses += 1
            if self._losses >= LOSSES:
                self.down = problem
        return self.down is None

    def _patience_with(self, sender: _Sender) -> float:
        if not self._hangs or sender.row is None or not self._last_served:
            return PATIENCE
        if not self._hangs[self.channel.destination(sender.row.endpoint)]:
            return PATIENCE
        return min(PATIENCE, max(LITTLE_PATIENCE, 4 * self._slowest))

    def _replace(self, sender: _Sender) -> None:
        sender.is_late = True
        for lane in sender.lanes:
            if job := lane.take_ahead():
                self.put_back(job)
        if sender.row is not None:
            destination = self.channel.destination(sender.row.endpoint)
            if self._served.get(destination, 0.0) < sender.waits_since:
                self._hangs[destination] += 1

    def _give_up_longest(self, now: float) -> None:
        """All places are taken by those who wait, and others are served quickly: the longest wait ends."""
        patience = max(PATIENCE, 4 * self._slowest)
        waiting = [sender for sender in self._senders if now - sender.waits_since > patience]
        for sender in sorted(waiting, key=lambda sender: sender.waits_since)[:1]:
            sender.abort()

    def _ready(self, job: Job) -> Job | None:
        batch, row, message, _parcel = job
        if self.down or batch.is_over:
            batch.end(row, "untouched")
        elif self._hangs and self._is_to_wait(row):
            batch.end(row, "postponed", self._now() + SET_ASIDE)
        elif isinstance(message, Exception):
            batch.end(row, "delayed", f"{type(message).__name__}: {message}")
        else:
            try:
                return Job(batch, row, message, self.channel.prepare(message, row))
            except Exception as problem:
                _end_badly(job, problem)
        return None

    def _is_to_wait(self, row: Claimed) -> bool:
        """Whether it is better not to try this one now: its destination hangs, and there are others to be served."""
        return len(self._destinations) > 1 and self._hangs[self.channel.destination(row.endpoint)] >= HANGS


class _Lane:
    """One connection, what is on its way over it, and what is to go next."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.job: Job | None = None
        self.carried = 0
        self.is_announced = False
        self._ahead: list[Job] = []  # at most one; whoever pops it has it

    @property
    def is_open(self) -> bool:
        return self.connection is not None

    @property
    def is_busy(self) -> bool:
        return self.job is not None or bool(self._ahead)

    def put_ahead(self, job: Job) -> None:
        self._ahead.append(job)

    def take_ahead(self) -> Job | None:
        """What would go next; from then on that is the caller's."""
        try:
            return self._ahead.pop()
        except IndexError:
            return None

    def disconnect(self) -> None:
        connection, self.connection, self.carried = self.connection, None, 0
        if connection is not None:
            connection.close()


class _Sender(threading.Thread):
    """Goes from lane to lane. `waits_since` is when it began to wait for the other side, because of `row`."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(name="sender", daemon=True)
        self.lanes: list[_Lane] = []
        self.waits_since = FOREVER
        self.row: Claimed | None = None
        self.is_late = False
        self._crew = crew
        self._waits_for: _Lane | None = None
        self._last_added = 0.0

    def run(self) -> None:
        try:
            while not self.is_late and self._look_for_work():
                for lane in list(self.lanes):
                    self._serve(lane)
            self._leave()
        except Exception as problem:
            self._crew.failure = problem
            for lane in self.lanes:
                lane.disconnect()
        finally:
            self._crew.news.set()

    def abort(self) -> None:
        """End its wait, unless the other side may have the parcel."""
        lane = self._waits_for
        connection = lane and lane.connection
        if connection is not None and not connection.is_in_doubt:
            connection.abort()

    def _look_for_work(self) -> bool:
        """Wait for something to do, if there is nothing; and have as many lanes as it takes. False when all is over."""
        if not any(lane.is_busy for lane in self.lanes):
            job = self._crew.next_job(wait=True)
            if job is None:
                return False
            if not self.lanes:
                self._add_lane()
            self.lanes[0].put_ahead(job)
        if len(self.lanes) < self._crew.lanes_wanted(len(self.lanes), last_added=self._last_added):
            self._add_lane()
        return True

    def _add_lane(self) -> None:
        self._last_added = time.monotonic()
        self.lanes.append(_Lane())

    def _serve(self, lane: _Lane) -> None:
        """Bring what is on its way over `lane` to its end, and send the next."""
        job = self._finish(lane) if lane.job is not None else None
        if job is None:
            job = self._begin(lane)
        if job is not None:
            self._start(lane, job)

    def _begin(self, lane: _Lane) -> Job | None:
        """The next job for `lane`, which has a connection then, and is begun in the journal; or None."""
        if self.is_late:
            return None
        job = lane.take_ahead() or self._crew.next_job(wait=False)
        if job is None:
            return None
        lane.put_ahead(job)
        if not self._connect(lane):
            self.lanes.remove(lane)
            if job := lane.take_ahead():
                self._crew.put_back(job)
            return None
        job = lane.take_ahead()  # it may have been given to another meanwhile
        if job is not None:
            job.batch.journal.begin(job.row.pk)
        return job

    def _connect(self, lane: _Lane) -> bool:
        if lane.is_open and lane.connection.is_spent:
            lane.disconnect()
        if lane.is_open:
            return True
        self._wait_for(lane, None)
        since = self.waits_since
        try:
            lane.connection = self._crew.channel.connect()
        except ChannelDown as problem:
            return self._crew.lost(lane, problem, since=since)
        finally:
            self._waited()
        return True

    def _start(self, lane: _Lane, job: Job) -> None:
        following = self._crew.next_job(wait=False)
        if following is not None:
            lane.put_ahead(following)
        lane.is_announced = following is not None
        self._wait_for(lane, job.row)
        try:
            lane.connection.start(job.parcel, following and following.parcel)
            lane.job = job
        except Exception as problem:
            self._end(lane, job, problem)
        finally:
            self._waited()

    def _finish(self, lane: _Lane) -> Job | None:
        """Wait for the answer to what is on its way. Returns what goes next the same way, if any: begun as well."""
        job, lane.job = lane.job, None
        assert job is not None
        self._wait_for(lane, job.row)
        try:
            lane.connection.finish()
        except Exception as problem:
            self._end(lane, job, problem)
            return None
        finally:
            waited = self._waited()
        lane.carried += 1
        self._crew.served(job.row, waited=waited)
        after = self._next(lane, job)
        job.batch.end(job.row, "accepted")
        if job.batch.is_done:
            self._crew.news.set()
        return after

    def _next(self, lane: _Lane, accepted: Job) -> Job | None:
        """Write down what was accepted, and that the following one is begun, if it is still ours to send."""
        job = None
        if not self.is_late and not lane.connection.is_spent:
            job = lane.take_ahead()
        if job is None and lane.is_announced:  # and not to come
            lane.disconnect()
        if job is not None and job.batch is accepted.batch:
            job.batch.journal.accept_and_begin(accepted.row.pk, job.row.pk)
            return job
        accepted.batch.journal.accept(accepted.row.pk)
        if job is not None:
            job.batch.journal.begin(job.row.pk)
        return job

    def _end(self, lane: _Lane, job: Job, problem: Exception) -> None:
        """A job that was not taken."""
        if isinstance(problem, (ChannelDown, ConnectionLost)):
            is_to_go_on = self._crew.lost(lane, problem, since=self.waits_since)
            lane.disconnect()
            if not is_to_go_on:
                self._give_up(lane)
        elif self.is_late and lane.is_open:
            lane.disconnect()
        _end_badly(job, problem)
        self._crew.news.set()

    def _give_up(self, lane: _Lane) -> None:
        if job := lane.take_ahead():
            self._crew.put_back(job)
        self.lanes.remove(lane)

    def _leave(self) -> None:
        """Bring to its end what is on its way, and give back the rest."""
        for lane in list(self.lanes):
            if job := lane.take_ahead():
                self._crew.put_back(job)
            if lane.job is not None:
                self.is_late = True  # nothing more is to follow
                self._finish(lane)
            lane.disconnect()

    def _wait_for(self, lane: _Lane, row: Claimed | None) -> None:
        self._waits_for, self.row = lane, row
        self.waits_since = time.monotonic()

    def _waited(self) -> float:
        waited = time.monotonic() - self.waits_since
        self.waits_since = FOREVER
        return waited


def _end_badly(job: Job, problem: Exception) -> None:
    if isinstance(problem, ChannelDown):
        job.batch.end(job.row, "untouched")
    elif isinstance(problem, PolicyRefusal):
        job.batch.end(job.row, "refused", str(problem))
    elif isinstance(problem, RecipientRefused):
        job.batch.end(job.row, "blamed" if problem.is_certain else "doubted", str(problem))
    elif isinstance(problem, DeliveryError):
        job.batch.end(job.row, "failed" if problem.permanent else "delayed", str(problem))
    else:  # one notice that cannot be made must not silence the others
        logger.error("Delivery %s could not be made", job.row.pk, exc_info=problem)
        job.batch.end(job.row, "delayed", f"{type(problem).__name__}: {problem}")
