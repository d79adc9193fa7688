"""Settings that are each allowed but hardly meant together."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

TAG = "statuspage"


@register(TAG)
def check_public_address(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when readers can reach the server, but the links in mails and feeds lead to their own machine."""
    if _is_local(settings.ENVIRONMENT.host) or not _is_local(_public_host()):
        return []
    hint = "Set PUBLIC_URL to the address that readers use, for example https://status.example.com."
    return [Warning(f"Links in mails and feeds lead to {settings.PUBLIC_URL}.", hint=hint, id="statuspage.W001")]


@register(TAG)
def check_debug(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when errors would show the inside of the program to strangers."""
    if not settings.DEBUG or _is_local(_public_host()):
        return []
    return [Warning("DEBUG is on at a public address.", hint="Remove DEBUG from the settings.", id="statuspage.W002")]


@register(TAG)
def check_mail(**_kwargs: Any) -> list[CheckMessage]:
    """Warn when real subscribers would wait for mail in vain."""
    if settings.MAIL_SERVER or _is_local(_public_host()):
        return []
    hint = "Set EMAIL_URL, for example smtp+tls://user:password@mail.example.com:587."
    return [Warning("Mails are written to files and reach nobody.", hint=hint, id="statuspage.W003")]


def _public_host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
