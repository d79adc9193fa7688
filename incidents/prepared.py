"""Prepared texts as values: read from a template or a notice, and applied to facts. Nothing is written here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from incidents.choices import ComponentStatus, IncidentStatus, TemplateKind
from incidents.models import Incident, IncidentTemplate
from incidents.placeholders import Facts, fill, gaps
from incidents.text import MAX_BODY, MAX_LINE
from incidents.values import NOTICE_TEXTS, EffectLine

MAX_NOTE = 300
LENGTHS = ("work_minutes", "avoid_before_minutes", "avoid_after_minutes")


@dataclass(frozen=True)
class Prepared:
    """What a template holds. `components` maps component ids to statuses; texts are Markdown with ((placeholders)).

    Lengths are minutes; None leaves them to whoever writes. An update's `data_statement` is how it turned out.
    """

    kind: str
    name: str
    title: str = ""
    body: str = ""
    status: str = ""
    reason: str = ""
    advice_before: str = ""
    advice_during: str = ""
    advice_after: str = ""
    data_statement: str = ""
    notify: bool = True
    next_update_minutes: int | None = None
    work_minutes: int | None = None
    avoid_before_minutes: int | None = None
    avoid_after_minutes: int | None = None
    effects: Sequence[EffectLine] = ()
    components: Mapping[int, str] = field(default_factory=dict)


FIELDS = tuple(name for name in Prepared.__dataclass_fields__ if name not in ("effects", "components"))


def apply(prepared: Prepared, facts: Facts) -> Prepared:
    """`prepared` with all that `facts` know in its placeholders. What they do not know stays, to be asked for."""
    words = facts.words()
    texts = {name: fill(getattr(prepared, name), words, limit=MAX_BODY) for name in ("body", *NOTICE_TEXTS)}
    effects = [
        replace(
            line,
            function=fill(line.function, words, limit=MAX_LINE),
            note=fill(line.note, words, limit=MAX_NOTE),
        )
        for line in prepared.effects
    ]
    return replace(prepared, title=fill(prepared.title, words, limit=MAX_LINE), effects=effects, **texts)


def gaps_of(prepared: Prepared) -> list[str]:
    """Every placeholder left in any of its texts, each once."""
    texts = [getattr(prepared, name) for name in ("title", "body", *NOTICE_TEXTS)]
    texts += [text for line in prepared.effects for text in (line.function, line.note)]
    return list(dict.fromkeys(gap for text in texts for gap in gaps(text)))


def prepared_of(template: IncidentTemplate) -> Prepared:
    """What `template` holds now, without components that have left the page. Two queries."""
    lines = template.effects.values("function", "level", "note")
    components = template.components.filter(component__archived_at=None).values_list("component", "status")
    return Prepared(
        **{name: getattr(template, name) for name in FIELDS},
        effects=[EffectLine(**line) for line in lines],
        components=dict(components),
    )


def prepared_from(notice: Incident, *, name: str) -> Prepared:
    """What could begin the next notice like this one: its first text, and all that is not tied to its time."""
    first = notice.updates.order_by("display_at", "pk").first()
    is_planned = notice.is_scheduled
    status = first.status if first and not is_planned and first.status in TEMPLATE_START else ""
    said = first.affected.filter(component__archived_at=None) if first else ()
    # A planned notice says of the times to come what its first update did not do yet.
    named = notice.affected.filter(component__archived_at=None) if is_planned else ()
    components = {line.component_id: line.status for line in named} or {
        line.component_id: line.new_status for line in said
    }
    return Prepared(
        kind=TemplateKind.MAINTENANCE if is_planned else TemplateKind.INCIDENT,
        name=name,
        title=notice.title,
        body=first.body if first else "",
        status=status,
        data_statement=notice.data_statement,
        notify=first.notify if first else True,
        effects=[EffectLine(**line) for line in notice.effects.values("function", "level", "note")],
        components=_of_the_work(components) if is_planned else components,
        **{text: getattr(notice, text) for text in NOTICE_TEXTS},
        **(lengths_of(notice) if is_planned else {}),
    )


TEMPLATE_START = (IncidentStatus.INVESTIGATING, IncidentStatus.IDENTIFIED, IncidentStatus.MONITORING)


def _of_the_work(components: Mapping[int, str]) -> dict[int, str]:
    """A maintenance that is over says "operational" of what it had touched: the next one touches it again."""
    over, again = ComponentStatus.OPERATIONAL, ComponentStatus.UNDER_MAINTENANCE
    return {pk: again if status == over else status for pk, status in components.items()}


def lengths_of(notice: Incident) -> dict[str, int | None]:
    """How long the work of a maintenance is planned to take, and its avoid window before and after, in minutes."""
    before = notice.avoid_starts_at and notice.work_starts_at - notice.avoid_starts_at
    after = notice.avoid_ends_at and notice.avoid_ends_at - notice.work_ends_at
    lengths = (notice.work_ends_at - notice.work_starts_at, before, after)
    return {
        name: None if length is None else int(length.total_seconds() // 60)
        for name, length in zip(LENGTHS, lengths, strict=True)
    }


def planned_around(
    lengths: Mapping[str, Any],
    *,
    work_starts_at: dt.datetime | None,
    work_ends_at: dt.datetime | None,
    avoid_starts_at: dt.datetime | None = None,
    avoid_ends_at: dt.datetime | None = None,
) -> dict[str, dt.datetime | None]:
    """The planned times, with those left open put as far from the work as `lengths` (minutes, by name) say.

    Elapsed time: clocks that change in between make the work no longer.
    """
    work, before, after = (lengths.get(name) for name in LENGTHS)
    if work_ends_at is None and work_starts_at and work is not None:
        work_ends_at = work_starts_at + dt.timedelta(minutes=work)
    # Both ends of the avoid window, or neither.
    has_avoid = before is not None or after is not None
    if has_avoid and avoid_starts_at is None and avoid_ends_at is None and work_starts_at and work_ends_at:
        avoid_starts_at = work_starts_at - dt.timedelta(minutes=before or 0)
        avoid_ends_at = work_ends_at + dt.timedelta(minutes=after or 0)
    return {
        "work_starts_at": work_starts_at,
        "work_ends_at": work_ends_at,
        "avoid_starts_at": avoid_starts_at,
        "avoid_ends_at": avoid_ends_at,
    }


def facts_for_audit(prepared: Prepared, component_names: Mapping[int, str]) -> dict[str, str]:
    """What the audit keeps of a template: its fields as text."""
    rows = asdict(prepared)
    rows["effects"] = "; ".join(f"{e.function}: {e.level} {e.note}".strip() for e in prepared.effects)
    rows["components"] = "; ".join(
        f"{component_names.get(pk, pk)}: {status}" for pk, status in sorted(prepared.components.items())
    )
    return {name: str(value) for name, value in rows.items() if value not in (None, "")}
