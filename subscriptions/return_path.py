"""The envelope sender, one of its own for each mail (VERP): whatever comes back to it tells which mail it was.

    bounces+<notification>.<subscriber>-<seal>@example.com

Case does not count in it, for mail servers change that. The seal keeps strangers from reporting bounces.
"""

from __future__ import annotations

import base64
import hmac
import re
from email.utils import parseaddr
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

_TAG = re.compile(r"(?P<notification>[0-9]{1,18})\.(?P<code>[a-z0-9]{1,40})-(?P<seal>[a-z2-7]{16})")


class SentMail(NamedTuple):
    """One mail that we sent, by its notification's id and its subscriber's code."""

    notification_id: int
    subscriber_code: str


def return_path(notification_id: int, subscriber_code: str) -> str:
    """Where bounces of that mail go: below BOUNCE_ADDRESS if there is one, else to the sender."""
    if not settings.BOUNCE_ADDRESS:
        return sender_address()
    local, _at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    tag = f"{notification_id}.{subscriber_code}"
    return f"{local}+{tag}-{_seal(tag, settings.SECRET_KEY)}@{domain}"


def sender_address() -> str:
    """EMAIL_FROM without its name, as servers write it."""
    return _bare(settings.DEFAULT_FROM_EMAIL)


def read_return_path(address: str) -> SentMail | None:
    """The mail to which this return path belongs; None for any other address, and for one that was tampered with."""
    own_local, _at, own_domain = settings.BOUNCE_ADDRESS.lower().rpartition("@")
    local, _at, domain = address.strip().lower().rpartition("@")
    name, _plus, tag = local.rpartition("+")
    found = _TAG.fullmatch(tag)
    if not found or (name, domain) != (own_local, own_domain):
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    signed = f"{found['notification']}.{found['code']}"
    is_ours = any(constant_time_compare(found["seal"], _seal(signed, key)) for key in keys)
    return SentMail(int(found["notification"]), found["code"]) if is_ours else None


def _seal(tag: str, key: str) -> str:
    sealer = _sealer(key).copy()
    sealer.update(tag.encode())
    return base64.b32encode(sealer.digest()[:10]).decode().lower()


@cache
def _sealer(key: str) -> hmac.HMAC:
    """Derived once: a large mailing makes a million seals."""
    return salted_hmac("subscriptions.return_path", "", secret=key, algorithm="sha256")


@cache
def _bare(sender: str) -> str:
    local, _at, host = parseaddr(sender)[1].rpartition("@")
    return f"{local}@{host.encode('idna').decode()}"
