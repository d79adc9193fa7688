from __future__ import annotations

from xml.etree import ElementTree

import pytest

from publishing.formats import badges, site
from publishing.state import load_state
from tests.make import make_component, make_incident, make_page, utc

pytestmark = pytest.mark.django_db


def files(module=badges) -> dict[str, bytes]:
    return {artefact.path: artefact.body for artefact in module.render(load_state(utc(2026, 1, 1)))}


def test_a_badge_says_in_words_what_it_shows():
    make_page()
    mailings = make_component("Sending <mail>")
    make_incident(components={mailings.pk: "major_outage"})

    drawings = {path: ElementTree.fromstring(body) for path, body in files().items()}

    assert {path: drawing.get("aria-label") for path, drawing in drawings.items()} == {
        "/badge.svg": "Copernica: Major Service Outage",
        "/badge-dark.svg": "Copernica: Major Service Outage",
        f"/components/{mailings.code}/badge.svg": "Sending <mail>: Major outage",
        f"/components/{mailings.code}/badge-dark.svg": "Sending <mail>: Major outage",
    }


def test_a_badge_is_as_wide_as_its_text():
    make_page(name="状態")

    drawing = ElementTree.fromstring(files()["/badge.svg"])

    text = drawing.find("{http://www.w3.org/2000/svg}text")
    assert int(text.get("textLength")) == round(2 * 13 + len(": All Systems Operational") * 7.1)
    assert int(drawing.get("width")) == int(text.get("textLength")) + 42


def test_the_site_map_names_every_notice():
    make_page()
    incident = make_incident()

    tree = ElementTree.fromstring(files(site)["/sitemap.xml"])

    assert [loc.text for loc in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")] == [
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/history",
        f"http://127.0.0.1:8000/incidents/{incident.code}",
    ]


def test_robots_stay_out_of_personal_pages():
    make_page()

    assert b"Disallow: /subscribe/" in files(site)["/robots.txt"]
