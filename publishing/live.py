"""The live generation in memory: ready answers by path and encoding. Knows no Django and no database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from time import monotonic

from publishing.generation import DamagedGeneration, Entry, Variant, live_name, read_manifest
from publishing.negotiation import preferred_encodings

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

LOOK_EVERY = 0.02  # seconds; a look at the disk costs a microsecond
MEMORY = 256 * 1024 * 1024
CACHE_PAGE = "public, max-age=10, stale-while-revalidate=30, stale-if-error=604800"
CACHE_FOREVER = "public, max-age=31536000, immutable"
# Feeds and data are there for other sites' scripts, which may keep them by their tag.
OPEN_TO_SCRIPTS = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "ETag"))


@dataclass(frozen=True, slots=True)
class Answer:
    """One variant of one path, ready to be sent."""

    etag: str
    modified: int
    headers: tuple[tuple[str, str], ...]
    headers_unchanged: tuple[tuple[str, str], ...]
    body: bytes


class Table:
    """One generation. Files are read when first asked for and kept."""

    def __init__(self, root: Path, name: str, security: Sequence[tuple[str, str]], before: Table | None) -> None:
        self.name = name
        self._directory = root / name
        self._security = tuple(security)
        self.entries = read_manifest(self._directory).entries
        self._answers: dict[tuple[str, str], Answer] = {}
        self._bytes = 0
        for (path, encoding), answer in list(before._answers.items()) if before else []:
            if before and self.entries.get(path) == before.entries[path]:
                self._keep(path, encoding, answer)

    def answer(self, path: str, accept_encoding: str) -> Answer:
        """The best answer for `path`, which must be one of `entries`. Raises DamagedGeneration."""
        variants = self.entries[path].variants
        encoding = next(encoding for encoding in preferred_encodings(accept_encoding) if encoding in variants)
        return self._answers.get((path, encoding)) or self._read(path, encoding)

    def _read(self, path: str, encoding: str) -> Answer:
        entry = self.entries[path]
        variant = entry.variants[encoding]
        try:
            body = (self._directory / variant.file).read_bytes()
        except OSError as problem:
            raise DamagedGeneration(str(problem)) from problem
        if len(body) != variant.length:
            raise DamagedGeneration(f"{self._directory / variant.file} is not as it was written")
        answer = _answer(entry, variant, encoding, body, self._security)
        self._keep(path, encoding, answer)
        return answer

    def _keep(self, path: str, encoding: str, answer: Answer) -> None:
        if self._bytes > MEMORY:
            self._answers, self._bytes = {}, 0
        self._answers[path, encoding] = answer
        self._bytes += len(answer.body)


def _answer(
    entry: Entry, variant: Variant, encoding: str, body: bytes, security: tuple[tuple[str, str], ...]
) -> Answer:
    lasting = [
        ("ETag", variant.etag),
        ("Last-Modified", formatdate(entry.modified, usegmt=True)),
        ("Cache-Control", CACHE_FOREVER if entry.immutable else CACHE_PAGE),
        ("Vary", "Accept-Encoding"),
        *security,
    ]
    if not entry.immutable and not entry.content_type.startswith("text/html"):
        lasting += OPEN_TO_SCRIPTS
    headers = [("Content-Type", entry.content_type), ("Content-Length", str(len(body))), *lasting]
    if encoding:
        headers.append(("Content-Encoding", encoding))
    return Answer(variant.etag, entry.modified, tuple(headers), tuple(lasting), body)


class Live:
    """Follows `current` from generation to generation; an unreadable one leaves the one before in place."""

    def __init__(self, root: Path, security: Sequence[tuple[str, str]]) -> None:
        self._root = root
        self._security = security
        self._table: Table | None = None
        self._look_at = 0.0
        self._looking = threading.Lock()
        self._refused = ""

    def table(self) -> Table | None:
        if monotonic() >= self._look_at:
            self.look()
        return self._table

    def look(self) -> None:
        """Load the generation that is live now. While one thread does, the others go on with the one before."""
        if not self._looking.acquire(blocking=self._table is None):
            return
        try:
            name = live_name(self._root)
            if name is not None and (self._table is None or name != self._table.name):
                self._load(name)
            self._look_at = monotonic() + LOOK_EVERY
        finally:
            self._looking.release()

    def _load(self, name: str) -> None:
        try:
            self._table = Table(self._root, name, self._security, self._table)
        except DamagedGeneration as problem:
            if name != self._refused:
                log.error("cannot serve the newest generation: %s", problem)
                self._refused = name
