"""What a request asks for: which encoding, and whether it has the answer already (RFC 9110, 12.5.3 and 13)."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

OURS = ("br", "gzip", "")  # by content encoding, the smallest first; "" is the plain one
_LONGEST = 1000
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def preferred_encodings(accept: str) -> tuple[str, ...]:
    """The encodings that an Accept-Encoding header allows, best first. The plain one is always among them."""
    return _preferred(accept) if len(accept) <= _LONGEST else ("",)


@lru_cache(maxsize=512)
def _preferred(accept: str) -> tuple[str, ...]:
    quality: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        quality[{"x-gzip": "gzip", "identity": ""}.get(name, name) if name else "none"] = _quality(parameters)
    wildcard = quality.get("*", 0.0)
    # Not named, the plain one is allowed, but nobody asked for it.
    wanted = {encoding: quality.get(encoding, wildcard) for encoding in OURS[:-1]} | {"": quality.get("", 1e-9)}
    allowed = [encoding for encoding in OURS if wanted[encoding] > 0]
    ranked = sorted(allowed, key=lambda encoding: -wanted[encoding])
    return (*ranked, "") if "" not in ranked else tuple(ranked)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def has_it(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names `etag`; compared weakly, as a proxy that recompresses weakens our tags."""
    if if_none_match == etag or if_none_match.strip() == "*":
        return True
    return len(if_none_match) <= _LONGEST and etag in _TAG.findall(if_none_match)


def is_unmodified(if_modified_since: str, modified: int) -> bool:
    try:
        since = parsedate_to_datetime(if_modified_since)
        return modified <= (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
