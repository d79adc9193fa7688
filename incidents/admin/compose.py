"""The one flow behind every composing screen: show, preview, publish or keep as a draft, and lose nothing typed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from incidents.admin.hand_back import screen_path
from incidents.admin.starting import Start
from incidents.audit import differences
from incidents.board import notice_url
from incidents.checker import check
from incidents.forms.compose import (
    DRAFT,
    PREVIEW,
    PUBLISH,
    RETURN,
    SCHEDULE,
    SUBMIT,
    TRIAL,
    ComposeForm,
    seen_by_now,
)
from incidents.forms.fields import zone_names
from incidents.models import Change, Component, Incident, IncidentUpdate, Page
from incidents.rehearsal import preview, rehearsal, trials
from incidents.review import submit_for_review
from incidents.roles import may_publish
from incidents.template_actions import count_use
from incidents.times import describe
from incidents.timing import schedule_draft
from incidents.values import ReviewNeeded, StaleIncident
from incidents.waiting import needs_other

SHOWN_UPDATES = 3

# The panes of a preview are whole documents in frames of their own, and a frame without an address inherits this
# policy: mail brings its styles inline, the page brings its own sheet. Nothing in it may run or be sent anywhere.
PREVIEW_CSP = {
    "default-src": [NONE],
    "script-src": [NONE],
    "connect-src": [NONE],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "frame-src": [SELF],
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
}


@dataclass(frozen=True)
class Screen:
    """One task: its words, its form, and `act`, which carries out what the form says.

    `act(form, actor, publish)` calls the verbs and returns the update that came of it. `panes` limits the preview.
    """

    title: str
    form: Callable[..., ComposeForm]
    act: Callable[[Any, Any, bool], IncidentUpdate]
    notice: Incident | None = None
    draft: IncidentUpdate | None = None
    update: IncidentUpdate | None = None  # the published one whose text is replaced
    publish_label: str = ""
    published_message: str = ""
    note: str = ""
    keeps_drafts: bool = True
    is_edit: bool = False
    panes: Sequence[str] = ()
    initial: dict[str, Any] | None = None
    start: Start = field(default_factory=Start)

    def seen(self) -> dict[str, Any]:
        return seen_by_now(self.notice, self.draft or self.update)

    def build(self, data: Any = None, *, purpose: str = "") -> ComposeForm:
        page = Page.objects.current()
        return self.form(
            data,
            page_zone=page.zone,
            needs_review=page.needs_review,
            notice=self.notice,
            draft=self.draft,
            purpose=purpose,
            initial={**(self.initial or {}), **self.start.values},
        )


def compose(request: HttpRequest, screen: Screen, *, is_preview: bool) -> HttpResponse:
    if is_preview:
        return show_preview(request, screen)
    if request.method != "POST":
        return show(request, screen, screen.build())
    asked = request.POST.get("act")
    if asked == RETURN or _is_of_another(request):
        return show_back(request, screen)
    purpose = asked if asked in (DRAFT, SUBMIT, SCHEDULE) and screen.keeps_drafts else PUBLISH
    form = screen.build(request.POST, purpose=purpose)
    if purpose in (PUBLISH, SCHEDULE) and not may_publish(request.user):
        return show(request, screen, form, status=403, is_beyond_role=True)
    if not form.is_valid():
        return show(request, screen, form)
    try:
        with transaction.atomic():
            update = screen.act(form, request.user, purpose == PUBLISH)
            if update.is_draft and not _is_earlier_post(update, form):
                update = _carry_on(form, update, request.user)
    except StaleIncident as stale:
        return show_stale(request, screen, form, stale)
    except ReviewNeeded:
        form.add_error(None, _needs_somebody_else(screen))
        return show(request, screen, form, offers_urgency=True)
    except ValidationError as problem:
        if posted := _posted_by_this_form(screen, form):
            return _done(request, screen, posted, form)
        form.add_problem(problem)
        return show(request, screen, form)
    if _is_earlier_post(update, form):
        return show_posted_already(request, screen, form, update)
    if screen.start.chosen and not update.is_draft:
        count_use(screen.start.chosen.pk)
    return _done(request, screen, update, form)


def show(request: HttpRequest, screen: Screen, form: ComposeForm, *, status: int = 200, **extra: Any) -> HttpResponse:
    notice, page = screen.notice, Page.objects.current()
    updates = notice.updates.public().order_by("-published_at", "-pk")[:SHOWN_UPDATES] if notice else []
    context = {
        **admin.site.each_context(request),
        "title": screen.title,
        "screen": screen,
        "form": form,
        "notice": notice,
        "notice_url": notice_url(notice) if notice else "",
        "latest_updates": updates,
        "may_publish": may_publish(request.user),
        "needs_review": page.needs_review,
        "needs_other": page.needs_review and (screen.draft is None or needs_other(screen.draft, request.user, page)),
        "zone": page.time_zone,
        "zones": zone_names() if "time_zone" in form.fields else [],
        "functions": Component.objects.public().values_list("name", flat=True) if form.effects else [],
        "preview_url": f"{request.path}preview/",
        "offers_trial": not screen.panes,
        **extra,
    }
    return render(request, "admin/incidents/compose.html", context, status=status)


def show_back(request: HttpRequest, screen: Screen) -> HttpResponse:
    """The form as it was when it could not be taken. Publishing it takes a click of whoever is logged in now."""
    writer = request.POST.get("writer", "")
    other = writer if writer != request.user.get_username() else ""
    return show(request, screen, screen.build(request.POST, purpose=DRAFT), is_back=True, written_by=other)


def show_stale(request: HttpRequest, screen: Screen, form: ComposeForm, stale: StaleIncident) -> HttpResponse:
    """Someone was faster: tell what came meanwhile, keep what was typed, and leave publishing to a second click."""
    since = form.cleaned_data.get("since")
    if screen.notice:
        screen.notice.refresh_from_db()
    for row in filter(None, (screen.draft, screen.update)):
        row.refresh_from_db()
    form.renew(**screen.seen())
    form = screen.build(form.data, purpose=form.purpose)
    zone = screen.notice.zone if screen.notice else Page.objects.current().zone
    edits = Change.objects.filter(incident=screen.notice, verb="edit_notice", at__gt=since) if since else []
    return show(
        request,
        screen,
        form,
        meanwhile=stale.meanwhile,
        edits=[(edit, differences(edit, zone)) for edit in edits],
        is_stale=True,
    )


def show_posted_already(
    request: HttpRequest, screen: Screen, form: ComposeForm, posted: IncidentUpdate
) -> HttpResponse:
    """The form was posted before and came back with other words: never drop them without a word."""
    form.renew(form_id=uuid.uuid4(), **screen.seen())
    return show(request, screen, form, posted_already=posted, posted_url=notice_url(posted.incident))


@csp_replace(PREVIEW_CSP)
def show_preview(request: HttpRequest, screen: Screen) -> HttpResponse:
    """What customers would get. The same verb runs in a transaction that is then rolled back."""
    context: dict[str, Any] = {"screen": screen, "screen_path": screen_path(request)}
    if request.method == "POST":
        form = screen.build(request.POST, purpose=PREVIEW)
        is_valid = form.is_valid()
        context |= {"form": form, "times": form.times(), "wall_times": form.wall_times()}
        if is_valid:
            try:
                with rehearsal():
                    update = screen.act(form, request.user, True)
                    panes = preview(update)
                    remarks = [] if screen.is_edit else check(update, now=timezone.now())
                    asked = trials(update, request.user) if request.POST.get("act") == TRIAL else []
                context |= _sorted(panes, screen) | {
                    "answers": [send() for send in asked],
                    "remarks": [
                        (form.label_of(remark.field), form.place_of(remark.field), remark) for remark in remarks
                    ],
                }
            except ValidationError as problem:
                form.add_problem(problem)
    return render(request, "admin/incidents/preview.html", context)


def _sorted(panes: list[Any], screen: Screen) -> dict[str, Any]:
    shown = set(screen.panes)  # "page" stands for the page in every language
    wanted = [pane for pane in panes if not shown or shown & {pane.name, pane.name.partition("-")[0]}]
    return {
        "lines": [pane for pane in wanted if pane.kind == "line"],
        "panes": [pane for pane in wanted if pane.kind != "line"],
    }


def _carry_on(form: ComposeForm, draft: IncidentUpdate, user: Any) -> IncidentUpdate:
    """What is to become of the draft that the form has just made."""
    if form.purpose == SUBMIT:
        return submit_for_review(draft, actor=user)
    if form.purpose == SCHEDULE:
        text = form.update_text()
        return schedule_draft(draft, text.publish_at, actor=user, seen=text.seen, urgent_because=form.why_urgent())
    return draft


def _needs_somebody_else(screen: Screen) -> str:
    if screen.keeps_drafts:
        return _(
            "These words are yours, and this page asks for a second person to publish them. Submit them for review; "
            "if that cannot wait, tick that it is urgent and say why."
        )
    return _(
        "This page asks for a second person to publish, and this screen has no drafts. Tick that it is urgent and say "
        "why: a colleague looks at it afterwards."
    )


def _posted_by_this_form(screen: Screen, form: ComposeForm) -> IncidentUpdate | None:
    """The update that the first click of a double click has made of a draft."""
    if not screen.draft:
        return None
    return (
        IncidentUpdate.objects.select_related("incident")
        .filter(pk=screen.draft.pk, form_id=form.cleaned_data["form_id"])
        .exclude(published_at=None)
        .first()
    )


def _is_of_another(request: HttpRequest) -> bool:
    """Whether the form was written under another login than the one it is posted with."""
    return request.POST.get("writer", "") not in ("", request.user.get_username())


def _is_earlier_post(update: IncidentUpdate, form: ComposeForm) -> bool:
    return update.form_id == form.cleaned_data["form_id"] and form.differs_from(update)


def _done(request: HttpRequest, screen: Screen, update: IncidentUpdate, form: ComposeForm) -> HttpResponse:
    # By this the browser knows which of the copies it keeps has arrived.
    arrived = f"arrived-{form.cleaned_data['form_id']}"
    messages.success(request, _done_words(screen, update), extra_tags=arrived)
    return HttpResponseRedirect(notice_url(update.incident))


def _done_words(screen: Screen, update: IncidentUpdate) -> str:
    if screen.is_edit:
        return screen.published_message or _("Saved. Nobody was told: post an update for that.")
    if update.is_draft and update.approved_version is not None:
        time = describe(update.publish_at, Page.objects.current().zone)
        return _("It will be published at %(time)s. Nobody sees it before.") % {"time": time}
    if update.is_draft and update.review_asked_at:
        return _("Submitted: it waits for a colleague to approve it. Nobody sees it before.")
    if update.is_draft:
        return _("Kept as a draft. Nobody sees it before it is published.")
    return format_html(
        '{} <a href="{}">{}</a>',
        screen.published_message or _("Published."),
        f"/incidents/{update.incident.code}#update-{update.code}",
        _("See it on the public page"),
    )
