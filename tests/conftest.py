from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def data_dirs(settings, tmp_path: Path) -> Path:
    """Each test has a snapshot, an outbox and a journal of its own."""
    settings.DATA_DIR = tmp_path
    settings.SNAPSHOT_DIR = tmp_path / "snapshot"
    settings.OUTBOX_DIR = tmp_path / "outbox"
    settings.JOURNAL_DIR = tmp_path / "journal"
    return tmp_path
