"""The second pair of eyes: asking for it, sending a draft back, and looking afterwards at what could not wait.

To approve a draft is to publish it (actions.publish_draft), or to let the clock do so (timing.schedule_draft).
"""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.models import IncidentUpdate, Page, UrgentAct
from incidents.text import clean_body
from incidents.values import Actor
from incidents.writing import fresh_draft, refuse_if_rewritten, unapprove


@transaction.atomic
def submit_for_review(draft: IncidentUpdate, *, actor: Actor, at: dt.datetime | None = None) -> IncidentUpdate:
    """Say that a draft is ready for a colleague. Raises ValidationError when it is gone, published or without words."""
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = fresh_draft(draft)
    if draft.review_asked_at:
        return draft  # a second click
    if not draft.body:
        raise ValidationError({"body": _("Write at least one sentence for customers.")})
    draft.review_asked_at, draft.sent_back_by, draft.sent_back_note = at, "", ""
    draft.save(update_fields=["review_asked_at", "sent_back_by", "sent_back_note"])
    _record(page, draft, verb="submit_for_review", actor=actor, at=at)
    return draft


@transaction.atomic
def send_back(
    draft: IncidentUpdate,
    note: str,
    *,
    actor: Actor,
    unchanged_since: dt.datetime | None = None,
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Give a draft back to its author with a note, which is never public; an approval ends.

    Raises ValidationError, and StaleIncident when the draft is no longer what was read (its `updated_at`).
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = fresh_draft(draft)
    refuse_if_rewritten(draft, unchanged_since)
    note = clean_body(note)
    if not note:
        raise ValidationError({"note": _("Say what should change: the author reads it.")})
    unapprove(draft)
    draft.review_asked_at, draft.sent_back_by, draft.sent_back_note = None, history.actor_name(actor), note
    draft.save(update_fields=["review_asked_at", "sent_back_by", "sent_back_note"])
    _record(page, draft, verb="send_back", actor=actor, at=at, after={"note": note})
    return draft


@transaction.atomic
def acknowledge(urgent: UrgentAct, *, actor: Actor, at: dt.datetime | None = None) -> UrgentAct:
    """Say that a second person has looked at what was published without one. Again changes nothing.

    Raises ValidationError for who published it.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    urgent = UrgentAct.objects.select_related("incident").get(pk=urgent.pk)
    if urgent.acknowledged_at:
        return urgent
    if actor is None or urgent.actor_id == actor.pk:
        raise ValidationError(_("Somebody else has to look at it: you published it yourself."))
    urgent.acknowledged_at, urgent.acknowledged_by = at, history.actor_name(actor)
    urgent.save(update_fields=["acknowledged_at", "acknowledged_by"])
    history.record(
        page,
        verb="acknowledge",
        actor=actor,
        subject=urgent.incident.title,
        at=at,
        incident=urgent.incident,
        after={"published_by": urgent.actor_name, "because": urgent.because},
        public=False,
    )
    return urgent


def _record(
    page: Page, draft: IncidentUpdate, *, verb: str, actor: Actor, at: dt.datetime, after: dict[str, str] | None = None
) -> None:
    history.record(
        page,
        verb=verb,
        actor=actor,
        subject=draft.incident.title,
        at=at,
        incident=draft.incident,
        after={"written_by": draft.byline} | (after or {}),
        public=False,
    )
