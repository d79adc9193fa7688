from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.board import board
from publishing.publish import behind


class StatuspageAdminSite(admin.AdminSite):
    """Django's admin under our own name, with the tasks of staff in front."""

    site_header = _("Status page")
    site_title = _("Status page")
    index_title = _("What do you want to do?")
    site_url = "/"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = timezone.now()
        first_screen = {
            **board(request.user, now),
            "behind": behind(now),
            "outbox_url": _url_or_none("admin:subscriptions_outbox"),
        }
        return super().index(request, {**first_screen, **(extra_context or {})})


def _url_or_none(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None
