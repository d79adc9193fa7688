from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from subscriptions.erasing import erase
from subscriptions.models import Subscriber
from subscriptions.person import everything_about, find_person


class Command(BaseCommand):
    help = "Shows or erases all that is held about one person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        show = acts.add_parser("export", help="print it as JSON")
        show.add_argument("address")
        remove = acts.add_parser("erase", help="remove it, whatever state the subscription is in")
        remove.add_argument("address")
        remove.add_argument("--yes", action="store_true", help="do not ask first")

    def handle(self, *_args: Any, **options: Any) -> None:
        subscriber = find_person(options["address"])
        if subscriber is None:
            raise CommandError(f"Nothing is held about {options['address']}.")
        if options["act"] == "export":
            self.stdout.write(json.dumps(everything_about(subscriber), indent=2, ensure_ascii=False))
        else:
            self._erase(subscriber, is_sure=options["yes"])

    def _erase(self, subscriber: Subscriber, *, is_sure: bool) -> None:
        question = f"Erase {subscriber.endpoint} ({subscriber.get_state_display()}) for good? Write yes: "
        if not is_sure and not _agrees(question):
            raise CommandError("Nothing was erased.")
        self.stdout.write(erase(subscriber).words())


def _agrees(question: str) -> bool:
    try:
        return input(question).strip().lower() == "yes"
    except EOFError:
        return False
