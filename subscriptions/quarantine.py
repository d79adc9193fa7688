"""Addresses that are refused for good, again and again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db.models import F

from subscriptions.models import Subscriber


def note_permanent_failures(words: Mapping[int, str], *, now: dt.datetime) -> None:
    """Count one more refusal for good for each subscriber, by id; with the other side's words."""
    Subscriber.objects.filter(pk__in=list(words)).update(permanent_failures=F("permanent_failures") + 1)
