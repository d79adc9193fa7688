"""The subscribers' own pages: no session, no cookie, no script. GET shows, POST acts: mail scanners follow links."""

from __future__ import annotations

import datetime as dt
import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from incidents.brand import load_brand
from incidents.models import Incident, Page
from subscriptions import consent, limits
from subscriptions.choices import SubscriberState
from subscriptions.forms import AddressForm, ChoicesForm, SubscribeForm, spoken_language
from subscriptions.models import Subscriber
from subscriptions.summary import chosen
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, led_out, make_token, read_token

logger = logging.getLogger(__name__)

SIGN_UPS_PER_NETWORK = 20
SIGN_UPS_PER = limits.HOUR
BAD_LINKS_PER_MINUTE = 30
LONGEST_FORM = 256 * 1024
# Seconds from the arrival of a sign-up to its answer. The work behind it differs with what is known of the address;
# a fixed moment to answer at hides that.
ANSWER_AFTER = 0.1


@dataclass(frozen=True)
class Refusal:
    status: int
    reason: str


shows_and_acts = require_http_methods(["GET", "HEAD", "POST"])


@csrf_exempt  # Nobody is signed in here. Other sites' forms are refused below, by what the browser says of them.
@shows_and_acts
def subscribe(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _offer(request)
    if not _comes_from_here(request):
        return _refuse(403, _("This form was sent from another site."))
    data = _form_data(request)
    if data is None:
        return _refuse(400, _("What arrived here could not be read as a form."))
    if data.get("want") == "manage-link":
        return _send_manage_link(request, data)
    if "notice" in data:
        return _subscribe_to_notice(request, data)

    arrived = time.monotonic()
    form = SubscribeForm(data)
    if not form.is_valid():
        return _show("subscribe", {"form": form, "is_choosing": not form.is_usual()}, status=400)
    if refusal := _limit_reached(request):
        return _ask_for_patience("subscribe", {"form": form, "is_choosing": not form.is_usual()}, refusal)
    consent.request_subscription(form.cleaned_data["email"], **form.choices(), now=timezone.now())
    return _look_into_your_mailbox(arrived)


def _offer(request: HttpRequest) -> HttpResponse:
    """The form for one notice, if one is named that can be followed; else the form for everything."""
    notice = _open_notice(request.GET.get("notice", ""))
    if notice is not None:
        return _show("subscribe_to_notice", {"form": AddressForm(), "notice": notice})
    form = SubscribeForm(components=request.GET.get("functions", "").split(","))
    is_choosing = "choose" in request.GET or "functions" in request.GET
    return _show("subscribe", {"form": form, "is_choosing": is_choosing, "is_over": "notice" in request.GET})


def _subscribe_to_notice(request: HttpRequest, data: QueryDict) -> HttpResponse:
    arrived = time.monotonic()
    notice, form = _open_notice(data.get("notice", "")), AddressForm(data)
    if notice is None:
        return _show("subscribe", {"form": SubscribeForm(data), "is_over": True}, status=400)
    context = {"form": form, "notice": notice}
    if not form.is_valid():
        return _show("subscribe_to_notice", context, status=400)
    if refusal := _limit_reached(request):
        return _ask_for_patience("subscribe_to_notice", context, refusal)
    language = spoken_language()
    consent.request_notice(form.cleaned_data["email"], notice, language=language, now=timezone.now())
    return _look_into_your_mailbox(arrived)


def _send_manage_link(request: HttpRequest, data: QueryDict) -> HttpResponse:
    arrived = time.monotonic()
    form = AddressForm(data)
    if not form.is_valid():
        return _show("link_void", {"form": form}, status=400)
    if refusal := _limit_reached(request):
        return _ask_for_patience("link_void", {"form": form}, refusal)
    consent.request_manage_link(form.cleaned_data["email"], now=timezone.now())
    return _look_into_your_mailbox(arrived)


def _look_into_your_mailbox(arrived: float) -> HttpResponse:
    # Up to the next full step: on a busy machine the work alone may take longer than one.
    time.sleep(-(time.monotonic() - arrived) % ANSWER_AFTER)
    response = HttpResponseRedirect(reverse("subscriptions:check-mail") + _spoken(Page.objects.current()), status=303)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD"])
def check_mail(request: HttpRequest) -> HttpResponse:
    return _show("check_mail")


@csrf_exempt
@shows_and_acts
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    subscriber = _reader(token, CONFIRM)
    if subscriber is None:
        return _link_is_void(request)
    if request.method == "POST":
        try:
            consent.confirm(subscriber, timezone.now())
        except consent.NotSubscribed:
            return _link_is_void(request)
    if subscriber.state == SubscriberState.ACTIVE:
        # Only who just confirmed is handed the next key: a link of one purpose opens nothing else.
        manage_token = make_token(subscriber, MANAGE) if request.method == "POST" else ""
        context = {"subscriber": subscriber, "chosen": chosen(subscriber), "manage_token": manage_token}
        return _show_private("confirmed", context)
    if subscriber.state != SubscriberState.PENDING:
        return _link_is_void(request)
    return _show_private("confirm", {"subscriber": subscriber, "chosen": chosen(subscriber)})


@csrf_exempt
@shows_and_acts
def manage(request: HttpRequest, token: str) -> HttpResponse:
    subscriber = _reader(token, MANAGE)
    if subscriber is None:
        return _link_is_void(request)
    data = _form_data(request) if request.method == "POST" else None
    if request.method == "POST" and data is None:
        return _refuse(400, _("What arrived here could not be read as a form."))
    if data is not None and data.get("action") == "unsubscribe":
        consent.unsubscribe(subscriber, timezone.now())
    if subscriber.state != SubscriberState.ACTIVE:
        return _show_private("unsubscribed", {"subscriber": subscriber})

    notice = _open_notice(request.GET.get("notice", ""))
    form = ChoicesForm(data, subscriber=subscriber, notice=notice)
    if data is None:
        return _show_private("manage", {"subscriber": subscriber, "form": form, "notice": notice})
    if not form.is_valid():
        return _show_private("manage", {"subscriber": subscriber, "form": form}, status=400)
    try:
        consent.change_choices(subscriber, **form.choices(), notices=form.notices_chosen(), now=timezone.now())
    except consent.NotSubscribed:
        return _show_private("unsubscribed", {"subscriber": subscriber})
    return _show_private("manage", {"subscriber": subscriber, "form": form, "is_saved": True})


@csrf_exempt  # RFC 8058: mail programs post here without a cookie or a page of ours before it.
@shows_and_acts
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The link holds all that is needed; the body of a POST is not even read, so none can be wrong."""
    subscriber = _reader(token, UNSUBSCRIBE)
    if subscriber is None:
        return _show_private("unsubscribed", {}) if led_out(token) else _link_is_void(request)
    if request.method == "POST":
        consent.unsubscribe(subscriber, timezone.now())
    if subscriber.state == SubscriberState.UNSUBSCRIBED:
        return _show_private("unsubscribed", {"subscriber": subscriber})
    return _show_private("unsubscribe", {"subscriber": subscriber})


def _reader(token: str, purpose: str) -> Subscriber | None:
    """Whose link it is, if anybody's; what follows is said in their language."""
    subscriber = read_token(token, purpose)
    if subscriber is not None:
        translation.activate(subscriber.language)  # until the middleware of the page's language ends
    return subscriber


def _open_notice(code: str) -> Incident | None:
    """The notice of this code, if everybody may see it and it is not over."""
    if not code.isascii() or not code.isalnum():
        return None
    return Incident.objects.public().open().filter(code=code).first()


def _link_is_void(request: HttpRequest) -> HttpResponse:
    network = limits.network_of_requester(request)
    if not limits.spend("bad link", network, limit=BAD_LINKS_PER_MINUTE, per=limits.MINUTE, now=timezone.now()):
        reason = _("Your network has tried too many links that are not valid. Please try again in a minute.")
        return _retry_after(limits.MINUTE, _refuse(429, reason))
    return _show_private("link_void", {"form": AddressForm()}, status=404)


def _show(template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
    # Rendered without the request: nothing here may touch the session, and so no answer varies with a cookie.
    page = Page.objects.current()
    given = {"page": page, "brand": load_brand(page), "spoken": _spoken(page), **(context or {})}
    text = render_to_string(f"subscriptions/{template}.html", given)
    return HttpResponse(text, status=status, headers={"Cache-Control": "no-store"})


def _spoken(page: Page) -> str:
    """What keeps the language in the address of a form."""
    language = translation.get_language() or ""
    return f"?language={language}" if page.prefix(language) else ""


def _show_private(template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page whose address is a secret: it is passed on to nobody."""
    response = _show(template, context, status=status)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _refuse(status: int, reason: str) -> HttpResponse:
    return _show("refused", {"reason": reason}, status=status)


def _ask_for_patience(template: str, context: dict[str, Any], refusal: Refusal) -> HttpResponse:
    """The form as it was sent, with the reason why nothing came of it."""
    response = _show(template, {**context, "refusal": refusal.reason}, status=refusal.status)
    return _retry_after(SIGN_UPS_PER, response)


def _retry_after(wait: dt.timedelta, response: HttpResponse) -> HttpResponse:
    response["Retry-After"] = str(int(wait.total_seconds()))
    return response


def _form_data(request: HttpRequest) -> QueryDict | None:
    """What was posted, or None when it is too long or no form. Django itself answers 400 to most of these."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_FORM:
            return None
        return request.POST
    except (LookupError, ValueError):  # no number; or a charset that Python knows, but that is not one of text
        return None


def _comes_from_here(request: HttpRequest) -> bool:
    """Whether a browser sent this from a page of ours. What is no browser says nothing, and may post."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin in (settings.PUBLIC_URL, f"{request.scheme}://{request.get_host()}")


def _limit_reached(request: HttpRequest) -> Refusal | None:
    """Count one more sign-up; why it is refused, if it is. The network's limit comes first: nobody alone uses up what
    is for all."""
    now = timezone.now()
    network = limits.network_of_requester(request)
    if not limits.spend("sign-up", network, limit=SIGN_UPS_PER_NETWORK, per=SIGN_UPS_PER, now=now):
        return Refusal(429, _("Your network has asked for this too often. Please try again in an hour."))
    if limits.spend("sign-ups", "all", limit=settings.SIGN_UPS_PER_HOUR, per=SIGN_UPS_PER, now=now):
        return None
    if limits.spend("warning", "sign-ups", limit=1, per=SIGN_UPS_PER, now=now):
        logger.warning("More than %s sign-ups in an hour: further ones are refused.", settings.SIGN_UPS_PER_HOUR)
    return Refusal(503, _("More people are signing up than we can take at once. Please try again in an hour."))
