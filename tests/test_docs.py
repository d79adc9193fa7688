"""What the documents promise to be there is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_database

TESTS = Path(__file__).parent
RELIABILITY = TESTS.parent / "docs" / "reliability.md"


def test_every_test_that_shows_a_promise_exists():
    named = re.findall(r"(?:([\w/]+\.py)|…)::(test_\w+)", RELIABILITY.read_text())
    missing, file = [], ""
    for path, name in named:
        file = path or file
        if f"def {name}(" not in (TESTS / file).read_text():
            missing.append(f"{file}::{name}")

    assert len(named) > 15
    assert missing == []
