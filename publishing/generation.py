"""How a snapshot lies on disk. Knows no Django: the snapshot server reads it too.

    <root>/current              a symbolic link to the live generation
    <root>/generations/<name>/  index.html, incidents/abc.html, history.atom, each with .gz and .br where smaller
    <root>/generations/<name>/manifest.json   written last: without it, a generation does not count

A file server can serve `current` by itself: HTML lies at its path plus ".html", all else at its path.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
SUFFIXES = {"gzip": ".gz", "br": ".br"}  # by content encoding
_LONGEST_PATH = 500
_PATH = re.compile(r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,149})+")


class UnsafePath(ValueError):
    """A path that is not a plain one inside the snapshot."""


class DamagedGeneration(Exception):
    """The live generation cannot be read."""


@dataclass(frozen=True)
class Variant:
    """One encoding of an artefact; `etag` is strong and holds its quotation marks."""

    file: str
    length: int
    etag: str


@dataclass(frozen=True)
class Entry:
    """One public path. `variants` is keyed by content encoding, "" being the plain one.

    `modified` (seconds since 1970) rises whenever the content does. `retired_at` is set for an immutable file that is
    no longer part of the page but still answered, for readers whose page was loaded before.
    """

    content_type: str
    sha256: str
    modified: int
    variants: Mapping[str, Variant]
    immutable: bool = False
    retired_at: str = ""


@dataclass(frozen=True)
class Manifest:
    """`code` identifies the code that rendered it; from `stale_at` on the clock alone has outdated it."""

    version: int
    generated_at: dt.datetime
    stale_at: dt.datetime
    code: str
    entries: Mapping[str, Entry] = field(default_factory=dict)


def generations_dir(root: Path) -> Path:
    return root / "generations"


def file_name(path: str, content_type: str) -> str:
    """Where the artefact of `path` lies inside its generation. Raises UnsafePath."""
    if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path) or path == f"/{MANIFEST}":
        raise UnsafePath(path)
    if path.endswith(tuple(SUFFIXES.values())):
        raise UnsafePath(path)
    if not content_type.startswith("text/html"):
        if path == "/":
            raise UnsafePath(path)
        return path[1:]
    return "index.html" if path == "/" else f"{path[1:]}.html"


def live_directory(root: Path) -> Path | None:
    """The live generation's directory; None while there is none."""
    name = live_name(root)
    return None if name is None else root / name


def live_name(root: Path) -> str | None:
    """What `current` points at. It is another one for every generation, and cheap to ask for."""
    try:
        return os.readlink(root / "current")
    except OSError:
        return None


def live_manifest(root: Path) -> Manifest | None:
    """The live generation's manifest; None while there is none, or when it cannot be read."""
    directory = live_directory(root)
    if directory is None or not (directory / MANIFEST).is_file():
        return None
    try:
        return read_manifest(directory)
    except DamagedGeneration:
        return None


@lru_cache(maxsize=4)
def read_manifest(directory: Path) -> Manifest:
    """The manifest of one generation, which never changes. Raises DamagedGeneration."""
    try:
        return _from_json(json.loads((directory / MANIFEST).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedGeneration(f"{directory / MANIFEST}: {problem}") from problem


def manifest_bytes(manifest: Manifest) -> bytes:
    entries = {
        path: {
            "content_type": entry.content_type,
            "sha256": entry.sha256,
            "modified": entry.modified,
            "immutable": entry.immutable,
            "retired_at": entry.retired_at,
            "variants": {encoding: [v.file, v.length, v.etag] for encoding, v in entry.variants.items()},
        }
        for path, entry in manifest.entries.items()
    }
    whole = {
        "version": manifest.version,
        "generated_at": manifest.generated_at.isoformat(),
        "stale_at": manifest.stale_at.isoformat(),
        "code": manifest.code,
        "entries": entries,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def _from_json(whole: dict[str, Any]) -> Manifest:
    entries = {
        path: Entry(
            content_type=entry["content_type"],
            sha256=entry["sha256"],
            modified=entry["modified"],
            immutable=entry["immutable"],
            retired_at=entry["retired_at"],
            variants={encoding: Variant(*variant) for encoding, variant in entry["variants"].items()},
        )
        for path, entry in whole["entries"].items()
    }
    return Manifest(
        version=whole["version"],
        generated_at=dt.datetime.fromisoformat(whole["generated_at"]),
        stale_at=dt.datetime.fromisoformat(whole["stale_at"]),
        code=whole["code"],
        entries=entries,
    )
