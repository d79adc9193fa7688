from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.browser import find_chromium
from tests.imap import find_dovecot
from tests.servers import find_nginx, find_postgres

# What a bare machine may lack. There the tests that need it are skipped, by name; CI installs it, and skips nothing.
PROGRAMS = {
    "browser": (find_chromium, "no Chromium on PATH or in CHROMIUM; on Debian: apt-get install chromium"),
    "postgres": (find_postgres, "no PostgreSQL programs; on Debian: apt-get install postgresql"),
    "openssl": (partial(shutil.which, "openssl"), "no openssl on PATH; on Debian: apt-get install openssl"),
    "nginx": (find_nginx, "no nginx; on Debian: apt-get install nginx"),
    "imap": (find_dovecot, "no Dovecot; on Debian: apt-get install dovecot-imapd"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CI"):
        return
    missing = {marker: why for marker, (find, why) in PROGRAMS.items() if find() is None}
    for item in items:
        for marker, why in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(autouse=True)
def data_dirs(settings, tmp_path: Path) -> Path:
    """Each test has a snapshot, an outbox and a journal of its own."""
    settings.DATA_DIR = tmp_path
    settings.SNAPSHOT_DIR = tmp_path / "snapshot"
    settings.OUTBOX_DIR = tmp_path / "outbox"
    settings.JOURNAL_DIR = tmp_path / "journal"
    return tmp_path
