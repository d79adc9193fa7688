"""The tasks of staff, one view each. What they ask is in `forms.notices`, what they do in `forms.acts`, how they behave
in `compose`."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from incidents import actions
from incidents.admin import reviewing
from incidents.admin.access import publishers_only, redactors_only, writers_only
from incidents.admin.compose import Screen, compose
from incidents.admin.hand_back import hands_back, show_typed
from incidents.admin.starting import start_from
from incidents.admin.still_here import still_here
from incidents.board import notice_url
from incidents.choices import MOVABLE, NEXT_STATUSES, IncidentStatus, TemplateKind
from incidents.forms import acts
from incidents.forms.looking_back import CorrectForm, PastIncidentForm, PostmortemForm, RedactForm
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
from incidents.forms.translating import TranslateForm
from incidents.languages import name_of
from incidents.models import Incident, IncidentUpdate, Page
from incidents.outcome import course_of
from incidents.times import describe, describe_window

EDIT_PANES = ("page",)


@writers_only
def open_incident(request: HttpRequest, *, is_preview: bool = False) -> HttpResponse:
    screen = Screen(
        title=_("Open an incident"),
        form=OpenIncidentForm,
        act=acts.open_incident,
        publish_label=_("Publish incident"),
        start=start_from(request, TemplateKind.INCIDENT),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def schedule_maintenance(request: HttpRequest, *, is_preview: bool = False) -> HttpResponse:
    screen = Screen(
        title=_("Schedule maintenance"),
        form=ScheduleForm,
        act=acts.schedule_maintenance,
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
        act=acts.post(notice),
        notice=notice,
        publish_label=_("Publish update"),
        initial={"status": asked} if asked in NEXT_STATUSES[IncidentStatus(notice.status)] else None,
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=["", *update_statuses(notice)]),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def all_clear(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if not notice.is_scheduled or (request.method != "POST" and not _can_go(notice, IncidentStatus.COMPLETED)):
        raise Http404
    screen = Screen(
        title=_("Post the all-clear"),
        form=AllClearForm,
        act=acts.post(notice),
        notice=notice,
        publish_label=_("Publish the all-clear"),
        note=_all_clear_note(notice),
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=[IncidentStatus.COMPLETED]),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def cancel(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if not notice.is_scheduled or (request.method != "POST" and not _can_go(notice, IncidentStatus.CANCELLED)):
        raise Http404
    screen = Screen(
        title=_("Cancel the maintenance"),
        form=CancelForm,
        act=acts.post(notice),
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
        act=acts.move(notice),
        notice=notice,
        publish_label=_("Move the maintenance"),
        published_message=_("The maintenance is moved."),
        note=_move_note(notice),
        keeps_drafts=False,
        start=start_from(request, TemplateKind.UPDATE, notice=notice, statuses=["", notice.status]),
    )
    return compose(request, screen, is_preview=is_preview)


@writers_only
def write_postmortem(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if request.method != "POST" and notice.status != IncidentStatus.RESOLVED:
        raise Http404
    screen = Screen(
        title=_("Write the post-mortem"),
        form=PostmortemForm,
        act=acts.post(notice),
        notice=notice,
        publish_label=_("Publish the post-mortem"),
        published_message=_("The post-mortem is published."),
    )
    return compose(request, screen, is_preview=is_preview)


@publishers_only
def report_past_incident(request: HttpRequest, *, is_preview: bool = False) -> HttpResponse:
    screen = Screen(
        title=_("Report a past incident"),
        form=PastIncidentForm,
        act=acts.report_past_incident,
        publish_label=_("Publish the past incident"),
        note=_(
            "For what is over already. The page shows it at the time when it was, and says that it was posted later."
        ),
        keeps_drafts=False,
    )
    return compose(request, screen, is_preview=is_preview)


@publishers_only
def correct(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    update = _published_update(pk)
    screen = Screen(
        title=_("Correct an update"),
        form=partial(CorrectForm, update=update),
        act=acts.correct(update),
        notice=update.incident,
        update=update,
        publish_label=_("Publish the corrected text"),
        published_message=_("The text is replaced. The earlier one stands beside it."),
        note=_corrects(update),
        keeps_drafts=False,
        is_edit=True,
    )
    return compose(request, screen, is_preview=is_preview)


@redactors_only
def redact(request: HttpRequest, pk: int, *, is_preview: bool = False) -> HttpResponse:
    update = _published_update(pk)
    screen = Screen(
        title=_("Remove a passage"),
        form=partial(RedactForm, update=update),
        act=acts.redact(update),
        notice=update.incident,
        update=update,
        publish_label=_("Remove it for good"),
        published_message=_("The passage is removed from the page and from the database."),
        note=_(
            "For what must not be public, such as a password or a person’s name. Mails that were sent, feed readers "
            "and copies of the page or of the database keep it: change what was given away. What is merely wrong is "
            "corrected."
        ),
        keeps_drafts=False,
        is_edit=True,
        panes=EDIT_PANES,
    )
    return compose(request, screen, is_preview=is_preview)


@publishers_only
def translate(request: HttpRequest, pk: int, language: str, *, is_preview: bool = False) -> HttpResponse:
    notice = _published(pk)
    if language not in Page.objects.current().languages:
        raise Http404
    screen = Screen(
        title=_("Translate into %(language)s") % {"language": name_of(language)},
        form=partial(TranslateForm, language=language),
        act=acts.translate(notice, language),
        notice=notice,
        publish_label=_("Publish the translation"),
        published_message=_("The translation is published. Nobody was told again."),
        note=_("Below each field stands the original, which stays as it is. What you leave empty is shown in it."),
        keeps_drafts=False,
        is_edit=True,
        panes=(f"page-{language}",),
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
        publish_label=_draft_label(draft),
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
        "postmortem": ("<int:pk>/post-mortem/", write_postmortem),
        "past": ("past/", report_past_incident),
        "correct": ("update/<int:pk>/correct/", correct),
        "redact": ("update/<int:pk>/remove/", redact),
        "translate": ("<int:pk>/translate/<slug:language>/", translate),
        "draft": ("draft/<int:pk>/", edit_draft),
    }
    found = [
        path("draft/<int:pk>/discard/", discard_draft, name="incidents_incident_discard"),
        path("still-here/", still_here, name="incidents_incident_still_here"),
        *reviewing.urls(),
    ]
    for name, (route, view) in tasks.items():
        found += _with_preview(route, view, name=f"incidents_incident_{name}")
    return found


def schedule_urls() -> list[URLPattern]:
    return _with_preview("schedule/", schedule_maintenance, name="incidents_scheduledmaintenance_schedule")


def _with_preview(route: str, view: Any, *, name: str) -> list[URLPattern]:
    view = hands_back(view)
    return [
        path(route, view, name=name),
        path(f"{route}preview/", view, {"is_preview": True}, name=f"{name}_preview"),
    ]


def _published(pk: int) -> Incident:
    return get_object_or_404(Incident.objects.public(), pk=pk)


def _published_update(pk: int) -> IncidentUpdate:
    return get_object_or_404(IncidentUpdate.objects.public().select_related("incident"), pk=pk)


def _corrects(update: IncidentUpdate) -> str:
    named = {"status": update.get_status_display(), "time": describe(update.display_at, update.incident.zone)}
    return _("The update “%(status)s” of %(time)s.") % named


def _gone(request: HttpRequest) -> HttpResponse:
    return show_typed(
        request, title=_("This draft is gone"), why=_("A colleague has discarded this draft."), status=404
    )


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


def _move_note(notice: Incident) -> str:
    if notice.status == IncidentStatus.SCHEDULED:
        return ""
    note = _("The work has begun: only its end can still be moved.")
    if notice.status == IncidentStatus.VERIFYING:
        note = f"{note} {_('The notice then says again that the work is in progress.')}"
    return note


def _all_clear_note(notice: Incident) -> str:
    if not notice.is_scheduled:
        return ""
    planned = course_of(notice, list(notice.updates.public())).planned.work
    note = _("Announced was: %(window)s. Whether it went as planned follows from your answers; the preview shows it.")
    return note % {"window": describe_window(*planned, notice.zone)}


def _can_go(notice: Incident, status: IncidentStatus) -> bool:
    """Asked of a first look only: what was typed must come back with the verb's refusal, not end in a 404."""
    return status in NEXT_STATUSES[IncidentStatus(notice.status)]


def _edit_notice(form: Any, actor: Any, publish: bool) -> IncidentUpdate:
    notice = actions.edit_notice(
        form.notice,
        actor=actor,
        title=form.cleaned_data["title"],
        details=form.details(),
        window=form.window() if form.notice.is_scheduled else None,
        started_at=form.cleaned_data.get("started_at"),
        unchanged_since=None if form.is_rehearsal else form.cleaned_data["since"],
        urgent_because=form.why_urgent(),
    )
    return notice.updates.public().order_by("published_at", "pk").last()


def _form_of(draft: IncidentUpdate) -> type:
    if draft.incident.is_draft:
        return ScheduleForm if draft.incident.is_scheduled else OpenIncidentForm
    has_own = {
        IncidentStatus.COMPLETED: AllClearForm,
        IncidentStatus.CANCELLED: CancelForm,
        IncidentStatus.POSTMORTEM: PostmortemForm,
    }
    return has_own.get(IncidentStatus(draft.status), UpdateForm)


def _draft_label(draft: IncidentUpdate) -> str:
    return _("Publish now") if draft.publish_at else _("Publish")


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
                written.incident = _rewrite_notice(form, actor)
            if publish:
                written = actions.publish_draft(
                    written, actor=actor, seen=form.update_text().seen, urgent_because=form.why_urgent()
                )
        return written

    return act


def _rewrite_notice(form: Any, actor: Any) -> Incident:
    window = started_at = None
    if form.notice.is_scheduled:
        window = form.window()
    else:
        # Left empty, an incident starts with its publication.
        started_at = form.cleaned_data["started_at"] or form.notice.created_at
    return actions.edit_notice(
        form.notice,
        actor=actor,
        title=form.cleaned_data["title"],
        details=form.details(),
        window=window,
        started_at=started_at,
    )
