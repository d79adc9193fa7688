"""What lies at the target, written down there: which files we put, each with the mark of what it holds.

    .mirror/manifest.json  {"index.html": "1f3a…", …}
    .mirror/changes.json   what has changed since, so that a change costs what changed and not what the mirror holds;
                           and who is writing, until when at the latest

Several hosts may keep one mirror, one at a time: changes.json is replaced only by who has read its newest content. So
one of two who begin in the same instant is refused, and whoever was away for longer than its lease lasts finds out
before it settles anything.

A file that is about to change is first written down as holding anything. So whoever continues after a kill writes it
again, whatever it holds by then.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from publishing.mirror.target import Target, TargetProblem

MANIFEST = ".mirror/manifest.json"
CHANGES = ".mirror/changes.json"
ANYTHING = ""
LEASE = dt.timedelta(minutes=2)
# The manifest is written anew when so many changes have gathered, or this part of all files.
MANY, PART = 500, 4


class Ledger:
    """`marks` is what each of our files holds, by name. `writer` names who writes, the same after a restart."""

    def __init__(self, target: Target, writer: str) -> None:
        self.marks: dict[str, str] = {}
        self.is_new = True
        self._target = target
        self._writer = writer
        self._changes: dict[str, str | None] = {}  # None: the file is no longer there
        self._tag = ""  # of changes.json as we know it

    def open(self, now: dt.datetime) -> None:
        """Read what others may have written meanwhile. Raises TargetProblem, also when another host is writing."""
        raw, tag = self._target.read_tagged(CHANGES)
        if raw is None or tag != self._tag:
            self._load(raw)
            self._tag = tag
        other, until = self._held_by
        if other != self._writer and now < until:
            raise TargetProblem(_("another host has been writing there until %(time)s") % {"time": until.isoformat()})

    def announce(self, names: Iterable[str], now: dt.datetime) -> None:
        """Nobody may rely on what these hold, until they are settled. Raises Overtaken, as all below do."""
        self._note(dict.fromkeys(names, ANYTHING))
        self._store(now + LEASE)

    def keep(self, now: dt.datetime) -> None:
        """We are still writing; to be called every now and then."""
        if now > self._held_by[1] - LEASE / 2:
            self._store(now + LEASE)

    def settle(self, marks: Mapping[str, str | None], now: dt.datetime) -> None:
        """These now hold that; None is for a file that is gone."""
        self._note(marks)
        if len(self._changes) > max(MANY, len(self.marks) // PART):
            self._store(now + LEASE)  # the manifest is ours to write only while this is
            self._target.write(MANIFEST, _json(self.marks), **_about(now))
            self._changes = {}
        self._store(now)

    def forget(self) -> None:
        """Take every file for one that may hold anything."""
        self.marks = dict.fromkeys(self.marks, ANYTHING)

    def _note(self, marks: Mapping[str, str | None]) -> None:
        for name, mark in marks.items():
            self._changes[name] = mark
            if mark is None:
                self.marks.pop(name, None)
            else:
                self.marks[name] = mark

    def _load(self, raw: bytes | None) -> None:
        base = self._target.read(MANIFEST)
        self.is_new = raw is None and base is None
        try:
            kept = json.loads(raw) if raw else {"changes": {}, "writer": "", "until": dt.datetime.min.isoformat()}
            self.marks, self._changes = json.loads(base) if base else {}, {}
            self._held_by = kept["writer"], dt.datetime.fromisoformat(kept["until"]).replace(tzinfo=dt.UTC)
            self._note(kept["changes"])
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            text = _("%(file)s there cannot be read (%(problem)s). Remove it, and every file is written anew.")
            raise TargetProblem(text % {"file": ".mirror", "problem": problem}) from problem

    def _store(self, until: dt.datetime) -> None:
        kept = {"writer": self._writer, "until": until.astimezone(dt.UTC).isoformat(), "changes": self._changes}
        self._tag = self._target.replace(self._tag, CHANGES, _json(kept), **_about(until))
        self.is_new = False
        self._held_by = self._writer, until


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _about(now: dt.datetime) -> dict[str, Any]:
    return {"content_type": "application/json", "cache_control": "no-store", "modified": int(now.timestamp())}
