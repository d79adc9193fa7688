"""Only so many wrong passwords are taken, wherever one can be tried: at the login, where a login ran out on a form, and
where staff change their own.

Nobody can lock a colleague out: what is limited is a network, and an account from one network. All tries of an account
together only make the second limit tighter. Counted is before a password is looked at, so that many at once get no
further than one after another; a right one is taken back. What is refused counts for nothing and leaves no row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from incidents import history
from subscriptions import limits

PER = dt.timedelta(minutes=10)
FROM_NETWORK = 15
TO_ACCOUNT_FROM_NETWORK = 10
# An account that was tried this often in a day, from wherever, is being guessed at: each network has fewer tries then.
TO_ACCOUNT = 100
TO_GUESSED_ACCOUNT_FROM_NETWORK = 3
NOTED_EVERY = limits.HOUR

# The kinds that are counted.
NETWORK, ACCOUNT, PAIR, NOTED = "wrong password", "login", "wrong password for", "wrong passwords noted"


class LoginForm(AdminAuthenticationForm):
    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        begin(self.request, name)
        cleaned = super().clean()
        was_right(self.request, name)
        return cleaned


class OwnPasswordForm(AdminPasswordChangeForm):
    """Whoever sits at a screen that somebody left open has no more tries here than at the login."""

    def __init__(self, user: Any, *, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        begin(self.request, self.user.get_username())
        old_password = super().clean_old_password()
        was_right(self.request, self.user.get_username())
        return old_password


def begin(request: HttpRequest, name: str) -> None:
    """Count one try at the account called `name`, whether there is one or not. Raises ValidationError when it is one
    too many; the answer to `request` says so, too."""
    now = timezone.now()
    network, pair = _whose(request, name)
    if not limits.spend(NETWORK, network, limit=FROM_NETWORK, per=PER, now=now):
        _refuse(request, name, limits.renewal(NETWORK, network, limit=FROM_NETWORK, now=now), now)
    is_guessed = limits.renewal(ACCOUNT, name, limit=TO_ACCOUNT, now=now) is not None
    limit = TO_GUESSED_ACCOUNT_FROM_NETWORK if is_guessed else TO_ACCOUNT_FROM_NETWORK
    if not limits.spend(PAIR, pair, limit=limit, per=PER, now=now):
        limits.give_back(NETWORK, network)
        _refuse(request, name, limits.renewal(PAIR, pair, limit=limit, now=now), now)
    limits.spend(ACCOUNT, name, limit=TO_ACCOUNT, per=limits.DAY, now=now)


def was_right(request: HttpRequest, name: str) -> None:
    """Take back what `begin` has counted, and the wrong tries of this account from here."""
    network, pair = _whose(request, name)
    limits.give_back(NETWORK, network)
    limits.give_back(ACCOUNT, name)
    limits.forget(PAIR, pair)


def say_when(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 429 where a password was not looked at, whichever page shows the form again."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        wait = getattr(request, "login_wait", None)
        if wait is not None:
            response.status_code = 429
            response["Retry-After"] = str(wait)
        return response

    return middleware


def _whose(request: HttpRequest, name: str) -> tuple[str, str]:
    network = limits.network_of_requester(request)
    return network, f"{network} {name}"


def _refuse(request: HttpRequest, name: str, renews_at: dt.datetime | None, now: dt.datetime) -> None:
    """`renews_at` is None when the count ended in this very moment."""
    wait = int(((renews_at or now) - now).total_seconds()) + 1
    request.login_wait = wait  # type: ignore[attr-defined]
    _note(request, name, now)
    minutes = -(-wait // 60)
    raise ValidationError(
        ngettext(
            "Too many wrong passwords came from your network. Please try again in %(count)d minute, or from another "
            "network, such as that of your phone. If you have forgotten yours, an administrator can set a new one.",
            "Too many wrong passwords came from your network. Please try again in %(count)d minutes, or from another "
            "network, such as that of your phone. If you have forgotten yours, an administrator can set a new one.",
            minutes,
        )
        % {"count": minutes},
        code="too_many",
    )


def _note(request: HttpRequest, name: str, now: dt.datetime) -> None:
    """One line an hour for each account, and one for all names that nobody has: those may be passwords, typed into the
    wrong field, and are not kept."""
    is_known = get_user_model().objects.filter(username=name).exists()
    if limits.spend(NOTED, name if is_known else "", limit=1, per=NOTED_EVERY, now=now):
        who = {"name": name if is_known else _("an unknown name"), "network": limits.network_of_requester(request)}
        subject = _("%(name)s, from %(network)s") % who
        history.note(verb="guess_password", actor=None, by=history.SOMEBODY, subject=subject, at=now)
