"""The audit, to be read and never written."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from incidents.admin.compose import differences
from incidents.models import Change
from incidents.times import describe

ACTS = {
    "open_incident": _("opened the incident"),
    "schedule_maintenance": _("announced the maintenance"),
    "post_update": _("posted an update"),
    "publish_draft": _("published a draft"),
    "draft_notice": _("began a draft of a notice"),
    "draft_update": _("began a draft"),
    "discard_draft": _("discarded a draft"),
    "reschedule_maintenance": _("moved the maintenance"),
    "edit_notice": _("edited the notice"),
    "start_by_clock": _("started it at its time"),
    "verify_by_clock": _("ended it at its planned time: waiting for the all-clear"),
    "complete_by_clock": _("completed it at its planned end"),
    "set_component_status": _("set a component’s status"),
    "archive_component": _("archived a component"),
    "add_template": _("added a template"),
    "change_template": _("changed a template"),
    "delete_template": _("deleted a template"),
    "add": _("added to the page"),
    "change": _("changed the page"),
}


def act_in_words(change: Change) -> str:
    return str(ACTS.get(change.verb, change.verb))


class ActFilter(admin.SimpleListFilter):
    title = _("act")
    parameter_name = "act"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ACTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(verb=self.value()) if self.value() in ACTS else queryset


@admin.register(Change)
class ChangeAdmin(admin.ModelAdmin):
    list_display = ("when", "actor_name", "act", "subject", "version")
    list_filter = (ActFilter,)
    search_fields = ("subject", "actor_name")
    date_hierarchy = "at"
    fields = readonly_fields = ("when", "actor_name", "act", "subject", "version", "what_changed")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Who did what"), **(extra_context or {})})

    @admin.display(description=_("when"), ordering="at")
    def when(self, change: Change) -> str:
        return describe(change.at, ZoneInfo("UTC"))

    @admin.display(description=_("act"), ordering="verb")
    def act(self, change: Change) -> str:
        return act_in_words(change)

    @admin.display(description=_("what changed"))
    def what_changed(self, change: Change) -> str:
        rows = format_html_join("", "<tr><th scope='row'>{}</th><td>{}</td><td>{}</td></tr>", differences(change))
        head = format_html(
            "<thead><tr><th scope='col'>{}</th><th scope='col'>{}</th><th scope='col'>{}</th></tr></thead>",
            _("field"),
            _("before"),
            _("after"),
        )
        return format_html("<table class='differences'>{}<tbody>{}</tbody></table>", head, rows) if rows else "–"
