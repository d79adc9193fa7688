"""The audit, to be read and never written."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from incidents.admin.compose import differences
from incidents.models import Change


@admin.register(Change)
class ChangeAdmin(admin.ModelAdmin):
    list_display = ("at", "actor_name", "verb", "subject", "version")
    list_filter = ("verb",)
    search_fields = ("subject", "actor_name")
    date_hierarchy = "at"
    fields = readonly_fields = ("at", "actor_name", "verb", "subject", "version", "what_changed")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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
