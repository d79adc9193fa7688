from __future__ import annotations

import pytest

from tests.make import make_page, make_staff


@pytest.fixture
def edward(db, monkeypatch):
    """Edward sits at the terminal; he may do everything."""
    make_page()
    monkeypatch.setenv("STATUSPAGE_USER", "edward")
    return make_staff("edward", first_name="Edward", last_name="Wierda")
