"""What is done about a draft without writing in it: read and approve it, send it back, call off its time, look at what
was urgent afterwards.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents.actions import publish_draft
from incidents.admin.access import publishers_only
from incidents.admin.compose import PREVIEW_CSP
from incidents.board import notice_url
from incidents.checker import check
from incidents.forms.compose import seen_by_now
from incidents.forms.fields import id_or_none
from incidents.models import IncidentUpdate, Page, UrgentAct
from incidents.rehearsal import preview, rehearsal
from incidents.review import acknowledge, send_back
from incidents.times import describe
from incidents.timing import schedule_draft, unschedule_draft
from incidents.values import ReviewNeeded, StaleIncident
from incidents.waiting import needs_other

APPROVE, APPROVE_LATER, SEND_BACK = "approve", "approve_later", "send_back"


@publishers_only
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft to be read. What is approved is what was read: the form carries how it stood."""
    draft = _draft(pk)
    if draft is None:
        messages.info(request, _("This draft has been published or discarded meanwhile."))
        return HttpResponseRedirect(reverse("admin:index"))
    if request.method != "POST":
        return _show(request, draft)
    try:
        done = _carry_out(request, draft)
    except StaleIncident:
        return _show(request, _draft(pk), _("It has changed since you read it, or news was posted. Read it again."))
    except ReviewNeeded:
        return _show(request, draft, _("You wrote this yourself: somebody else has to approve it."))
    except ValidationError as problem:
        return _show(request, draft, " ".join(problem.messages))
    messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:index"))


@publishers_only
@csp_replace(PREVIEW_CSP)
def review_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What customers would get of the draft as it stands."""
    context: dict[str, Any] = {"is_review": True}
    if draft := _draft(pk):
        try:
            with rehearsal():
                update = publish_draft(draft, actor=request.user, urgent_because="preview")
                panes, remarks = preview(update), check(update, now=timezone.now())
            context |= {
                "lines": [pane for pane in panes if pane.kind == "line"],
                "panes": [pane for pane in panes if pane.kind != "line"],
                "remarks": [("", "", remark) for remark in remarks],
            }
        except ValidationError as problem:
            context["answers"] = problem.messages
    return render(request, "admin/incidents/preview.html", context)


@publishers_only
def unschedule(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    draft = get_object_or_404(IncidentUpdate.objects.select_related("incident"), pk=pk)
    try:
        unschedule_draft(draft, actor=request.user)
    except ValidationError as problem:
        messages.info(request, problem.messages[0])
    else:
        messages.success(request, _("It stays a draft, and has no time any more."))
    return HttpResponseRedirect(notice_url(draft.incident))


@publishers_only
def acknowledge_urgent(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    act = get_object_or_404(UrgentAct.objects.select_related("incident"), pk=pk)
    try:
        acknowledge(act, actor=request.user)
    except ValidationError as problem:
        messages.error(request, problem.messages[0])
    else:
        messages.success(request, _("It is written down that you have looked at it."))
    return HttpResponseRedirect(notice_url(act.incident))


def urls() -> list[URLPattern]:
    return [
        path("draft/<int:pk>/review/", review, name="incidents_incident_review"),
        path("draft/<int:pk>/review/preview/", review_preview, name="incidents_incident_review_preview"),
        path("draft/<int:pk>/unschedule/", unschedule, name="incidents_incident_unschedule"),
        path("urgent/<int:pk>/acknowledge/", acknowledge_urgent, name="incidents_incident_acknowledge"),
    ]


def _carry_out(request: HttpRequest, draft: IncidentUpdate) -> str:
    """Do what was clicked; what to say of it."""
    read = _as_read(request.POST)
    act = request.POST.get("act")
    if act == SEND_BACK:
        send_back(draft, request.POST.get("note", ""), actor=request.user, unchanged_since=read["unchanged_since"])
        return _("Sent back. The author sees your note.")
    if act == APPROVE_LATER and draft.publish_at:
        draft = schedule_draft(draft, draft.publish_at, actor=request.user, **read)
        time = describe(draft.publish_at, Page.objects.current().zone)
        return _("Approved: it will be published at %(time)s.") % {"time": time}
    if act == APPROVE:
        publish_draft(draft, actor=request.user, **read)
        return _("Approved and published.")
    raise ValidationError(_("Choose what to do with it."))


def _as_read(data: Any) -> dict[str, Any]:
    """How draft and notice stood when they were read. What does not say so was not read."""
    try:
        since = dt.datetime.fromisoformat(data.get("since", ""))
    except ValueError:
        raise StaleIncident([]) from None
    seen = id_or_none(data.get("seen", ""))
    if seen is None:
        raise StaleIncident([])
    return {"unchanged_since": since, "seen": seen}


def _draft(pk: int) -> IncidentUpdate | None:
    return IncidentUpdate.objects.drafts().select_related("incident").filter(pk=pk).first()


def _show(request: HttpRequest, draft: IncidentUpdate | None, problem: str = "") -> HttpResponse:
    if draft is None:
        messages.info(request, _("This draft has been published or discarded meanwhile."))
        return HttpResponseRedirect(reverse("admin:index"))
    page = Page.objects.current()
    context = {
        **admin.site.each_context(request),
        "title": _("Review: %(title)s") % {"title": draft.incident.title},
        "draft": draft,
        "notice": draft.incident,
        "notice_url": notice_url(draft.incident),
        "publish_at": describe(draft.publish_at, page.zone) if draft.publish_at else "",
        "components": draft.affected.all(),
        "problem": problem,
        "note": request.POST.get("note", ""),
        "is_own": needs_other(draft, request.user, page),
        **seen_by_now(draft.incident, draft),
    }
    return render(request, "admin/incidents/review.html", context)
