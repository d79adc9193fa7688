"""What the machine may do to delivery: the database is away or locked, the disk is full, TLS cannot be trusted."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from subscriptions.bell import ring
from subscriptions.outbox import mail_names, read_line
from tests.make import make_subscribers
from tests.servers import ROOT, free_port, manage, parts, postgres, processes_of, wait_for
from tests.sink import Sink, make_certificate
from tests.subscriptions.faults import (
    IN_FLIGHT,
    assert_in_time,
    assert_told,
    database_url,
    publish,
    retry_now,
    retry_until_end,
    start,
    states,
    suite_environment,
    wait_for_pause,
)

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("without_snapshot"),
]

MAKE = """
from tests.make import make_incident, make_page, make_subscribers
make_page()
make_subscribers(200)
make_incident()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@contextmanager
def locked_database() -> Iterator[float]:
    """Nobody else can write deliveries; how many seconds it takes until who tries has given up, where that happens."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=20)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield connection.settings_dict["OPTIONS"]["timeout"] + 2
            holder.execute("ROLLBACK")
    else:
        with psycopg.connect(database_url()) as holder:
            holder.execute("LOCK TABLE subscriptions_delivery IN ACCESS EXCLUSIVE MODE")
            yield 3
            holder.rollback()


def test_a_database_that_is_locked_for_long_repeats_nothing(data_dir):
    people = make_subscribers(300)
    with Sink(delay=0.5) as sink, start("worker", data_dir=data_dir, mail=sink.url):
        publish()
        wait_for(lambda: len(sink.received) > 4, what="the first mails")
        with locked_database() as seconds:
            assert_in_time(sink, people)
            sink.delay = 0.05
            time.sleep(seconds)
        wait_for(lambda: ring() or states() == {"sent": len(people)}, what="the last mail")
    assert_told(sink, people)


@pytest.mark.postgres
def test_a_database_that_goes_and_comes_back_repeats_nothing(data_dir):
    with postgres() as database, Sink(delay=0.5) as sink:
        environment = suite_environment(data_dir, DATABASE_URL=database.url)

        def run(*command: str) -> None:
            subprocess.run(manage(*command), env=environment, cwd=ROOT, check=True, timeout=60)

        run("migrate", "-v", "0")
        run("shell", "-v", "0", "-c", MAKE)
        with start("worker", data_dir=data_dir, mail=sink.url, DATABASE_URL=database.url):
            wait_for(lambda: len(sink.received) > 4, what="the first mails")
            database.stop()
            assert len(sink.counts) < 200, "it came too late to prove anything"
            sink.delay = 0.05
            time.sleep(2)
            database.start()
            run("shell", "-v", "0", "-c", "from subscriptions.bell import ring; ring()")
            with psycopg.connect(database.url, autocommit=True) as asking:
                count = "SELECT count(*) FROM subscriptions_delivery WHERE state = 'sent'"
                wait_for(lambda: asking.execute(count).fetchone() == (200,), seconds=90, what="the last mail")
    assert set(sink.counts.values()) == {1}
    assert len(sink.counts) == 200


def test_a_full_disk_loses_nobody_and_repeats_what_could_not_be_noted(data_dir):
    """Full for the journals; and for the database, where that is a file of ours."""
    people = make_subscribers(300)
    with Sink(delay=0.5) as sink, start("worker", data_dir=data_dir, mail=sink.url):
        publish()
        wait_for(lambda: len(sink.received) > 4, what="the first mails")
        limit_files(data_dir, 0)
        assert_in_time(sink, people)
        sink.delay = 0.05
        time.sleep(3)
        limit_files(data_dir, resource.RLIM_INFINITY)
        wait_for(lambda: retry_now() or states() == {"sent": len(people)}, what="the last mail")
    assert_told(sink, people, repeats=IN_FLIGHT)


def test_a_full_disk_under_the_mails_written_as_files_loses_nobody_and_leaves_no_piece(data_dir):
    """Full for mails, and where the database is a file of ours for that too; journals still fit."""
    people = make_subscribers(300)
    outbox = data_dir / "outbox"
    with start("worker", data_dir=data_dir, mail=""):
        wait_for(lambda: len(parts(data_dir).get("worker", [])) >= 4, what="the start")
        limit_files(data_dir, 1_000)
        publish()
        if connection.vendor == "postgresql":
            wait_for_pause("File too large")
        else:
            wait_for(lambda: "disk" in (data_dir / "log").read_text(), what="the first refusal")
        assert mail_names(outbox) == []
        limit_files(data_dir, resource.RLIM_INFINITY)
        wait_for(lambda: retry_now() or states() == {"sent": len(people)}, what="the last mail")
    assert Counter(read_line(outbox, name).to for name in mail_names(outbox)) == {one.endpoint: 1 for one in people}
    assert {path.suffix for path in outbox.iterdir()} == {".eml"}


def limit_files(data_dir: Path, size: int) -> None:
    """Let no process of the product make a file larger than `size`, as a full disk would not."""
    while any(_limit_files_of(process, size) for process in processes_of(data_dir)):
        pass  # until there is none that was begun meanwhile, with the limit from before


def _limit_files_of(process: int, size: int) -> bool:
    """Whether the limit was another before."""
    try:
        before, _hard = resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    except ProcessLookupError:  # it has ended
        return False
    return before != size


@pytest.mark.openssl
def test_without_sound_tls_nothing_is_said(tmp_path):
    people = make_subscribers(5)
    for name in ("trusted", "unknown"):
        (tmp_path / name).mkdir()
    trusted, theirs = make_certificate(tmp_path / "trusted")
    _unknown, another = make_certificate(tmp_path / "unknown")
    port = free_port()
    mail = f"smtp+tls://user:secret@127.0.0.1:{port}"
    with (
        Sink(port=port, takes_auth=True) as sink,
        start("qcluster", data_dir=tmp_path / "data", mail=mail, SSL_CERT_FILE=str(trusted)),
    ):
        publish()
        wait_for_pause("STARTTLS")
        sink.tls = another
        retry_now()
        wait_for_pause("certificate")
        wait_for(lambda: states() == {"queued": 5}, what="the end of the claim")
        assert (sink.asked["AUTH", ""], sink.received) == (0, [])

        sink.tls = theirs
        retry_until_end()
        assert_told(sink, people)
