"""What a mirror is made of: the public files of a generation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from publishing.formats import live_note
from publishing.front import NOT_FOUND
from publishing.generation import live_directory, walk
from publishing.live import CACHE_FOREVER, CACHE_PAGE


@dataclass(frozen=True)
class PublicFile:
    """One public path and what is answered there. `file` holds the bytes as they are, not compressed."""

    path: str
    content_type: str
    sha256: str
    modified: int
    is_immutable: bool
    file: Path

    @property
    def is_page(self) -> bool:
        return self.content_type.startswith("text/html")

    @property
    def cache_control(self) -> str:
        return CACHE_FOREVER if self.is_immutable else CACHE_PAGE

    @property
    def mark(self) -> str:
        """Another one whenever anything about the answer is another."""
        told = f"{self.sha256} {self.content_type} {self.cache_control}"
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()

    @property
    def rank(self) -> int:
        """The order of going up: nothing is linked before it is there, so the home page comes late. Open pages are
        told of what is new when all of it is there."""
        if self.path == live_note.PATH:
            return 4
        if self.path == "/":
            return 3
        return 0 if self.is_immutable else 1 if self.is_page else 2


def public_files(root: Path) -> Iterator[PublicFile]:
    """Every file of the live generation in `root`. Raises DamagedGeneration."""
    directory = live_directory(root)
    if directory is None:
        return
    for path, entry, file in walk(directory):
        yield PublicFile(
            path=path,
            content_type=entry.content_type,
            sha256=entry.sha256,
            modified=entry.modified,
            is_immutable=entry.immutable,
            file=file,
        )


def plain_name(file: PublicFile) -> str | None:
    """What every server knows by the same name; None for the pages that targets name each in their way."""
    if file.path in ("/", NOT_FOUND):
        return "index.html" if file.path == "/" else "404.html"
    return None if file.is_page else file.path[1:]
