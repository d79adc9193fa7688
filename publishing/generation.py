"""How a snapshot lies on disk. Knows no Django: the snapshot server reads it too.

    <root>/current                     a symbolic link to the live generation
    <root>/generations/<name>/         index.html, history.atom, …, each with .gz and .br where smaller
    <root>/generations/<name>/manifest.json   written last: without it, a generation does not count
    <root>/shards/<id>/                files of the archive, shared by generations; or links to further shards

HTML lies at its path plus ".html", all else at its path; but of what grows without end, files are spread over shards:

    /history/2013/11           history/2013/11.html             history/2013 is a shard: one for each year
    /incidents/k3v9…           incidents/k/k3/k3v9….html        incidents/k/k3 is one: by the code's first characters
    /components/b1kz…/x.svg    components/b/b1/b1kz…/x.svg

In a further language all paths stand below its code, /nl/incidents/k3v9…, and its files beside those of the original:
incidents/k/k3/k3v9….nl.html, history/2013/11.nl.html; the home page /nl is nl.html, and nl/history.html lies below it.

Above the shards stand branches: `incidents`, `incidents/k` and `history` are directories of links to what is below
them. Shards and branches are never written to again, so a change costs one new shard and the branches above it, and
swapping `current` changes everything in one instant. A file server can serve `current` by itself, with one rule, and
two for a page in several languages:

    rewrite ^/(incidents|components)/((.).)(.*)$                        /$1/$3/$2/$2$4;
    rewrite ^/([a-z][a-z-]+)/(incidents|components)/((.).)([^./]*)(.*)$ /$2/$4/$3/$3$5.$1$6;
    rewrite ^/([a-z][a-z-]+)/history/([0-9]+)/([^./]*)(.*)$             /history/$2/$3.$1$4;
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
SUFFIXES = {"gzip": ".gz", "br": ".br"}  # by content encoding
_LONGEST_PATH = 500
_PATH = re.compile(r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,149})+")

_STEM = re.compile(r"[^./]*")
# What stands before a path of the archive in a further language.
_LANGUAGE = re.compile(r"/([a-z]{2,3}(?:-[a-z0-9]{2,8})*)(?=/(?:incidents|components|history)/)")

# Where the files of a path lie: () is the generation's own directory, ("incidents", "k", "k3") a shard.
Place = tuple[str, ...]


class UnsafePath(ValueError):
    """A path that is not a plain one inside the snapshot."""


class DamagedGeneration(Exception):
    """The live generation cannot be read."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One encoding of an artefact; `etag` is strong and holds its quotation marks."""

    file: str
    length: int
    etag: str


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Ref:
    """A shard or branch. `look` names what all of a shard was rendered with; empty where that differs."""

    id: str
    look: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is rendered together: a notice, a month or a component. `about` is the publisher's note on it."""

    entries: Mapping[str, Entry]
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """`code` identifies the code that rendered it; from `stale_at` on the clock alone has outdated it.

    `look` is what everything ought to be rendered with, code and site; until `is_finished`, some shards were not.
    `notes` are the publisher's own, for the next generation.
    `ancestry` tells this version of the facts from another history with the same numbers.
    """

    version: int
    generated_at: dt.datetime
    stale_at: dt.datetime
    code: str
    look: str = ""
    ancestry: str = ""
    is_finished: bool = True
    notes: Mapping[str, Any] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    trees: Mapping[str, Ref] = field(default_factory=dict)


def generations_dir(root: Path) -> Path:
    return root / "generations"


def shards_dir(root: Path) -> Path:
    return root / "shards"


def place_of(path: str) -> Place:
    """Where the files of `path` lie. Says nothing of whether there are any."""
    tree, _slash, rest = _apart(path)[1][1:].partition("/")
    if tree in ("incidents", "components") and len(rest) > 1:
        return (tree, rest[0], rest[:2])
    if tree == "history" and "/" in rest:
        return (tree, rest.partition("/")[0])
    return ()


def file_name(path: str, content_type: str) -> str:
    """Where the artefact of `path` lies inside its place. Raises UnsafePath."""
    if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path) or path == f"/{MANIFEST}":
        raise UnsafePath(path)
    if path.endswith(tuple(SUFFIXES.values())):
        raise UnsafePath(path)
    (language, path), place = _apart(path), place_of(path)
    if not place and path.startswith(("/incidents/", "/components/", "/history/")):
        raise UnsafePath(f"{path}: there is no place for it below a branch")
    above = 1 + len(place[0]) + 1 if place else 1
    if place and place[0] == "history":
        above += len(place[1]) + 1
    name = path[above:]
    if place and name == MANIFEST:
        raise UnsafePath(path)
    if language:
        stem = _STEM.match(name)[0]  # type: ignore[index]
        name = f"{stem}.{language}{name[len(stem) :]}"
    if not content_type.startswith("text/html"):
        if path == "/":
            raise UnsafePath(path)
        return name
    return "index.html" if path == "/" else f"{name}.html"


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
    whole = _read_json(directory / MANIFEST)
    try:
        return Manifest(
            version=whole["version"],
            generated_at=dt.datetime.fromisoformat(whole["generated_at"]),
            stale_at=dt.datetime.fromisoformat(whole["stale_at"]),
            code=whole["code"],
            look=whole["look"],
            ancestry=whole["ancestry"],
            is_finished=whole["is_finished"],
            notes=whole["notes"],
            entries=_entries(whole["entries"]),
            trees={name: Ref(*ref) for name, ref in whole["trees"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedGeneration(f"{directory / MANIFEST}: {problem}") from problem


@lru_cache(maxsize=256)
def read_branch(root: Path, shard_id: str) -> Mapping[str, Ref]:
    """What is below a branch, by name. Raises DamagedGeneration."""
    file = shards_dir(root) / shard_id / MANIFEST
    try:
        return {name: Ref(*ref) for name, ref in _read_json(file)["children"].items()}
    except (KeyError, TypeError, AttributeError) as problem:
        raise DamagedGeneration(f"{file}: {problem}") from problem


@lru_cache(maxsize=48)
def read_shard(root: Path, shard_id: str) -> Mapping[str, Subject]:
    """The subjects of a shard, by name. Raises DamagedGeneration."""
    file = shards_dir(root) / shard_id / MANIFEST
    try:
        return {
            name: Subject(_entries(subject["entries"]), subject["about"])
            for name, subject in _read_json(file)["subjects"].items()
        }
    except (KeyError, TypeError, AttributeError) as problem:
        raise DamagedGeneration(f"{file}: {problem}") from problem


def find_shard(root: Path, manifest: Manifest, place: Place) -> Ref | None:
    """What stands at `place` in this generation. Raises DamagedGeneration."""
    ref = manifest.trees.get(place[0])
    for name in place[1:]:
        if ref is None:
            return None
        ref = read_branch(root, ref.id).get(name)
    return ref


def find(root: Path, directory: Path, manifest: Manifest, path: str) -> tuple[Entry, Path] | None:
    """The entry of `path` and the directory that its files are in. Raises DamagedGeneration."""
    place = place_of(path)
    if not place:
        entry = manifest.entries.get(path)
        return None if entry is None else (entry, directory)
    ref = find_shard(root, manifest, place)
    if ref is None:
        return None
    subject = read_shard(root, ref.id).get(subject_of(path, place))
    entry = subject.entries.get(path) if subject else None
    return None if entry is None else (entry, shards_dir(root) / ref.id)


def subject_of(path: str, place: Place) -> str:
    """The notice, month or component to which a path in a shard belongs: its next part without an extension."""
    rest = _apart(path)[1].split("/")[3 if place[0] == "history" else 2]
    return rest.partition(".")[0]


def _apart(path: str) -> tuple[str, str]:
    """The language of a path of the archive, "" for the original, and the path without it."""
    language = _LANGUAGE.match(path)
    return (language[1], path[language.end() :]) if language else ("", path)


def walk(directory: Path) -> Iterator[tuple[str, Entry, Path]]:
    """Every artefact of a generation: its path, its entry, and its plain file. Raises DamagedGeneration."""
    manifest, root = read_manifest(directory), directory.parent.parent
    for path, entry in manifest.entries.items():
        yield path, entry, directory / entry.variants[""].file
    for _place, ref in shards_of(root, manifest):
        yield from walk_shard(root, ref)


def walk_shard(root: Path, ref: Ref) -> Iterator[tuple[str, Entry, Path]]:
    """The artefacts of one shard."""
    for subject in read_shard(root, ref.id).values():
        for path, entry in subject.entries.items():
            yield path, entry, shards_dir(root) / ref.id / entry.variants[""].file


def shards_of(root: Path, manifest: Manifest) -> Iterator[tuple[Place, Ref]]:
    """Every shard of a generation and where it stands. Raises DamagedGeneration."""
    for name, ref in manifest.trees.items():
        yield from _below(root, (name,), ref)


def changed_shards(root: Path, before: Manifest, after: Manifest) -> Iterator[tuple[Place, Ref | None, Ref | None]]:
    """Where two generations differ, with the shard of either; costs what differs, not what there is."""
    for name in before.trees.keys() | after.trees.keys():
        yield from _changed(root, (name,), before.trees.get(name), after.trees.get(name))


def depth_of(tree: str) -> int:
    """How long the places of a tree's shards are."""
    return 2 if tree == "history" else 3


def _below(root: Path, place: Place, ref: Ref) -> Iterator[tuple[Place, Ref]]:
    if len(place) == depth_of(place[0]):
        yield place, ref
        return
    for name, child in read_branch(root, ref.id).items():
        yield from _below(root, (*place, name), child)


def _changed(
    root: Path, place: Place, before: Ref | None, after: Ref | None
) -> Iterator[tuple[Place, Ref | None, Ref | None]]:
    if before and after and before.id == after.id:
        return
    if len(place) == depth_of(place[0]):
        yield place, before, after
        return
    old = read_branch(root, before.id) if before else {}
    new = read_branch(root, after.id) if after else {}
    for name in old.keys() | new.keys():
        yield from _changed(root, (*place, name), old.get(name), new.get(name))


def manifest_bytes(manifest: Manifest) -> bytes:
    return _json(
        {
            "version": manifest.version,
            "generated_at": manifest.generated_at.isoformat(),
            "stale_at": manifest.stale_at.isoformat(),
            "code": manifest.code,
            "look": manifest.look,
            "ancestry": manifest.ancestry,
            "is_finished": manifest.is_finished,
            "notes": dict(manifest.notes),
            "trees": {name: [ref.id, ref.look] for name, ref in manifest.trees.items()},
            "entries": _entries_json(manifest.entries),
        }
    )


def branch_bytes(children: Mapping[str, Ref]) -> bytes:
    return _json({"children": {name: [ref.id, ref.look] for name, ref in children.items()}})


def shard_bytes(subjects: Mapping[str, Subject]) -> bytes:
    return _json(
        {
            "subjects": {
                name: {"entries": _entries_json(subject.entries), "about": dict(subject.about)}
                for name, subject in subjects.items()
            }
        }
    )


def _json(whole: dict[str, Any]) -> bytes:
    return json.dumps(whole, separators=(",", ":")).encode()


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as problem:
        raise DamagedGeneration(f"{file}: {problem}") from problem


def _entries_json(entries: Mapping[str, Entry]) -> dict[str, Any]:
    return {
        path: {
            "content_type": entry.content_type,
            "sha256": entry.sha256,
            "modified": entry.modified,
            "immutable": entry.immutable,
            "retired_at": entry.retired_at,
            "variants": {encoding: [v.file, v.length, v.etag] for encoding, v in entry.variants.items()},
        }
        for path, entry in entries.items()
    }


def _entries(kept: dict[str, Any]) -> dict[str, Entry]:
    return {
        path: Entry(
            content_type=entry["content_type"],
            sha256=entry["sha256"],
            modified=entry["modified"],
            immutable=entry["immutable"],
            retired_at=entry["retired_at"],
            variants={encoding: Variant(*variant) for encoding, variant in entry["variants"].items()},
        )
        for path, entry in kept.items()
    }
