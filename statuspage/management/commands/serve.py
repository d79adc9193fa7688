from __future__ import annotations

import logging
import sys
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, connections
from django.urls import reverse

from incidents.demo import is_empty
from publishing.publish import publish_if_stale
from statuspage import programs
from statuspage.demo_login import demo_login
from statuspage.supervisor import Supervisor

logger = logging.getLogger(__name__)

RETRY_EVERY = 1.0


class Command(BaseCommand):
    help = "Runs everything on this machine: prepares the database, then web and worker, until Ctrl-C."
    requires_system_checks = ["statuspage"]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load the example when the database is empty")

    def handle(self, *_args: Any, demo: bool, **_options: Any) -> None:
        host, port = settings.ENVIRONMENT.host, settings.ENVIRONMENT.port
        programs.check_data_dir()
        programs.check_address(host, port)
        backend = programs.backend_socket(port)
        # The page first: what was published last is readable while the rest gets ready.
        supervisor = Supervisor(programs.front(host=host, port=port, backend=backend), cwd=settings.BASE_DIR)
        threading.Thread(target=self._start_rest, args=(supervisor, backend, demo), daemon=True).start()
        sys.exit(supervisor.run())

    def _start_rest(self, supervisor: Supervisor, backend: Path, demo: bool) -> None:
        """Get the database ready, then start what needs it. When that cannot be done, all of it ends."""
        try:
            self._prepare_database(demo)
            supervisor.add(programs.django(backend), programs.publisher(), programs.worker())
            programs.wait_for_backend(backend)
            self._announce()
        except Exception:
            logger.exception("The status page cannot start.")
            supervisor.stop(1)
        finally:
            connections.close_all()

    def _prepare_database(self, demo: bool) -> None:
        """Each step may be repeated: the database may go away before any of them."""
        said = ""
        while True:
            try:
                call_command("migrate", verbosity=0, interactive=False)
                call_command("schedules", verbosity=0)
                if demo and is_empty():
                    call_command("demo", verbosity=0)
                publish_if_stale()
                return
            except (OperationalError, InterfaceError) as problem:
                if str(problem) != said:
                    said = str(problem)
                    self.stdout.write(f"The database does not answer; waiting for it. ({said.strip()})")
                connections.close_all()
                time.sleep(RETRY_EVERY)

    def _announce(self) -> None:
        url = settings.PUBLIC_URL
        mail = settings.MAIL_SERVER
        lines = [f"Status page   {url}/", f"Staff         {url}{reverse('admin:index')}"]
        if login := demo_login():
            lines.append("Staff login   {} / {}".format(*login))
        if mail is None:
            lines.append(f"Mails         {url}{reverse('admin:subscriptions_outbox')}")
            lines.append(f"              (no EMAIL_URL is set: they are written to {settings.OUTBOX_DIR})")
        else:
            lines.append(f"Mails         go out through {mail.host}:{mail.port}")
        self.stdout.write("\n  " + "\n  ".join(lines) + "\n\nCtrl-C stops it.")
        self.stdout.flush()
