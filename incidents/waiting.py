"""Drafts as staff see them, on the first screen and on their notice: how each stands, and what can be done about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from incidents.models import IncidentUpdate, Page, UrgentAct
from incidents.roles import may_publish, may_write
from incidents.times import describe


@dataclass(frozen=True)
class WaitingDraft:
    """`missed` says why a draft was not published at its time, `asks` what it waits for; both may be empty.

    `review_url` leads to the screen where it is read, approved or sent back; `unschedule_url` takes a POST. Both are
    empty for who may not.
    """

    draft: IncidentUpdate
    missed: str
    asks: str
    note: str
    sent_back_by: str
    write_url: str
    write_label: str
    review_url: str
    review_label: str
    unschedule_url: str
    unschedule_label: str
    discard_url: str


def waiting(drafts: Iterable[IncidentUpdate], user: Any, page: Page, now: dt.datetime) -> list[WaitingDraft]:
    """What `user` sees of `drafts`. Asks the database nothing when their notices are at hand."""
    writes, publishes = may_write(user), may_publish(user)
    return [_waiting(draft, user, page, now, writes=writes, publishes=publishes) for draft in drafts]


def urgent_acts(user: Any) -> list[tuple[UrgentAct, bool]]:
    """What was published without a second person and waits for one; and whether `user` can be that one."""
    return looked_at_by(UrgentAct.objects.filter(acknowledged_at=None), user)


def looked_at_by(acts: QuerySet[UrgentAct], user: Any) -> list[tuple[UrgentAct, bool]]:
    publishes = may_publish(user)
    return [(act, publishes and act.actor_id != user.pk) for act in acts.select_related("incident")]


def needs_other(draft: IncidentUpdate, user: Any, page: Page) -> bool:
    """Whether `user` may not publish `draft` without a colleague."""
    return page.needs_review and draft.author_id == user.pk


def _waiting(
    draft: IncidentUpdate, user: Any, page: Page, now: dt.datetime, *, writes: bool, publishes: bool
) -> WaitingDraft:
    reads = publishes and page.needs_review and draft.author_id != user.pk
    plan = draft.publish_at or draft.missed_at
    return WaitingDraft(
        draft=draft,
        missed=_missed(draft, page),
        asks=_asks(draft, page, now),
        note=draft.sent_back_note,
        sent_back_by=draft.sent_back_by,
        write_url=_url("draft", draft) if writes else "",
        write_label=_("Review and publish") if publishes and not page.needs_review else _("Go on writing"),
        review_url=_url("review", draft) if reads else "",
        review_label=_("Read") if _is_approved(draft, page) else _("Read and approve"),
        unschedule_url=_url("unschedule", draft) if publishes and plan else "",
        unschedule_label=_("Call the time off") if draft.publish_at else _("I have seen it"),
        discard_url=_url("discard", draft) if writes else "",
    )


def _missed(draft: IncidentUpdate, page: Page) -> str:
    if not draft.missed_at:
        return ""
    words = _("Not published at %(time)s: %(why)s. It is a draft again; read it, and publish it or set a new time.")
    return words % {"time": describe(draft.missed_at, page.zone), "why": draft.get_missed_because_display()}


def _asks(draft: IncidentUpdate, page: Page, now: dt.datetime) -> str:
    if draft.publish_at:
        named = {"time": describe(draft.publish_at, page.zone), "who": draft.approved_by}
        if _is_approved(draft, page):
            return _("Will be published at %(time)s. Approved by %(who)s.") % named
        if draft.review_asked_at:
            return _("Waits for a colleague to approve it. It should be published at %(time)s.") % named
        return _("Should be published at %(time)s, but nobody has approved that yet.") % named
    return _("Waits for a colleague to approve it.") if draft.review_asked_at else ""


def _is_approved(draft: IncidentUpdate, page: Page) -> bool:
    return draft.approved_version is not None and (draft.was_reviewed or not page.needs_review)


def _url(task: str, draft: IncidentUpdate) -> str:
    return reverse(f"admin:incidents_incident_{task}", args=[draft.pk])
