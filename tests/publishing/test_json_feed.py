from __future__ import annotations

import json

import pytest

from incidents.actions import post_update
from incidents.values import UpdateText
from publishing.formats import json_feed
from publishing.loading import load_state
from tests.make import make_component, make_incident, make_maintenance, make_page, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 3, 4, 12)


def read():
    (artefact,) = json_feed.page(load_state(NOW))
    assert (artefact.path, artefact.content_type) == ("/feed.json", "application/feed+json; charset=utf-8")
    return json.loads(artefact.body)


def test_a_feed_of_one_incident_is_this():
    make_page(description="How our software does.")
    links = make_component("Links", group="Mail already sent")
    incident = make_incident("Slow <links>", components={links.pk: "major_outage"}, at=utc(2026, 3, 4, 9))
    post_update(incident, UpdateText(status="resolved", body="*Fixed*."), actor=None, at=utc(2026, 3, 4, 10))
    address = f"http://127.0.0.1:8000/incidents/{incident.code}"

    def stamp(clock):
        return f"<small>Mar <var data-var='date'> 4</var>, <var data-var='time'>{clock}</var> CET</small><br>"

    assert read() == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Copernica Status - Incident History",
        "home_page_url": "http://127.0.0.1:8000/",
        "feed_url": "http://127.0.0.1:8000/feed.json",
        "language": "en",
        "authors": [{"name": "Copernica", "url": "http://127.0.0.1:8000/"}],
        "items": [
            {
                "id": address,
                "url": address,
                "title": "Slow <links>",
                "content_html": (
                    f"<p>{stamp('11:00')}<strong>Resolved</strong> - <em>Fixed</em>.</p>"
                    f"<p>{stamp('10:00')}<strong>Investigating</strong> - We are looking into it.</p>"
                ),
                "date_published": "2026-03-04T10:00:00Z",
                "date_modified": "2026-03-04T10:00:00Z",
                "tags": ["Mail already sent - Links"],
            }
        ],
        "description": "How our software does.",
    }


def test_planned_work_stands_on_top_under_the_day_of_its_start():
    make_maintenance(starts=utc(2026, 3, 8, 2), ends=utc(2026, 3, 8, 3), at=utc(2026, 3, 1))
    make_incident("Slow", at=utc(2026, 3, 4, 9))

    assert [item["date_published"] for item in read()["items"]] == ["2026-03-08T02:00:00Z", "2026-03-04T09:00:00Z"]


def test_there_are_25_items_at_most():
    for number in range(27):
        make_incident(f"Number {number}", at=utc(2026, 3, 1, 0, number))

    assert [item["title"] for item in read()["items"]] == [f"Number {number}" for number in range(26, 1, -1)]
