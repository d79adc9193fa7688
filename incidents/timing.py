"""Publishing at a time: approving a draft for it, calling it off, and what the clock does when the time has come.

A draft with `publish_at` is published by the clock if it was approved (`approved_version`) and nothing came between. It
is never dropped: what could not be published stays a draft, and says why.
"""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.choices import NEXT_STATUSES, IncidentStatus, MissedBecause
from incidents.models import IncidentUpdate, Page
from incidents.values import Actor
from incidents.writing import (
    NOT_APPROVED,
    fresh_draft,
    is_alone,
    publish_update,
    record_urgent,
    refuse_if_rewritten,
    refuse_if_stale,
    urgency,
)

# Later than this it is not published any more: what was true then may be wrong now.
TOO_LATE = dt.timedelta(hours=1)

PUBLISHED_BY_CLOCK = "publish_by_clock"
# Acts on a notice that are no news to whoever set a time before: the clock's own, and corrections that tell nobody.
NO_NEWS = ("start_by_clock", "verify_by_clock", "complete_by_clock", PUBLISHED_BY_CLOCK, "edit_notice")


@transaction.atomic
def schedule_draft(
    draft: IncidentUpdate,
    publish_at: dt.datetime,
    *,
    actor: Actor,
    seen: int | None = None,
    unchanged_since: dt.datetime | None = None,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Approve a draft as it stands, to be published by the clock at `publish_at`.

    `seen` and `unchanged_since` as in publish_draft, whose rule about a second person holds here: raises ReviewNeeded,
    StaleIncident, and ValidationError for a time that has passed or a draft that is gone.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = fresh_draft(draft)
    refuse_if_stale(draft.incident, seen)
    refuse_if_rewritten(draft, unchanged_since)
    if draft.approved_version is not None and draft.publish_at == publish_at:
        return draft  # a second click
    _check_time(draft, publish_at, at)
    alone = is_alone(draft, actor)
    because = urgency(page, urgent_because, alone=alone)
    before = _plan_of(draft)
    draft.publish_at, draft.approved_version, draft.approved_by = publish_at, page.version, history.actor_name(actor)
    draft.was_reviewed = not alone or bool(because)
    draft.missed_at, draft.missed_because = None, ""
    draft.review_asked_at, draft.sent_back_by, draft.sent_back_note = None, "", ""
    draft.updated_at = at
    draft.save()
    _record(page, draft, verb="schedule_draft", actor=actor, at=at, before=before, after=_plan_of(draft))
    if because:
        record_urgent(page, draft.incident, draft, actor=actor, because=because, at=at)
    return draft


@transaction.atomic
def unschedule_draft(draft: IncidentUpdate, *, actor: Actor, at: dt.datetime | None = None) -> IncidentUpdate:
    """Call the time off, or take notice that it was missed: it stays a draft. Raises ValidationError if it is gone."""
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = fresh_draft(draft)
    if draft.publish_at is None and draft.missed_at is None:
        return draft
    before = _plan_of(draft)
    draft.missed_at, draft.missed_because = None, ""
    _forget_plan(draft, at)
    _record(page, draft, verb="unschedule_draft", actor=actor, at=at, before=before, after={})
    return draft


def publish_due(page: Page, draft: IncidentUpdate, now: dt.datetime) -> IncidentUpdate | None:
    """Publish a draft whose time has come, or mark it as missed. The page is locked by the caller."""
    if reason := _hindrance(page, draft, now):
        _miss(page, draft, reason, now)
        return None
    try:
        with transaction.atomic():
            update = fresh_draft(draft)
            update.display_at = now
            update.save(update_fields=["display_at"])
            publish_update(page, update.incident, update, actor=None, at=now, verb=PUBLISHED_BY_CLOCK, by_clock=True)
    except ValidationError as problem:
        _miss(page, draft, MissedBecause.REFUSED, now, why=" ".join(problem.messages))
        return None
    return update


def _check_time(draft: IncidentUpdate, publish_at: dt.datetime, at: dt.datetime) -> None:
    if publish_at <= at:
        raise ValidationError({"publish_at": _("This time has passed. Publish now, or choose a later one.")})
    if draft.next_update_by and draft.next_update_by <= publish_at:
        raise ValidationError(
            {"next_update_by": _("The next update must be promised for after this one is published.")}
        )
    ends = draft.incident.work_ends_at
    if draft.incident.is_draft and ends and ends <= publish_at:
        raise ValidationError({"publish_at": _("The work is over by then: announce it earlier.")})
    if not draft.body:
        raise ValidationError({"body": _("Write at least one sentence for customers.")})


def _hindrance(page: Page, draft: IncidentUpdate, now: dt.datetime) -> MissedBecause | None:
    incident = draft.incident
    if now - draft.publish_at > TOO_LATE:
        return MissedBecause.TOO_LATE
    if draft.approved_version is None or (page.needs_review and not draft.was_reviewed):
        return MissedBecause.NOT_APPROVED
    if incident.is_draft:
        return None
    news = incident.changes.filter(version__gt=draft.approved_version).exclude(verb__in=NO_NEWS).exists()
    if not incident.is_open and (news or draft.status not in NEXT_STATUSES[IncidentStatus(incident.status)]):
        return MissedBecause.CLOSED
    return MissedBecause.OVERTAKEN if news else None


def _miss(page: Page, draft: IncidentUpdate, reason: MissedBecause, now: dt.datetime, *, why: str = "") -> None:
    before = _plan_of(draft)
    draft.missed_at, draft.missed_because = draft.publish_at, reason
    _forget_plan(draft, now)
    after = {"missed_because": str(reason)} | ({"why": why} if why else {})
    _record(page, draft, verb="miss_draft", actor=None, at=now, before=before, after=after)


def _forget_plan(draft: IncidentUpdate, at: dt.datetime) -> None:
    draft.publish_at = None
    for name, value in NOT_APPROVED.items():
        setattr(draft, name, value)
    draft.updated_at = at
    draft.save(update_fields=["publish_at", "missed_at", "missed_because", "updated_at", *NOT_APPROVED])


def _plan_of(draft: IncidentUpdate) -> dict[str, str]:
    plan = {"publish_at": draft.publish_at, "approved_by": draft.approved_by}
    return {name: str(value) for name, value in plan.items() if value}


def _record(
    page: Page,
    draft: IncidentUpdate,
    *,
    verb: str,
    actor: Actor,
    at: dt.datetime,
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    history.record(
        page,
        verb=verb,
        actor=actor,
        subject=draft.incident.title,
        at=at,
        incident=draft.incident,
        before=before,
        after=after,
        public=False,
    )
