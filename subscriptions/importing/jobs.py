"""Imports that staff have confirmed: owed in the table, and carried out by the worker, slice by slice."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from incidents import history
from incidents.models import Page
from subscriptions.importing.reading import Refusal, Row, Sheet, read_sheet
from subscriptions.importing.writing import SLICE, ConsentNotDeclared, Outcome, plan, write
from subscriptions.models import RefusedLine, Subscriber, UploadedList

KEPT_FOR = dt.timedelta(days=1)
# Longer than it takes to read the largest file; after it another worker goes on with what a dead one left.
LEASE = dt.timedelta(minutes=1)
PROGRESS = ["new", "updated", "unchanged", "refused", "declared", "asked", "cursor"]


def confirm_import(upload: UploadedList, sheet: Sheet, *, is_consent_declared: bool, now: dt.datetime) -> bool:
    """Owe the import of `upload`, whose content `sheet` is. False when it has no row, or is owed, done or gone already.

    Raises ConsentNotDeclared where rows would become active and nobody has said that consent was given.
    """
    if not is_consent_declared and plan(sheet, now=now).declared:
        raise ConsentNotDeclared
    if not sheet.rows:
        return False
    waiting = UploadedList.objects.filter(pk=upload.pk, confirmed_at__isnull=True)
    last_line = max((entry.line for entry in (*sheet.rows, *sheet.refusals)), default=0)
    return waiting.update(confirmed_at=now, is_consent_declared=is_consent_declared, last_line=last_line) == 1


def owed(now: dt.datetime) -> QuerySet[UploadedList]:
    """The imports that nobody carries out at this moment, the longest owed first."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return UploadedList.objects.filter(free, confirmed_at__lte=now, finished_at__isnull=True).order_by("confirmed_at")


def take_import(now: dt.datetime) -> UploadedList | None:
    """One of those that are owed, for us alone as long as its lease lasts."""
    for pk in owed(now).values_list("pk", flat=True):
        if owed(now).filter(pk=pk).update(lease_until=now + LEASE) == 1:
            return UploadedList.objects.filter(pk=pk).first()
    return None


def carry_on(upload: UploadedList, *, deadline: float, after_each: Callable[[], None]) -> bool:
    """Go on with an import that was taken, until it is finished or the time is over; whether it is finished.

    `deadline` is one of time.monotonic(). Each slice is one transaction together with how far it has come: who is
    killed in between has lost nothing, and who comes late changes nothing.
    """
    assert upload.confirmed_at is not None
    # As of the confirmation, so that each reading understands the same.
    sheet = read_sheet(bytes(upload.content), now=upload.confirmed_at)
    entries = iter(sorted((*sheet.rows, *sheet.refusals), key=lambda entry: entry.line))
    language = Page.objects.current().language
    cursor = upload.cursor
    for piece in _sliced(entry for entry in entries if entry.line > cursor):
        if not _write_slice(upload.pk, piece, since=cursor, language=language):
            return True  # another worker was faster, or it was erased
        cursor = piece[-1].line
        after_each()
        if time.monotonic() >= deadline and cursor < upload.last_line:
            UploadedList.objects.filter(pk=upload.pk).update(lease_until=None)
            return False
    return True


def forget_uploads(now: dt.datetime) -> None:
    """Remove what was not confirmed within a day, and what came of imports that were finished a day ago."""
    left_lying = Q(confirmed_at__isnull=True, uploaded_at__lte=now - KEPT_FOR)
    UploadedList.objects.filter(left_lying | Q(finished_at__lte=now - KEPT_FOR)).delete()


def log_import(user: Any, flag: int, name: str, act: str) -> None:
    """Write an act of `user` with a whole list into the audit and into the log of staff."""
    verb = "import_subscribers" if flag == ADDITION else "export_subscribers"
    history.note(verb=verb, actor=user, subject=act, at=timezone.now())
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Subscriber),
        object_id=None,
        object_repr=name[:200],
        action_flag=flag,
        change_message=act,
    )


def percent_of(upload: UploadedList) -> int:
    """How much of an import is done; rounded down, so that only what is done is called so."""
    if upload.finished_at is not None:
        return 100
    return min(99, upload.cursor * 100 // upload.last_line) if upload.last_line else 0


def words_of(upload: UploadedList) -> dict[str, str]:
    """What is shown of an import, by name, in the language in force."""
    counts = {name: _counted(getattr(upload, name)) for name in ("new", "updated", "unchanged", "refused", "asked")}
    return {"headline": headline_of(upload), **counts}


def headline_of(upload: UploadedList) -> str:
    if upload.finished_at is not None:
        return _("Imported: all lines are done.")
    if not upload.cursor:
        return _("Waiting for the worker to begin.")
    lines = {"line": _counted(upload.cursor), "last": _counted(upload.last_line)}
    return _("Being imported: line %(line)s of %(last)s.") % lines


def announcement_of(upload: UploadedList) -> str:
    """What is said aloud: it changes at each tenth and at the end."""
    if upload.finished_at is not None or not upload.cursor:
        return headline_of(upload)
    return _("%(percent)s%% done") % {"percent": percent_of(upload) // 10 * 10}


@transaction.atomic
def _write_slice(upload_id: int, piece: list[Row | Refusal], *, since: int, language: str) -> bool:
    """Write the lines after line `since`. False when they are written already, or not to be written any more."""
    now = timezone.now()
    held = UploadedList.objects.select_for_update().filter(pk=upload_id, cursor=since, finished_at__isnull=True)
    upload = held.defer("content").first()
    if upload is None or upload.confirmed_at is None:
        return False
    outcome = Outcome(asked=upload.asked, refusals=[entry for entry in piece if isinstance(entry, Refusal)])
    write(
        [entry for entry in piece if isinstance(entry, Row)],
        outcome,
        language=language,
        now=now,
        ask_from=upload.confirmed_at,
        is_consent_declared=upload.is_consent_declared,
    )
    RefusedLine.objects.bulk_create(
        RefusedLine(upload=upload, line=refusal.line, value=refusal.value[:200], reason=refusal.reason[:300])
        for refusal in outcome.refusals
    )
    upload.new += outcome.new
    upload.updated += outcome.updated
    upload.unchanged += outcome.unchanged
    upload.refused += len(outcome.refusals)
    upload.declared += outcome.declared
    upload.asked = outcome.asked
    upload.cursor = piece[-1].line
    upload.lease_until = now + LEASE
    upload.save(update_fields=[*PROGRESS, "lease_until"])
    if upload.cursor >= upload.last_line:
        _finish(upload, now)
    return True


def _finish(upload: UploadedList, now: dt.datetime) -> None:
    UploadedList.objects.filter(pk=upload.pk).update(finished_at=now, lease_until=None, content=b"")
    counts = (
        f"{upload.new} new, {upload.updated} updated, {upload.unchanged} unchanged, {upload.refused} refused; "
        f"{upload.asked} to confirm."
    )
    declared = f" Declared that {upload.declared} had given their consent." if upload.declared else ""
    log_import(upload.uploaded_by, ADDITION, upload.name, f"Imported: {counts}{declared}")


def _sliced(entries: Iterator[Row | Refusal]) -> Iterator[list[Row | Refusal]]:
    while piece := list(islice(entries, SLICE)):
        yield piece


def _counted(number: int) -> str:
    return number_format(number, 0, use_l10n=True, force_grouping=True)
