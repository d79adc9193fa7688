"""Removing what nobody reads any more: old generations, and shards that no generation names."""

from __future__ import annotations

import itertools
import secrets
import shutil
import time
from pathlib import Path

from publishing.generation import (
    MANIFEST,
    DamagedGeneration,
    Ref,
    depth_of,
    generations_dir,
    live_directory,
    read_branch,
    read_manifest,
    shards_dir,
)

GENERATIONS_KEPT = 3
# A reader may be in the middle of a generation that has just been replaced.
GRACE_SECONDS = 60


def set_aside(root: Path) -> None:
    """Take away all but the newest few generations, and what none of those needs; what was just live stays.

    The caller must be the only writer. This moves directories only; `empty_bin` takes the time that removing needs.
    """
    live = live_directory(root)
    if live is None:
        return
    names = sorted(directory.name for directory in generations_dir(root).iterdir())
    for name, successor in itertools.pairwise(names):
        replaced_at = (generations_dir(root) / successor / MANIFEST).stat().st_mtime
        if name < live.name and name not in names[-GENERATIONS_KEPT:] and time.time() - replaced_at > GRACE_SECONDS:
            _move(root, generations_dir(root) / name)
    needed = _needed(root)
    for shard in shards_dir(root).iterdir():
        if shard.name not in needed:
            _move(root, shard)


def empty_bin(root: Path) -> None:
    """Remove what was set aside. Needs no lock."""
    for directory in [*_bin(root).iterdir()] if _bin(root).is_dir() else []:
        shutil.rmtree(directory, ignore_errors=True)


def _needed(root: Path) -> set[str]:
    needed: set[str] = set()
    for directory in generations_dir(root).iterdir():
        try:
            trees = read_manifest(directory).trees
            for name, ref in trees.items():
                _mark(root, ref, depth_of(name), needed)
        except DamagedGeneration:
            continue
    return needed


def _mark(root: Path, ref: Ref, depth: int, needed: set[str]) -> None:
    if ref.id in needed:
        return
    needed.add(ref.id)
    if depth > 1:
        for child in read_branch(root, ref.id).values():
            _mark(root, child, depth - 1, needed)


def _bin(root: Path) -> Path:
    return root / "bin"


def _move(root: Path, directory: Path) -> None:
    _bin(root).mkdir(exist_ok=True)
    directory.rename(_bin(root) / f"{directory.name}-{secrets.token_hex(4)}")
