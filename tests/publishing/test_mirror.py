"""A mirror in a directory: all of it, at its own address, and only what has changed."""

from __future__ import annotations

import datetime as dt
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import feedparser
import icalendar
import pytest
from django.core.management import CommandError, call_command

from incidents.models import Component, Page
from publishing.mirror.bring import bring
from publishing.mirror.directory import Directory
from publishing.mirror.files import public_files
from publishing.mirror.job import MirrorJob
from publishing.mirror.ledger import CHANGES, LEASE, MANIFEST, Ledger
from publishing.mirror.target import Overtaken, TargetProblem
from publishing.publish import publish_if_stale, write_page
from publishing.state import Mirror
from tests.make import make_component, make_incident, make_maintenance, make_page, utc
from tests.publishing.mirrors import HOME, broken_links, file_server, holdings, own_port, public_paths, rendered

pytestmark = pytest.mark.django_db

NOW = utc(2026, 1, 3, 12)
COPY = "https://copy.example.net"


@pytest.fixture(autouse=True)
def page(settings):
    settings.PUBLIC_URL = HOME
    make_page()
    mail = make_component("Mailings", group="Sending")
    make_incident("Slow mailings", components={mail.pk: "partial_outage"}, body="See [how it went](/history).")
    make_maintenance(starts=utc(2026, 1, 9, 20), ends=utc(2026, 1, 9, 23), components={mail.pk: "under_maintenance"})


@pytest.fixture
def place(tmp_path) -> Path:
    return tmp_path / "copy"


def job_for(place: Path, *, url: str = COPY, home_url: str = HOME) -> MirrorJob:
    return MirrorJob(str(place), Mirror(url, home_url), stale_after=dt.timedelta(minutes=15))


def rename_page(name: str) -> None:
    page = Page.objects.current()
    Page.objects.filter(pk=page.pk).update(name=name, version=page.version + 1)


def text(place: Path, name: str) -> str:
    return (place / name).read_text()


class Recording(Directory):
    """A directory that remembers what was done to it, and may fail on the way."""

    def __init__(self, root: Path, fails_at: str = "") -> None:
        super().__init__(root)
        self.done: list[str] = []
        self.fails_at = fails_at

    def write(self, name, body, **about):
        if name == self.fails_at:
            raise TargetProblem("the line is cut")
        super().write(name, body, **about)
        self.done.append(name)

    def remove(self, name):
        super().remove(name)
        self.done.append(f"-{name}")


def render(root: Path, now: dt.datetime = NOW) -> list:
    assert write_page(root, now, upgrade=True, mirror=Mirror(COPY, HOME)).is_finished
    return list(public_files(root))


@pytest.mark.processes
@pytest.mark.parametrize("below", ["", "/status"])
def test_a_plain_file_server_answers_every_public_path_and_no_link_is_broken(place, tmp_path, below):
    port = own_port()
    job_for(place / below[1:], url=f"http://127.0.0.1:{port}{below}").run(NOW)

    with file_server(place, port, tmp_path / "server.log") as address:
        for path in public_paths(NOW) - {"/404"}:
            assert urlopen(address + below + path, timeout=10).status == 200, path
        assert broken_links(f"{address}{below}/") == []
    assert "Nothing is published at this address" in text(place / below[1:], "404.html")


def test_every_absolute_link_is_of_the_mirror_but_ids_are_those_of_the_page(place, settings):
    publish_if_stale(NOW)
    home = {file.path: file.file.read_bytes() for file in public_files(settings.SNAPSHOT_DIR)}
    job_for(place).run(NOW)
    notice = next(place.glob("incidents/*/index.html")).parent.name

    here = feedparser.parse((place / "history.atom").read_bytes())
    assert here.feed.links[1].href == f"{COPY}/history.atom"
    assert {entry.link.partition("/incidents/")[0] for entry in here.entries} == {COPY}
    component = f"/components/{Component.objects.get().code}"
    for path in ("/history.atom", "/history.rss", f"{component}.atom", f"{component}.rss"):
        here, there = (feedparser.parse(body) for body in ((place / path[1:]).read_bytes(), home[path]))
        assert [entry.id for entry in here.entries] == [entry.id for entry in there.entries]
        assert len(here.entries) == 2
    here, there = (json.loads(body)["items"] for body in (text(place, "feed.json"), home["/feed.json"]))
    assert [item["id"] for item in here] == [item["id"] for item in there]
    assert all(item["url"].startswith(f"{COPY}/incidents/") for item in here)
    calendars = (text(place, "calendar.ics"), home["/calendar.ics"])
    here, there = (icalendar.Calendar.from_ical(body) for body in calendars)
    assert [event["UID"] for event in here.events] == [event["UID"] for event in there.events]
    assert all(event["URL"].startswith(f"{COPY}/incidents/") for event in here.events)
    api = json.loads(text(place, "api/v2/incidents.json"))
    assert api["page"]["url"] == COPY
    assert api["incidents"][0]["shortlink"].startswith(f"{COPY}/incidents/")
    assert f'<link rel="canonical" href="{COPY}/incidents/{notice}">' in text(place, f"incidents/{notice}/index.html")
    assert f'<meta property="og:url" content="{COPY}/">' in text(place, "index.html")
    assert HOME not in text(place, "sitemap.xml") + text(place, "robots.txt") + text(place, "widget.js")


def test_without_an_address_of_its_own_links_lead_home(place):
    call_command("publish", to=str(place))

    assert f'<link rel="canonical" href="{HOME}/">' in text(place, "index.html")


def test_each_page_says_that_it_is_a_copy_and_the_home_page_when_it_was_generated(place):
    job_for(place).run(NOW)

    for file in place.rglob("*.html"):
        assert f'Copy of <a href="{HOME}/">{HOME}</a>' in file.read_text()
    home = text(place, "index.html")
    assert 'generated <span class="when" data-zone="Europe/Amsterdam"><time datetime="2026-01-03T12:00:00Z">' in home


def test_the_page_itself_is_no_copy(settings):
    publish_if_stale(NOW)

    home = (settings.SNAPSHOT_DIR / "current" / "index.html").read_text()
    assert "mirror" not in home
    assert 'id="copy"' not in home


def test_readers_subscribe_at_home(place):
    job_for(place).run(NOW)

    home = text(place, "index.html")
    assert 'method="post"' not in home
    assert home.count(f'href="{HOME}/subscribe/') == 4


def test_without_a_home_nobody_is_sent_there(place):
    job_for(place, home_url="").run(NOW)

    for file in place.rglob("*.html"):
        assert HOME not in file.read_text()
        assert "subscribe/" not in file.read_text()
    assert "Follow every incident" in text(place, "index.html")


def test_a_second_run_touches_nothing_but_the_note(place):
    job_for(place).run(NOW)
    before = {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in place.rglob("*") if file.is_file()}

    outcome = job_for(place).run(NOW + dt.timedelta(minutes=1))

    after = {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in place.rglob("*") if file.is_file()}
    assert (outcome.written, outcome.removed) == (0, 0)
    assert {file.name for file in after if after[file] != before.get(file)} == {"mirror.json"}


def test_an_update_touches_only_what_it_changes(place):
    job = job_for(place)
    job.run(NOW)
    before = {name: (place / name).stat().st_ino for name in holdings(place)}
    incident = make_incident("Clicks are delayed")

    job.keep(NOW + dt.timedelta(seconds=5))

    changed = {name for name in before if (place / name).stat().st_ino != before[name]}
    assert "index.html" in changed
    assert (place / "incidents" / incident.code / "index.html").exists()
    assert not [name for name in changed if name.startswith(("assets/", "incidents/")) or name.endswith(".svg")]


def test_what_is_linked_goes_up_first_the_home_page_late_and_last_the_word_that_there_is_news(place, tmp_path):
    root, target = tmp_path / "rendered", Recording(place)
    bring(render(root), target, Ledger(target, "me"))

    names = [name for name in target.done if not name.startswith(".mirror")]
    assert names[-2:] == ["index.html", "live.json"]
    order = [0 if n.startswith("assets/") else 1 if n.endswith(".html") else 2 for n in names[:-2]]
    assert order == sorted(order)


def test_what_is_gone_is_removed_after_the_home_page_and_nothing_else(place, tmp_path):
    target, root = Recording(place), tmp_path / "rendered"
    ledger = Ledger(target, "me")
    bring(render(root), target, ledger)
    (place / "CNAME").write_text("copy.example.net")
    component = Component.objects.get()
    Component.objects.update(archived_at=NOW)
    target.done.clear()

    bring(render(root), target, ledger)

    names = [name for name in target.done if not name.startswith(".mirror")]
    removed = [name for name in names if name.startswith("-")]
    assert f"-components/{component.code}/badge.svg" in removed
    assert names[names.index("index.html") + 1 :] == removed
    assert not (place / "components").exists()
    assert text(place, "CNAME") == "copy.example.net"


def test_a_run_that_broke_off_is_continued(place, tmp_path):
    root = tmp_path / "rendered"
    with pytest.raises(TargetProblem, match="the line is cut"):
        target = Recording(place, fails_at="history/index.html")
        bring(render(root), target, Ledger(target, "me"))
    assert not (place / "index.html").exists()

    bring(public_files(root), Directory(place), Ledger(Directory(place), "me"))

    assert holdings(place) == {Directory(root).name_of(file): file.file.read_bytes() for file in public_files(root)}


def test_what_a_broken_run_wrote_is_not_taken_for_what_was_there_before(place, tmp_path):
    root = tmp_path / "rendered"
    bring(render(root), Directory(place), Ledger(Directory(place), "me"))
    before = holdings(place)
    rename_page("Another name")
    with pytest.raises(TargetProblem):
        target = Recording(place, fails_at="index.html")
        bring(render(root), target, Ledger(target, "me"))
    assert holdings(place) != before
    rename_page("Copernica")

    bring(render(root), Directory(place), Ledger(Directory(place), "me"))

    told_when = {"index.html", "live.json"}
    assert {n: b for n, b in holdings(place).items() if n not in told_when} == {
        n: b for n, b in before.items() if n not in told_when
    }


def test_another_site_is_not_written_over_unless_told_so(place):
    place.mkdir()
    (place / "index.html").write_text("my holidays")

    with pytest.raises(CommandError, match="no mirror of this page"):
        call_command("publish", to=str(place))
    assert text(place, "index.html") == "my holidays"

    call_command("publish", to=str(place), force=True)
    assert "Copernica" in text(place, "index.html")


def test_force_writes_again_what_someone_else_has_changed(place, settings):
    call_command("publish", to=str(place))
    (place / "history.rss").write_text("spoilt")
    (place / "index.html").unlink()
    call_command("publish", to=str(place))
    assert text(place, "history.rss") == "spoilt"

    call_command("publish", to=str(place), force=True)

    assert holdings(place) == rendered(settings.DATA_DIR)


def test_while_another_host_is_writing_we_wait(place, tmp_path):
    there = Ledger(Directory(place), "the other host")
    there.open(NOW)
    there.announce(["index.html"], NOW)
    here = Ledger(Directory(place), "me")

    with pytest.raises(TargetProblem, match="another host"):
        here.open(NOW + LEASE / 2)
    here.open(NOW + LEASE)

    assert here.marks == {"index.html": ""}


def test_of_two_hosts_that_begin_in_the_same_instant_one_is_refused(place):
    here, there = (Ledger(Directory(place), name) for name in ("here", "there"))
    here.open(NOW)
    there.open(NOW)

    here.announce(["index.html"], NOW)
    with pytest.raises(Overtaken):
        there.announce(["index.html"], NOW)


def test_of_many_that_write_to_a_directory_at_once_one_succeeds(place):
    def take(number: int) -> bool:
        try:
            Directory(place).replace("", CHANGES, b"%d" % number, content_type="", cache_control="", modified=0)
        except Overtaken:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(64))) == 1


def test_what_another_host_has_written_is_known_at_the_next_run(place):
    here, there = (Ledger(Directory(place), name) for name in ("here", "there"))
    for ledger, mark in ((here, "1"), (there, "2"), (here, "3")):
        ledger.open(NOW)
        ledger.announce(["index.html"], NOW)
        ledger.settle({"index.html": mark, mark: mark}, NOW)
    there.open(NOW)

    assert there.marks == here.marks == {"index.html": "3", "1": "1", "2": "2", "3": "3"}


def test_a_ledger_of_many_files_is_written_anew_only_now_and_then(place):
    target = Recording(place)
    ledger = Ledger(target, "me")
    ledger.open(NOW)
    for number in range(120):
        ledger.settle({f"{number}-{part}": "x" for part in range(100)}, NOW)
    ledger.settle({"0-0": None, "0-1": "y"}, NOW)
    again = Ledger(target, "me")
    again.open(NOW)

    assert again.marks == ledger.marks
    assert len(again.marks) == 11_999
    assert again.marks["0-1"] == "y"
    assert 3 < target.done.count(MANIFEST) < 20


def test_the_note_says_when_the_mirror_was_last_looked_after(place):
    job = job_for(place)
    job.run(NOW)
    note = json.loads(text(place, "mirror.json"))
    checked = []
    for seconds in (30, 60, 90, 120):
        job.keep(NOW + dt.timedelta(seconds=seconds))
        checked.append(json.loads(text(place, "mirror.json"))["checked_at"])

    assert note == {
        "home": HOME,
        "version": Page.objects.current().version,
        "generated_at": NOW.isoformat(),
        "checked_at": NOW.isoformat(),
        "stale_after": 900,
    }
    assert [one[11:19] for one in checked] == ["12:00:00", "12:01:00", "12:01:00", "12:02:00"]


def test_a_full_or_closed_place_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandError, match="Not a directory"):
        call_command("publish", to=str(tmp_path / "file"))


def test_a_spoilt_ledger_is_told_in_one_line(place):
    call_command("publish", to=str(place))
    (place / CHANGES).write_text("[]")

    with pytest.raises(CommandError, match="cannot be read"):
        call_command("publish", to=str(place))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"to": "ftp://example.com/x"}, "neither a directory nor s3://"),
        ({"to": "s3:///x"}, "no address of a bucket"),
        ({"to": "copy", "mirror_url": "copy.example.net"}, "must be an address"),
        ({"to": "copy", "no_home": True}, "--no-home needs --mirror-url"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, complaint):
    with pytest.raises(CommandError, match=complaint):
        call_command("publish", **options)


def test_a_bucket_without_the_client_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "publishing.mirror.bucket", raising=False)

    with pytest.raises(CommandError, match=r"requirements-s3\.txt"):
        call_command("publish", to="s3://bucket/prefix")
