"""What the script of a composing screen asks: is the server there, who is logged in, did this form arrive?"""

from __future__ import annotations

from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from incidents.models import IncidentUpdate


@require_GET
@never_cache
def still_here(request: HttpRequest) -> JsonResponse:
    """Of `form`, a one-time id, whether it came in. Nobody logged in is told nothing but that."""
    if not admin.site.has_permission(request):
        return JsonResponse({"user": None})
    return JsonResponse(
        {
            "user": request.user.get_username(),
            "token": get_token(request),
            "hasArrived": _has_arrived(request.GET.get("form", "")),
        }
    )


def _has_arrived(form_id: str) -> bool:
    try:
        return IncidentUpdate.objects.filter(form_id=UUID(form_id)).exists()
    except ValueError:
        return False
