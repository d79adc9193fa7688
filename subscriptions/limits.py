"""How often something may be done, counted in the database: exact for any number of processes."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from subscriptions.models import Allowance

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Grant:
    """How many of what was wanted are allowed, and when the count begins anew."""

    count: int
    renews_at: dt.datetime


def spend(kind: str, who: str, *, limit: int, per: dt.timedelta, now: dt.datetime) -> bool:
    """Count one more `kind` by `who`. False when `limit` of them were counted already since the count began."""
    key = _key(kind, who)
    Allowance.objects.bulk_create([Allowance(key=key, renews_at=now + per)], ignore_conflicts=True)
    Allowance.objects.filter(key=key, renews_at__lte=now).update(used=0, renews_at=now + per)
    return Allowance.objects.filter(key=key, used__lt=limit).update(used=F("used") + 1) == 1


def take(kind: str, who: str, *, wanted: int, limit: int, per: dt.timedelta, now: dt.datetime) -> int:
    """Count up to `wanted` more `kind` by `who`, as many as `limit` still allows; how many those are."""
    return take_each(kind, {who: wanted}, limit=limit, per=per, now=now)[who].count


@transaction.atomic
def take_each(
    kind: str, wanted: Mapping[str, int], *, limit: int, per: dt.timedelta, now: dt.datetime
) -> dict[str, Grant]:
    """The same for many at once: each has the `limit` for itself."""
    keys = {who: _key(kind, who) for who in wanted}
    # In one order for all, or two of us would wait for each other.
    fresh = [Allowance(key=key, renews_at=now + per) for key in sorted(keys.values())]
    Allowance.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = Allowance.objects.filter(key__in=keys.values()).order_by("key").select_for_update().in_bulk()
    grants = {}
    for who, key in keys.items():
        row = rows.get(key)
        if row is None:  # forgotten by a sweep between our two steps: the next one begins a new count
            grants[who] = Grant(0, now + per)
            continue
        if row.renews_at <= now:
            row.used, row.renews_at = 0, now + per
        count = max(0, min(wanted[who], limit - row.used))
        row.used += count
        grants[who] = Grant(count, row.renews_at)
    Allowance.objects.bulk_update(rows.values(), ["used", "renews_at"])
    return grants


def renewal(kind: str, who: str, *, limit: int, now: dt.datetime) -> dt.datetime | None:
    """When `who` may do `kind` again, if `limit` of them are used up; else None."""
    used_up = Allowance.objects.filter(key=_key(kind, who), used__gte=limit, renews_at__gt=now)
    return used_up.values_list("renews_at", flat=True).first()


def spend_each(kind: str, whos: list[str], *, limit: int, per: dt.timedelta, now: dt.datetime) -> list[bool]:
    """`spend` for each of many at once: whether each may, in their order."""
    left = {who: grant.count for who, grant in take_each(kind, Counter(whos), limit=limit, per=per, now=now).items()}
    may = []
    for who in whos:
        may.append(left[who] > 0)
        left[who] -= 1
    return may


def give_back(kind: str, who: str) -> None:
    """Take back one that was spent."""
    Allowance.objects.filter(key=_key(kind, who), used__gt=0).update(used=F("used") - 1)


def forget(kind: str, who: str) -> bool:
    """Drop what was counted of `kind` by `who`; whether there was anything."""
    return Allowance.objects.filter(key=_key(kind, who)).delete()[0] > 0


def forget_old_counts(now: dt.datetime) -> None:
    """Remove what counts for nothing any more. The sweep's work: a request that holds rows must not wait for others."""
    Allowance.objects.filter(renews_at__lte=now).delete()


def network_of_requester(request: HttpRequest) -> str:
    # The last hop is the one that our own page server wrote; what stands before it is the requester's word.
    last_hop = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
    return network_of(last_hop or request.META.get("REMOTE_ADDR", ""))


def network_of(address: str) -> str:
    """The network that counts as one requester: /24 of IPv4, /64 of IPv6; "unknown" when it is no address."""
    try:
        ip = ipaddress.ip_address(address.strip())
    except ValueError:
        return "unknown"
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    prefix = 24 if ip.version == 4 else 64
    return str(ipaddress.ip_network(f"{ip}/{prefix}", strict=False))


def _key(kind: str, who: str) -> str:
    return salted_hmac("subscriptions.limits", f"{kind}:{who}", algorithm="sha256").hexdigest()
