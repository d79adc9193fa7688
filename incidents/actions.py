"""The verbs: every change of facts, whoever asks for it (admin, command, demo, clock, API).

Each is one transaction that first locks the page row, so that changes have one order and every version of the page is
whole. Texts are rendered here, once.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.choices import (
    CLOSED,
    MOVABLE,
    NEXT_STATUSES,
    STATUSES,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from incidents.component_actions import show_component_statuses
from incidents.leads import in_order, lead_words
from incidents.models import (
    Component,
    Effect,
    Incident,
    IncidentComponent,
    IncidentLink,
    IncidentUpdate,
    Page,
    UpdateComponent,
)
from incidents.moves import planned_times
from incidents.rollup import IMPACT_OF_STATUS, worst_impact
from incidents.text import TEXT_VERSION, clean_body, clean_line, render_markdown

Actor = AbstractBaseUser | None

PLANNED_TIMES = ("work_starts_at", "work_ends_at", "avoid_starts_at", "avoid_ends_at")
NOTICE_TEXTS = ("reason", "advice_before", "advice_during", "advice_after")


class StaleIncident(Exception):
    """Someone changed the notice after the author began to write. Holds the updates that came meanwhile."""

    def __init__(self, meanwhile: Sequence[IncidentUpdate]) -> None:
        super().__init__(meanwhile)
        self.meanwhile = list(meanwhile)


@dataclass(frozen=True)
class UpdateText:
    """What staff write in one update.

    `components` maps component ids to the status they have from then on. `form_id` names the form it was written in:
    the same form counts once, however often it arrives. `seen` is the id of the newest published update that the
    author had before them (0: none); None skips that check.
    """

    status: str
    body: str
    components: Mapping[int, str] = field(default_factory=dict)
    notify: bool = True
    next_update_by: dt.datetime | None = None
    form_id: uuid.UUID | None = None
    seen: int | None = None


@dataclass(frozen=True)
class EffectLine:
    function: str
    level: str
    note: str = ""


@dataclass(frozen=True)
class LinkTo:
    target_id: int
    kind: str


@dataclass(frozen=True)
class NoticeDetails:
    """What a notice says apart from its updates. Texts are Markdown.

    `reminders` are minutes before the work; None leaves a notice those it has, and a new one begins with the page's.
    """

    reason: str = ""
    advice_before: str = ""
    advice_during: str = ""
    advice_after: str = ""
    data_statement: str = ""
    effects: Sequence[EffectLine] = ()
    links: Sequence[LinkTo] = ()
    byline: str = ""
    impact_override: str = ""
    reminders: Sequence[int] | None = None


@dataclass(frozen=True)
class Window:
    """Planned times of a maintenance, as instants; `time_zone` is the zone in which they were written."""

    work_starts_at: dt.datetime
    work_ends_at: dt.datetime
    time_zone: str
    avoid_starts_at: dt.datetime | None = None
    avoid_ends_at: dt.datetime | None = None
    completes_by_clock: bool = False


@dataclass(frozen=True)
class AllClear:
    """How a maintenance went: actual times, and the promise about data answered."""

    actual_started_at: dt.datetime | None = None
    actual_ended_at: dt.datetime | None = None
    data_outcome: str = ""


@transaction.atomic
def open_incident(
    *,
    title: str,
    update: UpdateText,
    actor: Actor,
    details: NoticeDetails = NoticeDetails(),
    started_at: dt.datetime | None = None,
    publish: bool = True,
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Begin an incident with its first update; with `publish` false, both stay drafts.

    `at` is the moment of the act, now by default. Raises ValidationError.
    """
    page = Page.objects.locked()
    if twin := _posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident(
        kind=IncidentKind.REALTIME,
        title=clean_line(title),
        status=update.status,
        started_at=started_at or at,
        time_zone=page.time_zone,
    )
    return _begin(page, incident, update, details, actor=actor, publish=publish, at=at, verb="open_incident")


@transaction.atomic
def schedule_maintenance(
    *,
    title: str,
    window: Window,
    update: UpdateText,
    actor: Actor,
    details: NoticeDetails = NoticeDetails(),
    publish: bool = True,
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Announce a maintenance; with `publish` false it stays a draft. Raises ValidationError."""
    page = Page.objects.locked()
    if twin := _posted_before(update):
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
    return _begin(page, incident, update, details, actor=actor, publish=publish, at=at, verb="schedule_maintenance")


@transaction.atomic
def post_update(
    incident: Incident,
    update: UpdateText,
    *,
    actor: Actor,
    all_clear: AllClear | None = None,
    publish: bool = True,
    at: dt.datetime | None = None,
    verb: str = "post_update",
) -> IncidentUpdate:
    """Publish one update (or keep it as a draft); notice, components and page follow it.

    Resolving, the all-clear and cancelling are updates too: the closing status makes them so.
    Raises ValidationError, and StaleIncident when someone was faster.
    """
    page = Page.objects.locked()
    if twin := _posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident.objects.get(pk=incident.pk)
    written = _write(IncidentUpdate(incident=incident, created_at=at), update, actor=actor, at=at, all_clear=all_clear)
    if publish:
        _refuse_if_stale(incident, update.seen)
        _publish(page, incident, written, actor=actor, at=at, verb=verb)
    else:
        history.record(
            page, verb="draft_update", actor=actor, subject=incident.title, at=at, incident=incident, public=False
        )
    return written


@transaction.atomic
def reschedule_maintenance(
    incident: Incident,
    window: Window,
    update: UpdateText,
    *,
    actor: Actor,
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Move an announced maintenance, or only the end of one in progress, and publish the update that tells of it.

    The update keeps the times that were planned before. Its status is the notice's own, which stays as it is. Raises
    ValidationError, also when nothing moves or it is too late for that, and StaleIncident when someone was faster.
    """
    page = Page.objects.locked()
    if twin := _posted_before(update):
        return twin
    at = at or timezone.now()
    incident = Incident.objects.get(pk=incident.pk)
    _refuse_if_stale(incident, update.seen)
    _check_move(incident, window, update, at)
    replaces = {f"was_{name}": getattr(incident, name) for name in PLANNED_TIMES}
    row = IncidentUpdate(incident=incident, created_at=at, **replaces)
    written = _write(row, update, actor=actor, at=at)
    _publish(page, incident, written, actor=actor, at=at, verb="reschedule_maintenance", window=window)
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
    """Rewrite an update that nobody has seen yet.

    `unchanged_since` is the draft's `updated_at` when the author began to write; None skips that check.
    Raises ValidationError, also when it has been published meanwhile, and StaleIncident when another form rewrote it.
    """
    Page.objects.locked()
    draft = _draft(draft)
    is_same_form = update.form_id is not None and update.form_id == draft.form_id
    if unchanged_since and draft.updated_at != unchanged_since and not is_same_form:
        raise StaleIncident([draft])
    return _write(draft, update, actor=actor, at=at or timezone.now(), all_clear=all_clear)


@transaction.atomic
def publish_draft(
    draft: IncidentUpdate,
    *,
    actor: Actor,
    seen: int | None = None,
    at: dt.datetime | None = None,
) -> IncidentUpdate:
    """Publish a draft as it stands, together with its notice when that is a draft too.

    Publishing what has been published already changes nothing. Raises StaleIncident when someone posted meanwhile.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    draft = IncidentUpdate.objects.select_related("incident").get(pk=draft.pk)
    if not draft.is_draft:
        return draft
    _refuse_if_stale(draft.incident, seen)
    draft.display_at = at
    draft.save(update_fields=["display_at"])
    _publish(page, draft.incident, draft, actor=actor, at=at, verb="publish_draft")
    return draft


@transaction.atomic
def discard_draft(draft: IncidentUpdate, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Delete an update that nobody has seen, and its notice when that is a draft too."""
    page = Page.objects.locked()
    draft = _draft(draft)
    incident = draft.incident
    draft.delete()
    if incident.is_draft and not incident.updates.exists():
        incident.delete()
    history.record(
        page, verb="discard_draft", actor=actor, subject=incident.title, at=at or timezone.now(), public=False
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
    at: dt.datetime | None = None,
) -> Incident:
    """Change what a notice says apart from its updates. Tells nobody: post an update for that.

    The planned times of a published maintenance are not changed here, but moved (reschedule_maintenance).
    `unchanged_since` is the notice's `updated_at` when the author began to write; None skips that check.
    Raises ValidationError, and StaleIncident when someone was faster.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    incident = Incident.objects.get(pk=incident.pk)
    if unchanged_since and incident.updated_at != unchanged_since:
        raise StaleIncident(incident.updates.public().filter(published_at__gt=unchanged_since))
    before = _facts(incident)
    incident.title = clean_line(title)
    incident.started_at = started_at or incident.started_at
    if window is not None:
        check_window(window)
        if not incident.is_draft and planned_times(window) != planned_times(incident):
            raise ValidationError(_("The times of a published maintenance are moved with an update that tells of it."))
        _set_window(incident, window)
    known = incident.reminders
    _set_details(incident, details)
    if not incident.is_draft:
        _refuse_missed_reminders(incident, known, at)
    incident.impact = _lasting_impact(incident)
    incident.updated_at = at
    if not incident.is_draft:
        incident.edited_at = at
    incident.save(update_fields=[f.name for f in Incident._meta.concrete_fields if f.name != "id"])
    _set_lines(incident, details)
    history.record(
        page,
        verb="edit_notice",
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        before=before,
        after=_facts(incident),
        public=not incident.is_draft,
    )
    return incident


def check_window(window: Window) -> None:
    """Raise ValidationError, by field, when the windows contradict each other."""
    problems: dict[str, str] = {}
    if window.work_ends_at <= window.work_starts_at:
        problems["work_ends_at"] = _("The work must end after it starts.")
    if (window.avoid_starts_at is None) != (window.avoid_ends_at is None):
        missing = "avoid_ends_at" if window.avoid_ends_at is None else "avoid_starts_at"
        problems[missing] = _("Give both ends of the avoid window, or neither.")
    if window.avoid_starts_at and window.avoid_starts_at > window.work_starts_at:
        problems["avoid_starts_at"] = _("The avoid window must begin no later than the work.")
    if window.avoid_ends_at and window.avoid_ends_at < window.work_ends_at:
        problems["avoid_ends_at"] = _("The avoid window must end no earlier than the work.")
    if problems:
        raise ValidationError(problems)


def _check_move(incident: Incident, window: Window, update: UpdateText, at: dt.datetime) -> None:
    if incident.is_draft or incident.status not in MOVABLE:
        raise ValidationError(_("Only a maintenance that is announced or in progress can be moved."))
    if update.status != incident.status:
        raise ValidationError({"status": _("Moving a maintenance leaves its status as it is.")})
    check_window(window)
    before, after = planned_times(incident), planned_times(window)
    if before == after:
        raise ValidationError(_("Nothing moves: these are the times that are announced already."))
    if window.work_ends_at <= at:
        raise ValidationError({"work_ends_at": _("This time has passed: check the day.")})
    if incident.status != IncidentStatus.SCHEDULED and (
        window.work_starts_at != incident.work_starts_at or window.avoid_starts_at != incident.avoid_starts_at
    ):
        raise ValidationError(_("The work has begun: only its end can still be moved."))


def _refuse_missed_reminders(incident: Incident, known: Sequence[int], at: dt.datetime) -> None:
    """A lead that is added after its moment would be told at once, and name a time that is over."""
    for lead in set(incident.reminders) - set(known):
        if incident.work_starts_at - dt.timedelta(minutes=lead) <= at:
            words = _("%(lead)s before the work has passed already. What is to be told now belongs in an update.")
            raise ValidationError({"reminders": words % {"lead": lead_words(lead)}})


def _begin(
    page: Page,
    incident: Incident,
    update: UpdateText,
    details: NoticeDetails,
    *,
    actor: Actor,
    publish: bool,
    at: dt.datetime,
    verb: str,
) -> IncidentUpdate:
    incident.created_at = incident.updated_at = at
    incident.author = actor
    _set_details(incident, details)
    incident.byline = incident.byline or (history.actor_name(actor) if actor else "")
    incident.save(force_insert=True)
    _set_lines(incident, details)
    written = _write(IncidentUpdate(incident=incident, created_at=at), update, actor=actor, at=at)
    if publish:
        _publish(page, incident, written, actor=actor, at=at, verb=verb)
    else:
        history.record(
            page, verb="draft_notice", actor=actor, subject=incident.title, at=at, incident=incident, public=False
        )
    return written


def _posted_before(update: UpdateText) -> IncidentUpdate | None:
    if update.form_id is None:
        return None
    return IncidentUpdate.objects.select_related("incident").filter(form_id=update.form_id).first()


def _draft(draft: IncidentUpdate) -> IncidentUpdate:
    fresh = IncidentUpdate.objects.select_related("incident").filter(pk=draft.pk, published_at=None).first()
    if fresh is None:
        raise ValidationError(_("This draft has been published or discarded meanwhile."))
    return fresh


def _refuse_if_stale(incident: Incident, seen: int | None) -> None:
    if seen is None:
        return
    public = incident.updates.public().order_by("published_at", "pk")
    newest = public.last()
    if newest is None or newest.pk == seen:
        return
    # Not by primary key: a draft has an old one when it is published.
    known = public.filter(pk=seen).values_list("published_at", flat=True).first()
    raise StaleIncident(public.filter(published_at__gte=known).exclude(pk=seen) if known else public)


def _write(
    row: IncidentUpdate, update: UpdateText, *, actor: Actor, at: dt.datetime, all_clear: AllClear | None = None
) -> IncidentUpdate:
    if update.status not in STATUSES[IncidentKind(row.incident.kind)]:
        raise ValidationError({"status": _("This status does not fit this kind of notice.")})
    row.status = update.status
    try:
        row.body = clean_body(update.body)
        row.body_html = render_markdown(row.body)
    except ValidationError as problem:
        raise ValidationError({"body": problem.messages}) from None
    row.text_version = TEXT_VERSION
    row.notify = update.notify
    row.next_update_by = update.next_update_by
    row.form_id = update.form_id
    _set_answers(row, all_clear or AllClear())
    row.author = actor
    row.byline = history.actor_name(actor) if actor else ""
    row.display_at = row.updated_at = at
    row.save()
    row.affected.all().delete()
    components = Component.objects.public().select_related("group").filter(pk__in=update.components)
    row.affected.bulk_create(
        UpdateComponent(
            update=row,
            component=component,
            name=component.name,
            group_name=component.group.name if component.group else "",
            old_status=component.shown_status,
            new_status=ComponentStatus(update.components[component.pk]),
        )
        for component in components
    )
    return row


def _publish(
    page: Page,
    incident: Incident,
    update: IncidentUpdate,
    *,
    actor: Actor,
    at: dt.datetime,
    verb: str,
    window: Window | None = None,
) -> None:
    """Make `update` public, and the notice planned for `window` if given. The page is locked, and nobody was faster."""
    is_first = incident.is_draft
    if not is_first and update.status not in NEXT_STATUSES[IncidentStatus(incident.status)]:
        raise ValidationError({"status": _("The notice cannot go there from where it is now.")})
    before = _facts(incident)
    if window:
        _set_window(incident, window)
    update.published_at = at
    update.save(update_fields=["published_at"])
    incident.status = update.status
    incident.published_at = incident.published_at or at
    incident.updated_at = at
    incident.next_update_by = None if update.status in CLOSED else update.next_update_by
    _stamp_lifecycle(incident, at=at)
    _keep_answers(incident, update)
    _move_components(incident, update)
    incident.impact = _lasting_impact(incident)
    incident.save(update_fields=[f.name for f in Incident._meta.concrete_fields if f.name != "id"])
    show_component_statuses(at=at)
    history.record(
        page,
        verb=verb,
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        before={} if is_first else before,
        after=_facts(incident) | {"update": update.code},
    )


def _stamp_lifecycle(incident: Incident, *, at: dt.datetime) -> None:
    status = incident.status
    if status in (IncidentStatus.MONITORING, IncidentStatus.VERIFYING):
        incident.monitoring_at = incident.monitoring_at or at
    if status in CLOSED:
        incident.resolved_at = incident.resolved_at or at
    else:
        incident.resolved_at = None
    if status == IncidentStatus.IN_PROGRESS:
        incident.actual_started_at = incident.actual_started_at or at
    if status == IncidentStatus.COMPLETED:
        incident.actual_ended_at = incident.actual_ended_at or at


def _set_answers(row: IncidentUpdate, all_clear: AllClear) -> None:
    start, end = all_clear.actual_started_at, all_clear.actual_ended_at
    if start and end and end < start:
        raise ValidationError({"actual_ended_at": _("The work cannot have ended before it began.")})
    for name, value in asdict(all_clear).items():
        setattr(row, name, value)


def _keep_answers(incident: Incident, update: IncidentUpdate) -> None:
    """Write what the update answers onto its notice. What it leaves open stays as it was."""
    incident.actual_started_at = update.actual_started_at or incident.actual_started_at
    incident.actual_ended_at = update.actual_ended_at or incident.actual_ended_at
    incident.data_outcome = update.data_outcome or incident.data_outcome
    start, end = incident.actual_started_at, incident.actual_ended_at
    if start and end and end < start:
        raise ValidationError({"actual_ended_at": _("The work cannot have ended before it began.")})


def _move_components(incident: Incident, update: IncidentUpdate) -> None:
    """Write what the update says of components onto its notice.

    While a maintenance is only scheduled, the statuses are what it will bring. A closing update leaves nothing down.
    """
    for line in update.affected.select_related("component"):
        line.old_status = line.component.shown_status
        if update.status in CLOSED:
            line.new_status = ComponentStatus.OPERATIONAL
        IncidentComponent.objects.update_or_create(
            incident=incident,
            component=line.component,
            defaults={"name": line.name, "group_name": line.group_name, "status": line.new_status},
        )
        if update.status == IncidentStatus.SCHEDULED:
            line.new_status = line.old_status
        line.save(update_fields=["old_status", "new_status"])
    if update.status in CLOSED:
        incident.affected.update(status=ComponentStatus.OPERATIONAL)


def _lasting_impact(incident: Incident) -> Impact:
    """The worst that the notice has said of any component so far, unless staff chose an impact."""
    if incident.impact_override:
        return Impact(incident.impact_override)
    if incident.is_scheduled:
        return Impact.MAINTENANCE
    published = incident.updates.filter(published_at__isnull=False)
    statuses = UpdateComponent.objects.filter(update__in=published).values_list("new_status", flat=True)
    return worst_impact(IMPACT_OF_STATUS[ComponentStatus(status)] for status in statuses)


def _set_window(incident: Incident, window: Window) -> None:
    for name, value in asdict(window).items():
        setattr(incident, name, value)


def _set_details(incident: Incident, details: NoticeDetails) -> None:
    problems: dict[str, list[str]] = {}
    if details.reminders is not None and incident.is_scheduled:
        try:
            incident.reminders = in_order(details.reminders)
        except ValidationError as problem:
            problems["reminders"] = problem.messages
    for name in NOTICE_TEXTS:
        try:
            source = clean_body(getattr(details, name))
            setattr(incident, name, source)
            setattr(incident, f"{name}_html", render_markdown(source))
        except ValidationError as problem:
            problems[name] = problem.messages
    if problems:
        raise ValidationError(problems)
    incident.text_version = TEXT_VERSION
    incident.data_statement = details.data_statement
    incident.impact_override = details.impact_override
    if details.byline:
        incident.byline = clean_line(details.byline, limit=100)


def _set_lines(incident: Incident, details: NoticeDetails) -> None:
    incident.effects.all().delete()
    incident.effects.bulk_create(
        Effect(
            incident=incident,
            function=clean_line(line.function),
            level=line.level,
            note=clean_line(line.note, limit=300),
            position=position,
        )
        for position, line in enumerate(details.effects, start=1)
    )
    incident.links_out.all().delete()
    incident.links_out.bulk_create(
        IncidentLink(incident=incident, target_id=link.target_id, kind=link.kind) for link in details.links
    )


def _facts(incident: Incident) -> dict[str, str]:
    """What the audit keeps of a notice: its fields as text, without the HTML made from them."""
    return {
        f.name: str(f.value_from_object(incident))
        for f in Incident._meta.concrete_fields
        if not f.name.endswith("_html") and f.value_from_object(incident) not in (None, "")
    }
