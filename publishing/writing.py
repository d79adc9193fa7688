"""Writing a generation: whole or not at all, whenever the power goes."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import hashlib
import itertools
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import brotli

from publishing.artefact import Artefact
from publishing.generation import (
    MANIFEST,
    SUFFIXES,
    Entry,
    Manifest,
    UnsafePath,
    Variant,
    file_name,
    generations_dir,
    live_directory,
    live_manifest,
    manifest_bytes,
)

# A page that a cache answers for a week while we are away may still ask for the style sheet of its time.
ASSETS_KEPT = dt.timedelta(days=8)
GENERATIONS_KEPT = 3
# A reader may be in the middle of a generation that has just been replaced.
GRACE_SECONDS = 60


@dataclass(frozen=True)
class _Live:
    directory: Path
    manifest: Manifest


def write_generation(
    root: Path,
    artefacts: Iterable[Artefact],
    *,
    version: int,
    generated_at: dt.datetime,
    stale_at: dt.datetime,
    code: str,
) -> Manifest:
    """Write `artefacts` as a new generation and make it the live one, all paths in the same instant.

    Only one caller at a time per `root`. Whatever goes wrong, the live generation stays as it is; what a writer left
    behind that died is removed here. Raises OSError and UnsafePath.
    """
    generations_dir(root).mkdir(parents=True, exist_ok=True)
    _remove_unfinished(root)
    live = _live(root)
    directory = generations_dir(root) / _next_name(root)
    directory.mkdir()
    try:
        entries = dict(_place(directory, artefacts, live, generated_at))
        manifest = Manifest(version, generated_at, stale_at, code, entries)
        _write(directory / MANIFEST, manifest_bytes(manifest))
        _sync(directory)
        _swap(root, directory)
    except BaseException:
        if live_directory(root) != directory:
            shutil.rmtree(directory, ignore_errors=True)
        raise
    with contextlib.suppress(OSError):  # old ones in the way are no reason to call the new one failed
        _prune(root, directory.name)
    return manifest


def _live(root: Path) -> _Live | None:
    directory, manifest = live_directory(root), live_manifest(root)
    return _Live(directory, manifest) if directory and manifest else None


def _remove_unfinished(root: Path) -> None:
    live = live_directory(root)
    for directory in generations_dir(root).iterdir():
        was_never_live = live is not None and directory.name > live.name
        if was_never_live or (directory != live and not (directory / MANIFEST).is_file()):
            shutil.rmtree(directory, ignore_errors=True)


def _next_name(root: Path) -> str:
    """Names sort by age, whatever the clock does; the random end makes each name new even after a fresh start."""
    numbers = [directory.name.partition("-")[0] for directory in generations_dir(root).iterdir()]
    last = max((int(number) for number in numbers if number.isdecimal()), default=0)
    return f"{last + 1:010d}-{secrets.token_hex(4)}"


def _place(
    directory: Path, artefacts: Iterable[Artefact], live: _Live | None, now: dt.datetime
) -> Iterator[tuple[str, Entry]]:
    before = dict(live.manifest.entries) if live else {}
    taken: set[str] = set()
    for artefact in artefacts:
        name = file_name(artefact.path, artefact.content_type)
        if name in taken:
            raise UnsafePath(f"{artefact.path}: two artefacts want the same file")
        taken.add(name)
        yield artefact.path, _place_one(directory, artefact, name, before.pop(artefact.path, None), live, now)
    for path, entry in before.items():
        retired_at = entry.retired_at or now.isoformat()
        is_kept = entry.immutable and now - dt.datetime.fromisoformat(retired_at) < ASSETS_KEPT
        if live and is_kept and entry.variants[""].file not in taken and _link(live.directory, directory, entry):
            yield path, replace(entry, retired_at=retired_at)


def _place_one(
    directory: Path, artefact: Artefact, name: str, before: Entry | None, live: _Live | None, now: dt.datetime
) -> Entry:
    checksum = hashlib.sha256(artefact.body).hexdigest()
    is_unchanged = before is not None and before.sha256 == checksum and before.variants[""].file == name
    if live and before and is_unchanged and _link(live.directory, directory, before):
        return replace(before, content_type=artefact.content_type, immutable=artefact.immutable, retired_at="")
    # Later than before by a second at least: If-Modified-Since knows nothing finer.
    modified = max(int(now.timestamp()), before.modified + 1 if before else 0)
    variants = {}
    for encoding, body in _encodings(artefact.body).items():
        file = name + SUFFIXES.get(encoding, "")
        _write(directory / file, body, modified=modified)
        variants[encoding] = Variant(file, len(body), _etag(body))
    return Entry(artefact.content_type, checksum, modified, variants, artefact.immutable)


def _encodings(body: bytes) -> dict[str, bytes]:
    packed = {"gzip": gzip.compress(body, 9, mtime=0), "br": brotli.compress(body, quality=5)}
    return {"": body} | {encoding: data for encoding, data in packed.items() if len(data) < len(body)}


def _etag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _write(file: Path, body: bytes, *, modified: int | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "xb") as stream:
        stream.write(body)
    if modified is not None:
        os.utime(file, (modified, modified))


def _link(source: Path, target: Path, entry: Entry) -> bool:
    """Take over an unchanged artefact's files as they are; False when they are not as they should be."""
    try:
        for variant in entry.variants.values():
            if (source / variant.file).stat().st_size != variant.length:
                return False
        for variant in entry.variants.values():
            (target / variant.file).parent.mkdir(parents=True, exist_ok=True)
            os.link(source / variant.file, target / variant.file)
    except OSError:  # gone, or a file system without hard links, or too many of them: write it anew
        for variant in entry.variants.values():
            (target / variant.file).unlink(missing_ok=True)
        return False
    return True


def _sync(directory: Path) -> None:
    """Bring it all to the disk, after everything is written: the first call takes most of the rest along."""
    for place, _names, files in os.walk(directory, topdown=False):
        for name in files:
            file = os.path.join(place, name)
            if os.stat(file).st_nlink == 1:  # a linked one was synced when it was written
                _fsync(file)
        _fsync(place)
    _fsync(directory.parent)


def _fsync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(root: Path, directory: Path) -> None:
    link = root / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(directory.relative_to(root))
    os.replace(link, root / "current")
    _fsync(root)


def _prune(root: Path, live: str) -> None:
    """Remove what nobody reads any more: all but the newest few, and what was live until a moment ago."""
    names = sorted(directory.name for directory in generations_dir(root).iterdir())
    for name, successor in itertools.pairwise(names):
        replaced_at = (generations_dir(root) / successor / MANIFEST).stat().st_mtime
        if name < live and name not in names[-GENERATIONS_KEPT:] and time.time() - replaced_at > GRACE_SECONDS:
            shutil.rmtree(generations_dir(root) / name, ignore_errors=True)
