from __future__ import annotations

import datetime as dt
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from subscriptions.choices import TO_MANY, DeliveryState
from subscriptions.control import pause_notification, resume_notification, retry
from subscriptions.models import ChannelPause, Delivery, Notification
from subscriptions.person import told
from subscriptions.progress import Progress, progress_of
from subscriptions.watch import updates_not_begun

OWED = 3
EVERY = 1.0
WAITING = [DeliveryState.QUEUED, DeliveryState.SENDING]
CLEAR_SCREEN = "\x1b[H\x1b[2J"


class Command(BaseCommand):
    help = (
        "Shows how far subscribers were told, and steers it. Exit status: 0 when nothing is owed any more, "
        "3 while something is (also while it is paused), 1 for a mistake. With --failed: 3 when anything has failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--all", type=int, metavar="N", help="the latest N notifications, done or not")
        what.add_argument("--failed", type=int, metavar="ID", help="list what failed of it, and what the server said")
        what.add_argument("--retry", type=int, metavar="ID", help="try again what failed of it")
        what.add_argument("--pause", type=int, metavar="ID", help="send nothing more of it; needs --reason")
        what.add_argument("--resume", type=int, metavar="ID", help="go on with it")
        what.add_argument("--watch", action="store_true", help="show it every second, until nothing moves any more")
        parser.add_argument("--reason", metavar="TEXT", help="why it is paused: colleagues see it")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["reason"] and options["pause"] is None:
            raise CommandError("--reason goes with --pause.")
        if options["failed"] is not None:
            self._list_failed(_notification(options["failed"]))
        elif options["retry"] is not None:
            count = retry(Delivery.objects.filter(notification=_notification(options["retry"])), now=timezone.now())
            self.stdout.write(f"{count} tried again.")
        elif options["pause"] is not None:
            self._pause(_notification(options["pause"]), options["reason"])
        elif options["resume"] is not None:
            resume_notification(_notification(options["resume"]), now=timezone.now())
            self.stdout.write("It goes on.")
        elif options["watch"]:
            self._watch()
        else:
            latest = to_many().order_by("-pk")[: options["all"]] if options["all"] is not None else unfinished()
            lines, owed = _account(latest, timezone.now())
            self.stdout.write("\n".join(lines))
            _leave(owed)

    def _list_failed(self, notification: Notification) -> None:
        failed = notification.deliveries.filter(state=DeliveryState.FAILED).select_related("subscriber").order_by("pk")
        has_failed = False
        for delivery in failed.iterator():
            has_failed = True
            self.stdout.write(f"{delivery.subscriber.endpoint}\t{delivery.attempts}\t{delivery.last_error}")
        _leave(has_failed)

    def _pause(self, notification: Notification, reason: str | None) -> None:
        longest = Notification._meta.get_field("pause_reason").max_length
        reason = (reason or "").strip()
        if not reason or len(reason) > longest or not reason.isprintable():
            raise CommandError(f'Say why, in one line of at most {longest} characters: --reason "…"')
        pause_notification(notification, actor_name="manage.py", reason=reason, now=timezone.now())
        self.stdout.write(f"Paused by {notification.paused_by}: {notification.pause_reason}")

    def _watch(self) -> None:
        shown: list[str] = []
        while True:
            lines, owed = _account(unfinished(), timezone.now())
            if sys.stdout.isatty():
                self.stdout.write(CLEAR_SCREEN + "\n".join(lines))
            elif lines != shown:  # in a file or a pipe only what is new
                self.stdout.write("\n".join(lines))
                shown = lines
            self.stdout.flush()
            if not owed or not _moves():
                _leave(owed)
                return
            time.sleep(EVERY)


def to_many() -> QuerySet[Notification]:
    """What is told to more than one person."""
    wanted = Notification.objects.filter(purpose__in=TO_MANY)
    return wanted.select_related("update__incident")


def unfinished() -> QuerySet[Notification]:
    waits = Delivery.objects.filter(notification=OuterRef("pk"), state__in=WAITING)
    return to_many().filter(Q(fanned_out_at=None) | Exists(waits)).order_by("pk")


def _account(notifications: QuerySet[Notification], now: dt.datetime) -> tuple[list[str], bool]:
    """What is shown, line by line, and whether anything is owed."""
    rows = list(notifications)
    progress = progress_of(rows, now)
    lines = [line for row in rows for line in _lines(row, progress[row.pk])]
    not_begun = updates_not_begun().count()
    if not_begun:
        lines.append(f"{not_begun} not begun yet: the worker takes it up when it runs.")
    personal = Delivery.objects.filter(state__in=WAITING).exclude(notification__in=to_many()).count()
    if personal:
        lines.append(f"{personal} personal words wait (confirmations, links).")
    for pause in ChannelPause.objects.all():
        lines.append(f"{pause.get_channel_display()} pauses until {pause.until:%H:%M:%S} UTC: {pause.reason}")
    owed = not_begun > 0 or personal > 0 or any(not progress[row.pk].is_done for row in rows)
    return lines if lines else ["Nothing is owed."], owed


def _lines(notification: Notification, progress: Progress) -> list[str]:
    words = progress.words()
    counts = "  ".join(f"{state} {words[state]}" for state in DeliveryState.values)
    lines = [f"#{notification.pk}  {told(notification)}", f"    {words['headline']}  {counts}"]
    if not progress.is_done:
        lines.append(f"    found: {words['found']}  rate: {words['rate']}  left: {words['left']}")
    return lines


def _moves() -> bool:
    """Whether anything may still change by itself: what is paused waits for a person."""
    return (
        updates_not_begun().exists()
        or unfinished().filter(paused_at=None).exists()
        or Delivery.objects.filter(state__in=WAITING).exclude(notification__in=to_many()).exists()
    )


def _leave(owed: bool) -> None:
    if owed:
        sys.exit(OWED)


def _notification(pk: int) -> Notification:
    notification = to_many().filter(pk=pk).first()
    if notification is None:
        raise CommandError(f"There is no notification {pk}. See: manage.py deliveries --all 20")
    return notification
