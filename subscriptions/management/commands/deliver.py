from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from subscriptions import watch
from subscriptions.tasks import BUDGET, sweep


class Command(BaseCommand):
    help = "Pays once what is owed to subscribers, without the worker: for cron, and for looking what happens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS", help="stop after this time")

    def handle(self, *_args: Any, **options: Any) -> None:
        sweep(options["budget"])
        self.stdout.write("Something is still owed." if watch.owes(timezone.now()) else "Nothing is owed.")
