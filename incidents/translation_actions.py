"""The verb that translates what has been published. The original stays as it is, and nobody is told again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from incidents import history
from incidents.models import Incident, IncidentUpdate, Page
from incidents.translations import (
    NOTICE_FIELDS,
    UPDATE_FIELDS,
    Words,
    find,
    forget_other_lines,
    line_field,
    lines_of,
    names_in,
    set_texts,
    words_by,
    words_of,
)
from incidents.values import Actor, StaleIncident
from incidents.writing import record_urgent, urgency


@dataclass(frozen=True)
class ToTranslate:
    """One text of a published notice beside its translation; `update` is None for the notice's own."""

    update: IncidentUpdate | None
    field: str
    original: str
    words: Words | None

    @property
    def is_missing(self) -> bool:
        return self.words is None

    @property
    def is_outdated(self) -> bool:
        return self.words is not None and not self.words.is_of(self.original)


def to_translate(incident: Incident, language: str) -> list[ToTranslate]:
    """All texts of a published notice that a reader of `language` meets, in the order of the page."""
    own = words_of(incident)
    found = [
        ToTranslate(None, field, getattr(incident, field), find(own, language, field))
        for field in NOTICE_FIELDS
        if getattr(incident, field)
    ]
    # What is called as a component is, is translated with that.
    names = names_in(language)
    lines = [(line_field(line), line) for line in lines_of(incident) if line not in names]
    found += [ToTranslate(None, field, line, find(own, language, field)) for field, line in lines]
    updates = list(incident.updates.public())
    words = words_by("update", update__in=updates)
    found += [
        ToTranslate(update, field, getattr(update, field), find(words[update.pk], language, field))
        for update in updates
        for field in UPDATE_FIELDS
        if getattr(update, field)
    ]
    return found


@transaction.atomic
def translate_notice(
    incident: Incident,
    language: str,
    *,
    actor: Actor,
    notice: Mapping[str, str],
    updates: Mapping[int, Mapping[str, str]],
    fits: Collection[tuple[int, str]] = (),
    unchanged_since: dt.datetime | None = None,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> Incident:
    """Write translations of a published notice, by field, and of its updates, by id and field. Tells nobody.

    `fits` are those, by id of the update (0: the notice) and field, that still hold although the original changed.
    `unchanged_since` is the notice's `updated_at` when the author began to write; None skips that check. Raises
    ValidationError; StaleIncident when someone was faster; and ReviewNeeded, since its author publishes it.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    incident = Incident.objects.public().get(pk=incident.pk)
    because = urgency(page, urgent_because, alone=True)
    if unchanged_since and incident.updated_at != unchanged_since:
        raise StaleIncident(incident.updates.public().filter(updated_at__gt=unchanged_since))
    set_texts(incident, {language: notice}, fits=[field for pk, field in fits if not pk])
    for update in incident.updates.public().filter(pk__in=updates):
        set_texts(update, {language: updates[update.pk]}, fits=[field for pk, field in fits if pk == update.pk])
    forget_other_lines(incident)
    incident.updated_at = at
    incident.save(update_fields=["updated_at"])
    # Without the texts: what is removed from an update must stand nowhere else.
    history.record(
        page,
        verb="translate_notice",
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        after={"language": language},
    )
    if because:
        record_urgent(page, incident, None, actor=actor, because=because, at=at)
    return incident
