"""Style sheets, scripts and pictures of the public pages: each under a path that holds its checksum.

A script may import another of them by its plain name (`from "./merge.js"`); what is published asks for the one with the
checksum, so that two that belong together are never of two releases.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from django.conf import settings

_IMPORT = re.compile(r'(?<= from "\./)[\w-]+\.js(?=";)')


def asset_file(name: str) -> Path:
    """The source of the public asset `name`, for example "page.css"."""
    # Formatted, not joined: a template hands over a SafeString, which Python 3.11 joins to no path.
    return Path(f"{settings.BASE_DIR}/static/public/{name}")


def asset_path(name: str) -> str:
    """The path at which the public side serves it: "/assets/page.1f3a9c02.css"."""
    return _path(name, _modified(name))


def asset_body(name: str) -> bytes:
    """What is served there."""
    body = asset_file(name).read_bytes()
    if not name.endswith(".js"):
        return body
    return _IMPORT.sub(lambda found: asset_path(found[0]).rpartition("/")[2], body.decode()).encode()


@lru_cache(maxsize=64)
def _path(name: str, _modified: tuple[int, ...]) -> str:
    file = asset_file(name)
    checksum = hashlib.sha256(asset_body(name)).hexdigest()[:8]
    return f"/assets/{file.stem}.{checksum}{file.suffix}"


def _modified(name: str) -> tuple[int, ...]:
    """When the file was changed, and when each that it imports was."""
    own = asset_file(name).stat().st_mtime_ns
    return (own, *(time for other in _imports(name, own) for time in _modified(other)))


@lru_cache(maxsize=64)
def _imports(name: str, _modified: int) -> list[str]:
    return _IMPORT.findall(asset_file(name).read_text()) if name.endswith(".js") else []
