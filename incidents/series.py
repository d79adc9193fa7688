"""Maintenance that comes again: the verbs of a series, and what the clock announces of it.

Each time is a notice of its own. A day is announced once (unique by series and day), in order: after a change of the
rule no day up to the last one announced comes again.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.actions import schedule_maintenance
from incidents.choices import ComponentStatus, IncidentStatus, OccurrenceState
from incidents.leads import in_order
from incidents.models import Incident, IncidentUpdate, MaintenanceSeries, Page, SeriesOccurrence
from incidents.recurrence import Occurrence, Recurrence, days_of, occurrence_on, rule_words
from incidents.review import submit_for_review
from incidents.text import clean_body, clean_line, render_markdown
from incidents.values import NOTICE_TEXTS, Actor, EffectLine, NoticeDetails, SeriesPlan, StaleSeries, UpdateText, Window

logger = logging.getLogger(__name__)

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
# How far ahead a next day is looked for: a rule that has none in this time is refused.
HORIZON = dt.timedelta(days=5 * 366)
LONGEST_WORK = dt.timedelta(days=14)
ANNOUNCE_DAYS = range(1, 91)


@transaction.atomic
def start_series(
    plan: SeriesPlan,
    *,
    actor: Actor,
    first_notice: Incident | None = None,
    form_id: uuid.UUID | None = None,
    at: dt.datetime | None = None,
) -> MaintenanceSeries:
    """Begin a series; `first_notice` is the notice that is announced already for its first day.

    The same `form_id` begins one series, however often it arrives. Raises ValidationError.
    """
    page = Page.objects.locked()
    if form_id and (twin := MaintenanceSeries.objects.filter(form_id=form_id).first()):
        return twin
    at = at or timezone.now()
    series = MaintenanceSeries(author=actor, created_at=at, form_id=form_id)
    _write(series, plan, at)
    if first_notice is not None:
        if SeriesOccurrence.objects.filter(notice=first_notice).exists():
            raise ValidationError(_("This notice is part of a series already."))
        SeriesOccurrence.objects.create(
            series=series, day=plan.recurrence.first, state=OccurrenceState.ANNOUNCED, notice=first_notice
        )
    _record(page, series, "start_series", actor=actor, at=at, after=facts_of(series))
    return series


@transaction.atomic
def change_series(
    series: MaintenanceSeries,
    plan: SeriesPlan,
    *,
    actor: Actor,
    unchanged_since: dt.datetime | None = None,
    at: dt.datetime | None = None,
) -> MaintenanceSeries:
    """Change what is announced from now on. What is announced stays as it is.

    `unchanged_since` is the series' `updated_at` when the author began to write; None skips that check.
    Raises ValidationError, and StaleSeries when someone was faster.
    """
    page = Page.objects.locked()
    at = at or timezone.now()
    series = MaintenanceSeries.objects.get(pk=series.pk)
    if unchanged_since and series.updated_at != unchanged_since:
        raise StaleSeries(series)
    if series.ended_at:
        raise ValidationError(_("This series has ended."))
    before = facts_of(series)
    _write(series, plan, at)
    _record(page, series, "change_series", actor=actor, at=at, before=before, after=facts_of(series))
    return series


@transaction.atomic
def end_series(series: MaintenanceSeries, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Announce nothing more of it. What is announced stays: that is cancelled notice by notice."""
    page = Page.objects.locked()
    at = at or timezone.now()
    if MaintenanceSeries.objects.filter(pk=series.pk, ended_at=None).update(ended_at=at, updated_at=at):
        _record(page, series, "end_series", actor=actor, at=at)


@transaction.atomic
def skip_day(series: MaintenanceSeries, day: dt.date, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Leave out one coming day. Raises ValidationError for a day that is none, or is announced."""
    page = Page.objects.locked()
    at = at or timezone.now()
    coming = [occurrence.day for occurrence in islice(coming_days(series, at), 100)]
    known = series.occurrences.filter(day=day).first()
    if known and known.state == OccurrenceState.SKIPPED:
        return
    if known or day not in coming:
        raise ValidationError(_("This day is announced already, or is none of the series."))
    SeriesOccurrence.objects.create(series=series, day=day, state=OccurrenceState.SKIPPED)
    _record(page, series, "skip_day", actor=actor, at=at, after={"day": day.isoformat()})


@transaction.atomic
def restore_day(series: MaintenanceSeries, day: dt.date, *, actor: Actor, at: dt.datetime | None = None) -> None:
    """Take a skipped day back into the series."""
    page = Page.objects.locked()
    at = at or timezone.now()
    deleted, _models = series.occurrences.filter(day=day, state=OccurrenceState.SKIPPED).delete()
    if deleted:
        _record(page, series, "restore_day", actor=actor, at=at, after={"day": day.isoformat()})


def announce_due(now: dt.datetime) -> list[IncidentUpdate]:
    """Announce each day of a series that is near enough. Late rather than never, but nothing that has begun already."""
    announced = []
    for series in MaintenanceSeries.objects.filter(ended_at=None).order_by("pk"):
        try:
            while update := _announce_next(series.pk, now):
                announced.append(update)
        except Exception:  # one series that cannot be announced must not silence the others
            logger.exception("Series %s could not be announced", series.pk)
    return announced


def coming_days(series: MaintenanceSeries, now: dt.datetime) -> Iterator[Occurrence]:
    """What is still to be announced, skipped days included, in order; nothing of a series that has ended."""
    if series.ended_at:
        return
    plan = plan_of(series)
    announced = series.occurrences.filter(state=OccurrenceState.ANNOUNCED)
    last = announced.order_by("-day").values_list("day", flat=True).first()
    yield from occurrences(plan, now, after=last)


def occurrences(plan: SeriesPlan, now: dt.datetime, *, after: dt.date | None = None) -> Iterator[Occurrence]:
    """When the work of `plan` begins after `now`, on days later than `after`."""
    zone = plan_zone(plan)
    today = now.astimezone(zone).date()
    earliest = max(after or dt.date.min, today - 2 * DAY)
    for day in days_of(plan.recurrence, after=earliest, until=today + HORIZON):
        occurrence = occurrence_on(day, plan.starts, plan.duration, zone)
        if occurrence.starts_at > now:
            yield occurrence


def plan_of(series: MaintenanceSeries) -> SeriesPlan:
    details = dict(series.details)
    return SeriesPlan(
        title=series.title,
        body=series.body,
        details=NoticeDetails(**{**details, "effects": [EffectLine(**line) for line in details.get("effects", [])]}),
        components={int(pk): status for pk, status in series.components.items()},
        notify=series.notify,
        time_zone=series.time_zone,
        recurrence=Recurrence(
            first=series.first_day,
            frequency=series.frequency,
            interval=series.interval,
            until=series.until,
            count=series.count,
            without_months=tuple(series.without_months),
        ),
        starts=series.starts,
        duration=series.minutes * MINUTE,
        avoid_before=None if series.avoid_minutes_before is None else series.avoid_minutes_before * MINUTE,
        avoid_after=None if series.avoid_minutes_after is None else series.avoid_minutes_after * MINUTE,
        completes_by_clock=series.completes_by_clock,
        announce_days=series.announce_days,
    )


def plan_like(notice: Incident, recurrence: Recurrence, *, announce_days: int = 7) -> SeriesPlan:
    """What `notice`, a published maintenance, says now, to be said again. Its own day is the first one."""
    starts = notice.work_starts_at.astimezone(notice.zone)  # type: ignore[union-attr]
    has_avoid = notice.avoid_starts_at is not None
    first = notice.updates.public().filter(status=IncidentStatus.SCHEDULED).order_by("published_at", "pk").first()
    return SeriesPlan(
        title=notice.title,
        body=first.body if first else notice.title,
        details=NoticeDetails(
            **{name: getattr(notice, name) for name in (*NOTICE_TEXTS, "data_statement", "byline", "impact_override")},
            effects=[EffectLine(**line) for line in notice.effects.values("function", "level", "note")],
            reminders=notice.reminders,
        ),
        components=_planned_components(notice),
        notify=first.notify if first else True,
        time_zone=notice.time_zone,
        recurrence=replace(recurrence, first=starts.date()),
        starts=starts.time(),
        duration=notice.work_ends_at - notice.work_starts_at,  # type: ignore[operator]
        avoid_before=notice.work_starts_at - notice.avoid_starts_at if has_avoid else None,  # type: ignore[operator]
        avoid_after=notice.avoid_ends_at - notice.work_ends_at if has_avoid else None,  # type: ignore[operator]
        completes_by_clock=notice.completes_by_clock,
        announce_days=announce_days,
    )


def _planned_components(notice: Incident) -> dict[int, str]:
    """What the work was to bring. When it is over its components are operational again: then as it was at the start."""
    planned = dict(notice.affected.values_list("component_id", "status"))
    if notice.status == IncidentStatus.SCHEDULED:
        return planned
    begun = notice.updates.public().filter(status=IncidentStatus.IN_PROGRESS).order_by("published_at", "pk").first()
    said = dict(begun.affected.values_list("component_id", "new_status")) if begun else {}
    return {pk: said.get(pk, ComponentStatus.UNDER_MAINTENANCE) for pk in planned}


def plan_zone(plan: SeriesPlan) -> Any:
    return MaintenanceSeries(time_zone=plan.time_zone).zone


def facts_of(series: MaintenanceSeries) -> dict[str, str]:
    """What the audit keeps of a series, as text."""
    fields = [field for field in MaintenanceSeries._meta.concrete_fields if field.name not in ("id", "form_id")]
    facts = {field.name: field.value_from_object(series) for field in fields}
    return {name: str(value) for name, value in facts.items() if value not in (None, "", [], {})}


@transaction.atomic
def _announce_next(series_id: int, now: dt.datetime) -> IncidentUpdate | None:
    """Announce the earliest day that is due and not skipped, or write its draft; None when there is none."""
    page = Page.objects.locked()
    series = MaintenanceSeries.objects.filter(pk=series_id, ended_at=None).first()
    if series is None:
        return None
    plan = plan_of(series)
    skipped = set(series.occurrences.filter(state=OccurrenceState.SKIPPED).values_list("day", flat=True))
    coming = (occurrence for occurrence in coming_days(series, now) if occurrence.day not in skipped)
    occurrence = next(coming, None)
    if occurrence is None or occurrence.starts_at - plan.announce_days * DAY > now:
        return None
    update = schedule_maintenance(
        title=plan.title,
        window=window_of(plan, occurrence),
        update=UpdateText(
            status=IncidentStatus.SCHEDULED, body=plan.body, components=plan.components, notify=plan.notify
        ),
        details=plan.details,
        actor=None,
        # Where a second person is asked for, the clock is none: what it wrote waits for one.
        publish=not page.needs_review,
        at=now,
    )
    if page.needs_review:
        submit_for_review(update, actor=None, at=now)
    update.byline = plan.details.byline
    update.save(update_fields=["byline"])
    SeriesOccurrence.objects.create(
        series=series, day=occurrence.day, state=OccurrenceState.ANNOUNCED, notice=update.incident
    )
    _record(page, series, "announce_day", actor=None, at=now, after={"day": occurrence.day.isoformat()})
    return update


def window_of(plan: SeriesPlan, occurrence: Occurrence) -> Window:
    has_avoid = plan.avoid_before is not None and plan.avoid_after is not None
    return Window(
        work_starts_at=occurrence.starts_at,
        work_ends_at=occurrence.ends_at,
        time_zone=plan.time_zone,
        avoid_starts_at=occurrence.starts_at - plan.avoid_before if has_avoid else None,  # type: ignore[operator]
        avoid_ends_at=occurrence.ends_at + plan.avoid_after if has_avoid else None,  # type: ignore[operator]
        completes_by_clock=plan.completes_by_clock,
    )


def _write(series: MaintenanceSeries, plan: SeriesPlan, at: dt.datetime) -> None:
    check_plan(plan, at)
    rule, details = plan.recurrence, plan.details
    if not details.byline and series.author:
        details = replace(details, byline=history.actor_name(series.author))
    series.title, series.body = clean_line(plan.title), clean_body(plan.body)
    kept = asdict(details)
    del kept["links"]
    series.details = kept
    series.components = {str(pk): status for pk, status in plan.components.items()}
    series.notify, series.completes_by_clock = plan.notify, plan.completes_by_clock
    series.time_zone, series.first_day, series.starts = plan.time_zone, rule.first, plan.starts
    series.minutes = plan.duration // MINUTE
    series.avoid_minutes_before = None if plan.avoid_before is None else plan.avoid_before // MINUTE
    series.avoid_minutes_after = None if plan.avoid_after is None else plan.avoid_after // MINUTE
    series.frequency, series.interval = rule.frequency, rule.interval
    series.until, series.count, series.without_months = rule.until, rule.count, sorted(rule.without_months)
    series.announce_days, series.updated_at = plan.announce_days, at
    series.save()


def check_plan(plan: SeriesPlan, at: dt.datetime) -> None:
    """Raise ValidationError, by field, for what could never be announced: it is too late to learn that by the clock."""
    problems: dict[str, Any] = {}
    rule = plan.recurrence
    if rule.until and rule.count:
        problems["count"] = _("Give a last day or a number of times, not both.")
    if not MINUTE <= plan.duration <= LONGEST_WORK:
        problems["duration"] = _("The work takes between one minute and fourteen days.")
    if plan.announce_days not in ANNOUNCE_DAYS:
        problems["announce_days"] = _("Between 1 and 90 days.")
    texts = {name: getattr(plan.details, name) for name in NOTICE_TEXTS} | {"body": plan.body}
    for name, text in texts.items():
        try:
            render_markdown(clean_body(text))
        except ValidationError as problem:
            problems[name] = problem.messages
    if not plan.body.strip():
        problems["body"] = _("Write at least one sentence for customers.")
    try:
        in_order(plan.details.reminders or [])
    except ValidationError as problem:
        problems["reminders"] = problem.messages
    if not problems and next(occurrences(plan, at), None) is None:
        problems["frequency"] = _("No day of this series lies ahead: check the rule and its end.")
    if problems:
        raise ValidationError(problems)


def _record(page: Page, series: MaintenanceSeries, verb: str, **fields: Any) -> None:
    history.record(
        page, verb=verb, subject=f"{series.title}: {rule_words(plan_of(series).recurrence)}", public=False, **fields
    )
