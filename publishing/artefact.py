from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Artefact:
    """One public file: what is answered at `path`.

    `path` begins with a slash and has no trailing one (but for "/"). `immutable` marks what never changes under its
    path, such as a style sheet whose path holds its checksum.
    """

    path: str
    content_type: str
    body: bytes
    immutable: bool = False
