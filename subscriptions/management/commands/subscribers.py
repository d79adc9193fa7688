from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.choices import SubscriberState
from subscriptions.importing import ConsentNotDeclared, Outcome, Sheet, carry_out, plan, read_sheet
from subscriptions.models import Subscriber
from subscriptions.sheet import COLUMNS, csv_pieces


class Command(BaseCommand):
    help = f"Writes subscribers to a CSV file, or takes them from one. Columns: {', '.join(COLUMNS)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        out = acts.add_parser("export", help="write them to FILE, or to the terminal for -")
        out.add_argument("file", metavar="FILE")
        out.add_argument("--state", choices=SubscriberState.values, help="only those; all without it")
        back = acts.add_parser("import", help="take them from FILE; what a row leaves empty stays as it is")
        back.add_argument("file", metavar="FILE")
        back.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
        back.add_argument(
            "--consent-given",
            action="store_true",
            help="I declare that each person whose row says when they confirmed has agreed to these mails",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["act"] == "export":
            self._export(options["file"], options["state"])
        else:
            self._import(options["file"], is_dry=options["dry_run"], is_consent_declared=options["consent_given"])

    def _export(self, file: str, state: str | None) -> None:
        subscribers = Subscriber.objects.filter(state=state) if state else Subscriber.objects.all()
        if file == "-":
            for piece in csv_pieces(subscribers):
                sys.stdout.write(piece)
            return
        try:
            with Path(file).open("w", encoding="utf-8", newline="") as out:
                out.writelines(csv_pieces(subscribers))
        except OSError as problem:
            raise CommandError(f"{file} cannot be written: {problem.strerror}") from problem
        self.stdout.write(f"Written to {file}.")

    def _import(self, file: str, *, is_dry: bool, is_consent_declared: bool) -> None:
        now = timezone.now()
        sheet = _sheet_of(file)
        if is_dry:
            self._tell(plan(sheet, now=now))
            return
        try:
            outcome = carry_out(sheet, is_consent_declared=is_consent_declared, now=now)
        except ConsentNotDeclared:
            raise CommandError(
                "Rows of this file would become active without being asked. If each of these people has agreed, say so "
                "with --consent-given; nothing was imported."
            ) from None
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        for refusal in outcome.refusals:
            self.stdout.write(f"line {refusal.line}: {refusal.value}: {refusal.reason}")
        self.stdout.write(outcome.words())


def _sheet_of(file: str) -> Sheet:
    try:
        return read_sheet(Path(file).read_bytes(), now=timezone.now())
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}") from problem
    except ValidationError as problem:
        raise CommandError(problem.messages[0]) from problem
