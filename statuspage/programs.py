"""What this product consists of while it runs: four programs, and the checks before the first of them starts."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.db import DatabaseError, connections

from statuspage.supervisor import Program
from subscriptions.tasks import ring, ring_again
from subscriptions.watch import UNHEARD, is_stuck

FRONT_THREADS = 12  # two are kept for the page; the others may wait for Django, and a browser opens six at once
LONGEST_SOCKET_PATH = 100  # bytes; the system's own limit is 104 to 108
WORKER_NICENESS = 10
SECRETS = ("SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "BOUNCE_MAILBOX", "ANYMAIL")


def front(*, host: str, port: int, backend: Path) -> Program:
    """The snapshot server: answers from files, so it needs no database and gets no secrets."""
    env = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in SECRETS}
    env |= {
        "FRONT_SNAPSHOT_DIR": str(settings.SNAPSHOT_DIR),
        "FRONT_BACKEND_SOCKET": str(backend),
        "FRONT_PUBLIC_URL": settings.PUBLIC_URL,
        "FRONT_THREADS": str(FRONT_THREADS),
        "FRONT_TRUSTED_PROXIES": str(settings.ENVIRONMENT.trusted_proxies),
    }
    command = _granian("publishing.front:application", threads=FRONT_THREADS, backlog=4096)
    return Program("the page's server", [*command, "--host", host, "--port", str(port)], env)


def django(backend: Path) -> Program:
    """Django on a Unix socket, in a process of its own: a slow admin page must not slow the public one down."""
    command = _granian("statuspage.wsgi:application", threads=8, backlog=1024)
    command += ["--uds", backend, "--uds-permissions", "0o600"]
    # The socket of one that was killed is still there, and nobody else can be listening on it.
    return Program("Django", command, dict(os.environ), before_start=lambda: backend.unlink(missing_ok=True))


def publisher() -> Program:
    """Publishes what a click could not, and what the clock asks for."""
    return Program("the publisher", _manage("publish", "--watch"), dict(os.environ))


def worker() -> Program:
    """django-q2's cluster. It may freeze when one of its processes is killed, hence the watch.

    It stands back behind the page and the staff's screens: a large mailing takes all the processor time it gets.
    """
    return Program(
        "the worker",
        ["nice", "-n", str(WORKER_NICENESS), *_manage("qcluster")],
        # It forks, which macOS forbids to a process that has touched certain system libraries.
        {**os.environ, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"},
        grace=8,
        after_start=_ring,
        is_stuck=_is_stuck,
    )


def backend_socket(port: int) -> Path:
    """Where Django listens: in DATA_DIR, or in a new private directory where that path is too long for a socket."""
    path = settings.DATA_DIR / f"django-{port}.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        directory = tempfile.mkdtemp(prefix="statuspage-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        path = Path(directory) / "django.sock"
    return path


def check_data_dir() -> None:
    """Make DATA_DIR if need be. Raises CommandError when nothing can be written there."""
    try:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            pass
    except OSError as problem:
        raise CommandError(
            f"cannot write to {settings.DATA_DIR} ({problem.strerror}): "
            "make that directory yours, or name another with DATA_DIR=/some/where."
        ) from None


def check_address(host: str, port: int) -> None:
    """Raise CommandError when nothing can listen at `host` and `port`."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
    except OSError as problem:
        raise CommandError(_why_not(problem, host, port)) from None


def wait_for_backend(backend: Path, *, seconds: float = 20) -> None:
    """Return when Django can be reached, or when waiting longer would be no use."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(os.fspath(backend)) == 0:
                return
        time.sleep(0.05)


def _why_not(problem: OSError, host: str, port: int) -> str:
    if isinstance(problem, socket.gaierror) or problem.errno == errno.EADDRNOTAVAIL:
        return f"HOST={host} is not an address of this machine: try HOST=127.0.0.1 or HOST=0.0.0.0."
    if isinstance(problem, PermissionError):
        return f"port {port} is for the system alone: choose one above 1023, for example PORT=8000."
    if problem.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program: end that one, or choose another, for example PORT={port + 1}."
    return f"cannot listen at HOST={host} PORT={port}: {problem.strerror}."


def _granian(application: str, *, threads: int, backlog: int) -> list[str | Path]:
    options = f"--interface wsgi --http 1 --no-ws --workers 1 --blocking-threads {threads} --backlog {backlog}"
    # The listening socket outlives a worker that dies: its successor finds the clients waiting.
    options += " --respawn-failed-workers --respawn-interval 0.1 --workers-kill-timeout 3 --log-level error"
    return [sys.executable, "-m", "granian", *options.split(), application]


def _manage(*arguments: str) -> list[str | Path]:
    return [sys.executable, settings.BASE_DIR / "manage.py", *arguments]


def _ring() -> None:
    try:
        ring()
    finally:
        connections.close_all()


def _is_stuck() -> bool:
    """Whether the worker hangs. One that only has not heard is rung for again: the sweep may be a minute away."""
    try:
        if is_stuck():
            return True
        if is_stuck(silence=UNHEARD):
            ring_again()
        return False
    except DatabaseError:
        return False  # nobody can tell while the database is away, and nothing can be sent either
    finally:
        connections.close_all()
