"""Writing a generation: whole or not at all, whenever the power goes. It costs what changed."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import brotli

from publishing.artefact import Artefact
from publishing.generation import (
    MANIFEST,
    SUFFIXES,
    DamagedGeneration,
    Entry,
    Manifest,
    Place,
    Ref,
    Subject,
    UnsafePath,
    Variant,
    branch_bytes,
    depth_of,
    file_name,
    find_shard,
    generations_dir,
    live_directory,
    live_manifest,
    manifest_bytes,
    place_of,
    read_branch,
    read_shard,
    shard_bytes,
    shards_dir,
)

# A page that a cache answers for a week while we are away may still ask for the style sheet of its time.
ASSETS_KEPT = dt.timedelta(days=8)
# From so many new files on, one call for the whole disk is faster than one for each of them.
MANY_FILES = 300


@dataclass(frozen=True)
class Rendered:
    """The files of one subject, and what the publisher wants to find again about it."""

    artefacts: Sequence[Artefact]
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardUpdate:
    """What becomes of one shard: subjects by name, None where one is gone. With `is_whole`, there are no others."""

    place: Place
    subjects: Mapping[str, Rendered | None]
    is_whole: bool = False


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
    look: str = "",
    ancestry: str = "",
    shards: Iterable[ShardUpdate] = (),
    is_finished: Callable[[], bool] = lambda: True,
    notes: Callable[[], Mapping[str, Any]] = dict,
) -> Manifest:
    """Make `artefacts` and `shards` the live generation, all paths in the same instant.

    `artefacts` are all that lie in no shard; shards that are not named stay as they are. `is_finished` and `notes`
    are asked once the last of `shards` has been taken. Only one caller at a time per `root`. Whatever goes wrong, the
    live generation stays as it is; what a writer left behind that died is removed here. Raises OSError and UnsafePath.
    """
    generations_dir(root).mkdir(parents=True, exist_ok=True)
    shards_dir(root).mkdir(exist_ok=True)
    _remove_unfinished(root)
    live = _live(root)
    directory = generations_dir(root) / _next_name(root)
    writer = _Writer(root, live, generated_at, look)
    directory.mkdir()
    try:
        trees = writer.grow(shards)
        manifest = Manifest(
            version=version,
            generated_at=generated_at,
            stale_at=stale_at,
            code=code,
            look=look,
            ancestry=ancestry,
            is_finished=is_finished() and not writer.is_mixed,
            notes=notes(),
            entries=dict(writer.place_page(directory, artefacts)),
            trees=trees,
        )
        for name, ref in trees.items():
            (directory / name).symlink_to(Path("../..", "shards", ref.id))
        _write(directory / MANIFEST, manifest_bytes(manifest))
        writer.new.append(directory)
        _sync(writer.new)
        _swap(root, directory)
    except BaseException:
        if live_directory(root) != directory:
            for made in [directory, *writer.new]:
                shutil.rmtree(made, ignore_errors=True)
        raise
    return manifest


class _Writer:
    """Writes the parts of one generation. `new` are the directories it has made: they have to reach the disk."""

    def __init__(self, root: Path, live: _Live | None, now: dt.datetime, look: str) -> None:
        self.root = root
        self.live = live
        self.now = now
        self.look = look
        self.new: list[Path] = []
        self.is_mixed = False  # a shard holds what was rendered with another look

    def place_page(self, directory: Path, artefacts: Iterable[Artefact]) -> Iterator[tuple[str, Entry]]:
        before = dict(self.live.manifest.entries) if self.live else {}
        source = self.live.directory if self.live else None
        taken: set[str] = set()
        for artefact in artefacts:
            if place_of(artefact.path):
                raise UnsafePath(f"{artefact.path}: this belongs to a shard")
            yield artefact.path, self._place_one(directory, artefact, taken, before.pop(artefact.path, None), source)
        for path, entry in before.items():
            retired_at = entry.retired_at or self.now.isoformat()
            is_kept = entry.immutable and self.now - dt.datetime.fromisoformat(retired_at) < ASSETS_KEPT
            if source and is_kept and entry.variants[""].file not in taken and _link(source, directory, entry):
                yield path, replace(entry, retired_at=retired_at)

    def grow(self, updates: Iterable[ShardUpdate]) -> dict[str, Ref]:
        """Write the shards that change and the branches above them; return what stands at the top."""
        trees = dict(self.live.manifest.trees) if self.live else {}
        written: dict[str, dict[Place, Ref | None]] = {}
        for update in updates:
            assert len(update.place) == depth_of(update.place[0])
            written.setdefault(update.place[0], {})[update.place[1:]] = self._shard(update)
        for name, below in written.items():
            ref = self._branch(trees.get(name), below)
            if ref is None:
                trees.pop(name, None)
            else:
                trees[name] = ref
        return trees

    def _branch(self, before: Ref | None, below: Mapping[Place, Ref | None]) -> Ref | None:
        children = self._children(before)
        after = dict(children)
        for name in {place[0] for place in below}:
            inner = {place[1:]: ref for place, ref in below.items() if place[0] == name}
            ref = inner[()] if () in inner else self._branch(children.get(name), inner)
            after.pop(name, None)
            if ref is not None:
                after[name] = ref
        if before and after == children:
            return before
        if not after:
            return None
        directory = self._new_directory()
        for name, ref in after.items():
            (directory / name).symlink_to(Path("..", ref.id))
        _write(directory / MANIFEST, branch_bytes(after))
        return Ref(directory.name, "")

    def _children(self, before: Ref | None) -> Mapping[str, Ref]:
        try:
            return read_branch(self.root, before.id) if before else {}
        except DamagedGeneration:
            return {}

    def _shard(self, update: ShardUpdate) -> Ref | None:
        ref = self._write_shard(update)
        self.is_mixed |= ref is not None and ref.look != self.look
        return ref

    def _write_shard(self, update: ShardUpdate) -> Ref | None:
        before, subjects = self._before(update.place)
        kept = {} if update.is_whole else {name: s for name, s in subjects.items() if name not in update.subjects}
        given = {name: rendered for name, rendered in update.subjects.items() if rendered is not None}
        if not kept and not given:
            return None
        # One subject rendered with another look makes a mixture, which is rendered as a whole some time soon.
        look = self.look if update.is_whole or (before and before.look == self.look) else ""
        if before and kept.keys() | given.keys() == subjects.keys() and self._is_same(before, subjects, given):
            return Ref(before.id, look)
        source = shards_dir(self.root) / before.id if before else None
        directory = self._new_directory()
        after: dict[str, Subject] = {}
        for name, subject in kept.items():
            if all(source and _link(source, directory, entry) for entry in subject.entries.values()):
                after[name] = subject
            else:
                look = ""  # its files are gone, and will be rendered anew
        taken: set[str] = set()
        for name, rendered in given.items():
            old = subjects[name].entries if name in subjects else {}
            entries = {
                artefact.path: self._place_one(directory, artefact, taken, old.get(artefact.path), source, update.place)
                for artefact in rendered.artefacts
            }
            after[name] = Subject(entries, rendered.about)
        _write(directory / MANIFEST, shard_bytes(after))
        return Ref(directory.name, look)

    def _before(self, place: Place) -> tuple[Ref | None, Mapping[str, Subject]]:
        try:
            ref = find_shard(self.root, self.live.manifest, place) if self.live else None
            return ref, read_shard(self.root, ref.id) if ref else {}
        except DamagedGeneration:
            return None, {}

    def _is_same(self, before: Ref, subjects: Mapping[str, Subject], given: Mapping[str, Rendered]) -> bool:
        directory = shards_dir(self.root) / before.id
        for name, rendered in given.items():
            entries = subjects[name].entries
            if subjects[name].about != rendered.about or entries.keys() != {a.path for a in rendered.artefacts}:
                return False
            for artefact in rendered.artefacts:
                entry = entries[artefact.path]
                if (entry.content_type, entry.sha256) != (artefact.content_type, _checksum(artefact.body)):
                    return False
                if not _is_intact(directory, entry):
                    return False
        return True

    def _place_one(
        self,
        directory: Path,
        artefact: Artefact,
        taken: set[str],
        before: Entry | None,
        source: Path | None,
        place: Place = (),
    ) -> Entry:
        name = file_name(artefact.path, artefact.content_type)
        if name in taken or place_of(artefact.path) != place:
            raise UnsafePath(f"{artefact.path}: another artefact is there, or it belongs elsewhere")
        taken.add(name)
        checksum = _checksum(artefact.body)
        is_unchanged = before is not None and before.sha256 == checksum and before.variants[""].file == name
        if source and before and is_unchanged and _link(source, directory, before):
            return replace(before, content_type=artefact.content_type, immutable=artefact.immutable, retired_at="")
        # Later than before by a second at least: If-Modified-Since knows nothing finer.
        modified = max(int(self.now.timestamp()), before.modified + 1 if before else 0)
        variants = {}
        for encoding, body in encodings(artefact.body).items():
            file = name + SUFFIXES.get(encoding, "")
            _write(directory / file, body, modified=modified)
            variants[encoding] = Variant(file, len(body), _etag(body))
        return Entry(artefact.content_type, checksum, modified, variants, artefact.immutable)

    def _new_directory(self) -> Path:
        directory = shards_dir(self.root) / secrets.token_hex(8)
        directory.mkdir()
        self.new.append(directory)
        return directory


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


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def encodings(body: bytes) -> dict[str, bytes]:
    packed = {"gzip": gzip.compress(body, 9, mtime=0), "br": brotli.compress(body, quality=5)}
    return {"": body} | {encoding: data for encoding, data in packed.items() if len(data) < len(body)}


def _etag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _write(file: Path, body: bytes, *, modified: int | None = None) -> None:
    try:
        stream = open(file, "xb")  # noqa: SIM115 - it is closed below
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = open(file, "xb")  # noqa: SIM115
    with stream:
        stream.write(body)
    if modified is not None:
        os.utime(file, (modified, modified))


def _is_intact(directory: Path, entry: Entry) -> bool:
    try:
        return all(os.stat(f"{directory}/{v.file}").st_size == v.length for v in entry.variants.values())
    except OSError:
        return False


def _link(source: Path, target: Path, entry: Entry) -> bool:
    """Take over an unchanged artefact's files as they are; False when they are not as they should be."""
    if not _is_intact(source, entry):
        return False
    try:
        for variant in entry.variants.values():
            try:
                os.link(f"{source}/{variant.file}", f"{target}/{variant.file}")
            except FileNotFoundError:
                (target / variant.file).parent.mkdir(parents=True, exist_ok=True)
                os.link(f"{source}/{variant.file}", f"{target}/{variant.file}")
    except OSError:  # gone, or a file system without hard links, or too many of them: write it anew
        for variant in entry.variants.values():
            (target / variant.file).unlink(missing_ok=True)
        return False
    return True


def _sync(directories: list[Path]) -> None:
    """Bring it all to the disk, after everything is written: the first call takes most of the rest along."""
    places, files = [], []
    for directory in directories:
        for place, _names, names in os.walk(directory, topdown=False):
            places.append(place)
            files += [f"{place}/{name}" for name in names]
    # A linked file was synced when it was written, and a symbolic link is part of its directory.
    new = [file for file in files if (about := os.lstat(file)).st_nlink == 1 and not stat.S_ISLNK(about.st_mode)]
    if len(new) + len(places) > MANY_FILES:
        os.sync()
        return
    for path in [*new, *places, *{directory.parent for directory in directories}]:
        _fsync(path)


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
