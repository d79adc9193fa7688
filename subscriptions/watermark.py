"""How this host notices that its database was set back: a number that only rises, kept there and in a file here.

Each claim raises the database's number in its own transaction, and the file follows. A database that says less than the
file is a copy from the past: what it believes to be owed may have been sent long ago.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from django.conf import settings
from django.db.models import F

from subscriptions.models import Watermark


class SetBack(Exception):
    """The database is older than what this host has seen of it."""


def rise() -> int:
    """Count one more claim, in the caller's transaction. Raises SetBack: then nothing may be claimed."""
    if not Watermark.objects.filter(pk=Watermark.ONLY).update(claims=F("claims") + 1):
        Watermark.objects.bulk_create([Watermark(claims=0)], ignore_conflicts=True)
        Watermark.objects.filter(pk=Watermark.ONLY).update(claims=F("claims") + 1)
    claims = in_database()
    if claims <= (seen() or 0):
        raise SetBack(f"the database counts {claims} claims, and this host has seen {seen()}")
    return claims


def in_database() -> int:
    return Watermark.objects.values_list("claims", flat=True).first() or 0


def seen() -> int | None:
    """The highest number this host has seen, or None when it keeps none."""
    try:
        return int(_file().read_text())
    except (FileNotFoundError, ValueError):  # a power failure may leave an empty file
        return None


def remember(claims: int) -> None:
    """Keep `claims` as the highest number seen; whole or not at all."""
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    unfinished.write_text(str(claims))
    os.replace(unfinished, path)


def _file() -> Path:
    return Path(settings.DATA_DIR) / "watermark"
