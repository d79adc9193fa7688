"""One mirror: rendered for its own address, brought to its target, and kept in step."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from publishing.generation import live_manifest, live_name
from publishing.mirror.bring import Outcome, bring
from publishing.mirror.directory import Directory
from publishing.mirror.files import public_files
from publishing.mirror.ledger import Ledger
from publishing.mirror.target import Target, TargetProblem
from publishing.publish import is_owed, only_publisher, prune, write_page
from publishing.state import Mirror

NOTE = "mirror.json"
NOTE_EVERY = dt.timedelta(minutes=1)


class MirrorJob:
    """Renders in a directory of its own below DATA_DIR, so that the next run knows what has changed.

    Readers are told that the copy may be out of date when nobody has looked after it for `stale_after`.
    """

    def __init__(self, address: str, mirror: Mirror, *, stale_after: dt.timedelta) -> None:
        self._target = target_at(address)
        self._mirror = mirror
        self._stale_after = stale_after
        where = address if "://" in address else str(Path(address).resolve())
        self._root = settings.DATA_DIR / "mirror" / hashlib.sha256(where.encode()).hexdigest()[:16]
        self._ledger = Ledger(self._target, _writer(self._root))
        self._brought: str | None = None  # the generation that the target holds
        self._noted_at: dt.datetime | None = None

    def run(self, now: dt.datetime | None = None, *, force: bool = False) -> Outcome:
        """Bring the target up to date. Raises TargetProblem, OSError, DamagedGeneration, and django.db.Error."""
        with only_publisher(self._root):
            self._render(now, force=force)
            generation = live_name(self._root)
            outcome = bring(public_files(self._root), self._target, self._ledger, force=force)
            self._note(now or timezone.now())
        self._brought = generation
        prune(self._root)
        return outcome

    def keep(self, now: dt.datetime | None = None) -> Outcome | None:
        """`run` when something has changed since; otherwise let readers know, from time to time, that we looked."""
        is_in_step = self._brought is not None and self._brought == live_name(self._root)
        if not is_in_step or is_owed(self._root, now, upgrade=True, mirror=self._mirror):
            return self.run(now)
        moment = now or timezone.now()
        if self._noted_at is None or abs(moment - self._noted_at) >= NOTE_EVERY:
            with only_publisher(self._root):
                self._note(moment)
        return None

    def _render(self, now: dt.datetime | None, *, force: bool) -> None:
        """All of it, before anything is brought: no page may go up ahead of what it links to."""
        if not force and not is_owed(self._root, now, upgrade=True, mirror=self._mirror):
            return
        is_finished = False
        while not is_finished:
            moment = now or timezone.now()
            is_finished = write_page(self._root, moment, upgrade=True, force=force, mirror=self._mirror).is_finished
            force = False

    def _note(self, now: dt.datetime) -> None:
        manifest = live_manifest(self._root)
        note = {
            "home": self._mirror.home_url,
            "version": manifest.version if manifest else None,
            "generated_at": manifest.generated_at.isoformat() if manifest else None,
            "checked_at": now.isoformat(),
            "stale_after": int(self._stale_after.total_seconds()),
        }
        self._target.write(
            NOTE,
            json.dumps(note).encode(),
            content_type="application/json; charset=utf-8",
            cache_control="no-cache",
            modified=int(now.timestamp()),
        )
        self._noted_at = now


def target_at(address: str) -> Target:
    """The target that `address` names. Raises TargetProblem."""
    scheme, is_address, _rest = address.partition("://")
    if not is_address:
        return Directory(Path(address))
    if scheme != "s3":
        text = _("%(address)s is neither a directory nor s3://bucket/prefix")
        raise TargetProblem(text % {"address": address})
    try:
        from publishing.mirror.bucket import Bucket  # noqa: PLC0415 - its boto3 is optional, and large
    except ImportError as problem:
        text = _("a mirror in a bucket needs boto3: pip install -r requirements-s3.txt")
        raise TargetProblem(text) from problem
    return Bucket(address)


def _writer(root: Path) -> str:
    """Who writes the mirrors of this DATA_DIR; the same after a restart, so that a killed run keeps nobody waiting."""
    file, new = root / "writer", root / "writer.new"
    if not file.exists():
        with only_publisher(root):  # one of two that begin at once names both
            if not file.exists():
                new.write_text(secrets.token_hex(8))
                new.replace(file)
    return file.read_text()
