"""Reading notices whole. In few plain queries: a page holds a hundred of them, and is made anew for each change."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count

from incidents.choices import Impact
from incidents.models import (
    Change,
    Effect,
    EffectOutcome,
    Incident,
    IncidentComponent,
    IncidentLink,
    IncidentUpdate,
    UpdateComponent,
    UpdateRevision,
)
from incidents.rollup import incident_impact
from incidents.translations import words_by
from publishing.state import (
    SHOWN_FACTS,
    AffectedState,
    EditState,
    EffectState,
    FactChange,
    LinkState,
    NoticeState,
    RevisionState,
    TurnoutState,
    UpdateState,
)

# Not by the components' positions: moving one of them must not change every notice that ever named it.
AS_WRITTEN = "pk"

_COPIED = [
    name
    for name in NoticeState.__dataclass_fields__
    if name not in ("zone", "revision", "reminders", "current_impact")
    and name not in ("affected", "effects", "turnouts", "links", "updates", "edits")
    and name not in ("translations", "title_lang", "texts_lang", "is_outdated")
]
_COPIED_OF_UPDATE = [
    name
    for name in UpdateState.__dataclass_fields__
    if name not in ("affected", "revisions", "translations", "original_body", "lang", "is_outdated")
]


def newest_first(notice: NoticeState) -> tuple[dt.datetime, int]:
    """The key by which to sort notices, reversed."""
    return notice.at, notice.pk


def load_notices(**lookups: Any) -> list[NoticeState]:
    """The public notices that `lookups` (as of a queryset's filter) select, newest first."""
    rows = list(Incident.objects.public().filter(**lookups).order_by())
    ids = [row.pk for row in rows]
    acts = Change.objects.filter(incident__in=ids, version__isnull=False).order_by().values_list("incident_id")
    revisions = dict(acts.annotate(number=Count("pk")))
    updates, affected, effects, links = _updates(ids), _affected(ids), _effects(ids), _links(ids)
    turnouts, translations = _turnouts(ids), words_by("incident", incident__in=ids)
    edits = _edits({row.pk: row.zone for row in rows if row.edited_at})
    notices = [
        _notice(
            row,
            revision=revisions.get(row.pk, 0),
            updates=tuple(updates[row.pk]),
            affected=tuple(affected[row.pk]),
            effects=tuple(effects[row.pk]),
            turnouts=tuple(turnouts[row.pk]),
            links=tuple(links[row.pk]),
            edits=tuple(edits[row.pk]),
            translations=translations[row.pk],
        )
        for row in rows
    ]
    return sorted(notices, key=newest_first, reverse=True)


def _notice(row: Incident, *, affected: tuple[AffectedState, ...], **read: Any) -> NoticeState:
    current = incident_impact((line.new_status for line in affected), override=row.impact_override)
    return NoticeState(
        **{name: getattr(row, name) for name in _COPIED},
        zone=row.zone,
        reminders=tuple(row.reminders),
        affected=affected,
        current_impact=Impact.MAINTENANCE if row.is_scheduled and not row.impact_override else current,
        **read,
    )


def _updates(ids: list[int]) -> dict[int, list[UpdateState]]:
    lines = UpdateComponent.objects.filter(update__incident__in=ids).order_by(AS_WRITTEN)
    affected = defaultdict(list)
    for update_id, *line in lines.values_list(
        "update_id", "component__code", "name", "group_name", "old_status", "new_status"
    ):
        affected[update_id].append(AffectedState(*line))
    rows = IncidentUpdate.objects.public().filter(incident__in=ids).order_by("-display_at", "-pk")
    revisions = defaultdict(list)
    earlier = UpdateRevision.objects.filter(update__incident__in=ids).order_by("pk")
    for update_id, *copied in earlier.values_list("update_id", *RevisionState.__dataclass_fields__):
        revisions[update_id].append(RevisionState(*copied))
    updates, translations = defaultdict(list), words_by("update", update__incident__in=ids)
    for incident_id, *copied in rows.values_list("incident_id", *_COPIED_OF_UPDATE):
        values = dict(zip(_COPIED_OF_UPDATE, copied, strict=True))
        pk = values["pk"]
        lines = {"affected": tuple(affected[pk]), "revisions": tuple(revisions[pk])}
        updates[incident_id].append(UpdateState(**values, **lines, translations=translations[pk]))
    return updates


def _edits(zones: Mapping[int, ZoneInfo]) -> dict[int, list[EditState]]:
    """What edits changed of the notices whose ids and zones are given. It stands in the audit alone."""
    edits: dict[int, list[EditState]] = defaultdict(list)
    acts = Change.objects.filter(incident__in=list(zones), verb="edit_notice", version__isnull=False)
    for incident_id, at, before, after in acts.order_by("-version").values_list("incident_id", "at", "before", "after"):
        pairs = [(name, before.get(name, ""), after.get(name, "")) for name in SHOWN_FACTS]
        found = [FactChange(name, old, new, zones[incident_id]) for name, old, new in pairs if old != new]
        changes = tuple(change for change in found if change.before != change.after)
        if changes:
            edits[incident_id].append(EditState(at, changes))
    return edits


def _affected(ids: list[int]) -> dict[int, list[AffectedState]]:
    rows = IncidentComponent.objects.filter(incident__in=ids).order_by(AS_WRITTEN)
    affected = defaultdict(list)
    for incident_id, code, name, group_name, status in rows.values_list(
        "incident_id", "component__code", "name", "group_name", "status"
    ):
        affected[incident_id].append(AffectedState(code, name, group_name, status, status))
    return affected


def _effects(ids: list[int]) -> dict[int, list[EffectState]]:
    rows = Effect.objects.filter(incident__in=ids).order_by("position", "pk")
    effects = defaultdict(list)
    for incident_id, function, level, note in rows.values_list("incident_id", "function", "level", "note"):
        effects[incident_id].append(EffectState(function, level, note))
    return effects


def _turnouts(ids: list[int]) -> dict[int, list[TurnoutState]]:
    """What was last said of the effects of each."""
    rows = EffectOutcome.objects.public().filter(update__incident__in=ids)
    columns = ("update__incident_id", "update_id", "function", "announced", "turned_out", "note")
    found: dict[int, tuple[int, list[TurnoutState]]] = {}
    for incident_id, update_id, function, announced, turned_out, note in rows.order_by(
        "-update__published_at", "-update", "position"
    ).values_list(*columns):
        newest, lines = found.setdefault(incident_id, (update_id, []))
        if update_id == newest:
            lines.append(TurnoutState(function, announced, turned_out, note))
    return defaultdict(list, {incident_id: lines for incident_id, (_update, lines) in found.items()})


def _links(ids: list[int]) -> dict[int, list[LinkState]]:
    """Those of a notice first, then those that others have to it; none with a draft."""
    links = defaultdict(list)
    for ours, other in (("incident", "target"), ("target", "incident")):
        found = IncidentLink.objects.filter(**{f"{ours}__in": ids, f"{other}__published_at__isnull": False})
        columns = [f"{other}__{name}" for name in ("pk", "code", "title", "kind", "work_starts_at", "started_at")]
        rows = list(found.order_by("pk").values_list(f"{ours}_id", "kind", *columns))
        titles = words_by("incident", incident__in=[row[2] for row in rows], field="title") if rows else {}
        for pk, kind, other_pk, code, title, other_kind, work_starts_at, started_at in rows:
            at = work_starts_at or started_at
            links[pk].append(LinkState(kind, ours == "incident", code, title, other_kind, at, titles[other_pk]))
    return links
