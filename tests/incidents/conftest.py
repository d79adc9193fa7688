from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client

from incidents.models import IncidentTemplate
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


@pytest.fixture
def our_texts(db):
    """The templates of a new database, as the migration makes them; tests that empty the database take them away."""
    IncidentTemplate.objects.all().delete()
    import_module("incidents.migrations.0004_shipped_templates").install(apps, None)
