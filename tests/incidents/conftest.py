from __future__ import annotations

import pytest
from django.test import Client

from tests.make import make_page, make_role, make_staff


@pytest.fixture
def edward(db, client: Client):
    """A browser in which Edward is logged in, who may do everything."""
    make_page()
    client.force_login(make_staff("edward"))
    return client


@pytest.fixture
def wilma(db):
    """A browser in which Wilma is logged in, who writes drafts."""
    make_page()
    client = Client()
    client.force_login(make_role("Writer", "wilma"))
    return client
