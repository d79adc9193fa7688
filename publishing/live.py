"""The live generation in memory: ready answers by path and encoding. Knows no Django and no database."""

from __future__ import annotations

import gzip
import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from pathlib import Path
from time import monotonic

from publishing.generation import DamagedGeneration, Entry, Variant, find, live_name, read_manifest
from publishing.merging import Choice, Part, merged, name_file_of, read_choice
from publishing.negotiation import preferred_encodings

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

LOOK_EVERY = 0.02  # seconds; a look at the disk costs a microsecond
MEMORY = 32 * 1024 * 1024  # bytes of the archive's answers, at most about three times
LONGEST_KEY, MOST_KEYS = 100, 5000
# A browser asks again each time (a 304 costs next to nothing): home page and notice must not contradict each other, and
# news is seen within a second. Shared caches may keep a page for ten, and for a week while we are away.
CACHE_PAGE = "public, max-age=0, s-maxage=10, stale-while-revalidate=1, stale-if-error=604800"
CACHE_FOREVER = "public, max-age=31536000, immutable"
# Feeds and data are there for other sites' scripts, which may keep them by their tag.
OPEN_TO_SCRIPTS = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "ETag"))


@dataclass(frozen=True, slots=True)
class Answer:
    """One variant of one path, ready to be sent."""

    entry: Entry
    etag: str
    modified: int
    headers: Headers  # both lists are given out as they are: nobody may change them
    headers_unchanged: Headers
    body: bytes


class Table:
    """One generation. Files are read when first asked for; those of the page are kept, of the others the latest."""

    def __init__(self, root: Path, name: str, security: Sequence[tuple[str, str]], before: Table | None) -> None:
        self.name = name
        self._root = root
        self._directory = root / name
        self._security = tuple(security)
        self._manifest = read_manifest(self._directory)
        self._entries = self._manifest.entries
        # By path and Accept-Encoding as it was sent: no work is left when the same is asked for again.
        self.ready: dict[tuple[str, str], Answer] = {}
        self._page: dict[tuple[str, str], Answer] = {}
        self._archive: dict[tuple[str, str], Answer] = {}
        self._archive_bytes = 0
        # What was asked for last, of the same content: it need not be read again.
        self._older: dict[tuple[str, str], Answer] = before.kept() if before else {}

    def kept(self) -> dict[tuple[str, str], Answer]:
        return {**self._page, **self._archive}

    def has(self, path: str) -> bool:
        return path in self._entries or find(self._root, self._directory, self._manifest, path) is not None

    def answer(self, path: str, accept_encoding: str) -> Answer | None:
        """The best answer for `path`; None where nothing is. Raises DamagedGeneration."""
        found = find(self._root, self._directory, self._manifest, path)
        if found is None:
            choice = read_choice(path)
            return self._merged(choice, accept_encoding) if choice else None
        entry, directory = found
        encoding = next(e for e in preferred_encodings(accept_encoding) if e in entry.variants)
        is_page = path in self._entries
        answer = (self._page if is_page else self._archive).get((path, encoding))
        if answer is None:
            answer = self._older.get((path, encoding))
            if answer is None or answer.entry != entry:
                answer = self._read(entry, encoding, directory)
            self._keep(path, encoding, answer, is_page=is_page)
        return answer

    def _merged(self, choice: Choice, accept_encoding: str) -> Answer | None:
        """One feed or calendar for those of the components that are known; None when none is."""
        parts = [part for code in choice.codes if (part := self._part(choice, code))]
        if not parts:
            return None
        choice = replace(choice, codes=tuple(part.code for part in parts))
        encoding = next(e for e in preferred_encodings(accept_encoding) if e in ("gzip", ""))
        answer = self._archive.get((choice.path, encoding))
        if answer is None:
            body = merged(choice, parts)
            body = gzip.compress(body, 6, mtime=0) if encoding else body
            sha256 = hashlib.sha256(body).hexdigest()
            variant = Variant("", len(body), f'"{sha256[:32]}"')
            # By the time of the generation: what a component that is gone takes along has no time of its own.
            modified = int(self._manifest.generated_at.timestamp())
            entry = Entry(choice.content_type, sha256, modified, {encoding: variant})
            answer = _answer(entry, variant, encoding, body, self._security)
            self._keep(choice.path, encoding, answer, is_page=False)
        return answer

    def _part(self, choice: Choice, code: str) -> Part | None:
        its_own, feed = self.answer(choice.file_of(code), ""), self.answer(name_file_of(code), "")
        return Part(code, its_own.body, feed.body) if its_own and feed else None

    def remember(self, path: str, accept_encoding: str, answer: Answer) -> None:
        """From now on it is `ready`, until others are asked for more."""
        if len(accept_encoding) <= LONGEST_KEY:
            if len(self.ready) >= MOST_KEYS:
                self.ready = {}
            self.ready[path, accept_encoding] = answer

    def _read(self, entry: Entry, encoding: str, directory: Path) -> Answer:
        variant = entry.variants[encoding]
        try:
            body = (directory / variant.file).read_bytes()
        except OSError as problem:
            raise DamagedGeneration(str(problem)) from problem
        if len(body) != variant.length:
            raise DamagedGeneration(f"{directory / variant.file} is not as it was written")
        return _answer(entry, variant, encoding, body, self._security)

    def _keep(self, path: str, encoding: str, answer: Answer, *, is_page: bool) -> None:
        if is_page:
            self._page[path, encoding] = answer
            return
        if self._archive_bytes > MEMORY:  # forget all but what has been asked for since the last time
            self._older, self._archive, self.ready, self._archive_bytes = self._archive, {}, {}, 0
        self._archive[path, encoding] = answer
        self._archive_bytes += len(answer.body)


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
    return Answer(entry, variant.etag, entry.modified, headers, lasting, body)


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
