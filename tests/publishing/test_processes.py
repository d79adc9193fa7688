"""The promise of the snapshot, kept by real processes: nothing takes the public page down."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import random
import re
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import brotli
import pytest

from publishing.generation import live_directory, live_manifest, live_name, walk
from tests.publishing.conftest import Processes, run_processes, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.any_database]

POST = """
from incidents.actions import open_incident
from incidents.values import UpdateText
update = UpdateText(status="investigating", body="We are looking into it.")
print(open_incident(title="Slow mailings", update=update, actor=None).incident.code)
"""
# Writes generation after generation, each of many files that all say the same.
WRITER = """
import datetime as dt, sys
from collections.abc import Iterator
from pathlib import Path
from publishing.artefact import Artefact
from publishing.generation import live_manifest
from publishing.writing import Rendered, ShardUpdate, write_generation

root, now = Path(sys.argv[1]), dt.datetime.now(dt.UTC)
live = live_manifest(root)
version = live.version if live else 0
while True:
    version += 1
    text = f"version {version} ".encode() * 100
    shards = [
        ShardUpdate(
            ("incidents", letter, letter + "i"),
            {f"{letter}i{n}": Rendered([Artefact(f"/incidents/{letter}i{n}", "text/html", text)]) for n in range(5)},
        )
        for letter in "abcdef"
    ]
    page = [Artefact("/", "text/html", b"the same in every version" * 10)]
    write_generation(root, page, version=version, generated_at=now, stale_at=now, code="c", shards=shards)
"""
POSTS = 10  # all of which the crowd sees
# Each as soon as the test asks for it, by a file.
POST_MORE = f"""
import time
from django.conf import settings
from incidents.actions import post_update
from incidents.values import UpdateText
from incidents.models import Incident
for number in range(1, {POSTS} + 1):
    while not (settings.DATA_DIR / f"post-{{number}}").exists():
        time.sleep(0.005)
    post_update(Incident.objects.get(), UpdateText(status="identified", body=f"Word {{number}}."), actor=None)
"""
UNPACK = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}
PUBLISHER = """
import django
django.setup()
from publishing.publish import last_failure, publish_if_stale
for _round in range(15):
    assert publish_if_stale(force=True), last_failure()
"""


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """A data directory with one open incident, published by the post itself."""
    with run_processes() as processes:
        processes.manage("migrate", "--verbosity", "0")
        processes.manage("shell", "--verbosity", "0", "-c", POST)
        yield processes.directory


@pytest.fixture
def database(processes: Processes, prepared: Path) -> Path:
    """The database of this test's processes alone."""
    shutil.copytree(prepared, processes.directory, symlinks=True, dirs_exist_ok=True)
    return processes.directory / "status.sqlite3"


def snapshot_of(processes: Processes) -> Path:
    return processes.directory / "snapshot"


def change_page(database: Path, name: str) -> None:
    with sqlite3.connect(database, timeout=10) as connection:
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("UPDATE incidents_page SET name = ?, version = version + 1", [name])
    connection.close()


def take_away(database: Path) -> Path:
    """Put rubbish where the database was."""
    kept = database.with_suffix(".kept")
    for file in database.parent.glob("status.sqlite3-*"):
        file.unlink()
    database.rename(kept)
    database.write_bytes(b"this is no database" * 1000)
    return kept


def bodies(front, paths) -> dict[str, bytes]:
    answers = {path: front.get(path) for path in paths}
    assert {answer.status for answer in answers.values()} == {200}
    return {path: answer.body for path, answer in answers.items()}


def test_the_page_outlives_the_database_and_a_restart_of_its_server(processes, database):
    snapshot = snapshot_of(processes)
    paths = [path for path, _entry, _file in walk(live_directory(snapshot)) if path != "/404"]
    assert any(path.startswith("/incidents/") for path in paths)
    front = processes.front(snapshot)
    before = bodies(front, paths)

    take_away(database)
    assert bodies(front, paths) == before

    front.kill()
    again = processes.front(snapshot)
    assert bodies(again, paths) == before
    assert again.get("/no/such/page").status == 404
    assert again.get("/admin/").status == 503


def test_the_watcher_waits_for_its_database_and_ends_at_once_when_told(processes, database):
    front = processes.front(snapshot_of(processes))
    watcher = processes.python("manage.py", "publish", "--watch")
    change_page(database, "First")
    wait_until(lambda: b"First" in front.get("/").body)

    kept = take_away(database)
    wait_until(lambda: "the database is away" in processes.log_of(watcher))
    time.sleep(1)
    assert processes.log_of(watcher).count("the database is away") == 1
    assert b"First" in front.get("/").body

    database.unlink()
    time.sleep(0.6)
    assert not database.exists(), "an empty database took the place of the one that was moved away"
    kept.rename(database)
    change_page(database, "Second")
    wait_until(lambda: b"Second" in front.get("/").body)

    watcher.terminate()
    assert watcher.wait(20) == 0


def test_a_change_made_elsewhere_comes_onto_the_page_by_itself(processes, database):
    front = processes.front(snapshot_of(processes))
    processes.python("manage.py", "publish", "--watch")
    change_page(database, "Watched")
    wait_until(lambda: b"Watched" in front.get("/").body)

    took = []
    while not took or min(took) > 1:  # other programs may keep the machine busy in some of the rounds
        name = f"Change {len(took)}"
        change_page(database, name)
        took.append(wait_until(lambda name=name.encode(): name in front.get("/").body))
        assert len(took) < 20, took


def test_a_writer_killed_at_any_moment_leaves_a_whole_generation(processes, tmp_path):
    chance = random.Random(2013)
    for _kill in range(15):
        writer = processes.python("-c", WRITER, str(tmp_path))
        last = live_name(tmp_path)
        wait_until(lambda last=last: live_name(tmp_path) != last)
        time.sleep(chance.uniform(0.0, 0.1))  # somewhere in the next one
        writer.kill()
        writer.wait()
        assert_whole(tmp_path)

    assert live_manifest(tmp_path).version >= 15
    last = live_name(tmp_path)
    writer = processes.python("-c", WRITER, str(tmp_path))
    wait_until(lambda: live_name(tmp_path) != last)
    writer.kill()
    writer.wait()
    assert_whole(tmp_path)
    unfinished = [d for d in tmp_path.glob("generations/*") if not (d / "manifest.json").exists()]
    assert len(unfinished) <= 1  # that of the last kill, none of those before


def assert_whole(root: Path) -> None:
    manifest, directory = live_manifest(root), live_directory(root)
    text = f"version {manifest.version} ".encode() * 100
    found = list(walk(directory))
    assert len(found) == 31
    for path, entry, file in found:
        for variant in entry.variants.values():
            assert (file.parent / Path(variant.file).name).stat().st_size == variant.length
        if path != "/":
            assert file.read_bytes() == text


def test_two_publishers_at_once_take_turns(processes, database):
    publishers = [
        processes.python("-c", PUBLISHER, DJANGO_SETTINGS_MODULE="statuspage.settings") for _publisher in range(2)
    ]
    for publisher in publishers:
        assert publisher.wait(60) == 0, processes.log_of(publisher)

    numbers = sorted(int(d.name.partition("-")[0]) for d in snapshot_of(processes).glob("generations/*"))
    assert numbers[-1] == 31  # one of the post, fifteen of each
    assert numbers == list(range(numbers[0], 32))
    assert os.path.islink(snapshot_of(processes) / "current")


def test_readers_never_see_a_gap_while_generations_come_and_go(processes, tmp_path):
    writer = processes.python("-c", WRITER, str(tmp_path))
    wait_until(lambda: live_name(tmp_path) is not None)
    front = processes.front(tmp_path)
    first = live_manifest(tmp_path).version

    seen: list[int] = []

    def read() -> int:
        answer = front.get("/incidents/ci3")
        assert answer.status == 200
        words = set(answer.body.split())
        assert len(words) == 2
        seen.append(max(int(word) for word in words if word.isdigit()))
        return seen[-1]

    wait_until(lambda: read() >= first + 30)
    assert writer.poll() is None, processes.log_of(writer)
    assert seen == sorted(seen)


class Reader:
    """A browser that keeps its connection and asks for the home page again and again."""

    def __init__(self, port: int, number: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.accepted = ("gzip", "br", "gzip, br", "identity")[number % 4]
        self.tag = ""
        self.versions: list[int] = []

    def read_until(self, is_over: threading.Event) -> list[int]:
        """The versions that it saw, one for each answer."""
        is_last = False
        while not is_last:
            is_last = is_over.is_set()
            self.read()
        self.connection.close()
        return self.versions

    def read(self) -> None:
        self.connection.request("GET", "/", headers={"Accept-Encoding": self.accepted, "If-None-Match": self.tag})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status == 304:
            self.versions.append(self.versions[-1])
            return
        assert answer.status == 200
        self.tag = answer.headers["ETag"]
        assert self.tag == f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"', "not the body that was published"
        text = UNPACK[answer.headers["Content-Encoding"]](body).decode()
        assert text.rstrip().endswith("</html>")
        word = re.search(r"Word (\d+)", text)
        self.versions.append(int(word[1]) if word else 0)


def test_a_crowd_reads_whole_pages_while_staff_publish_and_no_version_goes_back(processes, database):
    front = processes.front(snapshot_of(processes))
    publisher = processes.python("manage.py", "shell", "--verbosity", "0", "-c", POST_MORE)
    is_over = threading.Event()
    readers = [Reader(front.port, number) for number in range(100)]

    def is_seen(version: int) -> bool:
        return any(reader.versions[-1:] == [version] for reader in readers)

    with ThreadPoolExecutor(100) as pool:
        crowd = [pool.submit(reader.read_until, is_over) for reader in readers]
        try:
            wait_until(lambda: is_seen(0))
            for number in range(1, POSTS + 1):
                (processes.directory / f"post-{number}").touch()
                wait_until(lambda number=number: is_seen(number) or publisher.poll() not in (None, 0))
        finally:
            is_over.set()

    assert publisher.wait(60) == 0, processes.log_of(publisher)
    for reader in crowd:
        versions = reader.result()
        assert versions == sorted(versions)
        assert versions[-1] == POSTS
    assert {version for reader in crowd for version in reader.result()} == set(range(POSTS + 1))


def test_nothing_that_readers_ask_of_a_public_address_reaches_django(processes, database):
    """No query, cookie, method or header makes a reader cost more than a look into memory."""
    path_of_socket = str(processes.directory / "django.sock")
    with socket.socket(socket.AF_UNIX) as django:
        django.bind(path_of_socket)
        django.listen()
        django.settimeout(60)
        snapshot = snapshot_of(processes)
        front = processes.front(snapshot, socket_path=path_of_socket)
        chance = random.Random(1000)
        for path, _entry, _file in walk(live_directory(snapshot)):
            if path == "/404":
                continue
            tag = front.get(path, Accept_Encoding="gzip").headers["etag"]
            junk = {"Cookie": f"sessionid={chance.randbytes(8).hex()}; csrftoken=x", "Accept_Encoding": "gzip"}
            query = f"?{chance.randbytes(8).hex()}={chance.random()}&utm_source=x"
            asked = {
                "query": front.get(path + query, **junk),
                "head": front.get(path + query, "HEAD", **junk),
                "tag": front.get(path + query, If_None_Match=tag, **junk),
                "other tag": front.get(path, If_None_Match=f'"{chance.randbytes(12).hex()}"', **junk),
                "post": front.get(path + query, "POST", **junk),
            }
            statuses = {name: answer.status for name, answer in asked.items()}
            assert statuses == {"query": 200, "head": 200, "tag": 304, "other tag": 200, "post": 405}, path
            assert {answer.headers.get("etag") for name, answer in asked.items() if name != "post"} == {tag}
            assert not [answer for answer in asked.values() if "set-cookie" in answer.headers]
        for path in ("/nothing", "/incidents/nothing?x=1", "/wp-login.php", "/index.php?s=/admin"):
            assert front.get(path, Cookie="sessionid=x").status == 404

        asking = http.client.HTTPConnection("127.0.0.1", front.port)
        asking.request("GET", "/admin/")
        first, _address = django.accept()
        assert first.makefile("rb").readline() == b"GET /admin/ HTTP/1.1\r\n", "something came before"
        first.close()
        asking.close()
