"""Steps that the verbs share: how a notice and its updates are written, checked and made public.

All of them are called inside a verb's transaction, with the page locked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from django.core.exceptions import ValidationError
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
    EffectOutcome,
    Incident,
    IncidentComponent,
    IncidentLink,
    IncidentUpdate,
    Page,
    UpdateComponent,
    UpdateRevision,
    UrgentAct,
)
from incidents.moves import planned_times
from incidents.rollup import IMPACT_OF_STATUS, worst_impact
from incidents.text import MAX_BODY, MAX_POSTMORTEM, TEXT_VERSION, clean_body, clean_line, render_markdown
from incidents.translations import facts_of_translations, set_texts
from incidents.values import (
    NOTICE_TEXTS,
    Actor,
    AllClear,
    NoticeDetails,
    ReviewNeeded,
    StaleIncident,
    UpdateText,
    Window,
)

BECAUSE_LIMIT = 300
SAID = (
    "status",
    "body",
    "notify",
    "next_update_by",
    "actual_started_at",
    "actual_ended_at",
    "data_outcome",
)
NOT_APPROVED = {"approved_version": None, "approved_by": "", "was_reviewed": False}


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


def check_move(incident: Incident, window: Window, update: UpdateText, at: dt.datetime) -> None:
    if incident.is_draft or incident.status not in MOVABLE:
        raise ValidationError(_("Only a maintenance that is announced or in progress can be moved."))
    if update.status != status_after_move(incident):
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


def status_after_move(incident: Incident) -> str:
    """A move leaves the status as it is, but for work thought to be over: whoever moves its end says it goes on."""
    return IncidentStatus.IN_PROGRESS if incident.status == IncidentStatus.VERIFYING else incident.status


def refuse_missed_reminders(incident: Incident, known: Sequence[int], at: dt.datetime) -> None:
    """A lead that is added after its moment would be told at once, and name a time that is over."""
    for lead in set(incident.reminders) - set(known):
        if incident.work_starts_at - dt.timedelta(minutes=lead) <= at:
            words = _("%(lead)s before the work has passed already. What is to be told now belongs in an update.")
            raise ValidationError({"reminders": words % {"lead": lead_words(lead)}})


def begin(
    page: Page,
    incident: Incident,
    update: UpdateText,
    details: NoticeDetails,
    *,
    actor: Actor,
    publish: bool,
    at: dt.datetime,
    verb: str,
    urgent_because: str = "",
) -> IncidentUpdate:
    incident.created_at = incident.updated_at = at
    incident.author = actor
    set_details(incident, details)
    incident.byline = incident.byline or (history.actor_name(actor) if actor else "")
    incident.save(force_insert=True)
    set_lines(incident, details)
    written = write_update(IncidentUpdate(incident=incident, created_at=at), update, actor=actor, at=at)
    if publish:
        publish_update(page, incident, written, actor=actor, at=at, verb=verb, urgent_because=urgent_because)
    else:
        history.record(
            page,
            verb="draft_notice",
            actor=actor,
            subject=incident.title,
            at=at,
            incident=incident,
            after=all_facts(incident, written),
            public=False,
        )
    return written


def is_alone(update: IncidentUpdate, actor: Actor) -> bool:
    """Whether `actor` is who wrote `update` last. Nobody in particular is no second person."""
    return actor is None or update.author_id == actor.pk


def urgency(page: Page, urgent_because: str, *, alone: bool) -> str:
    """Why this is published by its author alone; "" where nobody asks. Raises ReviewNeeded when there is no reason."""
    if not (page.needs_review and alone):
        return ""
    if because := clean_line(urgent_because, limit=BECAUSE_LIMIT):
        return because
    raise ReviewNeeded


def record_urgent(
    page: Page, incident: Incident, update: IncidentUpdate | None, *, actor: Actor, because: str, at: dt.datetime
) -> None:
    """Keep for a colleague's eyes that this was published without one."""
    UrgentAct.objects.create(
        incident=incident, update=update, at=at, actor=actor, actor_name=history.actor_name(actor), because=because
    )
    history.record(
        page,
        verb="publish_urgently",
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        after={"because": because} | ({"update": update.code} if update else {}),
        public=False,
    )


def posted_before(update: UpdateText) -> IncidentUpdate | None:
    if update.form_id is None:
        return None
    return IncidentUpdate.objects.select_related("incident").filter(form_id=update.form_id).first()


def fresh_draft(draft: IncidentUpdate) -> IncidentUpdate:
    fresh = IncidentUpdate.objects.select_related("incident").filter(pk=draft.pk, published_at=None).first()
    if fresh is None:
        raise ValidationError(_("This draft has been published or discarded meanwhile."))
    return fresh


def refuse_if_stale(incident: Incident, seen: int | None) -> None:
    if seen is None:
        return
    public = incident.updates.public().order_by("published_at", "pk")
    newest = public.last()
    if newest is None or newest.pk == seen:
        return
    # Not by primary key: a draft has an old one when it is published.
    known = public.filter(pk=seen).values_list("published_at", flat=True).first()
    raise StaleIncident(public.filter(published_at__gte=known).exclude(pk=seen) if known else public)


def refuse_if_rewritten(draft: IncidentUpdate, unchanged_since: dt.datetime | None) -> None:
    """Raise StaleIncident when the draft is no longer what its reader or author had before them."""
    if unchanged_since and draft.updated_at != unchanged_since:
        raise StaleIncident([draft])


def unapprove(draft: IncidentUpdate) -> None:
    """What was approved, or missed its time, was another text."""
    gone = {**NOT_APPROVED, "missed_at": None, "missed_because": ""}
    for name, value in gone.items():
        setattr(draft, name, value)
    draft.save(update_fields=list(gone))


def rewritten(incident: Incident, *, actor: Actor, at: dt.datetime) -> None:
    """The notice of a draft was changed: that is part of what its reader reads."""
    for draft in incident.updates.drafts():
        draft.author, draft.byline, draft.updated_at = actor, history.actor_name(actor) if actor else "", at
        draft.save(update_fields=["author", "byline", "updated_at"])
        unapprove(draft)


def says_the_same(before: Mapping[str, str], after: Mapping[str, str], at: dt.datetime) -> bool:
    """Whether the words are the same. The time to publish is none, nor is a promise renewed that has passed."""
    beside = {"update_publish_at"}
    promised = before.get("update_next_update_by")
    if promised and dt.datetime.fromisoformat(promised) <= at:
        beside.add("update_next_update_by")
    return not differ(before, after, beside)


def differ(before: Mapping[str, str], after: Mapping[str, str], beside: Collection[str] = ("updated_at",)) -> bool:
    return any(before.get(name) != after.get(name) for name in (before.keys() | after.keys()).difference(beside))


def write_update(
    row: IncidentUpdate, update: UpdateText, *, actor: Actor, at: dt.datetime, all_clear: AllClear | None = None
) -> IncidentUpdate:
    if update.status not in STATUSES[IncidentKind(row.incident.kind)]:
        raise ValidationError({"status": _("This status does not fit this kind of notice.")})
    row.status = update.status
    set_body(row, update.body, status=row.status)
    row.notify = update.notify
    row.next_update_by = update.next_update_by
    row.form_id = update.form_id
    if row.publish_at != update.publish_at:
        row.publish_at = update.publish_at
        for name, value in NOT_APPROVED.items():
            setattr(row, name, value)
    all_clear = all_clear or AllClear()
    _set_answers(row, all_clear)
    row.author = actor
    row.byline = clean_line(update.byline, limit=100) or (history.actor_name(actor) if actor else "")
    row.updated_at = at
    row.is_backdated = update.display_at is not None
    row.display_at = update.display_at or at
    if update.display_at is not None:
        check_display(row.incident, update.display_at, at)
    row.save()
    set_texts(row, update.translations)
    _set_effect_answers(row, all_clear)
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


def set_body(row: IncidentUpdate | UpdateRevision, source: str, *, status: str) -> None:
    """The text of an update with `status`, or an earlier one. Raises ValidationError, for the field `body`."""
    limit = MAX_POSTMORTEM if status == IncidentStatus.POSTMORTEM else MAX_BODY
    try:
        row.body = clean_body(source, limit=limit)
        row.body_html = render_markdown(row.body, limit=limit)
    except ValidationError as problem:
        raise ValidationError({"body": problem.messages}) from None
    row.text_version = TEXT_VERSION


def check_display(incident: Incident, display_at: dt.datetime, at: dt.datetime) -> None:
    """A backdated update tells of the past of its notice: neither of the future nor of the time before it."""
    if display_at > at:
        raise ValidationError({"display_at": _("This time has not come yet.")})
    if display_at < incident.started_at:
        raise ValidationError({"display_at": _("This is before the notice began.")})


def publish_update(
    page: Page,
    incident: Incident,
    update: IncidentUpdate,
    *,
    actor: Actor,
    at: dt.datetime,
    verb: str,
    window: Window | None = None,
    urgent_because: str = "",
    by_clock: bool = False,
) -> None:
    """Make `update` public, and the notice planned for `window` if given. The page is locked, and nobody was faster.

    What the clock does was decided before, and needs no second person now.
    """
    because = "" if by_clock else urgency(page, urgent_because, alone=is_alone(update, actor))
    is_first = incident.is_draft
    if not is_first and update.is_backdated and _is_between(incident, update):
        insert_update(page, incident, update, actor=actor, at=at, verb=verb)
        return
    if not is_first and update.status not in NEXT_STATUSES[IncidentStatus(incident.status)]:
        raise ValidationError({"status": _("The notice cannot go there from where it is now.")})
    before = facts_of(incident)
    if window:
        set_window(incident, window)
    update.published_at = at
    update.save(update_fields=["published_at", *settle(update)])
    if is_first and not incident.is_scheduled and incident.started_at == incident.created_at:
        incident.started_at = at  # nobody said when it started
    incident.status = update.status
    incident.published_at = incident.published_at or at
    incident.updated_at = at
    incident.next_update_by = None if update.status in CLOSED else update.next_update_by
    happened_at = update.display_at if update.is_backdated else at
    _stamp_lifecycle(incident, at=happened_at)
    _keep_answers(incident, update)
    _move_components(incident, update)
    incident.impact = lasting_impact(incident)
    incident.save(update_fields=[f.name for f in Incident._meta.concrete_fields if f.name != "id"])
    began_at = incident.started_at if is_first and not incident.is_scheduled else happened_at
    show_component_statuses(at=at, since=min(began_at, at))
    history.record(
        page,
        verb=verb,
        actor=actor,
        subject=incident.title,
        at=at,
        incident=incident,
        before={} if is_first else before,
        after=all_facts(incident, update) | {"update": update.code},
    )
    if because:
        record_urgent(page, incident, update, actor=actor, because=because, at=at)


def settle(update: IncidentUpdate) -> list[str]:
    """Forget what was to become of a draft: its time, its approval, and what was said of it. Returns the fields."""
    unset = {
        "publish_at": None,
        "review_asked_at": None,
        "sent_back_by": "",
        "sent_back_note": "",
        "missed_at": None,
        "missed_because": "",
        **NOT_APPROVED,
    }
    for name, value in unset.items():
        setattr(update, name, value)
    return list(unset)


def insert_update(
    page: Page, incident: Incident, update: IncidentUpdate, *, actor: Actor, at: dt.datetime, verb: str
) -> None:
    """Publish `update` at its place between older and newer ones. Where the notice stands now, these have said."""
    if update.status == IncidentStatus.POSTMORTEM:
        raise ValidationError({"display_at": _("A post-mortem comes last.")})
    update.affected.all().delete()
    update.next_update_by = None
    update.published_at = at
    update.save(update_fields=["published_at", "next_update_by"])
    incident.updated_at = at
    incident.save(update_fields=["updated_at"])
    history.record(
        page, verb=verb, actor=actor, subject=incident.title, at=at, incident=incident, after={"update": update.code}
    )


def _is_between(incident: Incident, update: IncidentUpdate) -> bool:
    return incident.updates.public().filter(display_at__gt=update.display_at).exists()


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
    for name in ("actual_started_at", "actual_ended_at", "data_outcome"):
        setattr(row, name, getattr(all_clear, name))
    try:
        row.deviations = clean_body(all_clear.deviations)
        render_markdown(row.deviations)
    except ValidationError as problem:
        raise ValidationError({"deviations": problem.messages}) from None


def _set_effect_answers(row: IncidentUpdate, all_clear: AllClear) -> None:
    announced = list(row.incident.effects.all()) if all_clear.effects else []
    if [effect.function for effect in announced] != [answer.function for answer in all_clear.effects]:
        raise ValidationError({"effects": _("The announced effects have changed meanwhile: look at each again.")})
    row.effect_outcomes.all().delete()
    row.effect_outcomes.bulk_create(
        EffectOutcome(
            update=row,
            function=effect.function,
            announced=effect.level,
            turned_out=answer.turned_out,
            note=clean_line(answer.note, limit=300),
            position=position,
        )
        for position, (effect, answer) in enumerate(zip(announced, all_clear.effects, strict=True), start=1)
    )


def _keep_answers(incident: Incident, update: IncidentUpdate) -> None:
    """Write what the update answers onto its notice. What it leaves open stays as it was."""
    incident.actual_started_at = update.actual_started_at or incident.actual_started_at
    incident.actual_ended_at = update.actual_ended_at or incident.actual_ended_at
    incident.data_outcome = update.data_outcome or incident.data_outcome
    # An all-clear that is said again, corrected, also takes back what differed; an update without answers does not.
    if update.deviations or update.data_outcome:
        incident.deviations = update.deviations
        incident.deviations_html = render_markdown(update.deviations)
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


def lasting_impact(incident: Incident) -> Impact:
    """The worst that the notice has said of any component so far, unless staff chose an impact."""
    if incident.impact_override:
        return Impact(incident.impact_override)
    if incident.is_scheduled:
        return Impact.MAINTENANCE
    published = incident.updates.filter(published_at__isnull=False)
    statuses = UpdateComponent.objects.filter(update__in=published).values_list("new_status", flat=True)
    return worst_impact(IMPACT_OF_STATUS[ComponentStatus(status)] for status in statuses)


def set_window(incident: Incident, window: Window) -> None:
    for name, value in asdict(window).items():
        setattr(incident, name, value)


def set_details(incident: Incident, details: NoticeDetails) -> None:
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


def set_lines(incident: Incident, details: NoticeDetails) -> None:
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
    set_texts(incident, details.translations)


def facts_of(incident: Incident) -> dict[str, str]:
    """What the audit keeps of a notice: its fields and lines as text, without the HTML made from them."""
    facts = {
        f.name: str(f.value_from_object(incident))
        for f in Incident._meta.concrete_fields
        if not f.name.endswith("_html") and f.value_from_object(incident) not in (None, "")
    }
    effects = [
        " – ".join(filter(None, (f"{line.function}: {line.get_level_display()}", line.note)))
        for line in incident.effects.all()
    ]
    links = [
        f"{link.get_kind_display()} {link.target.title}"
        for link in incident.links_out.select_related("target").order_by("pk")
    ]
    return facts | _lines("effects", effects) | _lines("links", links) | facts_of_translations(incident)


def all_facts(incident: Incident, update: IncidentUpdate) -> dict[str, str]:
    """Both, without repeating what the notice took over from its update."""
    facts = facts_of(incident)
    return facts | {name: text for name, text in said_by(update).items() if name.removeprefix("update_") not in facts}


def said_by(update: IncidentUpdate) -> dict[str, str]:
    """What the audit keeps of an update: what it says, and of what."""
    facts = {f"update_{name}": getattr(update, name) for name in (*SAID, "publish_at")}
    components = [f"{line.name}: {line.get_new_status_display()}" for line in update.affected.all()]
    translations = {f"update_{name}": text for name, text in facts_of_translations(update).items()}
    said = {name: str(value) for name, value in facts.items() if value not in (None, "")}
    return said | _lines("update_components", components) | translations


def _lines(name: str, lines: list[str]) -> dict[str, str]:
    return {name: "\n".join(lines)} if lines else {}
