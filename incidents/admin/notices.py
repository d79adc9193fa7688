"""Incidents and maintenance in the admin: lists, and each notice's own page with its timeline, audit and tasks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from incidents.admin import screens
from incidents.admin.series import repeat_url, series_url
from incidents.audit import act_in_words, differences, seen_by
from incidents.board import Task, end_note, notice_page_tasks
from incidents.choices import CLOSED, LINK_KIND_REVERSED, LinkKind
from incidents.forms.translating import state_of
from incidents.leads import leads_words
from incidents.models import EffectOutcome, Incident, Page, ScheduledMaintenance, SeriesOccurrence
from incidents.outcome import course_of
from incidents.roles import may_publish, may_redact, may_write
from incidents.signals import notice_shown
from incidents.times import describe
from incidents.waiting import looked_at_by, waiting

AUDIT_SHOWN = 50


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open")), ("closed", _("Closed")), ("draft", _("Draft"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "open":
            return queryset.public().open()
        if self.value() == "closed":
            return queryset.public().filter(status__in=CLOSED)
        if self.value() == "draft":
            return queryset.filter(published_at=None)
        return queryset


class NoticeAdmin(admin.ModelAdmin):
    """A notice is written on task screens and shown on its own page; there is no bare form for it."""

    list_filter = (StateFilter,)
    search_fields = ("title", "code", "updates__body")
    actions = None
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("affected")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        notice = self.get_object(request, object_id)
        if notice is None or not self.has_view_permission(request, notice):
            raise Http404
        return render(request, "admin/incidents/notice.html", self._page_of(request, notice))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        own_page = reverse(f"admin:incidents_{self.opts.model_name}_change", args=[object_id])
        return HttpResponseRedirect(f"{own_page}#audit")

    def _page_of(self, request: HttpRequest, notice: Incident) -> dict[str, Any]:
        links = [(link.get_kind_display(), link.target) for link in notice.links_out.select_related("target")]
        links += [
            (LINK_KIND_REVERSED[LinkKind(link.kind)], link.incident)
            for link in notice.links_in.select_related("incident")
        ]
        page = Page.objects.current()
        changes = seen_by(request.user).filter(incident=notice)[:AUDIT_SHOWN]
        rows = notice.updates.select_related("incident").prefetch_related("affected", "revisions")
        updates = list(rows.order_by("-display_at", "-pk"))
        public = [update for update in updates if not update.is_draft]
        turnouts = EffectOutcome.objects.of(notice) if notice.is_scheduled else []
        now = timezone.now()
        return {
            **self.admin_site.each_context(request),
            "title": notice.title,
            "opts": self.opts,
            "notice": notice,
            "times": _times(notice),
            "reminders": leads_words(notice.reminders),
            "links": links,
            "affected": notice.affected.all(),
            "effects": notice.effects.all(),
            "texts": _texts(notice),
            "drafts": waiting([update for update in updates if update.is_draft], request.user, page, now),
            "urgent_acts": looked_at_by(notice.urgent_acts.filter(acknowledged_at=None), request.user),
            "zone": page.zone,
            "updates": public,
            "turnouts": turnouts,
            "outcome": course_of(notice, public, [line.turned_out for line in turnouts]).outcome_label
            if notice.is_scheduled
            else "",
            "changes": [(change, act_in_words(change), differences(change, page.zone)) for change in changes],
            "all_changes_url": f"{reverse('admin:incidents_change_changelist')}?incident__id__exact={notice.pk}",
            "tasks": [*notice_page_tasks(notice, request.user), *_series_tasks(notice, request.user)],
            "is_overdue": notice.next_update_by is not None and notice.next_update_by <= now,
            "end": end_note(notice, request.user, now),
            "may_write": may_write(request.user),
            "may_publish": may_publish(request.user),
            "may_redact": may_redact(request.user),
            "panels": _panels(notice, request.user),
            "translations": [] if notice.is_draft else [state_of(notice, code) for code in page.languages],
        }

    @admin.display(description=_("state"), ordering="status")
    def state(self, notice: Incident) -> str:
        if notice.is_draft:
            return format_html('<span class="pill pill-draft">{}</span>', _("Draft"))
        kind = "open" if notice.is_open else "closed"
        return format_html('<span class="pill pill-{}">{}</span>', kind, notice.get_status_display())

    @admin.display(description=_("components"))
    def components(self, notice: Incident) -> str:
        return ", ".join(line.name for line in notice.affected.all())


@admin.register(Incident)
class IncidentAdmin(NoticeAdmin):
    list_display = ("title", "state", "impact", "components", "started", "byline")
    list_filter = (StateFilter, "impact")

    def get_urls(self) -> list[URLPattern]:
        return screens.urls() + super().get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).realtime()

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:incidents_incident_open"))

    @admin.display(description=_("started"), ordering="started_at")
    def started(self, notice: Incident) -> str:
        return describe(notice.started_at, notice.zone)


@admin.register(ScheduledMaintenance)
class ScheduledMaintenanceAdmin(NoticeAdmin):
    list_display = ("title", "state", "components", "work_starts", "work_ends", "byline")
    ordering = ("-work_starts_at", "-pk")

    def get_urls(self) -> list[URLPattern]:
        return [*screens.schedule_urls(), repeat_url(), *super().get_urls()]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:incidents_scheduledmaintenance_schedule"))

    @admin.display(description=_("work starts"), ordering="work_starts_at")
    def work_starts(self, notice: Incident) -> str:
        return describe(notice.work_starts_at, notice.zone)

    @admin.display(description=_("work ends"), ordering="work_ends_at")
    def work_ends(self, notice: Incident) -> str:
        return describe(notice.work_ends_at, notice.zone)


def _series_tasks(notice: Incident, user: Any) -> list[Task]:
    """To the series that a maintenance is part of, or to the screen that begins one."""
    if not notice.is_scheduled or notice.is_draft:
        return []
    series = SeriesOccurrence.objects.filter(notice=notice).values_list("series", flat=True).first()
    if series:
        return [Task(_("See its series"), series_url(series))]
    if not may_publish(user):
        return []
    return [Task(_("Repeat…"), reverse("admin:incidents_scheduledmaintenance_repeat", args=[notice.pk]))]


def _panels(notice: Incident, user: Any) -> list[SafeString]:
    """What apps above this one have to show of a notice."""
    answers = notice_shown.send(sender=Incident, notice=notice, user=user)
    return [panel for _receiver, panel in answers if panel]


def _times(notice: Incident) -> list[tuple[Any, str]]:
    names = ["work_starts_at", "work_ends_at", "avoid_starts_at", "avoid_ends_at", "actual_started_at"]
    names = [*names, "actual_ended_at"] if notice.is_scheduled else ["started_at"]
    found: list[tuple[Any, dt.datetime | None]] = [
        (Incident._meta.get_field(name).verbose_name, getattr(notice, name)) for name in names
    ]
    if notice.resolved_at and not notice.is_scheduled:
        found.append((_("resolved"), notice.resolved_at))
    if notice.next_update_by:
        found.append((_("next update by"), notice.next_update_by))
    return [(label, describe(at, notice.zone)) for label, at in found if at]


def _texts(notice: Incident) -> list[tuple[Any, str]]:
    names = ("deviations", "advice_before", "advice_during", "advice_after", "reason")
    texts = [(Incident._meta.get_field(name).verbose_name, getattr(notice, f"{name}_html")) for name in names]
    return [(label, html) for label, html in texts if html]
