from __future__ import annotations

import pytest

from incidents.actions import post_update
from incidents.models import IncidentUpdate
from incidents.rehearsal import preview, rehearsal
from incidents.values import UpdateText
from tests.make import make_incident, make_page

pytestmark = pytest.mark.django_db


def test_page_and_feed_show_a_draft_as_it_would_be_and_nothing_is_kept():
    make_page()
    incident = make_incident("Mail waits")

    with rehearsal():
        update = post_update(incident, UpdateText(status="resolved", body="It is **sent**."), actor=None)
        panes = {pane.name: pane for pane in preview(update)}

    assert "It is <strong>sent</strong>." in panes["page"].content
    assert "<strong>Resolved</strong> - It is <strong>sent</strong>." in panes["feed"].content
    assert (panes["page"].kind, panes["feed"].kind) == ("html", "html")
    assert IncidentUpdate.objects.count() == 1


def test_a_whole_new_notice_can_be_looked_at():
    make_page()

    with rehearsal():
        update = make_incident("A new one").updates.get()
        panes = {pane.name: pane for pane in preview(update)}

    assert "<h1><bdi>A new one</bdi></h1>" in panes["page"].content
