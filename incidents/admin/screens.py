"""The tasks of staff, one view each. What they ask is in `forms.notices`; how they behave is in `compose`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from incidents import actions
from incidents.admin.access import publishers_only, writers_only
from incidents.admin.compose import Screen, compose
from incidents.admin.starting import start_from
from incidents.board import notice_url
from incidents.choices import MOVABLE, NEXT_STATUSES, IncidentStatus, TemplateKind
from incidents.forms.notices import (
    AllClearForm,
    CancelForm,
    EditIncidentForm,
    EditMaintenanceForm,
    MoveForm,
    OpenIncidentForm,
    ScheduleForm,
    UpdateForm,
    update_statuses,
)
from incidents.models import Incident, IncidentUpdate

EDIT_PANES = ("page",)


@writers_only
def open_incident(request: HttpRequest, *, is_preview: bool = False) -> HttpResponse:
    screen = Screen(
        title=_("Open an incident"),
        form=OpenIncidentForm,
        act=_open_incident,
        publish_label=_("Publish incident"),
        start=start_from(request, TemplateKind.INCIDENT),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def schedule_maintenance(request: HttpRequest, *, is_preview: bool = False) -> HttpResponse:
    screen = Screen(
        title=_("Schedule maintenance"),
        form=ScheduleForm,
        act=_schedule_maintenance,
        publish_label=_("Announce maintenance"),
        start=start_from(request, TemplateKind.MAINTENANCE),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def post_update(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    asked = request.GET.get("status", "")
    screen = Screen(
        title=_("Resolve the incident") if asked == IncidentStatus.RESOLVED else _("Post an update"),
        form=UpdateForm,
        act=_post(notice),
        notice=notice,
        publish_label=_("Publish update"),
        initial={"status": asked} if asked in NEXT_STATUSES[IncidentStatus(notice.status)] else None,
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=["", *update_statuses(notice)]),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def all_clear(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if request.method != "POST" and not _can_go(notice, IncidentStatus.COMPLETED):
        raise Http404
    screen = Screen(
        title=_("Post the all-clear"),
        form=AllClearForm,
        act=_post(notice),
        notice=notice,
        publish_label=_("Publish the all-clear"),
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=[IncidentStatus.COMPLETED]),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def cancel(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if request.method != "POST" and not _can_go(notice, IncidentStatus.CANCELLED):
        raise Http404
    screen = Screen(
        title=_("Cancel the maintenance"),
        form=CancelForm,
        act=_post(notice),
        notice=notice,
        publish_label=_("Cancel the maintenance"),
        published_message=_("The maintenance is cancelled."),
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=[IncidentStatus.CANCELLED]),
    )
    return compose(request, screen, is_preview=is_preview)


@publishers_only
def move(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if not notice.is_scheduled or (request.method != "POST" and notice.status not in MOVABLE):
        raise Http404
    screen = Screen(
        title=_("Move the maintenance"),
        form=MoveForm,
        act=_move(notice),
        notice=notice,
        publish_label=_("Move the maintenance"),
        published_message=_("The maintenance is moved."),
        note=""
        if notice.status == IncidentStatus.SCHEDULED
        else _("The work has begun: only its end can still be moved."),
        keeps_drafts=False,
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=["", notice.status]),
    )
    return compose(request, screen, is_preview=is_preview)


@publishers_only
def edit(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    screen = Screen(
        title=_("Edit the notice"),
        form=EditMaintenanceForm if notice.is_scheduled else EditIncidentForm,
        act=_edit_notice,
        notice=notice,
        publish_label=_("Save and publish"),
        note=_edit_note(notice),
        keeps_drafts=False,
        is_edit=True,
        panes=EDIT_PANES,
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def edit_draft(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    draft = IncidentUpdate.objects.select_related("incident").filter(pk=pk).first()
    if draft is None:
        return _gone(request)
    if not draft.is_draft and request.method != "POST":
        messages.info(request, _("This draft has been published."))
        return HttpResponseRedirect(notice_url(draft.incident))
    notice = draft.incident
    screen = Screen(
        title=_("Draft: %(title)s") % {"title": notice.title},
        form=_form_of(draft),
        act=_rewrite(draft),
        notice=notice,
        draft=draft,
        publish_label=_("Publish"),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def discard_draft(request: HttpRequest, pk: int) -> HttpResponse:
    draft = IncidentUpdate.objects.select_related("incident").filter(pk=pk).first()
    if draft is None or not draft.is_draft:
        messages.info(request, _("This draft has been published or discarded meanwhile."))
        return HttpResponseRedirect(notice_url(draft.incident) if draft else reverse("admin:index"))
    if request.method != "POST":
        context = {**admin.site.each_context(request), "title": _("Discard this draft?"), "draft": draft}
        return render(request, "admin/incidents/discard.html", context)
    goes_too = draft.incident.is_draft
    try:
        actions.discard_draft(draft, actor=request.user)
    except ValidationError as problem:
        messages.info(request, problem.messages[0])
        return HttpResponseRedirect(reverse("admin:index"))
    messages.success(request, _("The draft is discarded."))
    return HttpResponseRedirect(reverse("admin:index") if goes_too else notice_url(draft.incident))


def urls() -> list[URLPattern]:
    """The screens' addresses, each with its preview beside it."""
    tasks = {
        "open": ("open/", open_incident),
        "post_update": ("<int:pk>/post-update/", post_update),
        "all_clear": ("<int:pk>/all-clear/", all_clear),
        "cancel": ("<int:pk>/cancel/", cancel),
        "move": ("<int:pk>/move/", move),
        "edit": ("<int:pk>/edit/", edit),
        "draft": ("draft/<int:pk>/", edit_draft),
    }
    found = [path("draft/<int:pk>/discard/", discard_draft, name="incidents_incident_discard")]
    for name, (route, view) in tasks.items():
        found += _with_preview(route, view, name=f"incidents_incident_{name}")
    return found


def schedule_urls() -> list[URLPattern]:
    return _with_preview("schedule/", schedule_maintenance, name="incidents_scheduledmaintenance_schedule")


def _with_preview(route: str, view: Any, *, name: str) -> list[URLPattern]:
    return [
        path(route, view, name=name),
        path(f"{route}preview/", view, {"is_preview": True}, name=f"{name}_preview"),
    ]


def _published(pk: int) -> Incident:
    return get_object_or_404(Incident.objects.public(), pk=pk)


def _gone(request: HttpRequest) -> HttpResponse:
    """A colleague discarded the draft: hand back what was typed."""
    typed = [request.POST.get(name, "") for name in ("title", "body")]
    context = {**admin.site.each_context(request), "title": _("This draft is gone"), "typed": list(filter(None, typed))}
    return render(request, "admin/incidents/gone.html", context, status=404)


def _edit_note(notice: Incident) -> str:
    note = _("An edit changes the page and tells nobody. What customers must know belongs in an update.")
    if not notice.is_scheduled or notice.status not in MOVABLE:
        return note
    return format_html(
        '{} {} <a href="{}">{}</a>',
        note,
        _("The planned times are moved on a screen of their own, which tells of the old and the new ones:"),
        reverse("admin:incidents_incident_move", args=[notice.pk]),
        _("Move the maintenance"),
    )


def _can_go(notice: Incident, status: IncidentStatus) -> bool:
    """Asked of a first look only: what was typed must come back with the verb's refusal, not end in a 404."""
    return status in NEXT_STATUSES[IncidentStatus(notice.status)]


def _open_incident(form: OpenIncidentForm, actor: Any, publish: bool) -> IncidentUpdate:
    return actions.open_incident(
        title=form.cleaned_data["title"],
        update=form.update_text(),
        details=form.details(),
        started_at=form.cleaned_data["started_at"],
        actor=actor,
        publish=publish,
    )


def _schedule_maintenance(form: ScheduleForm, actor: Any, publish: bool) -> IncidentUpdate:
    return actions.schedule_maintenance(
        title=form.cleaned_data["title"],
        window=form.window(),
        update=form.update_text(),
        details=form.details(),
        actor=actor,
        publish=publish,
    )


def _post(notice: Incident) -> Any:
    def act(form: Any, actor: Any, publish: bool) -> IncidentUpdate:
        return actions.post_update(notice, form.update_text(), actor=actor, all_clear=form.all_clear(), publish=publish)

    return act


def _move(notice: Incident) -> Any:
    def act(form: MoveForm, actor: Any, publish: bool) -> IncidentUpdate:
        return actions.reschedule_maintenance(notice, form.window(), form.update_text(), actor=actor)

    return act


def _edit_notice(form: Any, actor: Any, publish: bool) -> IncidentUpdate:
    notice = actions.edit_notice(
        form.notice,
        actor=actor,
        title=form.cleaned_data["title"],
        details=form.details(),
        window=form.window() if form.notice.is_scheduled else None,
        started_at=form.cleaned_data.get("started_at"),
        unchanged_since=None if form.is_rehearsal else form.cleaned_data["since"],
    )
    return notice.updates.public().order_by("published_at", "pk").last()


def _form_of(draft: IncidentUpdate) -> type:
    if draft.incident.is_draft:
        return ScheduleForm if draft.incident.is_scheduled else OpenIncidentForm
    return {IncidentStatus.COMPLETED: AllClearForm, IncidentStatus.CANCELLED: CancelForm}.get(
        IncidentStatus(draft.status), UpdateForm
    )


def _rewrite(draft: IncidentUpdate) -> Any:
    def act(form: Any, actor: Any, publish: bool) -> IncidentUpdate:
        with transaction.atomic():
            written = actions.edit_draft(
                draft,
                form.update_text(),
                actor=actor,
                all_clear=form.all_clear() if hasattr(form, "all_clear") else None,
                unchanged_since=None if form.is_rehearsal else form.cleaned_data["since"],
            )
            if draft.incident.is_draft:
                written.incident = _rewrite_notice(form, actor, publish)
            if publish:
                written = actions.publish_draft(written, actor=actor, seen=form.update_text().seen)
        return written

    return act


def _rewrite_notice(form: Any, actor: Any, publish: bool) -> Incident:
    window = started_at = None
    if form.notice.is_scheduled:
        window = form.window()
    else:
        # Left empty, an incident starts with its publication.
        started_at = form.cleaned_data["started_at"] or (timezone.now() if publish else form.notice.created_at)
    return actions.edit_notice(
        form.notice,
        actor=actor,
        title=form.cleaned_data["title"],
        details=form.details(),
        window=window,
        started_at=started_at,
    )
