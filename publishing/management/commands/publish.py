from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection, connections
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.clock import next_move, run_clock
from incidents.models import Page
from publishing.publish import last_failure, publish_if_stale

log = logging.getLogger(__name__)

TICK = 0.25
TICK_IN_TROUBLE = 2.0  # a render that fails is not worth a core


class Command(BaseCommand):
    help = _("Bring the public page up to date, once or (--watch) from now on.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", action="store_true", help=_("stay, publish each change and keep the clock"))
        parser.add_argument("--force", action="store_true", help=_("render even when nothing has changed"))

    def handle(self, *, watch: bool, force: bool, **_options: Any) -> None:
        if watch:
            # An exception, not a flag: it also ends a wait for a database that does not answer.
            signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(0))
            Watcher().run()
        publish_if_stale(upgrade=True, force=force)
        if failure := last_failure():
            raise CommandError(failure.why)


class Watcher:
    """Publishes what is owed and keeps the clock, whatever happens to the database meanwhile."""

    def __init__(self) -> None:
        self.version: int | None = None
        self.next_move: dt.datetime | None = None
        self.trouble = ""

    def run(self) -> None:
        while True:
            time.sleep(self.tick())

    def tick(self) -> float:
        """Do what is due; return the seconds until the next look."""
        try:
            close_old_connections()
            refuse_missing_file()
            self._keep_clock(timezone.now())
            publish_if_stale(upgrade=True)
        except DatabaseError as problem:
            self._tell(f"the database is away: {problem}")
            connections.close_all()
            return TICK
        except Exception as problem:
            self._tell(f"{type(problem).__name__}: {problem}", problem)
            return TICK_IN_TROUBLE
        self._tell("")
        return TICK_IN_TROUBLE if last_failure() else TICK

    def _keep_clock(self, now: dt.datetime) -> None:
        """Start and end maintenance. When that is next due changes only with the page's version."""
        version = Page.objects.current().version
        if version == self.version and (self.next_move is None or now < self.next_move):
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


def refuse_missing_file() -> None:
    """SQLite would put an empty database in the place of one that was moved away."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        return
    name = str(connection.settings_dict["NAME"])
    if not name.startswith("file:") and not Path(name).exists():
        raise DatabaseError(f"{name} does not exist")
