"""A real worker, a real conversation with a mail server, and kill -9 in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.db import connection

from subscriptions.bell import ring
from subscriptions.matching import concerned_by
from subscriptions.models import Delivery
from tests.make import make_incident, make_page, make_subscribers
from tests.sink import Sink

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

DELIVERIES = 2_000
KILLS = 10
WORKERS = 2  # as in Q_CLUSTER
CONNECTIONS = 4  # of each worker, as EMAIL_CONNECTIONS is by default: one mail can be in flight on each


def test_ten_kills_lose_nobody_and_repeat_only_what_was_in_flight(data_dirs):
    make_page()
    make_subscribers(DELIVERIES)
    incident = make_incident()
    expected = set(concerned_by(incident.updates.get()).values_list("endpoint", flat=True))
    assert len(expected) == DELIVERIES

    with Sink(delay=0.002) as sink:
        for kill in range(KILLS):
            before = len(sink.received)
            with Cluster(data_dirs, sink):
                wait_until(lambda goal=before + 120: len(sink.received) >= goal)
            assert 0 < len(sink.received) < DELIVERIES, f"kill {kill} came too late to prove anything"
        with Cluster(data_dirs, sink):
            wait_until(lambda: not Delivery.objects.exclude(state="sent").exists())
            wait_until(lambda: not list(data_dirs.glob("journal/*")))  # what the dead held is settled, and forgotten

    ids = {}
    for mail in sink.received:
        ids.setdefault(mail.recipient, set()).add(mail.message_id)
    repeats = len(sink.received) - DELIVERIES
    assert set(ids) == expected
    assert repeats <= KILLS * WORKERS * CONNECTIONS
    assert {len(of_one) for of_one in ids.values()} == {1}


class Cluster:
    """`manage.py qcluster` in a process group of its own, woken at its start and killed at the end of the block."""

    def __init__(self, data_dir: Path, sink: Sink) -> None:
        self._env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "statuspage.settings",
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url(),
            "EMAIL_URL": sink.url,
            "SECRET_KEY": django_settings.SECRET_KEY,
        }

    def __enter__(self) -> Cluster:
        for _worker in range(WORKERS):
            ring()
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"],
            cwd=django_settings.BASE_DIR,
            env=self._env,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def database_url() -> str:
    """The suite's own scratch database, as a child process is told of it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password, host = (quote(str(database[name]), safe="") for name in ("USER", "PASSWORD", "HOST"))
    return f"postgresql://{user}:{password}@{host}:{database['PORT']}/{database['NAME']}"


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "nothing more happened"
        time.sleep(0.02)
