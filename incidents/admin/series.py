"""Maintenance series: a list, each one's own page with its coming days, and the screens that begin and change one."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents import series as verbs
from incidents.admin.access import publishers_only
from incidents.board import notice_url
from incidents.choices import OccurrenceState
from incidents.forms.fields import zone_names
from incidents.forms.series import DATES, SHOWN_DATES, RecurrencePart, RepeatForm, SeriesForm
from incidents.models import Component, Incident, MaintenanceSeries, Page, SeriesOccurrence
from incidents.recurrence import Occurrence, rule_words
from incidents.roles import may_publish
from incidents.times import describe, describe_window, duration_words
from incidents.values import StaleSeries

SHOWN_ANNOUNCED = 20
COMING = 6


@publishers_only
def repeat(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a series with a maintenance that is published."""
    notice = get_object_or_404(Incident.objects.public().scheduled(), pk=pk)
    known = SeriesOccurrence.objects.filter(notice=notice).first()
    if known and request.method != "POST":
        return HttpResponseRedirect(series_url(known.series_id))
    form = RepeatForm(request.POST or None, page_zone=Page.objects.current().zone, notice=notice)
    if not _is_to_save(request, form):
        note = _("Text, effects, components and times are taken from this notice. You can change them afterwards.")
        return _show(request, form, title=_("Repeat the maintenance"), back_url=notice_url(notice), note=note)
    try:
        series = verbs.start_series(
            form.plan(), actor=request.user, first_notice=notice, form_id=form.cleaned_data["form_id"]
        )
    except ValidationError as problem:
        form.add_problem(problem)
        return _show(request, form, title=_("Repeat the maintenance"), back_url=notice_url(notice))
    return _saved(request, series, _("The series has begun."))


@publishers_only
def change(request: HttpRequest, pk: int) -> HttpResponse:
    series = get_object_or_404(MaintenanceSeries, pk=pk, ended_at=None)
    form = SeriesForm(request.POST or None, page_zone=Page.objects.current().zone, series=series)
    title = _("Change the series")
    note = _("What is announced already stays as it is: those notices are edited, moved and cancelled one by one.")
    if not _is_to_save(request, form):
        return _show(request, form, title=title, back_url=series_url(pk), note=note)
    try:
        verbs.change_series(series, form.plan(), actor=request.user, unchanged_since=form.cleaned_data["since"])
    except StaleSeries as stale:
        form.renew(since=stale.series.updated_at.isoformat())
        return _show(request, form, title=title, back_url=series_url(pk), note=note, is_stale=True)
    except ValidationError as problem:
        form.add_problem(problem)
        return _show(request, form, title=title, back_url=series_url(pk), note=note)
    return _saved(request, series, _("Saved. It holds for what is not announced yet."))


@publishers_only
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Skip a day, take it back, or end the series."""
    series = get_object_or_404(MaintenanceSeries, pk=pk)
    if request.method != "POST":
        return HttpResponseRedirect(series_url(pk))
    what = request.POST.get("act", "")
    if what == "end":
        verbs.end_series(series, actor=request.user)
        messages.success(request, _("The series has ended. What is announced stays."))
        return HttpResponseRedirect(series_url(pk))
    try:
        day = dt.date.fromisoformat(request.POST.get("day", ""))
    except ValueError:
        raise Http404 from None
    try:
        {"skip": verbs.skip_day, "restore": verbs.restore_day}[what](series, day, actor=request.user)
    except ValidationError as problem:
        messages.error(request, problem.messages[0])
    except KeyError:
        raise Http404 from None
    return HttpResponseRedirect(series_url(pk))


def series_url(pk: int) -> str:
    return reverse("admin:incidents_maintenanceseries_change", args=[pk])


def repeat_url() -> URLPattern:
    return path("<int:pk>/repeat/", repeat, name="incidents_scheduledmaintenance_repeat")


@admin.register(MaintenanceSeries)
class MaintenanceSeriesAdmin(admin.ModelAdmin):
    list_display = ("title", "rule", "announced_ahead", "state")
    search_fields = ("title",)
    actions = None

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:pk>/edit/", change, name="incidents_maintenanceseries_edit"),
            path("<int:pk>/act/", act, name="incidents_maintenanceseries_act"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        hint = _("A series begins on the page of a maintenance: “Repeat…”.")
        return super().changelist_view(
            request, {"title": _("Maintenance series"), "subtitle": hint, **(extra_context or {})}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        series = self.get_object(request, object_id)
        if series is None or not self.has_view_permission(request, series):
            raise Http404
        return render(request, "admin/incidents/series.html", self._page_of(request, series))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(series_url(int(object_id)))

    def _page_of(self, request: HttpRequest, series: MaintenanceSeries) -> dict[str, Any]:
        plan, now = verbs.plan_of(series), timezone.now()
        skipped = set(series.occurrences.filter(state=OccurrenceState.SKIPPED).values_list("day", flat=True))
        announced = series.occurrences.filter(state=OccurrenceState.ANNOUNCED).select_related("notice")
        names = dict(Component.objects.filter(pk__in=plan.components).values_list("pk", "name"))
        return {
            **self.admin_site.each_context(request),
            "title": series.title,
            "opts": self.opts,
            "series": series,
            "rule": rule_words(plan.recurrence),
            "takes": duration_words(plan.duration),
            "coming": [
                (one, _words(one, series), describe(one.starts_at - plan.announce_days * verbs.DAY, series.zone))
                for one in islice(verbs.coming_days(series, now), COMING)
            ],
            "skipped": skipped,
            "announced": [
                (one.notice, describe(one.notice.work_starts_at, one.notice.zone), notice_url(one.notice))
                for one in announced.order_by("-day")[:SHOWN_ANNOUNCED]
                if one.notice
            ],
            "components": sorted(names.values()),
            "may_publish": may_publish(request.user),
            "audit_url": reverse("admin:incidents_change_changelist"),
        }

    @admin.display(description=gettext_lazy("comes again"))
    def rule(self, series: MaintenanceSeries) -> str:
        return rule_words(verbs.plan_of(series).recurrence)

    @admin.display(description=gettext_lazy("days ahead"), ordering="announce_days")
    def announced_ahead(self, series: MaintenanceSeries) -> int:
        return series.announce_days

    @admin.display(description=gettext_lazy("state"), ordering="ended_at")
    def state(self, series: MaintenanceSeries) -> str:
        return _("Ended") if series.ended_at else _("Goes on")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).order_by("ended_at", "-pk")


def _is_to_save(request: HttpRequest, form: RecurrencePart) -> bool:
    """Whether the form says something that can be saved, and its author has seen the days that follow from it."""
    return request.method == "POST" and form.is_valid() and request.POST.get("act") != DATES and form.is_checked


def _show(request: HttpRequest, form: RecurrencePart, **context: Any) -> HttpResponse:
    dates = form.dates if form.is_bound else []
    if dates:
        form.renew(checked=form.signature)
    zone = form.typed_zone() or form.zone if form.is_bound else form.zone
    shown = [(describe_window(one.starts_at, one.ends_at, zone), one.remark) for one in dates]
    return render(
        request,
        "admin/incidents/series_form.html",
        {
            **admin.site.each_context(request),
            "form": form,
            "dates": shown,
            "is_last": 0 < len(dates) < SHOWN_DATES,
            "must_check": bool(dates) and request.POST.get("act") != DATES,
            "zones": zone_names() if "time_zone" in form.fields else [],
            "functions": Component.objects.public().values_list("name", flat=True) if form.effects else [],
            **context,
        },
    )


def _saved(request: HttpRequest, series: MaintenanceSeries, message: str) -> HttpResponse:
    verbs.announce_due(timezone.now())  # what is near enough already shall not wait for the clock
    messages.success(request, message)
    return HttpResponseRedirect(series_url(series.pk))


def _words(one: Occurrence, series: MaintenanceSeries) -> str:
    return describe_window(one.starts_at, one.ends_at, series.zone)
