from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from subscriptions import bounces
from subscriptions.bounces import Verdict
from subscriptions.mailboxes import Mailbox, MailboxProblem, opened

NOT_OURS = "not ours"


class Command(BaseCommand):
    help = (
        "Reads what came back of our mails: addresses that bounce or complain get no more. Reports that are understood "
        "are removed from the mailbox; everything else stays there, as read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source",
            nargs="?",
            default=settings.BOUNCE_MAILBOX,
            help="a Maildir or mbox; - for one message on standard input, with its recipients behind it. "
            "Default: BOUNCE_MAILBOX, which may also be imaps://user:password@host/INBOX",
        )
        parser.add_argument("recipient", nargs="*", help="with -: the addresses that the message was delivered to")

    def handle(self, *_args: Any, **options: Any) -> None:
        source = options["source"]
        if not source:
            raise CommandError(_("name a mailbox, or set BOUNCE_MAILBOX"))
        if source == "-":
            self._tell(Counter([_take(sys.stdin.buffer.read(), options["recipient"])]))
            return
        try:
            with opened(source) as mailbox:
                self._tell(_empty(mailbox))
        except MailboxProblem as problem:
            raise CommandError(str(problem)) from None

    def _tell(self, counts: Counter[str]) -> None:
        labels = {**{verdict.value: str(verdict.label) for verdict in Verdict}, NOT_OURS: _("not about a mail of ours")}
        found = [f"{counts[name]} {label}" for name, label in labels.items() if counts[name]]
        self.stdout.write(", ".join(found) or _("Nothing new."))


def _empty(mailbox: Mailbox) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, raw in mailbox.unread():
        verdict = _take(raw, [])
        counts[verdict] += 1
        # Only now: whoever is killed in between reads it again, and that changes nothing.
        if verdict in (Verdict.UNCLEAR, NOT_OURS):
            mailbox.keep(name)
        else:
            mailbox.remove(name)
    return counts


def _take(raw: bytes, recipients: list[str]) -> str:
    report = bounces.read_report(raw, recipients)
    if report is None:
        return NOT_OURS
    bounces.note(report, now=timezone.now())
    return report.verdict
