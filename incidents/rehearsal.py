"""Doing a thing in order to look at it, and leaving no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from incidents.models import IncidentUpdate, Page
from incidents.signals import look_requested, preview_requested, trial_requested


@dataclass(frozen=True)
class PreviewPane:
    """One view of a draft. `kind` is "html" (a whole document), "text", or "line" (a remark above the panes)."""

    name: str
    label: str
    kind: str
    content: str


@contextmanager
def rehearsal() -> Iterator[None]:
    """A transaction that is rolled back at its end; nothing that was to happen after its commit happens."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def preview(update: IncidentUpdate) -> list[PreviewPane]:
    """What page, mail and feed would show of `update`. To be called inside a rehearsal that has just written it."""
    panes: list[PreviewPane] = []
    for _receiver, answer in preview_requested.send(sender=IncidentUpdate, update=update):
        panes.extend(answer)
    return panes


def preview_look() -> list[PreviewPane]:
    """What page and mails look like as things stand. To be called inside a rehearsal that has just changed that."""
    return [pane for _receiver, panes in look_requested.send(sender=Page) for pane in panes]


def trials(update: IncidentUpdate, user: Any) -> list[Callable[[], str]]:
    """Ways to send `update` to `user` alone. To be asked for inside a rehearsal, and called after it."""
    return [trial for _receiver, trial in trial_requested.send(sender=IncidentUpdate, update=update, user=user)]
