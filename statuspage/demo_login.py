"""The staff login of the demo: made once, kept beside the data, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import authenticate

from incidents.demo import ADMIN

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else


def make_demo_login() -> str:
    """A new password for the demo's admin, written down before anybody has it."""
    password = "-".join("".join(secrets.choice(ALPHABET) for _position in range(4)) for _group in range(4))
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{ADMIN}\n{password}\n")
    return password


def demo_login() -> tuple[str, str] | None:
    """Name and password of the demo's admin, if that login still works."""
    try:
        name, password = _file().read_text().split()
    except (OSError, ValueError):
        return None
    return (name, password) if authenticate(username=name, password=password) else None


def _file() -> Path:
    return settings.DATA_DIR / "demo-login"
