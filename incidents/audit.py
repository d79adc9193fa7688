"""The audit in words: what each act is called, and what it changed, as a person reads it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, DateTimeField, Field, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.cells import harmless
from incidents.choices import MissedBecause
from incidents.leads import leads_words
from incidents.models import Change, Component, ComponentGroup, Incident, IncidentUpdate, Page
from incidents.times import describe

AUDIT = "incidents.audit_change"

ACTS = {
    "open_incident": gettext_lazy("opened the incident"),
    "schedule_maintenance": gettext_lazy("announced the maintenance"),
    "post_update": gettext_lazy("posted an update"),
    "publish_draft": gettext_lazy("published a draft"),
    "approve_draft": gettext_lazy("approved and published a draft"),
    "publish_urgently": gettext_lazy("published without a second person, as urgent"),
    "acknowledge": gettext_lazy("looked at what was published as urgent"),
    "draft_notice": gettext_lazy("began a draft of a notice"),
    "draft_update": gettext_lazy("began a draft"),
    "edit_draft": gettext_lazy("changed a draft"),
    "submit_for_review": gettext_lazy("submitted a draft for review"),
    "send_back": gettext_lazy("sent a draft back"),
    "schedule_draft": gettext_lazy("approved a draft for its time"),
    "unschedule_draft": gettext_lazy("called off the time of a draft"),
    "publish_by_clock": gettext_lazy("published a draft at its time"),
    "miss_draft": gettext_lazy("did not publish a draft at its time"),
    "discard_draft": gettext_lazy("discarded a draft"),
    "reschedule_maintenance": gettext_lazy("moved the maintenance"),
    "edit_notice": gettext_lazy("edited the notice"),
    "edit_update": gettext_lazy("replaced the text of an update"),
    "redact_update": gettext_lazy("removed a passage from an update"),
    "report_past_incident": gettext_lazy("reported a past incident"),
    "translate_notice": gettext_lazy("translated the notice"),
    "start_by_clock": gettext_lazy("started it at its time"),
    "verify_by_clock": gettext_lazy("ended it at its planned time: waiting for the all-clear"),
    "complete_by_clock": gettext_lazy("completed it at its planned end"),
    "start_series": gettext_lazy("began a series of maintenance"),
    "change_series": gettext_lazy("changed a series of maintenance"),
    "end_series": gettext_lazy("ended a series of maintenance"),
    "skip_day": gettext_lazy("skipped a day of a series"),
    "restore_day": gettext_lazy("took a skipped day back into a series"),
    "announce_day": gettext_lazy("announced a day of a series"),
    "add_template": gettext_lazy("added a template"),
    "change_template": gettext_lazy("changed a template"),
    "delete_template": gettext_lazy("deleted a template"),
    "set_component_status": gettext_lazy("set a component’s status"),
    "archive_component": gettext_lazy("archived a component"),
    "add": gettext_lazy("added to the page"),
    "change": gettext_lazy("changed the page"),
    "pause_telling": gettext_lazy("paused what subscribers are told"),
    "resume_telling": gettext_lazy("let subscribers be told again"),
    "retry_telling": gettext_lazy("tried failed deliveries again"),
}
# Acts on people: on accounts of staff, and on subscribers. For auditors and administrators alone.
ACTS_ON_PEOPLE = {
    "sign_in": gettext_lazy("signed in"),
    "guess_password": gettext_lazy("tried many wrong passwords"),
    "add_account": gettext_lazy("added an account or group"),
    "change_account": gettext_lazy("changed an account or group"),
    "change_password": gettext_lazy("set a password"),
    "delete_account": gettext_lazy("deleted an account or group"),
    "invite_subscriber": gettext_lazy("invited a subscriber"),
    "unsubscribe": gettext_lazy("unsubscribed subscribers"),
    "release": gettext_lazy("took subscribers out of quarantine"),
    "erase_subscriber": gettext_lazy("erased a subscriber"),
    "export_subscribers": gettext_lazy("exported subscribers"),
    "import_subscribers": gettext_lazy("imported subscribers"),
    "export_changes": gettext_lazy("exported who did what"),
}
ACTS_ON_THE_PAGE = ("set_component_status", "archive_component", "add", "change")

# Kept with each act, and no news to a reader.
BESIDE = frozenset("id code kind created_at updated_at edited_at published_at text_version author update".split())

NAMES = {
    "effects": gettext_lazy("effects"),
    "links": gettext_lazy("links"),
    "update_components": gettext_lazy("components"),
    "translations": gettext_lazy("translations (checksums)"),
    "update_translations": gettext_lazy("translations (checksums)"),
    "language": gettext_lazy("language"),
    "because": gettext_lazy("the reason"),
    "note": gettext_lazy("note"),
    "publish_at": gettext_lazy("publish at"),
    "approved_by": gettext_lazy("approved by"),
    "missed_because": gettext_lazy("why not"),
    "why": gettext_lazy("what was wrong"),
    "written_by": gettext_lazy("written by"),
    "published_by": gettext_lazy("published by"),
    "monitoring_at": gettext_lazy("watched since"),
    "resolved_at": gettext_lazy("resolved"),
}

LONG = 80
MANY_WORDS = 1_500
WORDS = re.compile(r"\S+\s*|\s+")
SAME, GONE, NEW = "same", "gone", "new"

COLUMNS = ("at", "who", "act", "subject", "notice", "version", "what changed")
PIECE = 500


@dataclass(frozen=True)
class Difference:
    """What an act did to one thing. `parts` are the words of a long text that stayed, went and came."""

    label: str
    before: str
    after: str
    parts: tuple[tuple[str, str], ...] = ()


def act_in_words(change: Change) -> str:
    return str({**ACTS, **ACTS_ON_PEOPLE}.get(change.verb, change.verb))


def seen_by(user: object) -> QuerySet[Change]:
    """The acts that `user` may read. That they may read any is for the caller to ask."""
    changes = Change.objects.all()
    return changes if user.has_perm(AUDIT) else changes.exclude(verb__in=ACTS_ON_PEOPLE)  # type: ignore[attr-defined]


def differences(change: Change, zone: ZoneInfo) -> list[Difference]:
    """What an act changed, in words; times in `zone`. Asks the database nothing."""
    found = []
    for name in {**change.before, **change.after}:
        if name in BESIDE or change.before.get(name, "") == change.after.get(name, ""):
            continue
        field = _field(name, change)
        before, after = (_words(name, field, facts.get(name, ""), zone) for facts in (change.before, change.after))
        if before != after:
            found.append(Difference(_label(name, field), before, after, _parts(before, after)))
    return found


def csv_pieces(changes: QuerySet[Change], zone: ZoneInfo) -> Iterator[str]:
    """All of `changes` as a spreadsheet, header first, in pieces: nothing is held in memory but one of them."""
    yield _lines([COLUMNS])
    piece: list[list[str]] = []
    for change in changes.select_related("incident").iterator(chunk_size=PIECE):
        piece.append(_row(change, zone))
        if len(piece) == PIECE:
            yield _lines(piece)
            piece = []
    yield _lines(piece)


def _row(change: Change, zone: ZoneInfo) -> list[str]:
    changed = [f"{row.label}: {row.before or '–'} → {row.after or '–'}" for row in differences(change, zone)]
    return [
        change.at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        change.actor_name,
        act_in_words(change),
        change.subject,
        change.incident.code if change.incident else "",
        str(change.version or ""),
        "\n".join(changed),
    ]


def _lines(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _field(name: str, change: Change) -> Field | None:
    models = (Component, ComponentGroup, Page) if change.verb in ACTS_ON_THE_PAGE else (Incident,)
    if name.startswith("update_") and change.verb not in ACTS_ON_THE_PAGE:
        name, models = name.removeprefix("update_"), (IncidentUpdate,)
    fields = {field.name: field for model in reversed(models) for field in model._meta.concrete_fields}
    return fields.get(name)


def _label(name: str, field: Field | None) -> str:
    return str(NAMES.get(name) or (field.verbose_name if field else name.replace("_", " ")))


def _words(name: str, field: Field | None, value: str, zone: ZoneInfo) -> str:
    if value in ("", "None"):
        return ""
    if name == "missed_because":
        return str(dict(MissedBecause.choices).get(value, value))
    if name == "reminders":
        return leads_words(json.loads(value))
    if isinstance(field, DateTimeField) or name == "publish_at":
        return describe(dt.datetime.fromisoformat(value), zone)
    if isinstance(field, BooleanField):
        return _("yes") if value == "True" else _("no")
    return str(dict(field.flatchoices).get(value, value)) if field else value


def _parts(before: str, after: str) -> tuple[tuple[str, str], ...]:
    if not (before and after) or max(len(before), len(after)) <= LONG:
        return ()
    old, new = WORDS.findall(before), WORDS.findall(after)
    if max(len(old), len(new)) > MANY_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    parts = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            parts.append((SAME, "".join(old[i:j])))
            continue
        parts += [part for part in ((GONE, "".join(old[i:j])), (NEW, "".join(new[k:m]))) if part[1]]
    return tuple(parts)
