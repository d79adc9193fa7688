"""Real processes for tests: the product's own commands, and a private PostgreSQL.

`python -m tests.servers COMMAND…` runs COMMAND with DATABASE_URL pointing at such a PostgreSQL. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
SECRET_KEY = "a key for test servers, of no worth to anybody"
Answer = TypeVar("Answer")


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on; no other test gets it while this process lives.

    Never one of those that the system gives to connections by itself: it might, before somebody listens.
    """
    for port in random.sample(range(15_000, 30_000), 1_000):
        reserved = socket.socket(socket.AF_UNIX)
        try:
            reserved.bind(f"\0statuspage-tests-{port}")  # a name, no file; free again when this process ends
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
        except OSError:
            reserved.close()
            continue
        _reserved.append(reserved)
        return port
    raise AssertionError("no port is free")


_reserved: list[socket.socket] = []


def wait_for(condition: Callable[[], Answer], *, seconds: float = 60, what: str = "") -> Answer:
    """The first true answer of `condition`, asked again and again; fails when the time is over.

    The time is no claim about speed: it only ends what would be waited for in vain, on a busy machine too.
    """
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() > deadline  # before it is asked: who was held up until now asks once more
        if answer := condition():
            return answer
        if is_last:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.05)


def get(url: str, *, timeout: float = 5) -> tuple[int, str]:
    """Status and body of one GET; status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except OSError:
        return 0, ""


def product_environment(data_dir: Path, *, port: int | None = None, **settings: str) -> dict[str, str]:
    """What a product process gets: nothing of ours but PATH and HOME, then `settings`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {
        **kept,
        "SECRET_KEY": SECRET_KEY,
        "DATA_DIR": str(data_dir),
        "PORT": str(port or free_port()),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


@dataclass
class Running:
    """A process that was started; `output()` is all it has said, on both streams."""

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, *, seconds: float = 60) -> int:
        """Ask it to end (SIGTERM) and wait; its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=seconds)


@contextlib.contextmanager
def running(command: list[str], *, env: dict[str, str], log: Path, cwd: Path = ROOT) -> Iterator[Running]:
    """Start `command`; at the end of the block it is stopped, by force if it must be."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    started = Running(process, log)
    try:
        yield started
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.stop()
        process.kill()
        process.wait()


def manage(*arguments: str) -> list[str]:
    """The command line of one of our management commands."""
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


def processes_of(data_dir: Path) -> dict[int, str]:
    """All living processes that were started with this DATA_DIR: id and command line."""
    marker = f"DATA_DIR={data_dir}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked, or is not ours
            if marker in (folder / "environ").read_bytes().split(b"\0") and not _is_zombie(folder):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def parts(data_dir: Path) -> dict[str, list[int]]:
    """The living processes by what they are; "worker" are those that the cluster's sentinel started, in that order."""
    commands = processes_of(data_dir)
    parents = {process: _parent(process) for process in commands}
    found: dict[str, list[int]] = {}
    for process, command in sorted(commands.items()):
        if "qcluster" in command:
            above = parents[process]
            depth = 0
            while "qcluster" in commands.get(above, ""):
                depth, above = depth + 1, parents[above]
            name = ("cluster", "sentinel", "worker")[min(depth, 2)]
        elif "guard.py" in command:
            name = "guard"
        elif "statuspage.wsgi" in command:
            name = "web"
        elif command.rstrip().endswith((" worker", " serve", " web")):
            name = "supervisor"
        else:
            continue
        found.setdefault(name, []).append(process)
    return found


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # the end of another may have ended it already
        os.kill(process, signal.SIGKILL)


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_zombie(folder: Path) -> bool:
    return "\nState:\tZ" in (folder / "status").read_text()


@contextlib.contextmanager
def scratch_database(data_dir: Path, *, like: str = "") -> Iterator[str]:
    """A new database, as DATABASE_URL: on the server that the suite runs on, or a file in `data_dir`.

    Empty, or a copy of the one at `like`, which nobody may use meanwhile; a file has to be copied with its directory.
    """
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield f"sqlite:///{data_dir / 'status.sqlite3'}"
        return
    import psycopg  # noqa: PLC0415 - `python -m tests.servers` must run without any package

    name = f"scratch_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        template = like.rpartition("/")[2] or "template1"
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield server.rpartition("/")[0] + "/" + name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Postgres:
    """A private PostgreSQL on a Unix socket, in a new directory below the temporary one; can be stopped and started."""

    def __init__(self) -> None:
        self._bin = _postgres_bin()
        self._dir = Path(tempfile.mkdtemp(prefix="statuspage-pg-"))
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None  # it refuses to run as root
        if self._user:
            os.chown(self._dir, self._user.pw_uid, self._user.pw_gid)
        self._cluster = self._dir / "cluster"
        self._server: subprocess.Popen[bytes] | None = None
        self._call("initdb", "-D", self._cluster, "-U", "statuspage", "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql://statuspage@{quote(str(self._dir), safe='')}/postgres"

    def start(self) -> None:
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self._dir}", "-c", "fsync=off"]
        self._server = subprocess.Popen(
            [self._bin / "postgres", "-D", self._cluster, *options],
            stdout=subprocess.DEVNULL,
            stderr=(self._dir / "log").open("ab"),
            cwd=self._dir,
            **self._as_user(),
        )
        wait_for(self._is_ready, what="PostgreSQL to start")

    def stop(self) -> None:
        """End it at once, its connections too."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            self._server.wait(timeout=30)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._dir)

    def _is_ready(self) -> bool:
        asked = [self._bin / "pg_isready", "-q", "-h", self._dir]
        return subprocess.run(asked, check=False).returncode == 0

    def _call(self, program: str, *arguments: str | Path) -> None:
        command = [self._bin / program, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._dir, **self._as_user())

    def _as_user(self) -> dict[str, int | list[int]]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def find_postgres() -> Path | None:
    """Where PostgreSQL's own programs are; Debian keeps them off PATH."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if on_path := shutil.which("postgres"):
        places.append(Path(on_path).parent)
    return next((place for place in places if (place / "initdb").exists()), None)


def find_nginx() -> str | None:
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def _postgres_bin() -> Path:
    if place := find_postgres():
        return place
    raise FileNotFoundError("PostgreSQL's programs (initdb, postgres) are not installed: apt-get install postgresql")


def main(command: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended then, too
    with postgres() as server:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
