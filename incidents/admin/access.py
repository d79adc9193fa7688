"""Who may come in: every screen is behind the admin's login, and then behind a role."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from incidents.roles import may_publish, may_redact, may_write


def writers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For staff who may write drafts. Anonymous readers are sent to the login and come back here."""
    return guarded_by(may_write)(view)


def publishers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return guarded_by(may_publish)(view)


def redactors_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return guarded_by(may_redact)(view)


def guarded_by(may: Callable[[Any], bool]) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """For staff of whom `may` says so."""

    def guard(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return admin.site.admin_view(guarded)

    return guard
