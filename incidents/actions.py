"""The verbs: every change of facts, whoever asks for it (admin, command, demo, clock, API).

Each is one transaction that first locks the page row, so that changes have one order and every version of the page is
whole. Texts are rendered here, once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.choices import IncidentKind
from incidents.models import Incident, IncidentUpdate, Page
from incidents.moves import planned_times
from incidents.text import clean_line
from incidents.values import (
    PLANNED_TIMES,
    Actor,
    AllClear,
    NoticeDetails,
    StaleIncident,
    UpdateText,
    Window,
)
from incidents.writing import (
    all_facts,
    begin,
    check_display,
    check_move,
    check_window,
    differ,
    facts_of,
    fresh_draft,
    is_alone,
    lasting_impact,
    posted_before,
    publish_update,
    record_urgent,
    refuse_if_rewritten,
    refuse_if_stale,
    refuse_missed_reminders,
    rewritten,
    said_by,
    says_the_same,
    set_details,
    set_lines,
    set_window,
    unapprove,
    urgency,
    write_update,
)


@transaction.atomic
def open_incident(
    *,
    title: str,
    update: UpdateText,
    actor: Actor,
    details: NoticeDetails = NoticeDetails(),
    started_at: dt.datetime | None = None,
    publish: bool = True,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Begin an incident with its first update; with `publish` false, both stay drafts.

    `at` is the moment of the act, now by default. Raises ValidationError; and ReviewNeeded when the page asks for a
    second person and `urgent_because` gives no reason to do without, as all verbs that publish do.
    """
    page = Page.objects.locked()
    if twin := posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident(
        kind=IncidentKind.REALTIME,
        title=clean_line(title),
        status=update.status,
        started_at=started_at or at,
        time_zone=page.time_zone,
    )
    return begin(
        page,
        incident,
        update,
        details,
        actor=actor,
        publish=publish,
        at=at,
        verb="open_incident",
        urgent_because=urgent_because,
    )


@transaction.atomic
def schedule_maintenance(
    *,
    title: str,
    window: Window,
    update: UpdateText,
    actor: Actor,
    details: NoticeDetails = NoticeDetails(),
    publish: bool = True,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Announce a maintenance; with `publish` false it stays a draft. Raises ValidationError."""
    page = Page.objects.locked()
    if twin := posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident(
        kind=IncidentKind.SCHEDULED,
        title=clean_line(title),
        status=update.status,
        started_at=at,
        reminders=page.reminders,
        **asdict(window),
    )
    check_window(window)
    return begin(
        page,
        incident,
        update,
        details,
        actor=actor,
        publish=publish,
        at=at,
        verb="schedule_maintenance",
        urgent_because=urgent_because,
    )


@transaction.atomic
def post_update(
    incident: Incident,
    update: UpdateText,
    *,
    actor: Actor,
    all_clear: AllClear | None = None,
    publish: bool = True,
    urgent_because: str = "",
    at: dt.datetime | None = None,
    verb: str = "post_update",
    by_clock: bool = False,
) -> IncidentUpdate:
    """Publish one update (or keep it as a draft); notice, components and page follow it.

    Resolving, the all-clear and cancelling are updates too: the closing status makes them so.
    Raises ValidationError, and StaleIncident when someone was faster.
    """
    page = Page.objects.locked()
    if twin := posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident.objects.get(pk=incident.pk)
    written = write_update(
        IncidentUpdate(incident=incident, created_at=at), update, actor=actor, at=at, all_clear=all_clear
    )
    if publish:
        refuse_if_stale(incident, update.seen)
        publish_update(
            page, incident, written, actor=actor, at=at, verb=verb, urgent_because=urgent_because, by_clock=by_clock
        )
    else:
        history.record(
            page,
            verb="draft_update",
            actor=actor,
            subject=incident.title,
            at=at,
            incident=incident,
            after=said_by(written),
            public=False,
        )
    return written


@transaction.atomic
def reschedule_maintenance(
    incident: Incident,
    window: Window,
    update: UpdateText,
    *,
    actor: Actor,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Move an announced maintenance, or only the end of one in progress, and publish the update that tells of it.

    The update keeps the times that were planned before. Its status is the notice's own, which stays as it is. Raises
    ValidationError, also when nothing moves or it is too late for that, and StaleIncident when someone was faster.
    """
    page = Page.objects.locked()
    if twin := posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident.objects.get(pk=incident.pk)
    refuse_if_stale(incident, update.seen)
    check_move(incident, window, update, at)
    replaces = {f"was_{name}": getattr(incident, name) for name in PLANNED_TIMES}
    row = IncidentUpdate(incident=incident, created_at=at, **replaces)
    written = write_update(row, update, actor=actor, at=at)
    publish_update(
        page,
        incident,
        written,
        actor=actor,
        at=at,
        verb="reschedule_maintenance",
        window=window,
        urgent_because=urgent_because,
    )
    return written


@transaction.atomic
def edit_draft(
    draft: IncidentUpdate,
    update: UpdateText,
    *,
    actor: Actor,
    all_clear: AllClear | None = None,
    unchanged_since: dt.datetime | None = None,
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Rewrite an update that nobody has seen yet. Whoever changes its words becomes its author; an approval ends.

    `unchanged_since` is the draft's `updated_at` when the author began to write; None skips that check.
    Raises ValidationError, also when it has been published meanwhile, and StaleIncident when another form rewrote it.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = fresh_draft(draft)
    is_same_form = update.form_id is not None and update.form_id == draft.form_id
    if not is_same_form:
        refuse_if_rewritten(draft, unchanged_since)
    before = said_by(draft)
    had = {name: getattr(draft, name) for name in ("author", "byline", "updated_at", "display_at")}
    written = write_update(draft, update, actor=actor, at=at, all_clear=all_clear)
    after = said_by(written)
    if says_the_same(before, after, at):
        for name, value in had.items():
            setattr(written, name, value)
        if before.get("update_publish_at") != after.get("update_publish_at"):
            written.updated_at = at
        written.save(update_fields=list(had))
    if before != after:
        unapprove(written)
        history.record(
            page,
            verb="edit_draft",
            actor=actor,
            subject=written.incident.title,
            at=at,
            incident=written.incident,
            before=before,
            after=after,
            public=False,
        )
    return written


@transaction.atomic
def publish_draft(
    draft: IncidentUpdate,
    *,
    actor: Actor,
    seen: int | None = None,
    unchanged_since: dt.datetime | None = None,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Publish a draft as it stands, together with its notice when that is a draft too.

    `unchanged_since` is the draft's `updated_at` as it was read; None skips that check. Publishing what has been
    published already changes nothing. Raises StaleIncident when someone posted meanwhile or rewrote the draft, and
    ReviewNeeded when the page asks for a second person and `actor` is who wrote it last.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = IncidentUpdate.objects.select_related("incident").get(pk=draft.pk)
    if not draft.is_draft:
        return draft
    refuse_if_stale(draft.incident, seen)
    refuse_if_rewritten(draft, unchanged_since)
    if draft.is_backdated:
        check_display(draft.incident, draft.display_at, at)
    else:
        draft.display_at = at
        draft.save(update_fields=["display_at"])
    is_approval = page.needs_review and not is_alone(draft, actor)
    verb = "approve_draft" if is_approval else "publish_draft"
    publish_update(page, draft.incident, draft, actor=actor, at=at, verb=verb, urgent_because=urgent_because)
    return draft


@transaction.atomic
def discard_draft(draft: IncidentUpdate, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Delete an update that nobody has seen, and its notice when that is a draft too."""
    page = Page.objects.locked()
    draft = fresh_draft(draft)
    incident = draft.incident
    goes_too = incident.is_draft and not incident.updates.exclude(pk=draft.pk).exists()
    before = all_facts(incident, draft) if goes_too else said_by(draft)
    draft.delete()
    if goes_too:
        incident.delete()
    history.record(
        page,
        verb="discard_draft",
        actor=actor,
        subject=incident.title,
        at=at or timezone.now(),
        incident=None if goes_too else incident,
        before=before,
        public=False,
    )


@transaction.atomic
def edit_notice(
    incident: Incident,
    *,
    actor: Actor,
    title: str,
    details: NoticeDetails,
    window: Window | None = None,
    started_at: dt.datetime | None = None,
    unchanged_since: dt.datetime | None = None,
    urgent_because: str = "",
    at: dt.datetime | None = None,
) -> Incident:
    """Change what a notice says apart from its updates. Tells nobody: post an update for that.

    The planned times of a published maintenance are not changed here, but moved (reschedule_maintenance).
    `unchanged_since` is the notice's `updated_at` when the author began to write; None skips that check.
    Raises ValidationError, StaleIncident when someone was faster, and ReviewNeeded: an edit of what is public is
    published by its author.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    incident = Incident.objects.get(pk=incident.pk)
    because = "" if incident.is_draft else urgency(page, urgent_because, alone=True)
    if unchanged_since and incident.updated_at != unchanged_since:
        raise StaleIncident(incident.updates.public().filter(published_at__gt=unchanged_since))
    before = facts_of(incident)
    incident.title = clean_line(title)
    incident.started_at = started_at or incident.started_at
    if window is not None:
        check_window(window)
        if not incident.is_draft and planned_times(window) != planned_times(incident):
            raise ValidationError(_("The times of a published maintenance are moved with an update that tells of it."))
        set_window(incident, window)
    known = incident.reminders
    set_details(incident, details)
    if not incident.is_draft:
        refuse_missed_reminders(incident, known, at)
    incident.impact = lasting_impact(incident)
    incident.updated_at = at
    if not incident.is_draft:
        incident.edited_at = at
    incident.save(update_fields=[f.name for f in Incident._meta.concrete_fields if f.name != "id"])
    set_lines(incident, details)
    after = facts_of(incident)
    if incident.is_draft:
        if not differ(before, after):
            return incident
        rewritten(incident, actor=actor, at=at)
    history.record(
        page,
        verb="edit_notice",
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        before=before,
        after=after,
        public=not incident.is_draft,
    )
    if because:
        record_urgent(page, incident, None, actor=actor, because=because, at=at)
    return incident
