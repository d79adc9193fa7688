"""What happens because a time has come, not because someone clicked: drafts are published, maintenance moves on."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _

from incidents.actions import post_update
from incidents.choices import IncidentStatus
from incidents.models import Incident, IncidentQuerySet, IncidentUpdate, IncidentUpdateQuerySet, Page
from incidents.series import announce_due
from incidents.timing import publish_due
from incidents.values import AllClear, UpdateText

DRAFT, MOVE = range(2)

IS_DUE = {
    IncidentStatus.SCHEDULED: "work_starts_at",
    IncidentStatus.IN_PROGRESS: "work_ends_at",
}


def run_clock(now: dt.datetime) -> list[IncidentUpdate]:
    """Publish each draft whose time has come; start each maintenance whose time has come; end each that is over.

    An end leads to *verifying*, where a person posts the all-clear, or to *completed* if staff left that to the clock.
    Whoever says after that end that the work goes on after all is not contradicted: until the end is moved, and the new
    one passes, nothing more happens by itself. At last series of maintenance announce their coming days.
    Each happens once, however many call this at the same moment, and in the order of the times: of a draft and a move
    at the same time the draft comes first, since a person wrote it.
    """
    posted = []
    for _time, kind, pk in sorted([*_drafts_due(now), *_moves_due(now)]):
        with transaction.atomic():
            page = Page.objects.locked()
            if kind == DRAFT:
                draft = _waiting(now).select_related("incident").filter(pk=pk).first()
                update = publish_due(page, draft, now) if draft else None
            else:
                incident = _due(now).filter(pk=pk).first()
                update = _move_on(incident, now) if incident else None
        if update is not None:
            posted.append(update)
    return [*posted, *announce_due(now)]


def next_move(now: dt.datetime) -> dt.datetime | None:
    """When `run_clock` will next have something to do; `now` itself when it has already."""
    if _due(now).exists():
        return now
    times = [_moving(status).order_by(field).values_list(field, flat=True).first() for status, field in IS_DUE.items()]
    _version, publication = version_and_next_publication()
    return min((max(time, now) for time in (*times, publication) if time is not None), default=None)


def version_and_next_publication() -> tuple[int, dt.datetime | None]:
    """The page's version, and when the next draft is to be published, in one query for who looks all the time.

    Setting a time changes nothing public, so the version alone does not tell of it.
    """
    waiting = IncidentUpdate.objects.drafts().filter(publish_at__isnull=False).order_by("publish_at")
    page = Page.objects.annotate(next_publication=Subquery(waiting.values("publish_at")[:1]))
    return page.values_list("version", "next_publication").first() or (Page.objects.current().version, None)


def _waiting(now: dt.datetime) -> IncidentUpdateQuerySet:
    return IncidentUpdate.objects.drafts().filter(publish_at__lte=now)


def _drafts_due(now: dt.datetime) -> list[tuple[dt.datetime, int, int]]:
    return [(at, DRAFT, pk) for pk, at in _waiting(now).values_list("pk", "publish_at")]


def _moves_due(now: dt.datetime) -> list[tuple[dt.datetime, int, int]]:
    rows = _due(now).values("pk", "status", *IS_DUE.values())
    return [(row[IS_DUE[IncidentStatus(row["status"])]], MOVE, row["pk"]) for row in rows]


def _due(now: dt.datetime) -> IncidentQuerySet:
    starts, ends = (_moving(status).filter(**{f"{field}__lte": now}) for status, field in IS_DUE.items())
    return starts | ends


def _moving(status: IncidentStatus) -> IncidentQuerySet:
    """Those of this status that the clock will move on."""
    waiting = Incident.objects.public().scheduled().filter(status=status)
    if status == IncidentStatus.SCHEDULED:
        return waiting
    said = IncidentUpdate.objects.public().filter(incident=OuterRef("pk"), status=IncidentStatus.VERIFYING)
    return waiting.exclude(Exists(said.filter(published_at__gte=OuterRef("work_ends_at"))))


def _move_on(incident: Incident, now: dt.datetime) -> IncidentUpdate:
    components = dict(incident.affected.values_list("component_id", "status"))
    if incident.status == IncidentStatus.SCHEDULED:
        text = UpdateText(
            status=IncidentStatus.IN_PROGRESS,
            body=_("The maintenance has begun. The planned times still hold."),
            components=components,
        )
        started = AllClear(actual_started_at=incident.work_starts_at)
        return post_update(incident, text, actor=None, all_clear=started, at=now, verb="start_by_clock", by_clock=True)
    if incident.completes_by_clock:
        text = UpdateText(
            status=IncidentStatus.COMPLETED,
            body=_("The planned end has come and the maintenance is over."),
            components=components,
        )
        ended = AllClear(actual_ended_at=incident.work_ends_at)
        return post_update(incident, text, actor=None, all_clear=ended, at=now, verb="complete_by_clock", by_clock=True)
    text = UpdateText(
        status=IncidentStatus.VERIFYING,
        body=_("The planned end has come. We are checking that everything works; the all-clear follows."),
        components=components,
        notify=False,
    )
    return post_update(incident, text, actor=None, at=now, verb="verify_by_clock", by_clock=True)
