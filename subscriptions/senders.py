"""The threads that hand over what was claimed: each has a connection of its own, none touches the database.

Whoever waits too long for an answer no longer counts: another takes that place and goes on with what is queued, so that
a recipient whose server hangs holds up nobody else.
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

# Who waits longer for an answer than so many seconds is replaced; and so many senders there may be in all.
PATIENCE = 2.0
MAX_SENDERS = 32

# One sender for so many parcels; and one more each so many seconds while any wait.
PARCELS_PER_SENDER = 50
ANOTHER_AFTER = 0.2

# After so many that hang for one destination, and none taken by it meanwhile, the others for it wait for a while.
HANGS = 4
SET_ASIDE = dt.timedelta(minutes=5)
MAX_DESTINATIONS = 10_000  # that are remembered

# After so many connections in a row that were lost before they carried anything, the other side is down.
LOSSES = 3

# So many refused with words that blame nobody, and none taken after them: then it is not about them.
REFUSALS = 5

FOREVER = math.inf


class Batch:
    """One claim on its way. Senders add what came of each of its deliveries, any number of them at once.

    `refusal` holds the words with which all were refused, when they blame nobody.
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
        self._refused: dict[int, str] = {}

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
        """`how` is the name of a field of Report, "refused" or "blamed"; `detail` its reason, or its time."""
        self._ends.append((row, how, detail))

    def report(self) -> Report:
        """What came of it since the last report."""
        report = Report()
        news = self._ends[self._reported :]
        self._reported += len(news)
        for row, how, detail in news:
            if how == "accepted":
                self._note_accepted(row, report)
            elif how == "refused":
                self._refused[row.pk] = detail
            elif how == "blamed":
                report.failed[row.pk] = report.blamed[row.subscriber_id] = detail
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
            report.failed.update(self._refused)
            self._refused.clear()

    def _decide_about_refused(self, report: Report) -> None:
        is_about_all = len(self._refused) >= REFUSALS
        (report.failed if self.has_accepted and not is_about_all else report.delayed).update(self._refused)
        if is_about_all:
            *_others, self.refusal = self._refused.values()


class Job(NamedTuple):
    batch: Batch
    row: Claimed
    message: Any
    parcel: Any = None


class Crew:
    """The senders of one run through one channel. To be called by the one thread that claims."""

    def __init__(self, channel: ModuleType, *, now: Clock) -> None:
        self.channel = channel
        self.down: DeliveryError | None = None
        self.news = threading.Event()
        self._now = now
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._senders: list[_Sender] = []
        self._limit = channel.limits().connections
        self._last_start = 0.0
        self._losses = 0
        self._slowest = 0.0
        self._served: dict[str, float] = {}
        self._hangs: Counter[str] = Counter()
        self._last_served = 0.0
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
        """Replace who waits too long, and have as many senders as there is work for."""
        now = time.monotonic()
        self._senders = [sender for sender in self._senders if sender.is_alive()]
        for sender in self._senders:
            if not sender.is_late and now - sender.waits_since > PATIENCE:
                self._replace(sender)
        on_time = sum(not sender.is_late for sender in self._senders)
        missing = min(self._limit, self._wanted(on_time, now)) - on_time
        room = MAX_SENDERS - len(self._senders)
        for _one in range(min(missing, room)):
            self._last_start = now
            self._senders.append(_Sender(self))
            self._senders[-1].start()
        if missing > room and self._last_served:
            self._give_up_longest(missing - room, now)

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

    def served(self, row: Claimed, *, since: float, now: float) -> None:
        """A parcel was taken."""
        self._losses = 0
        self._last_served = now
        if now - since > self._slowest:
            self._slowest = now - since
        if len(self._served) > MAX_DESTINATIONS:
            self._served.clear()
        destination = self.channel.destination(row.endpoint)
        self._served[destination] = now
        if self._hangs:
            self._hangs.pop(destination, None)

    def lost(self, lost: _Sender, problem: DeliveryError, *, since: float) -> bool:
        """A connection is gone that was used or wanted `since` then. Whether its sender is to try another one."""
        if lost.carried:  # it had enough of this connection
            return True
        if isinstance(problem, ChannelDown):
            if any(sender.is_trying for sender in self._senders if sender is not lost):
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

    def _wanted(self, on_time: int, now: float) -> int:
        if not self.backlog:
            return on_time
        by_size = math.ceil(self.backlog / PARCELS_PER_SENDER)
        return max(by_size, on_time + 1 if now - self._last_start > ANOTHER_AFTER else 1)

    def _replace(self, sender: _Sender) -> None:
        sender.is_late = True
        if job := sender.take_ahead():
            self.put_back(job)
        if sender.row is not None:
            destination = self.channel.destination(sender.row.endpoint)
            if self._served.get(destination, 0.0) < sender.waits_since:
                self._hangs[destination] += 1

    def _give_up_longest(self, count: int, now: float) -> None:
        """All places are taken by those who wait, and others are served quickly: the longest waits end."""
        patience = max(PATIENCE, 4 * self._slowest)
        waiting = [sender for sender in self._senders if now - sender.waits_since > patience]
        for sender in sorted(waiting, key=lambda sender: sender.waits_since)[:count]:
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


class _Sender(threading.Thread):
    """Sends one after the other. `waits_since` is when it began to wait for the other side, with `row` in hand."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(name="sender", daemon=True)
        self.waits_since = FOREVER
        self.row: Claimed | None = None
        self.is_late = False
        self.carried = 0
        self._crew = crew
        self._connection: Any = None
        self._has_place = True
        self._ahead: list[Job] = []  # at most one; whoever pops it has it

    @property
    def _is_over(self) -> bool:
        return self.is_late or not self._has_place

    @property
    def is_trying(self) -> bool:
        """Whether it has a connection, or waits for one."""
        return not self.is_late and (self._connection is not None or self.waits_since < FOREVER)

    @property
    def is_in_doubt(self) -> bool:
        connection = self._connection
        return connection is None or connection.is_in_doubt

    def run(self) -> None:
        try:
            while not self._is_over and self._look_ahead(wait=True) and self._connect():
                job = self.take_ahead()
                if job is not None:
                    job.batch.journal.begin(job.row.pk)
                while job is not None:
                    job = self._hand_over(job)
        except Exception:
            logger.exception("A sender failed")
        finally:
            if job := self.take_ahead():
                self._crew.put_back(job)
            self._disconnect()
            self._crew.news.set()

    def take_ahead(self) -> Job | None:
        """What it would send next; from then on that is the caller's."""
        try:
            return self._ahead.pop()
        except IndexError:
            return None

    def abort(self) -> None:
        """End its wait, unless the other side may have the parcel."""
        if not self.is_in_doubt:
            self._connection.abort()

    def _look_ahead(self, *, wait: bool) -> Job | None:
        job = self.take_ahead() or self._crew.next_job(wait=wait)
        if job is not None:
            self._ahead.append(job)
        return job

    def _connect(self) -> bool:
        if self._connection is not None and self._connection.is_spent:
            self._disconnect()
        if self._connection is not None:
            return True
        self.row = None
        self.waits_since = since = time.monotonic()
        try:
            self._connection = self._crew.channel.connect()
        except ChannelDown as problem:
            return self._crew.lost(self, problem, since=since)
        finally:
            self.waits_since = FOREVER
        return True

    def _disconnect(self) -> None:
        connection, self._connection, self.carried = self._connection, None, 0
        if connection is not None:
            connection.close()

    def _hand_over(self, job: Job) -> Job | None:
        """Send one that the journal calls begun. Returns the next one, begun as well, if it is to go the same way."""
        following = self._look_ahead(wait=False)
        self.row = job.row
        self.waits_since = since = time.monotonic()
        try:
            self._connection.send(job.parcel, following and following.parcel)
        except (ChannelDown, ConnectionLost) as problem:
            self._end_with_connection(job, problem, since=since)
            return None
        except Exception as problem:
            self.waits_since = FOREVER
            _end_badly(job, problem)
            self._crew.news.set()
            return self._next(None, following)
        self.waits_since = FOREVER
        self.carried += 1
        self._crew.served(job.row, since=since, now=time.monotonic())
        after = self._next(job, following)
        job.batch.end(job.row, "accepted")
        if job.batch.is_done:
            self._crew.news.set()
        return after

    def _next(self, accepted: Job | None, following: Job | None) -> Job | None:
        """Write down what was accepted, and that the following one is begun, if it is still ours to send."""
        job = None
        if not self.is_late and not self._connection.is_spent:
            job = self.take_ahead()
        if job is None and following is not None:  # announced, and not to come
            self._disconnect()
        if accepted and job and job.batch is accepted.batch:
            job.batch.journal.accept_and_begin(accepted.row.pk, job.row.pk)
            return job
        if accepted:
            accepted.batch.journal.accept(accepted.row.pk)
        if job:
            job.batch.journal.begin(job.row.pk)
        return job

    def _end_with_connection(self, job: Job, problem: DeliveryError, *, since: float) -> None:
        self.waits_since = FOREVER
        if isinstance(problem, ChannelDown):
            job.batch.end(job.row, "untouched")
        else:
            job.batch.end(job.row, "delayed", str(problem))
        self._has_place = self._crew.lost(self, problem, since=since)
        self._disconnect()
        self._crew.news.set()


def _end_badly(job: Job, problem: Exception) -> None:
    if isinstance(problem, PolicyRefusal):
        job.batch.end(job.row, "refused", str(problem))
    elif isinstance(problem, RecipientRefused):
        job.batch.end(job.row, "blamed", str(problem))
    elif isinstance(problem, DeliveryError):
        job.batch.end(job.row, "failed" if problem.permanent else "delayed", str(problem))
    else:  # one notice that cannot be made must not silence the others
        logger.error("Delivery %s could not be made", job.row.pk, exc_info=problem)
        job.batch.end(job.row, "delayed", f"{type(problem).__name__}: {problem}")
