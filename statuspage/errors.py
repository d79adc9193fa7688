"""What staff and subscribers read when Django cannot answer. The status page itself is not served from here."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.csrf import csrf_failure as plain_csrf_failure

from incidents.admin.hand_back import csrf_hand_back

RETRY_AFTER_SECONDS = 10


def server_error(_request: HttpRequest) -> HttpResponse:
    """503 while the database is away, which passes by itself; 500 for a fault of ours. Asks no database."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return HttpResponse(render_to_string("500.html"), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: what was typed on a composing screen comes back, elsewhere we say what to do."""
    return csrf_hand_back(request, reason) or plain_csrf_failure(request, reason)
