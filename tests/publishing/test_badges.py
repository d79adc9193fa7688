from __future__ import annotations

import datetime as dt
from fnmatch import fnmatch
from xml.etree import ElementTree

import pytest

from incidents.models import StatusChange
from tests.make import make_component, make_incident, make_page, utc
from tests.render import everything

pytestmark = pytest.mark.django_db

NOW = utc(2026, 1, 1)


def files(pattern: str) -> dict[str, bytes]:
    return {a.path: a.body for a in everything(NOW) if fnmatch(a.path, pattern)}


def test_a_badge_says_in_words_what_it_shows():
    make_page()
    mailings = make_component("Sending <mail>")
    make_incident(components={mailings.pk: "major_outage"})

    drawings = {path: ElementTree.fromstring(body) for path, body in files("*badge*").items()}

    assert {path: drawing.findtext("{http://www.w3.org/2000/svg}title") for path, drawing in drawings.items()} == {
        "/badge.svg": "Copernica: Major Service Outage",
        "/badge-dark.svg": "Copernica: Major Service Outage",
        f"/components/{mailings.code}/badge.svg": "Sending <mail>: Major outage",
        f"/components/{mailings.code}/badge-dark.svg": "Sending <mail>: Major outage",
    }


def test_a_badge_tells_the_uptime_of_ninety_days_once_there_is_any():
    make_page()
    links = make_component("Links", created_at=NOW - dt.timedelta(days=200))
    make_component("New", created_at=NOW)
    images = make_component("Images", created_at=NOW - dt.timedelta(days=4))
    shown = {"component": links, "at": NOW - dt.timedelta(days=10, hours=6)}
    StatusChange.objects.create(status="major_outage", **shown)
    StatusChange.objects.create(**shown | {"status": "operational", "at": NOW - dt.timedelta(days=10)})

    drawings = files("*uptime*")

    folders = [f"/components/{one.code}" for one in (links, images)]
    assert drawings.keys() == {f"{folder}/uptime{theme}.svg" for folder in folders for theme in ("", "-dark")}
    drawn = [ElementTree.fromstring(drawings[f"{folder}/uptime.svg"]) for folder in folders]
    assert [drawing.findtext("{http://www.w3.org/2000/svg}title") for drawing in drawn] == [
        "Links: uptime 99.71\u00a0% in 90 days",
        "Images: uptime 100\u00a0% in 5 days",
    ]


def test_a_badge_is_as_wide_as_its_text():
    make_page(name="状態")

    drawing = ElementTree.fromstring(files("/badge.svg")["/badge.svg"])

    text = drawing.find("{http://www.w3.org/2000/svg}text")
    assert int(text.get("textLength")) == round(2 * 13 + len(": All Systems Operational") * 7.1)
    assert int(drawing.get("width")) == int(text.get("textLength")) + 42


def test_the_site_map_names_every_notice():
    make_page()
    incident = make_incident()

    found = {path: locations(body) for path, body in files("*.xml").items()}

    home = "http://127.0.0.1:8000"
    (month,) = set(found) - {"/sitemap.xml", "/sitemap-pages.xml"}
    assert found == {
        "/sitemap.xml": [f"{home}/sitemap-pages.xml", home + month],
        "/sitemap-pages.xml": [f"{home}/", f"{home}/history"],
        month: [f"{home}/incidents/{incident.code}"],
    }


def locations(body: bytes) -> list[str]:
    return [loc.text for loc in ElementTree.fromstring(body).iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]


def test_robots_stay_out_of_personal_pages():
    make_page()

    assert b"Disallow: /subscribe/" in files("/robots.txt")["/robots.txt"]
