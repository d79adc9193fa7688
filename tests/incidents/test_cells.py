from __future__ import annotations

import pytest

from incidents.cells import as_meant, harmless

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize("value", ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", "\n=1", "'\uff1d1"])
def test_full_width_signs_and_line_breaks_are_made_harmless_and_back(value):
    assert harmless(value) == f"'{value}"
    assert as_meant(harmless(value)) == value
