"""Style sheets, scripts and pictures of the public pages: each under a path that holds its checksum."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from django.conf import settings


def asset_file(name: str) -> Path:
    """The source of the public asset `name`, for example "page.css"."""
    # Formatted, not joined: a template hands over a SafeString, which Python 3.11 joins to no path.
    return Path(f"{settings.BASE_DIR}/static/public/{name}")


def asset_path(name: str) -> str:
    """The path at which the public side serves it: "/assets/page.1f3a9c02.css"."""
    file = asset_file(name)
    return _path(name, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _path(name: str, _modified: int) -> str:
    file = asset_file(name)
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    return f"/assets/{file.stem}.{checksum}{file.suffix}"
