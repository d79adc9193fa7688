"""Addresses that stand in what subscribers get: always below PUBLIC_URL, whichever host a request named."""

from __future__ import annotations

import ipaddress
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from incidents.models import Incident, IncidentUpdate


def public_host() -> str:
    """The page's host as mail writes it: a name, or an address literal in brackets."""
    return _host_of(settings.PUBLIC_URL)


def notice_url(incident: Incident, prefix: str = "") -> str:
    """`prefix` is that of a language (Page.prefix)."""
    return f"{settings.PUBLIC_URL}{prefix}/incidents/{incident.code}"


def update_url(update: IncidentUpdate, prefix: str = "") -> str:
    return f"{notice_url(update.incident, prefix)}#update-{update.code}"


def history_url(prefix: str = "") -> str:
    return f"{settings.PUBLIC_URL}{prefix}/history"


def subscribe_url() -> str:
    return settings.PUBLIC_URL + reverse("subscriptions:subscribe")


def personal_url(purpose: str, token: str) -> str:
    """The page on which the bearer of `token` confirms, manages or ends a subscription."""
    return settings.PUBLIC_URL + reverse(f"subscriptions:{purpose}", args=[token])


@cache
def _host_of(url: str) -> str:
    host = urlsplit(url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.encode("idna").decode()
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
