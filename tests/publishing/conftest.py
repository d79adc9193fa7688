from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import free_port

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    process: subprocess.Popen
    port: int
    log: Path

    def get(self, path: str, method: str = "GET", timeout: float = 30, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): v for name, v in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """kill -9 of the server and of the worker that it started."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        for pid in [self.process.pid, *map(int, children.stdout.split())]:
            os.kill(pid, 9)
        self.process.wait()


@dataclass
class Processes:
    """Real processes of the product, ended with the test."""

    directory: Path
    environment: dict[str, str]
    started: list[subprocess.Popen] = field(default_factory=list)

    def python(self, *arguments: str, **environment: str) -> subprocess.Popen:
        return self.program(sys.executable, *arguments, **environment)

    def program(self, *command: str, **environment: str) -> subprocess.Popen:
        log = (self.directory / f"{len(self.started)}.log").open("wb")
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self.started.append(process)
        return process

    def log_of(self, process: subprocess.Popen) -> str:
        return (self.directory / f"{self.started.index(process)}.log").read_text()

    def manage(self, *arguments: str) -> str:
        process = self.python("manage.py", *arguments)
        process.wait(60)
        assert process.returncode == 0, self.log_of(process)
        return self.log_of(process)

    def front(self, snapshot: Path, *, socket_path: str = "", threads: int = 4) -> Server:
        port = free_port()
        process = self.python(
            *granian("publishing.front:application", threads, "--port", str(port)),
            FRONT_SNAPSHOT_DIR=str(snapshot),
            FRONT_BACKEND_SOCKET=socket_path or str(self.directory / "django.sock"),
            FRONT_PUBLIC_URL=f"http://127.0.0.1:{port}",
            FRONT_THREADS=str(threads),
        )
        wait_until(lambda: answers(("127.0.0.1", port), socket.AF_INET))
        return Server(process, port, self.directory)

    def backend(self, application: str) -> str:
        """Serve a WSGI application on a Unix socket; return the socket's path."""
        path = str(self.directory / "django.sock")
        self.python(*granian(application, 8, "--uds", path))
        wait_until(lambda: answers(path, socket.AF_UNIX))
        return path

    def end(self) -> None:
        for process in self.started:
            process.terminate()
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()  # or it writes into the directory while that is removed


def granian(application: str, threads: int, *arguments: str) -> list[str]:
    fixed = "--interface wsgi --no-ws --http 1 --workers 1 --log-level warning".split()
    return ["-m", "granian", *fixed, "--blocking-threads", str(threads), *arguments, application]


def answers(address, family: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        return client.connect_ex(address) == 0


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> float:
    """Wait for it, and tell how long it took. The patience is that of a busy machine, and proves nothing."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture
def processes() -> Iterator[Processes]:
    with run_processes() as started:
        yield started


@contextmanager
def run_processes() -> Iterator[Processes]:
    with tempfile.TemporaryDirectory(prefix="front-") as directory:  # short: a socket's path may have 107 characters
        environment = {
            "PATH": os.environ["PATH"],
            "SECRET_KEY": "a key for tests alone, of no worth to anybody",
            "DATA_DIR": directory,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        started = Processes(Path(directory), environment)
        try:
            yield started
        finally:
            started.end()
