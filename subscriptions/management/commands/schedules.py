from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from subscriptions import schedules


class Command(BaseCommand):
    help = "Installs what the worker does by the clock. Safe to run at any time, and after every upgrade."
    requires_system_checks: list[str] = []  # one of them warns of what this command is about to put right

    def handle(self, *_args: Any, **options: Any) -> None:
        schedules.install()
        if options["verbosity"]:
            self.stdout.write(f"Schedules installed: {', '.join(schedules.SCHEDULES)}.")
