"""The product's processes on the suite's own database, for tests that break them, and what must hold all the same."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from incidents.models import Incident
from subscriptions.bell import ring
from subscriptions.models import ChannelPause, Delivery, Subscriber
from tests.make import make_incident, make_page
from tests.servers import ROOT, kill, manage, processes_of, product_environment, wait_for
from tests.sink import Sink

WORKERS = 2  # as in Q_CLUSTER
CONNECTIONS = 4  # each worker's, to the mail server
IN_FLIGHT = WORKERS * CONNECTIONS  # so many mails can be on their way at once: one kill may repeat these, and no others


@dataclass
class Product:
    """One of our commands, running, with all that it starts."""

    data_dir: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """kill -9 of the whole process group in one instant."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_all(self) -> None:
        """kill -9 of every process of the DATA_DIR, those in groups of their own too."""
        while left := processes_of(self.data_dir):
            for process in left:
                kill(process)
            self.process.poll()
            time.sleep(0.02)
        self.process.wait()


@contextmanager
def start(*command: str, data_dir: Path, mail: str, clock: Path | None = None, **environment: str) -> Iterator[Product]:
    """`manage.py command…` on the suite's database; when the block ends, nothing of it is left.

    `clock` is a file that says by how many seconds its clock is off (tests/clock.py).
    """
    environment |= {"EMAIL_URL": mail, "EMAIL_CONNECTIONS": str(CONNECTIONS)}
    program, *arguments = manage(*command)
    under = ["-m", "tests.clock", str(clock)] if clock else []
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "log").open("ab") as log:
        process = subprocess.Popen(
            [program, *under, *arguments],
            cwd=ROOT,
            env=suite_environment(data_dir, **environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    product = Product(data_dir, process)
    try:
        yield product
    finally:
        product.kill()
        product.kill_all()
        _wait_for_sessions()


@contextmanager
def killed_at(event: str, product: Product) -> Iterator[None]:
    """Whoever makes `event` happen, as triggers name it, comes no further; at the end of the block `product` is killed.

    So the kill falls where it should, however long we take to see that it is time.
    """
    with connection.cursor() as cursor, ExitStack() as at_the_end:
        if connection.vendor == "postgresql":
            at_the_end.callback(cursor.execute, "DROP FUNCTION IF EXISTS stuck CASCADE")
            holder = at_the_end.enter_context(psycopg.connect(database_url()))
            holder.execute("SELECT pg_advisory_lock(1)")
            body = "$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$"
            cursor.execute(f"CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS {body}")
            cursor.execute(f"CREATE TRIGGER stuck BEFORE {event} EXECUTE FUNCTION stuck()")
        else:
            at_the_end.callback(cursor.execute, "DROP TRIGGER IF EXISTS stuck")
            endless = "SELECT count(*) FROM " + ", ".join(f"django_migrations AS t{number}" for number in range(20))
            cursor.execute(f"CREATE TRIGGER stuck BEFORE {event} BEGIN {endless}; END")
        at_the_end.callback(product.kill)
        yield


def _wait_for_sessions() -> None:
    """What killed processes had asked of PostgreSQL goes on for a moment, in the way of who empties the database."""
    if connection.vendor != "postgresql":
        return
    others = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"

    def is_quiet() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")
            return cursor.fetchone()[0] == 0

    wait_for(is_quiet, what="the sessions of killed processes to end")


def suite_environment(data_dir: Path, **environment: str) -> dict[str, str]:
    """What a process of the product gets here, with the key that signs what stands in the queue."""
    ours = {"SECRET_KEY": settings.SECRET_KEY, "DATABASE_URL": database_url()}
    return product_environment(data_dir, **(ours | environment))


def database_url() -> str:
    """The suite's own scratch database, as a child process is told of it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password, host = (quote(str(database[name]), safe="") for name in ("USER", "PASSWORD", "HOST"))
    return f"postgresql://{user}:{password}@{host}:{database['PORT']}/{database['NAME']}"


def publish(title: str = "Slow mailings") -> Incident:
    """Post an update to everybody. That calls no mail server, so nothing that goes wrong with mail holds it up."""
    make_page()
    called: list[object] = []

    def refuse(address: object, *_more: object, **_options: object) -> None:
        called.append(address)
        raise ConnectionRefusedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", refuse)
        incident = make_incident(title)
    assert called == []
    return incident


def retry_now() -> None:
    """What docs/delivery.md tells an operator who does not want to wait; and a bell instead of the next sweep."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE subscriptions_delivery SET due_at = CURRENT_TIMESTAMP WHERE state = 'queued'")
        cursor.execute("DELETE FROM subscriptions_channelpause")
    ring()


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def wait_for_end() -> None:
    """Until something was owed to somebody and nothing is any more. A bell may be lost; a sweep comes in 90 s."""
    wait_for(_is_over, seconds=150, what="the last mail")


def retry_until_end() -> None:
    """The same, where something waits for its next try: what is still in hands now may wait in a moment."""
    wait_for(lambda: retry_now() or _is_over(), seconds=150, what="the last mail")


def _is_over() -> bool:
    found = states()
    return bool(found) and not found.keys() & {"queued", "sending"}


def assert_in_time(sink: Sink, people: Iterable[Subscriber]) -> None:
    """A fault that comes when all has been sent proves nothing."""
    assert 0 < len(sink.counts) < len(list(people))


def wait_until_tried(times: int, *people: Subscriber) -> None:
    """Until each of them has been tried so often, and waits again or is done."""
    tried = Delivery.objects.filter(subscriber__in=people, attempts__gte=times).exclude(state="sending")
    wait_for(lambda: tried.count() == len(people), what=f"try {times}")


def wait_for_pause(reason: str = "") -> None:
    """Until the channel pauses, and staff can read why."""
    wait_for(ChannelPause.objects.filter(reason__contains=reason).exists, what="the pause")


def assert_told(sink: Sink, people: Iterable[Subscriber], *, repeats: int = 0) -> None:
    """Everybody was told and nobody else; repeats are few, and always under the same Message-ID."""
    expected = {one.endpoint for one in people}
    assert set(sink.counts) == expected
    assert len(sink.received) - len(expected) <= repeats
    assert {len(ids) for ids in sink.message_ids.values()} == {1}
