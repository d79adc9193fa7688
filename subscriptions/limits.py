"""How often something may be done, counted in the database: exact for any number of processes."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections import Counter

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from subscriptions.models import Allowance

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def spend(kind: str, who: str, *, limit: int, per: dt.timedelta, now: dt.datetime) -> bool:
    """Count one more `kind` by `who`. False when `limit` of them were counted already since the count began."""
    key = _key(kind, who)
    Allowance.objects.bulk_create([Allowance(key=key, renews_at=now + per)], ignore_conflicts=True)
    Allowance.objects.filter(key=key, renews_at__lte=now).update(used=0, renews_at=now + per)
    return Allowance.objects.filter(key=key, used__lt=limit).update(used=F("used") + 1) == 1


@transaction.atomic
def spend_each(kind: str, whos: list[str], *, limit: int, per: dt.timedelta, now: dt.datetime) -> list[bool]:
    """`spend` for each of many at once, in a handful of queries: whether each may, in their order."""
    keys = [_key(kind, who) for who in whos]
    Allowance.objects.bulk_create(
        [Allowance(key=key, renews_at=now + per) for key in dict.fromkeys(keys)], ignore_conflicts=True
    )
    counts = Allowance.objects.filter(key__in=set(keys))
    counts.filter(renews_at__lte=now).update(used=0, renews_at=now + per)
    used = dict(counts.order_by("key").select_for_update().values_list("key", "used"))
    spent: Counter[str] = Counter()
    may = []
    for key in keys:
        may.append(used[key] + spent[key] < limit)
        spent[key] += may[-1]
    for times in set(spent.values()) - {0}:
        counts.filter(key__in=[key for key, count in spent.items() if count == times]).update(used=F("used") + times)
    return may


def forget(kind: str, who: str) -> bool:
    """Drop what was counted of `kind` by `who`; whether there was anything."""
    return Allowance.objects.filter(key=_key(kind, who)).delete()[0] > 0


def forget_old_counts(now: dt.datetime) -> None:
    """Remove what counts for nothing any more. The sweep's work: a request that holds rows must not wait for others."""
    Allowance.objects.filter(renews_at__lte=now).delete()


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
