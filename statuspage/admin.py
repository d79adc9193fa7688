from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.board import board
from incidents.roles import may_publish
from publishing.publish import behind
from statuspage.logins import LoginForm, OwnPasswordForm
from subscriptions.outbox_views import MAY_SEE


class StatuspageAdminSite(admin.AdminSite):
    """Django's admin under our own name, with the tasks of staff in front."""

    site_header = _("Status page")
    site_title = _("Status page")
    index_title = _("What do you want to do?")
    site_url = "/"
    login_form = LoginForm

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Behind the login, as Django does it; and no query with a NUL, which PostgreSQL takes for an error of ours."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if any("\x00" in value for _name, values in request.GET.lists() for value in values):
                raise BadRequest("The query holds a NUL.")
            return guarded(request, *args, **kwargs)

        return checked

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """As Django does it, with our form, which it has no setting for."""
        request.current_app = self.name  # type: ignore[attr-defined]
        view = PasswordChangeView.as_view(
            form_class=partial(OwnPasswordForm, request=request),
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = timezone.now()
        first_screen = {
            **board(request.user, now),
            "behind": behind(now),
            "outbox_url": _outbox_url(request.user),
            "reminders_url": reverse("admin:subscriptions_staffchoice_changelist")
            if may_publish(request.user)
            else None,
        }
        return super().index(request, {**first_screen, **(extra_context or {})})


def _outbox_url(user: Any) -> str | None:
    return reverse("admin:subscriptions_outbox") if user.has_perm(MAY_SEE) else None
