"""What was typed comes back when a form cannot be taken: the login ran out, the cookie is gone, the role is not enough.

Nothing is ever published on the way. Each way back ends at the screen itself, filled in, with `act` set to RETURN.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.request import QueryDict
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.urls import resolve
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from incidents.forms.compose import RETURN, DetailsPart, UpdatePart
from incidents.forms.notices import AllClearForm, RemindersPart, StartedPart, UpdateForm, WindowPart

LOGIN = "log-in"
PREVIEW_SUFFIX = "preview/"

# What a form sends beside the words: not to be carried along, or not to be shown.
PLUMBING = {"csrfmiddlewaretoken", "act", "next", f"{LOGIN}-username", f"{LOGIN}-password"}
UNSEEN = PLUMBING | {"form_id", "seen", "since", "writer", "notify", "status"}
EFFECT = re.compile(r"effects-\d+-(?:function|level|note)")
TIME_PART = re.compile(r"_(?:date|time|which)$")

PARTS = (UpdatePart, DetailsPart, StartedPart, WindowPart, RemindersPart, UpdateForm, AllClearForm)
LABELS = {name: field.label for part in PARTS for name, field in part.base_fields.items()}


def hands_back(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A composing screen that loses nothing. Asked for JSON, it answers a redirection by naming its target."""

    @wraps(view)
    @never_cache
    @sensitive_post_parameters(f"{LOGIN}-password")
    def guarded(request: HttpRequest, *args: Any, is_preview: bool = False, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, is_preview=is_preview, **kwargs)
        if not admin.site.has_permission(request):
            if f"{LOGIN}-username" not in request.POST:
                return ask_for_login(request)
            form = login_form(request, request.POST)
            if not form.is_valid():
                return ask_for_login(request, form)
            login(request, form.get_user())
            request.POST = carried(request.POST)
            request.POST["act"] = RETURN
            is_preview = False
        try:
            answer = view(request, *args, is_preview=is_preview, **kwargs)
        except PermissionDenied:
            return show_typed(
                request,
                title=_("This is not yours to do"),
                why=_(
                    "Your role does not include it, so nothing was published. Give your words to a colleague who may."
                ),
            )
        if isinstance(answer, HttpResponseRedirect) and request.headers.get("Accept") == "application/json":
            return JsonResponse({"location": answer.url})
        return answer

    guarded.hands_back = True
    return guarded


def csrf_hand_back(request: HttpRequest, reason: str) -> HttpResponse | None:
    """The answer to a composing form that came without a valid token; None for other addresses.

    A login in another window renews the token, so this happens to honest people. Only to what our own pages sent is
    a way back to the screen offered: others must not fill in a form here for somebody to publish.
    """
    try:
        view = resolve(request.path_info).func
    except Http404:
        return None
    if not getattr(view, "hands_back", False):
        return None
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None or reason == REASON_BAD_ORIGIN % origin:
        return show_typed(
            request,
            title=_("This form did not come from here"),
            why=_("It was sent by another page, or by a browser that hides from where. Nothing was published."),
        )
    if not admin.site.has_permission(request):
        return ask_for_login(request)
    return show_typed(
        request,
        title=_("Not published yet"),
        why=_("You logged in anew after this form was opened. Your words are all here."),
        leads_back=True,
    )


def ask_for_login(request: HttpRequest, form: AdminAuthenticationForm | None = None) -> HttpResponse:
    """The login, with everything typed carried along. It leads back to the filled-in screen and publishes nothing."""
    context = {
        **admin.site.each_context(request),
        "title": _("Log in"),
        "app_path": screen_path(request),
        "form": form or login_form(request),
        "carried": pairs(carried(request.POST)),
        "is_framed": request.path.endswith(PREVIEW_SUFFIX),
    }
    return render(request, "admin/incidents/log_in_again.html", context, status=403)


def show_typed(
    request: HttpRequest, *, title: str, why: str, leads_back: bool = False, status: int = 403
) -> HttpResponse:
    """The words themselves, to take along; with `leads_back` also a way to the filled-in screen."""
    context = {
        **admin.site.each_context(request),
        "title": title,
        "why": why,
        "typed": typed(request.POST),
        "screen_path": screen_path(request) if leads_back else "",
        "carried": pairs(carried(request.POST)) if leads_back else [],
    }
    return render(request, "admin/incidents/typed.html", context, status=status)


def login_form(request: HttpRequest, data: QueryDict | None = None) -> AdminAuthenticationForm:
    return (admin.site.login_form or AdminAuthenticationForm)(request, data, prefix=LOGIN)


def carried(post: QueryDict) -> QueryDict:
    """What the composing form sent, without what belongs to this one request."""
    kept = post.copy()
    for name in PLUMBING:
        kept.pop(name, None)
    return kept


def pairs(post: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name, values in post.lists() for value in values]


def typed(post: QueryDict) -> list[tuple[str, str]]:
    """Everything a person wrote, as (what the screens call it, the words), in the order of the form.

    Without what was only chosen, such as components and links: their ids mean nothing to whoever reads this.
    """
    found: dict[str, str] = {}
    for name, value in pairs(post):
        if not value.strip() or name in UNSEEN or ("-" in name and not EFFECT.fullmatch(name)):
            continue
        base = TIME_PART.sub("", name)
        label = _("Effects") if "-" in name else str(LABELS.get(base, base))
        glue = "\n" if base == name else " "
        found[label] = f"{found[label]}{glue}{value}" if label in found else value
    return list(found.items())


def screen_path(request: HttpRequest) -> str:
    """The screen that `request` belongs to, also when it asked for a preview."""
    query = request.META.get("QUERY_STRING", "")
    return request.path.removesuffix(PREVIEW_SUFFIX) + (f"?{query}" if query else "")
