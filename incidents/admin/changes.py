"""The audit, to be read and never written."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from incidents import history
from incidents.audit import ACTS, ACTS_ON_PEOPLE, AUDIT, act_in_words, csv_pieces, differences, seen_by
from incidents.board import notice_url
from incidents.forms.fields import id_or_none
from incidents.models import Change, Page
from incidents.times import describe


class ActFilter(admin.SimpleListFilter):
    title = _("act")
    parameter_name = "act"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        acts = {**ACTS, **ACTS_ON_PEOPLE} if request.user.has_perm(AUDIT) else ACTS
        return list(acts.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(verb=self.value()) if self.value() in {**ACTS, **ACTS_ON_PEOPLE} else queryset


class ActorFilter(admin.SimpleListFilter):
    """By account, so that a colleague who was renamed is found whole; the clock has none."""

    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        staff = get_user_model().objects.filter(is_staff=True).order_by("username")
        return [(history.CLOCK, _("the clock")), *((str(user.pk), history.actor_name(user)) for user in staff)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value() or ""
        if value == history.CLOCK:
            return queryset.filter(actor=None, actor_name=history.CLOCK)
        return queryset.filter(actor=pk) if (pk := id_or_none(value)) is not None else queryset


@admin.register(Change)
class ChangeAdmin(admin.ModelAdmin):
    change_list_template = "admin/incidents/changes.html"
    list_display = ("when", "actor_name", "act", "about", "version")
    list_filter = (ActFilter, ActorFilter)
    list_select_related = ("incident",)
    search_fields = ("subject", "actor_name")
    date_hierarchy = "at"
    fields = readonly_fields = ("when", "actor_name", "act", "about", "version", "what_changed")
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        zone = Page.objects.filter(pk=Page.ONLY).values("time_zone")
        return seen_by(request.user).annotate(zone=Subquery(zone))

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        return [path("export/", export, name="incidents_change_export"), *super().get_urls()]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "incident__id__exact" or super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "title": _("Who did what"),
            "may_export": request.user.has_perm(AUDIT),
            "export_url": f"{reverse('admin:incidents_change_export')}?{request.GET.urlencode()}",
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows, as CSV. By POST, because it is written down who took it."""
        if not (self.has_view_permission(request) and request.user.has_perm(AUDIT)):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        now = timezone.now()
        chosen = self.get_changelist_instance(request).get_queryset(request).order_by("-at", "-pk")
        # Up to here, so that the file does not depend on what is written while it is read.
        newest = chosen.values_list("pk", flat=True).order_by("-pk").first() or 0
        history.note(
            verb="export_changes",
            actor=request.user,
            subject=_("%(count)d acts") % {"count": chosen.count()},
            at=now,
        )
        headers = {
            "Content-Disposition": f'attachment; filename="who-did-what-{now:%Y-%m-%d}.csv"',
            "Cache-Control": "no-store",
        }
        pieces = csv_pieces(chosen.filter(pk__lte=newest), Page.objects.current().zone)
        return StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8", headers=headers)

    @admin.display(description=_("when"), ordering="at")
    def when(self, change: Change) -> str:
        return describe(change.at, _zone(change))

    @admin.display(description=_("act"), ordering="verb")
    def act(self, change: Change) -> str:
        return act_in_words(change)

    @admin.display(description=_("about"), ordering="subject")
    def about(self, change: Change) -> str:
        if change.incident is None:
            return change.subject
        return format_html('<a href="{}">{}</a>', notice_url(change.incident), change.subject)

    @admin.display(description=_("what changed"))
    def what_changed(self, change: Change) -> str:
        rows = differences(change, _zone(change))
        return render_to_string("admin/incidents/differences.html", {"rows": rows}) if rows else "–"


def _zone(change: Change) -> ZoneInfo:
    return ZoneInfo(change.zone or "UTC")  # type: ignore[attr-defined]
