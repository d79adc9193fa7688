"""The verbs that replace what was published. Nothing vanishes without a word: earlier texts are kept beside it."""

from __future__ import annotations

import datetime as dt
import uuid

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.choices import EditKind
from incidents.models import Change, IncidentUpdate, Page, UpdateRevision
from incidents.text import MAX_POSTMORTEM, clean_body, clean_line
from incidents.translations import Texts, set_texts
from incidents.values import Actor, StaleIncident
from incidents.writing import record_urgent, set_body, urgency

MAX_WHY = 300
REMOVED = "[removed]"


@transaction.atomic
def edit_update(
    update: IncidentUpdate,
    body: str,
    *,
    kind: str,
    actor: Actor,
    why: str = "",
    notify: bool = False,
    unchanged_since: dt.datetime | None = None,
    form_id: uuid.UUID | None = None,
    translations: Texts | None = None,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Replace the text of a published update, and keep the earlier one beside it.

    `kind` is a correction, which with `notify` is told to whoever got the earlier text; or a typo, which is told to
    nobody. `why` is shown to everybody. Its translations are outdated from then on, but for those that `translations`
    gives anew. `unchanged_since` is the update's `updated_at` when the author began to write;
    None skips that check. Raises ValidationError; StaleIncident with the update when someone was faster; and
    ReviewNeeded, for an edit of what is public is published by its author.
    """
    page = Page.objects.locked()
    if form_id is not None and UpdateRevision.objects.filter(form_id=form_id).exists():
        return _fresh(update)
    at = at or timezone.now()
    update = _fresh(update)
    because = urgency(page, urgent_because, alone=True)
    if unchanged_since and update.updated_at != unchanged_since:
        raise StaleIncident([update])
    if kind not in (EditKind.CORRECTION, EditKind.TYPO):
        raise ValidationError({"kind": _("Say whether this is a correction or a slip of the pen.")})
    if notify and kind != EditKind.CORRECTION:
        raise ValidationError({"notify": _("Only a correction is told to subscribers.")})
    earlier = update.body
    revision = _revision(update, kind, actor=actor, why=why, at=at, notify=notify, form_id=form_id)
    set_body(update, body, status=update.status)
    if not update.body:
        raise ValidationError({"body": _("Write at least one sentence for customers.")})
    if update.body == earlier:
        raise ValidationError({"body": _("Nothing changed: this is the text that is published already.")})
    set_texts(update, translations)
    revision.save(force_insert=True)
    _save_text(page, update, verb="edit_update", actor=actor, at=at, after={"kind": kind, "why": revision.why})
    if because:
        record_urgent(page, update.incident, update, actor=actor, because=because, at=at)
    return update


@transaction.atomic
def redact_update(
    update: IncidentUpdate, passage: str, *, actor: Actor, why: str = "", at: dt.datetime | None = None
) -> IncidentUpdate:
    """Replace `passage` in a published update, and in all its earlier texts, by a word that it was removed.

    For what must not be public, such as a password. Its translations go as a whole, since nobody knows where in them it
    stands. What was mailed cannot be called back, and copies of the database keep it. Raises ValidationError when the
    passage stands nowhere.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    update = _fresh(update)
    passage = clean_body(passage, limit=MAX_POSTMORTEM)
    earlier = [revision for revision in update.revisions.all() if passage and passage in revision.body]
    if not passage or (passage not in update.body and not earlier):
        raise ValidationError({"passage": _("This stands neither in the update nor in its earlier texts.")})
    for row in (update, *earlier):
        set_body(row, row.body.replace(passage, REMOVED), status=update.status)
    for revision in earlier:
        revision.save(update_fields=["body", "body_html", "text_version"])
    update.translations.all().delete()
    _remove_from_audit(update, passage)
    _revision(update, EditKind.REDACTION, actor=actor, why=why, at=at).save(force_insert=True)
    _save_text(page, update, verb="redact_update", actor=actor, at=at, after={"why": clean_line(why, limit=MAX_WHY)})
    return update


def _remove_from_audit(update: IncidentUpdate, passage: str) -> None:
    """The audit keeps what was written, also in drafts; of its rows only this changes any, and says so by its own."""
    changes = []
    for change in Change.objects.filter(incident=update.incident_id):
        facts = [
            {name: text.replace(passage, REMOVED) if isinstance(text, str) else text for name, text in side.items()}
            for side in (change.before, change.after)
        ]
        if facts != [change.before, change.after]:
            change.before, change.after = facts
            changes.append(change)
    Change.objects.bulk_update(changes, ["before", "after"])


def _fresh(update: IncidentUpdate) -> IncidentUpdate:
    fresh = IncidentUpdate.objects.public().select_related("incident").filter(pk=update.pk).first()
    if fresh is None:
        raise ValidationError(_("Only a published update is corrected; a draft is rewritten."))
    return fresh


def _revision(
    update: IncidentUpdate,
    kind: str,
    *,
    actor: Actor,
    why: str,
    at: dt.datetime,
    notify: bool = False,
    form_id: uuid.UUID | None = None,
) -> UpdateRevision:
    """The text that `update` has now, as the earlier one."""
    try:
        why = clean_line(why, limit=MAX_WHY)
    except ValidationError as problem:
        raise ValidationError({"why": problem.messages}) from None
    return UpdateRevision(
        update=update,
        kind=kind,
        body=update.body,
        body_html=update.body_html,
        text_version=update.text_version,
        at=at,
        actor=actor,
        actor_name=history.actor_name(actor),
        why=why,
        notify=notify,
        form_id=form_id,
    )


def _save_text(
    page: Page, update: IncidentUpdate, *, verb: str, actor: Actor, at: dt.datetime, after: dict[str, str]
) -> None:
    update.edited_at = update.updated_at = at
    update.save(update_fields=["body", "body_html", "text_version", "edited_at", "updated_at"])
    incident = update.incident
    incident.updated_at = at
    incident.save(update_fields=["updated_at"])
    # Without the texts: the revisions hold them.
    history.record(
        page,
        verb=verb,
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        after={"update": update.code, **after},
    )
