from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from incidents.models import Page

PREFIX = "/subscribe/"

View = Callable[[HttpRequest], HttpResponse]


def without_cookies(get_response: View) -> View:
    """The subscribers' pages know no cookie: not of staff who happen to be signed in, nor a stray one.

    Without this, SessionMiddleware answers a session it does not know with Set-Cookie and Vary: Cookie.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PREFIX):
            request.META.pop("HTTP_COOKIE", None)
        return get_response(request)

    return middleware


def in_the_language_of_the_page(get_response: View) -> View:
    """The subscribers' pages speak the page's language, or that of it which somebody came from; those behind a
    personal link then speak their reader's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        page, asked = Page.objects.current(), request.GET.get("language", "")
        with translation.override(asked if page.prefix(asked) else page.language):
            return get_response(request)

    return middleware
