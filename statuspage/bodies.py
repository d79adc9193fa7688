"""What a request's body may do to us before any view has seen it: nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
View = Callable[[HttpRequest], HttpResponse]

CHUNK = 64 * 1024


def only_utf8(get_response: View) -> View:
    """Read forms as UTF-8, whatever charset they name.

    The parameter has no meaning for forms (URL Standard, application/x-www-form-urlencoded), but Django follows it,
    and fails where what was sent is no text of that charset.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        request.encoding = "utf-8"
        return get_response(request)

    return middleware


def read_to_the_end(application: Application) -> Application:
    """`application`, except that it leaves nothing of a body unread.

    A socket that is closed with unread input is reset (RFC 9112, section 9.6), and the page server, still writing or
    about to read, would lose the answer that was given. The page server bounds what it hands on.
    """

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = application(environ, start_response)
        while environ["wsgi.input"].read(CHUNK):
            pass
        return answer

    return wrapped
