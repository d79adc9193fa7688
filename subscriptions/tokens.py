"""The keys in personal links. Nothing is stored: a key is recomputed from the subscriber and SECRET_KEY."""

from __future__ import annotations

import base64
import hmac
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from subscriptions.models import Subscriber

CONFIRM = "confirm"
MANAGE = "manage"
UNSUBSCRIBE = "unsubscribe"


class Bearer(Protocol):
    """Whose key it is: a subscriber, or a claimed delivery to one."""

    @property
    def code(self) -> str: ...

    @property
    def link_secret(self) -> str: ...


def make_token(subscriber: Bearer, purpose: str) -> str:
    """The key of one subscriber for one purpose: "<code>.<160 bits>", URL-safe, always of the same length."""
    return f"{subscriber.code}.{_seal(subscriber, purpose, settings.SECRET_KEY)}"


def read_token(token: str, purpose: str) -> Subscriber | None:
    """The subscriber whose key for `purpose` this is, or None. A token of another purpose opens nothing."""
    code, _dot, seal = token.partition(".")
    if len(token) > 100 or not token.isascii() or not code.isalnum() or not seal:
        return None
    subscriber = Subscriber.objects.filter(code=code).first()
    return subscriber if subscriber and _is_sealed(subscriber, purpose, seal) else None


def led_out(token: str) -> bool:
    """Whether this is the way out of a subscriber who has been erased since: there is nothing left to leave."""
    code, _dot, seal = token.partition(".")
    return token.isascii() and len(token) <= 100 and _is_sealed(Subscriber(code=code), UNSUBSCRIBE, seal)


def _is_sealed(subscriber: Subscriber, purpose: str, seal: str) -> bool:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(seal, _seal(subscriber, purpose, key)) for key in keys)


def _seal(bearer: Bearer, purpose: str, key: str) -> str:
    # Whoever comes back gets new keys to their choices. To leave, the oldest mail's link still has to do (RFC 8058).
    secret = "" if purpose == UNSUBSCRIBE else bearer.link_secret
    sealer = _sealer(purpose, key).copy()
    sealer.update(f"{bearer.code}:{secret}".encode())
    return base64.urlsafe_b64encode(sealer.digest()[:20]).decode().rstrip("=")


@cache
def _sealer(purpose: str, key: str) -> hmac.HMAC:
    """Derived once: a large mailing makes two million seals."""
    return salted_hmac(f"subscriptions.tokens.{purpose}", "", secret=key, algorithm="sha256")
