"""A mirror in a directory, for any file server: a page lies as index.html in a directory of its name.

That is the one form which servers agree on without being told: they answer /incidents/abc, if by way of
/incidents/abc/. Names that begin with a dot are ours.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from publishing.mirror.files import PublicFile, plain_name
from publishing.mirror.target import Overtaken, TargetProblem


class Directory:
    hands = 1

    def __init__(self, root: Path) -> None:
        self._root = root

    def name_of(self, file: PublicFile) -> str:
        return plain_name(file) or f"{file.path[1:]}/index.html"

    def read(self, name: str) -> bytes | None:
        with _told():
            try:
                return (self._root / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, body: bytes, *, content_type: str, cache_control: str, modified: int) -> None:
        file = self._root / name
        beside = _beside(file)
        with _told():
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(beside, "wb") as stream:
                    stream.write(body)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.utime(beside, (modified, modified))
                os.replace(beside, file)
            except OSError:
                beside.unlink(missing_ok=True)
                raise

    def read_tagged(self, name: str) -> tuple[bytes | None, str]:
        body = self.read(name)
        return body, "" if body is None else hashlib.sha256(body).hexdigest()

    def replace(self, tag: str, name: str, body: bytes, *, content_type: str, cache_control: str, modified: int) -> str:
        with self._alone(name):
            if self.read_tagged(name)[1] != tag:
                raise Overtaken
            self.write(name, body, content_type=content_type, cache_control=cache_control, modified=modified)
        return hashlib.sha256(body).hexdigest()

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Hold a lock on this file. Shared storage keeps it across hosts, if it knows locks at all."""
        file = self._root / name
        with _told():
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = open(file.with_name(f".{file.name}.lock"), "ab")  # noqa: SIM115 - it is closed below
        with lock:
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def remove(self, name: str) -> None:
        file = self._root / name
        with _told():
            for gone in (file, _beside(file)):  # a run that was killed may have left the second
                with contextlib.suppress(NotADirectoryError):
                    gone.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else lies there
            for parent in file.parents:
                if parent == self._root:
                    break
                parent.rmdir()


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.new")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise TargetProblem(f"{problem.strerror or problem} ({problem.filename})") from problem
