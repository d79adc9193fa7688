"""The Outbox of the admin: so that everything can be tried without a mail server."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from subscriptions import outbox

MAILS_PER_PAGE = 50
# Mails hold the personal links of subscribers: whoever opens one may act in their place.
MAY_SEE = "subscriptions.change_subscriber"
# A mail brings its style along; a page of ours never does. It may run nothing, load nothing, send nothing, and its
# links open beside the Outbox.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


def outbox_urls(site: AdminSite) -> list[URLPattern]:
    def listing(request: HttpRequest) -> HttpResponse:
        return _listing(request, site)

    def mail(request: HttpRequest, name: str) -> HttpResponse:
        return _mail(request, site, name)

    return [
        path("outbox/", site.admin_view(listing), name="subscriptions_outbox"),
        # path, not str: what is no name of a mail is answered here too, not taken for the key of a delivery.
        path("outbox/<path:name>/html", site.admin_view(_html), name="subscriptions_outbox_html"),
        path("outbox/<path:name>/", site.admin_view(mail), name="subscriptions_outbox_mail"),
    ]


def _listing(request: HttpRequest, site: AdminSite) -> HttpResponse:
    directory = _outbox_of(request)
    names = outbox.mail_names(directory) if settings.MAIL_SERVER is None else []
    shown = Paginator(names, MAILS_PER_PAGE).get_page(request.GET.get("p"))
    lines = [line for name in shown if (line := outbox.read_line(directory, name))]
    context = {"title": _("Outbox"), "shown": shown, "lines": lines, "mail_server": settings.MAIL_SERVER}
    return _show(request, site, "outbox", context)


def _mail(request: HttpRequest, site: AdminSite, name: str) -> HttpResponse:
    mail = _mail_or_404(request, name)
    subject = dict(mail.headers).get("Subject", "")
    return _show(request, site, "outbox_mail", {"title": subject or _("No subject"), "mail": mail, "name": name})


def _html(request: HttpRequest, name: str) -> HttpResponse:
    mail = _mail_or_404(request, name)
    html = HEAD.sub(lambda head: head[0] + '<base target="_blank">', mail.html, count=1)
    headers = {
        "Content-Security-Policy": MAIL_POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HttpResponse(html, headers=headers)


def _show(request: HttpRequest, site: AdminSite, template: str, context: dict[str, object]) -> HttpResponse:
    context = {**site.each_context(request), **context}
    return TemplateResponse(request, f"subscriptions/admin/{template}.html", context)


def _outbox_of(request: HttpRequest) -> Path:
    if not request.user.has_perm(MAY_SEE):
        raise PermissionDenied
    return Path(settings.OUTBOX_DIR)


def _mail_or_404(request: HttpRequest, name: str) -> outbox.Mail:
    mail = outbox.read_mail(_outbox_of(request), name)
    if mail is None:
        raise Http404
    return mail
