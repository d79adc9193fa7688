"""What a sender keeps on disk while it holds a claim: which messages it began, and which were accepted.

One small file per claim, locked by its living owner. The lock goes with the process, the lines stay: they are in the
kernel's hands as soon as they are written. So whoever finds a file without a lock knows that its owner is dead, and
what of the claim was sent; only what was begun and not accepted is in doubt: one message for each connection.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BEGUN = b">"
ACCEPTED = b"+"


class Journal:
    """The file of one claim, to be opened before the claim is made. Several threads may write to it at once."""

    def __init__(self, directory: Path, claim: uuid.UUID) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = _path(directory, claim)
        # Named only when it is locked: nobody may take it for an orphan in between.
        nameless = self._path.with_suffix(".new")
        self._file = os.open(nameless, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.rename(nameless, self._path)

    def begin(self, delivery_id: int) -> None:
        os.write(self._file, b"%b%d\n" % (BEGUN, delivery_id))

    def accept(self, delivery_id: int) -> None:
        os.write(self._file, b"%b%d\n" % (ACCEPTED, delivery_id))

    def accept_and_begin(self, accepted_id: int, begun_id: int) -> None:
        """Both in one write: for the next message on the same connection."""
        os.write(self._file, b"%b%d\n%b%d\n" % (ACCEPTED, accepted_id, BEGUN, begun_id))

    def close(self) -> None:
        """Let go of the file. It stays, as an orphan, for whoever settles the claim."""
        os.close(self._file)

    def remove(self) -> None:
        """The claim is settled: nothing of it is in doubt."""
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Orphan:
    """What a dead owner left: the deliveries of `claim` that were accepted, and those begun whose end is unknown."""

    claim: uuid.UUID
    accepted: frozenset[int]
    in_doubt: frozenset[int]


@contextmanager
def adopted(path: Path) -> Iterator[Orphan | None]:
    """The journal at `path` if its owner is dead, else None. It is removed when the block ends without an error."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
    else:
        if os.fstat(file).st_nlink == 0:  # its owner settled it between our two steps
            yield None
        else:
            yield _read(path, file)
            path.unlink(missing_ok=True)
    finally:
        os.close(file)


def journals(directory: Path) -> list[Path]:
    """All journals on this host, of the living and the dead."""
    return sorted(directory.glob("*.journal"))


def _path(directory: Path, claim: uuid.UUID) -> Path:
    return directory / f"{claim.hex}.journal"


def _read(path: Path, file: int) -> Orphan:
    with os.fdopen(os.dup(file), "rb") as reader:
        lines = reader.read().split(b"\n")[:-1]  # what follows the last line end was not written to its end
    begun = {int(line[1:]) for line in lines if line.startswith(BEGUN)}
    accepted = {int(line[1:]) for line in lines if line.startswith(ACCEPTED)}
    return Orphan(uuid.UUID(path.stem), frozenset(accepted), frozenset(begun - accepted))
