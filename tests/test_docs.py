"""What the documents promise to be there is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_database

TESTS = Path(__file__).parent
ROOT = TESTS.parent
RELIABILITY = ROOT / "docs" / "reliability.md"


def test_every_test_that_shows_a_promise_exists():
    named = re.findall(r"(?:([\w/]+\.py)|…)::(test_\w+)", RELIABILITY.read_text())
    missing, file = [], ""
    for path, name in named:
        file = path or file
        if f"def {name}(" not in (TESTS / file).read_text():
            missing.append(f"{file}::{name}")

    assert len(named) > 15
    assert missing == []


def test_each_setting_is_explained_and_reaches_the_containers():
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', (ROOT / "statuspage" / "environment.py").read_text()))
    table = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    passed_on = re.findall(r"^    ([A-Z_]+): \$\{\1", (ROOT / "compose.yaml").read_text(), re.MULTILINE)

    assert set(re.findall(r"\w+", " ".join(table))) == read
    assert read - set(passed_on) == {"ANYMAIL", "DATA_DIR", "DEBUG", "HOST", "PORT"}
