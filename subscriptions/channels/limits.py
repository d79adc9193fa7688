from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a channel may be asked for at once: connections of one process, and parcels per minute (None: no limit)."""

    connections: int
    per_minute: int | None = None
    per_minute_to_one: int | None = None
