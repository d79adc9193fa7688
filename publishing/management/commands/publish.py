from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection, connections
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.clock import next_move, run_clock, version_and_next_publication
from publishing.generation import DamagedGeneration
from publishing.mirror.job import MirrorJob
from publishing.mirror.target import TargetProblem
from publishing.publish import last_failure, prune, publish_if_stale
from publishing.state import Mirror

log = logging.getLogger(__name__)

TICK = 0.25
TICK_IN_TROUBLE = 2.0  # a render that fails is not worth a core
PRUNE_EVERY = 60.0


class Command(BaseCommand):
    help = _("Bring the public page, or with --to a mirror of it, up to date, once or (--watch) from now on.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", action="store_true", help=_("stay, publish each change and keep the clock"))
        parser.add_argument("--force", action="store_true", help=_("render and write even what has not changed"))
        mirror = parser.add_argument_group(_("a mirror"))
        mirror.add_argument("--to", metavar="PLACE", help=_("a directory, or s3://bucket/prefix"))
        mirror.add_argument(
            "--mirror-url", default="", help=_("the mirror's own address, such as https://copy.example")
        )
        mirror.add_argument("--no-home", action="store_true", help=_("the mirror has no home to send its readers to"))
        mirror.add_argument(
            "--stale-after",
            type=float,
            default=15,
            metavar="MINUTES",
            help=_("without a look for so long, readers are told that the mirror may be out of date (15)"),
        )

    def handle(self, *, watch: bool, force: bool, to: str | None, **options: Any) -> None:
        if watch:
            # An exception, not a flag: it also ends a wait for a database that does not answer.
            signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(0))
        if to:
            self._mirror(to, watch=watch, force=force, **options)
            return
        if watch:
            Watcher().run()
        publish_if_stale(upgrade=True, force=force)
        if failure := last_failure():
            raise CommandError(failure.why)

    def _mirror(
        self,
        to: str,
        *,
        watch: bool,
        force: bool,
        mirror_url: str,
        no_home: bool,
        stale_after: float,
        **_options: Any,
    ) -> None:
        try:
            job = MirrorJob(to, mirror_at(mirror_url, no_home=no_home), stale_after=dt.timedelta(minutes=stale_after))
            if not watch or force:
                self.stdout.write(str(job.run(force=force)))
        except (TargetProblem, DamagedGeneration, DatabaseError, OSError) as problem:
            raise CommandError(str(problem)) from problem
        if watch:
            MirrorWatcher(job).run()


class Watcher:
    """Publishes what is owed and keeps the clock, whatever happens to the database meanwhile."""

    def __init__(self) -> None:
        self.version: int | None = None
        self.next_move: dt.datetime | None = None
        self.trouble = ""
        self.prune_at = 0.0

    def run(self) -> None:
        create_no_database()
        while True:
            time.sleep(self.tick())

    def tick(self) -> float:
        """Do what is due; return the seconds until the next look."""
        try:
            close_old_connections()
            self._do_what_is_due(timezone.now())
        except (TargetProblem, TimeoutError) as problem:
            self._tell(str(problem))
            return TICK_IN_TROUBLE
        except DatabaseError as problem:
            self._tell(f"the database is away: {problem}")
            connections.close_all()
            return TICK
        except Exception as problem:
            self._tell(f"{type(problem).__name__}: {problem}", problem)
            return TICK_IN_TROUBLE
        self._tell("")
        return TICK_IN_TROUBLE if self._has_failed() else TICK

    def _do_what_is_due(self, now: dt.datetime) -> None:
        self._keep_clock(now)
        publish_if_stale(upgrade=True)
        if time.monotonic() >= self.prune_at:  # most is published by the posts, which leave this to us
            prune(settings.SNAPSHOT_DIR)
            self.prune_at = time.monotonic() + PRUNE_EVERY

    def _has_failed(self) -> bool:
        return last_failure() is not None

    def _keep_clock(self, now: dt.datetime) -> None:
        """Publish drafts at their time, start and end maintenance; when that is due changes with the page's version."""
        version, publication = version_and_next_publication()
        if version == self.version and not any(time and time <= now for time in (self.next_move, publication)):
            return
        try:
            run_clock(now)
        finally:
            publish_if_stale(upgrade=True)  # what can be published is, also when one notice cannot be moved
        self.next_move = next_move(now)
        self.version = version

    def _tell(self, trouble: str, problem: Exception | None = None) -> None:
        """Log each trouble once, and its end."""
        if trouble == self.trouble:
            return
        if trouble:
            log.error("%s", trouble, exc_info=problem)
        else:
            log.warning("all is well again")
        self.trouble = trouble


class MirrorWatcher(Watcher):
    """Keeps a mirror in step. The clock is kept by the page's own watcher."""

    def __init__(self, job: MirrorJob) -> None:
        super().__init__()
        self.job = job

    def _do_what_is_due(self, now: dt.datetime) -> None:
        if outcome := self.job.keep():
            log.info("%s", outcome)

    def _has_failed(self) -> bool:
        return False


def mirror_at(url: str, *, no_home: bool) -> Mirror:
    """Raises CommandError for what is no address of a mirror. Without one, links lead home."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise CommandError(_("--mirror-url must be an address such as https://copy.example.com"))
    if no_home and not url:
        raise CommandError(_("--no-home needs --mirror-url: otherwise links would lead to a home that is not there"))
    return Mirror(url=url.rstrip("/") or settings.PUBLIC_URL, home_url="" if no_home else settings.PUBLIC_URL)


def create_no_database() -> None:
    """SQLite would put an empty database in the place of one that was moved away. Here it may only open one."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not name.startswith("file:"):
        connection.settings_dict["NAME"] = f"{Path(name).absolute().as_uri()}?mode=rw"
        connection.close()
