"""What reads the formats in the field reads those of the demo: feed, calendar, XML and JSON libraries, and schemas."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser
import pytest
from django.db import transaction
from django.test import override_settings
from icalendar import Calendar
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from incidents.actions import post_update
from incidents.clock import run_clock
from incidents.demo import load_demo
from incidents.values import UpdateText
from publishing.artefact import Artefact
from tests.make import make_maintenance, utc
from tests.render import everything

pytestmark = pytest.mark.django_db

SCHEMAS = Path(__file__).parent / "schemas"
NOW = utc(2026, 3, 4, 12)
HOST = "https://status.example.com"


def _in_this_order(_validator, keys, instance, _schema) -> Iterator[ValidationError]:
    """`required`, held more strictly: clients were seen to rely on the order, too."""
    if isinstance(instance, dict) and (found := [key for key in instance if key in keys]) != keys:
        yield ValidationError(f"{found} are not {keys}")


Strict = extend(Draft202012Validator, {"required": _in_this_order})


def problems(schema: dict, content: object) -> list[str]:
    Strict.check_schema(schema)
    return [f"{error.json_path}: {error.message}" for error in Strict(schema).iter_errors(content)]


def schema_of(name: str) -> dict:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def schema_of_file(path: str) -> dict:
    """That of one of the eight files of the status API."""
    whole = schema_of("status_api")
    name = path.removeprefix("/api/v2/").removesuffix(".json")
    return {"$ref": f"#/$defs/files/{name.replace('/', '~1')}", "$defs": whole["$defs"]}


@pytest.fixture(scope="module")
def files(django_db_setup, django_db_blocker) -> dict[str, Artefact]:
    """The demo, with one maintenance going on and one cancelled beside it; made once, and nothing of it is kept."""
    with django_db_blocker.unblock(), override_settings(PUBLIC_URL=HOST), transaction.atomic():
        load_demo(NOW, password="of no worth to anybody")
        hour = dt.timedelta(hours=1)
        make_maintenance("Now", starts=NOW - hour, ends=NOW + hour, at=utc(2026, 3, 3))
        run_clock(NOW)
        off = make_maintenance("Never", starts=utc(2026, 3, 9), ends=utc(2026, 3, 10), at=utc(2026, 3, 3))
        post_update(off, UpdateText(status="cancelled", body="Not needed."), actor=None, at=utc(2026, 3, 3, 1))
        made = {artefact.path: artefact for artefact in everything(NOW)}
        transaction.set_rollback(True)
    return made


def notices_of(files: dict[str, Artefact]) -> list[str]:
    found = [path for path in files if re.fullmatch("/incidents/[a-z0-9]+", path)]
    assert len(found) > 10
    return found


def of_kind(files: dict[str, Artefact], ending: str) -> dict[str, bytes]:
    found = {path: artefact.body for path, artefact in files.items() if path.endswith(ending)}
    assert found
    return found


def test_the_status_api_is_as_its_schema_says(files):
    paths = [path for path in files if path.startswith("/api/v2/")]
    assert len(paths) == 8

    for path in paths:
        content = json.loads(files[path].body)
        assert (path, problems(schema_of_file(path), content)) == (path, [])
        # Where a file has a list, the demo has something to put into it.
        assert (path, [key for key, value in content.items() if value == []]) == (path, [])


def test_the_files_of_the_status_api_agree_with_each_other(files):
    read = {path.removeprefix("/api/v2/"): json.loads(files[path].body) for path in files if "/api/v2/" in path}
    summary = read["summary.json"]

    assert {json.dumps(content["page"]) for content in read.values()} == {json.dumps(summary["page"])}
    assert summary["status"] == read["status.json"]["status"]
    assert summary["components"] == read["components.json"]["components"]
    assert summary["incidents"] == read["incidents/unresolved.json"]["incidents"]
    assert summary["scheduled_maintenances"] == [
        *read["scheduled-maintenances/upcoming.json"]["scheduled_maintenances"],
        *read["scheduled-maintenances/active.json"]["scheduled_maintenances"],
    ]
    rows = read["incidents.json"]["incidents"]
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    for row in rows + read["scheduled-maintenances.json"]["scheduled_maintenances"]:
        assert row["incident_updates"][0]["status"] == row["status"]
        assert urlsplit(row["shortlink"]).path in files


def test_a_schema_refuses_what_clients_break_on(files):
    row = json.loads(files["/api/v2/summary.json"].body)

    def spoilt(**changes: object) -> dict:
        incident = {**row["incidents"][0], **changes}
        return {**row, "incidents": [incident]}

    assert problems(schema_of_file("/api/v2/summary.json"), row) == []
    for change in (
        {"shortlink": None},
        {"status": "cancelled"},
        {"created_at": "2026-03-04T09:00:00Z"},
        {"created_at": "2026-03-04T09:00:00.123456Z"},
        {"unknown": 1},
    ):
        assert problems(schema_of_file("/api/v2/summary.json"), spoilt(**change)) != []
    assert problems(schema_of_file("/api/v2/summary.json"), dict(reversed(row.items()))) != []


def test_every_notice_is_to_be_had_as_json_text_and_calendar(files):
    for path in notices_of(files):
        content = json.loads(files[f"{path}.json"].body)
        assert (path, problems(schema_of("notice"), content)) == (path, [])
        assert content["name"] in files[f"{path}.txt"].body.decode()
        assert (f"{path}.ics" in files) == (content.get("scheduled_for") is not None)


@pytest.mark.parametrize("ending", [".atom", ".rss"])
def test_feeds_are_read_without_complaint(files, ending):
    for path, body in of_kind(files, ending).items():
        feed = feedparser.parse(body)
        assert (path, feed.bozo) == (path, False)
        assert feed.feed.link == HOST
        assert len({entry.id for entry in feed.entries}) == len(feed.entries)
        assert all(urlsplit(entry.link).path in files and entry.published_parsed for entry in feed.entries)
    assert len(feedparser.parse(files[f"/history{ending}"].body).entries) == len(notices_of(files))


def test_the_json_feed_is_as_its_schema_says_and_tells_what_the_others_tell(files):
    feed = json.loads(files["/feed.json"].body)

    assert problems(schema_of("json_feed"), feed) == []
    titles = [entry.title for entry in feedparser.parse(files["/history.atom"].body).entries]
    assert [item["title"] for item in feed["items"]] == titles


def test_calendars_are_read_and_hold_both_windows(files):
    events = {}
    for path, body in of_kind(files, ".ics").items():
        calendar = Calendar.from_ical(body)
        assert (path, calendar.errors, calendar["method"]) == (path, [], "PUBLISH")
        events[path] = calendar.walk("VEVENT")
        for event in events[path]:
            assert event["dtstart"].dt.tzinfo is not None
            assert event["dtstart"].dt < event["dtend"].dt
            assert urlsplit(event["url"]).path in files
    uids = [str(event["uid"]) for event in events["/calendar.ics"]]
    assert len(set(uids)) == len(uids) > len([path for path in notices_of(files) if f"{path}.ics" in files])
    assert {str(e["status"]) for e in events["/calendar.ics"]} == {"CONFIRMED", "CANCELLED"}


def test_pictures_and_site_map_are_xml(files):
    for path, body in [*of_kind(files, ".svg").items(), *of_kind(files, ".xml").items()]:
        assert ElementTree.fromstring(body) is not None, path


def test_every_page_names_its_other_forms_and_none_leads_nowhere(files):
    for path, artefact in files.items():
        if not artefact.content_type.startswith("text/html"):
            continue
        links = ElementTree.fromstring(_links(artefact.body.decode()))
        named = {link.get("type"): link.get("href") for link in links if link.get("rel") == "alternate"}
        assert {"application/atom+xml", "application/rss+xml", "application/feed+json", "text/calendar"} <= set(named)
        for kind, href in named.items():
            assert (path, href in files) == (path, True)
            assert files[href].content_type.partition(";")[0] == kind
        if path.startswith("/incidents/"):
            assert named["text/plain"] == f"{path}.txt"
            assert named["application/json"] == f"{path}.json"


def _links(page: str) -> str:
    lines = [line.strip() for line in page.splitlines() if line.strip().startswith("<link ")]
    return "<links>" + "".join(line.replace(">", "/>") for line in lines) + "</links>"
