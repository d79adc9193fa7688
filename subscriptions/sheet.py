"""Subscribers as a spreadsheet: its columns, what a cell holds, and the way out. The way in is in `importing`."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Iterable, Iterator

from django.db.models import QuerySet

from incidents.cells import harmless
from incidents.models import Component, ComponentGroup
from subscriptions.models import Subscriber

ADDRESS, STATE, CONFIRMED_AT = "address", "state", "confirmed_at"
EVERYTHING, COMPONENTS, GROUPS, KINDS = "everything", "components", "groups", "kinds"
LANGUAGE, TIME_ZONE = "language", "time_zone"
COLUMNS = (ADDRESS, STATE, CONFIRMED_AT, EVERYTHING, COMPONENTS, GROUPS, KINDS, LANGUAGE, TIME_ZONE)

# What the column "kinds" lists, and where it is kept.
KIND_FIELDS = {
    "incidents": "hears_incidents",
    "maintenance": "hears_maintenance",
    "reminders": "hears_reminders",
    "start-and-end-only": "only_start_and_end",
}
NO_KIND = "none"
YES, NO = "yes", "no"
BETWEEN = ";"

# Subscribers per query and per piece of the answer.
PIECE = 1_000


def names_in_cells(things: Iterable[Component | ComponentGroup]) -> dict[int, str]:
    """By id, what a cell calls each: its name, or its code where the name could mean something else."""
    things = list(things)
    names = Counter(thing.name.casefold() for thing in things)
    codes = {thing.code for thing in things}

    def is_clear(name: str) -> bool:
        folded = name.casefold()
        return names[folded] == 1 and folded not in codes and BETWEEN not in name and name == " ".join(name.split())

    return {thing.pk: thing.name if is_clear(thing.name) else thing.code for thing in things}


def csv_pieces(subscribers: QuerySet[Subscriber]) -> Iterator[str]:
    """The whole file, header first, in pieces: nothing is held in memory but one of them."""
    components, groups = names_in_cells(Component.objects.all()), names_in_cells(ComponentGroup.objects.all())
    yield _lines([COLUMNS])
    piece = []
    rows = subscribers.order_by("pk").prefetch_related("components", "groups").iterator(chunk_size=PIECE)
    for subscriber in rows:
        piece.append(_cells(subscriber, components, groups))
        if len(piece) == PIECE:
            yield _lines(piece)
            piece = []
    yield _lines(piece)


def _cells(subscriber: Subscriber, components: dict[int, str], groups: dict[int, str]) -> list[str]:
    kinds = [word for word, name in KIND_FIELDS.items() if getattr(subscriber, name)]
    return [
        subscriber.endpoint,
        subscriber.state,
        _moment(subscriber.confirmed_at),
        YES if subscriber.all_components else NO,
        _listed(components[component.pk] for component in subscriber.components.all()),
        _listed(groups[group.pk] for group in subscriber.groups.all()),
        _listed(kinds or [NO_KIND]),
        subscriber.language,
        subscriber.time_zone,
    ]


def _lines(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _listed(words: Iterable[str]) -> str:
    return f"{BETWEEN} ".join(words)


def _moment(at: dt.datetime | None) -> str:
    return at.astimezone(dt.UTC).isoformat() if at else ""
