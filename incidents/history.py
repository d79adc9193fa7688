"""The audit: who did what, and which version of the page came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from incidents.models import Change, Incident, Page
from incidents.signals import page_changed

CLOCK = "clock"
SOMEBODY = "somebody"  # nobody knows who


def actor_name(actor: AbstractBaseUser | None) -> str:
    """What the audit and a byline call `actor`; None is the clock."""
    if actor is None:
        return CLOCK
    return actor.get_full_name() or actor.get_username()  # type: ignore[attr-defined]


def record(
    page: Page,
    *,
    verb: str,
    actor: AbstractBaseUser | None,
    subject: str,
    at: dt.datetime,
    incident: Incident | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    public: bool = True,
) -> Change:
    """Write one act down. A public one raises the page's version: from then on the page is owed.

    `page` must be locked (Page.objects.locked()) by the transaction that is open.
    """
    if not public:
        return note(verb=verb, actor=actor, subject=subject, at=at, incident=incident, before=before, after=after)
    page.version += 1
    page.updated_at = at
    page.save(update_fields=["version", "updated_at"])
    version = page.version
    transaction.on_commit(lambda: page_changed.send_robust(sender=Page, version=version), robust=True)
    return _write(verb, actor, subject, at, incident, before, after, version)


def note(
    *,
    verb: str,
    actor: AbstractBaseUser | None,
    subject: str,
    at: dt.datetime,
    incident: Incident | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    by: str = "",
) -> Change:
    """Write down one act that changed nothing public. Apps above note theirs here, without addresses of readers.

    `by` is who did it, where that is neither an account nor the clock.
    """
    return _write(verb, actor, subject, at, incident, before, after, None, by)


def _write(
    verb: str,
    actor: AbstractBaseUser | None,
    subject: str,
    at: dt.datetime,
    incident: Incident | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    version: int | None,
    by: str = "",
) -> Change:
    return Change.objects.create(
        at=at,
        verb=verb,
        actor=actor,
        actor_name=by or actor_name(actor),
        version=version,
        incident=incident,
        subject=str(subject)[:250],
        before=dict(before or {}),
        after=dict(after or {}),
    )
