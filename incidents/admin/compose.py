"""The one flow behind every composing screen: show, preview, publish or keep as a draft, and lose nothing typed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from incidents.admin.starting import Start
from incidents.board import notice_url
from incidents.checker import check
from incidents.forms.compose import DRAFT, PREVIEW, PUBLISH, TRIAL, ComposeForm, seen_by_now
from incidents.forms.fields import zone_names
from incidents.leads import leads_words
from incidents.models import Change, Component, Incident, IncidentUpdate, Page
from incidents.rehearsal import preview, rehearsal, trials
from incidents.roles import may_publish
from incidents.template_actions import count_use
from incidents.values import StaleIncident

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
    publish_label: str = ""
    published_message: str = ""
    note: str = ""
    keeps_drafts: bool = True
    is_edit: bool = False
    panes: Sequence[str] = ()
    initial: dict[str, Any] | None = None
    start: Start = field(default_factory=Start)

    def build(self, data: Any = None, *, purpose: str = "") -> ComposeForm:
        return self.form(
            data,
            page_zone=Page.objects.current().zone,
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
    purpose = DRAFT if request.POST.get("act") == DRAFT and screen.keeps_drafts else PUBLISH
    if purpose == PUBLISH and not may_publish(request.user):
        raise PermissionDenied
    form = screen.build(request.POST, purpose=purpose)
    if not form.is_valid():
        return show(request, screen, form)
    try:
        with transaction.atomic():
            update = screen.act(form, request.user, purpose == PUBLISH)
    except StaleIncident as stale:
        return show_stale(request, screen, form, stale)
    except ValidationError as problem:
        if posted := _posted_by_this_form(screen, form):
            return _done(request, screen, posted)
        form.add_problem(problem)
        return show(request, screen, form)
    if _is_earlier_post(update, form):
        return show_posted_already(request, screen, form, update)
    if screen.start.chosen and not update.is_draft:
        count_use(screen.start.chosen.pk)
    return _done(request, screen, update)


def show(request: HttpRequest, screen: Screen, form: ComposeForm, **extra: Any) -> HttpResponse:
    notice = screen.notice
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
        "zones": zone_names() if "time_zone" in form.fields else [],
        "functions": Component.objects.public().values_list("name", flat=True) if form.effects else [],
        "preview_url": f"{request.path}preview/",
        "offers_trial": not screen.panes,
        **extra,
    }
    return render(request, "admin/incidents/compose.html", context)


def show_stale(request: HttpRequest, screen: Screen, form: ComposeForm, stale: StaleIncident) -> HttpResponse:
    """Someone was faster: tell what came meanwhile, keep what was typed, and leave publishing to a second click."""
    since = form.cleaned_data.get("since")
    if screen.notice:
        screen.notice.refresh_from_db()
    if screen.draft:
        screen.draft.refresh_from_db()
    form.renew(**seen_by_now(screen.notice, screen.draft))
    form = screen.build(form.data, purpose=form.purpose)
    edits = Change.objects.filter(incident=screen.notice, verb="edit_notice", at__gt=since) if since else []
    return show(
        request, screen, form, meanwhile=stale.meanwhile, edits=[(e, differences(e)) for e in edits], is_stale=True
    )


def show_posted_already(
    request: HttpRequest, screen: Screen, form: ComposeForm, posted: IncidentUpdate
) -> HttpResponse:
    """The form was posted before and came back with other words: never drop them without a word."""
    form.renew(form_id=uuid.uuid4(), **seen_by_now(screen.notice, screen.draft))
    return show(request, screen, form, posted_already=posted, posted_url=notice_url(posted.incident))


@csp_replace(PREVIEW_CSP)
def show_preview(request: HttpRequest, screen: Screen) -> HttpResponse:
    """What customers would get. The same verb runs in a transaction that is then rolled back."""
    context: dict[str, Any] = {"screen": screen}
    if request.method == "POST":
        form = screen.build(request.POST, purpose=PREVIEW)
        context["form"] = form
        if form.is_valid():
            try:
                with rehearsal():
                    update = screen.act(form, request.user, True)
                    panes = preview(update)
                    remarks = [] if screen.is_edit else check(update, now=timezone.now())
                    asked = trials(update, request.user) if request.POST.get("act") == TRIAL else []
                context |= _sorted(panes, screen) | {
                    "times": form.times(),
                    "answers": [send() for send in asked],
                    "remarks": [(form.label_of(remark.field), remark) for remark in remarks],
                }
            except ValidationError as problem:
                form.add_problem(problem)
    return render(request, "admin/incidents/preview.html", context)


def differences(change: Change) -> list[tuple[str, str, str]]:
    """What an edit changed, as (name, before, after), without what changes with every edit."""
    names = [name for name in {**change.before, **change.after} if name not in ("updated_at", "edited_at", "update")]
    pairs = [(name, _shown(name, change.before), _shown(name, change.after)) for name in names]
    return [(_label(name), before, after) for name, before, after in pairs if before != after]


def _shown(name: str, facts: Mapping[str, str]) -> str:
    value = facts.get(name, "")
    return leads_words(json.loads(value)) if name == "reminders" and value else value


def _label(name: str) -> str:
    fields = {field.name: field.verbose_name for field in Incident._meta.concrete_fields}
    return str(fields.get(name, name))


def _sorted(panes: list[Any], screen: Screen) -> dict[str, Any]:
    wanted = [pane for pane in panes if not screen.panes or pane.name in screen.panes]
    return {
        "lines": [pane for pane in wanted if pane.kind == "line"],
        "panes": [pane for pane in wanted if pane.kind != "line"],
    }


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


def _is_earlier_post(update: IncidentUpdate, form: ComposeForm) -> bool:
    return update.form_id == form.cleaned_data["form_id"] and form.differs_from(update)


def _done(request: HttpRequest, screen: Screen, update: IncidentUpdate) -> HttpResponse:
    notice = update.incident
    if screen.is_edit:
        messages.success(request, _("Saved. Nobody was told: post an update for that."))
    elif update.is_draft:
        messages.success(request, _("Kept as a draft. Nobody sees it before it is published."))
    else:
        messages.success(
            request,
            format_html(
                '{} <a href="{}">{}</a>',
                screen.published_message or _("Published."),
                f"/incidents/{notice.code}#update-{update.code}",
                _("See it on the public page"),
            ),
        )
    return HttpResponseRedirect(notice_url(notice))
