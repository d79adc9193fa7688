"""The envelope sender, one of its own for each mail (VERP): whatever comes back to it tells which mail it was.

    bounces+<notification>.<subscriber>-<seal>@example.com

Case does not count in it, for mail servers change that. The seal keeps strangers from reporting bounces.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

_TAG = re.compile(r"(?P<notification>[0-9]{1,18})\.(?P<code>[a-z0-9]{1,40})-(?P<seal>[a-z2-7]{16})")


@dataclass(frozen=True)
class Mail:
    """One mail that we sent, by its notification's id and its subscriber's code."""

    notification_id: int
    subscriber_code: str


def return_path(mail: Mail) -> str:
    """Where bounces of `mail` go: below BOUNCE_ADDRESS if there is one, else to the sender."""
    if not settings.BOUNCE_ADDRESS:
        return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    local, _at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{local}+{_tag(mail)}-{_seal(mail, settings.SECRET_KEY)}@{domain}"


def read_return_path(address: str) -> Mail | None:
    """The mail to which this return path belongs; None for any other address, and for one that was tampered with."""
    own_local, _at, own_domain = settings.BOUNCE_ADDRESS.lower().rpartition("@")
    local, _at, domain = address.strip().lower().rpartition("@")
    name, _plus, tag = local.rpartition("+")
    found = _TAG.fullmatch(tag)
    if not found or (name, domain) != (own_local, own_domain):
        return None
    mail = Mail(int(found["notification"]), found["code"])
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return mail if any(constant_time_compare(found["seal"], _seal(mail, key)) for key in keys) else None


def _tag(mail: Mail) -> str:
    return f"{mail.notification_id}.{mail.subscriber_code}"


def _seal(mail: Mail, key: str) -> str:
    digest = salted_hmac("subscriptions.return_path", _tag(mail), secret=key, algorithm="sha256").digest()
    return base64.b32encode(digest[:10]).decode().lower()
