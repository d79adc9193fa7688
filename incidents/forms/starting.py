"""What a composing screen begins with when it was asked to begin with a template."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from incidents.choices import TemplateKind
from incidents.forms.compose import next_update_suggestion
from incidents.prepared import LENGTHS, Prepared
from incidents.times import duration_words
from incidents.values import NOTICE_TEXTS


def starting_values(prepared: Prepared, now: dt.datetime) -> dict[str, Any]:
    """Initial values by the form's fields and parts. What a template leaves open is as the screen has it."""
    data = "data_outcome" if prepared.kind == TemplateKind.UPDATE else "data_statement"
    values: dict[str, Any] = {name: getattr(prepared, name) for name in ("title", "body", "status", *NOTICE_TEXTS)}
    values |= {data: prepared.data_statement, **{name: getattr(prepared, name) for name in LENGTHS}}
    values["effects"] = [{"function": e.function, "level": e.level, "note": e.note} for e in prepared.effects]
    values["components"] = dict(prepared.components)
    if prepared.next_update_minutes:
        values["next_update_by"] = next_update_suggestion(now, after=dt.timedelta(minutes=prepared.next_update_minutes))
    given = {name: value for name, value in values.items() if value not in ("", None, [], {})}
    return {**given, "notify": prepared.notify}


def lengths_in_words(lengths: Mapping[str, Any]) -> dict[str, str]:
    """For each planned time that follows from lengths, what its field says when it is left empty."""
    work, before, after = (lengths.get(name) for name in LENGTHS)
    found = {}
    if work is not None:
        found["work_ends_at"] = _("Empty: %(length)s after the start.") % {"length": _words(work)}
    if before is not None or after is not None:
        found["avoid_starts_at"] = (
            _("Empty: %(length)s before the work.") % {"length": _words(before)}
            if before
            else _("Empty: when the work starts.")
        )
        found["avoid_ends_at"] = (
            _("Empty: %(length)s after the work.") % {"length": _words(after)}
            if after
            else _("Empty: when the work ends.")
        )
    return found


def _words(minutes: int) -> str:
    return duration_words(dt.timedelta(minutes=minutes))
