"""Mirrors kept by real processes: killed, doubled, watching; and read in a browser."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import open_browser
from tests.publishing.conftest import Processes, run_processes, wait_until
from tests.publishing.mirrors import broken_links, file_server, holdings, own_port, rendered

pytestmark = [pytest.mark.processes, pytest.mark.any_database]

INCIDENTS = 80
POST = f"""
from django.db import transaction
from incidents.actions import open_incident
from incidents.values import UpdateText
with transaction.atomic():
    for number in range({INCIDENTS}):
        update = UpdateText(status="investigating", body="We are looking into it.")
        open_incident(title=f"Slow mailings {{number}}", update=update, actor=None)
"""
# Tells when, as late as is still before anybody can see it.
POST_ONE = """
import time
from django.db import transaction
from incidents.actions import open_incident
from incidents.values import UpdateText
with transaction.atomic():
    update = UpdateText(status="investigating", body="We are looking into it.")
    open_incident(title="Clicks are delayed", update=update, actor=None)
    print(f"posted at {time.time()};")
"""


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    with run_processes() as processes:
        processes.manage("migrate", "--verbosity", "0")
        processes.manage("shell", "--verbosity", "0", "-c", POST)
        yield processes.directory


@pytest.fixture
def processes_with_page(processes: Processes, prepared: Path) -> Processes:
    shutil.copytree(prepared, processes.directory, symlinks=True, dirs_exist_ok=True)
    return processes


@pytest.fixture
def place(processes_with_page: Processes) -> Path:
    return processes_with_page.directory / "copy"


def rename(processes: Processes, name: str) -> None:
    """A change that every page shows."""
    with sqlite3.connect(processes.directory / "status.sqlite3", timeout=10) as connection:
        connection.execute("UPDATE incidents_page SET name = ?, version = version + 1", [name])
    connection.close()


def mirror(processes: Processes, place: Path, *options: str) -> subprocess.Popen:
    return processes.python("manage.py", "publish", "--to", str(place), *options)


def renamed(place: Path, name: str) -> list[Path]:
    return [file for file in place.glob("incidents/*/index.html") if name in file.read_text()]


def test_a_run_that_is_killed_leaves_a_whole_mirror_and_the_next_one_continues(processes_with_page, place, tmp_path):
    processes, port = processes_with_page, own_port()
    address = f"http://127.0.0.1:{port}"
    processes.manage("publish", "--to", str(place), "--mirror-url", address)
    with file_server(place, port, tmp_path / "log"):
        for round_, progress in enumerate((1, INCIDENTS // 4, INCIDENTS // 2)):
            name = f"Name {round_}"
            rename(processes, name)
            run = mirror(processes, place, "--mirror-url", address)
            while len(renamed(place, name)) < progress:
                assert run.poll() is None, processes.log_of(run)
            os.kill(run.pid, 9)
            run.wait()

            assert len(renamed(place, name)) < INCIDENTS, "it was killed too late"
            assert name not in (place / "index.html").read_text()
            assert broken_links(f"{address}/") == []

        processes.manage("publish", "--to", str(place), "--mirror-url", address)
        assert len(renamed(place, name)) == INCIDENTS
        assert holdings(place) == rendered(processes.directory)


def test_two_runs_at_once_do_each_other_no_harm(processes_with_page, place):
    runs = [mirror(processes_with_page, place) for _run in range(2)]
    for run in runs:
        assert run.wait(60) == 0, processes_with_page.log_of(run)

    assert holdings(place) == rendered(processes_with_page.directory)


def test_watch_brings_news_within_seconds_and_outlives_a_place_that_is_away(processes_with_page, place):
    processes, home = processes_with_page, place / "index.html"
    watcher = mirror(processes, place, "--watch")
    wait_until(lambda: (place / "mirror.json").exists(), seconds=60)

    told = processes.manage("shell", "--verbosity", "0", "-c", POST_ONE)
    wait_until(lambda: "Clicks are delayed" in home.read_text(), seconds=30)
    took = home.stat().st_ctime - float(re.search(r"posted at ([\d.]+);", told)[1])
    shutil.move(place, place.with_name("away"))
    place.write_text("no directory")
    rename(processes, "Another name")
    wait_until(lambda: "Not a directory" in processes.log_of(watcher), seconds=60)
    place.unlink()
    shutil.move(place.with_name("away"), place)
    wait_until(lambda: "Another name" in home.read_text(), seconds=60)

    assert took < 5
    watcher.terminate()
    assert watcher.wait(10) == 0, processes.log_of(watcher)


@pytest.mark.browser
def test_a_reader_of_a_mirror_that_nobody_looks_after_is_told(processes_with_page, place, tmp_path):
    processes, port = processes_with_page, own_port()
    address = f"http://127.0.0.1:{port}"
    options = ["--to", str(place), "--mirror-url", address, "--stale-after", "0.05"]
    processes.manage("publish", *options)
    (notice, *_others) = (file.parent.name for file in place.glob("incidents/*/index.html"))
    with file_server(place, port, tmp_path / "log"), open_browser() as browser:
        page, errors = browser.new_page(), []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        time.sleep(3.1)
        for path in ("/", f"/incidents/{notice}"):
            page.goto(address + path)
            assert page.locator(".stale").inner_text() == (
                "This copy was last brought up to date this minute and may be out of date. Go to the page itself"
            )
            assert page.locator(".stale a").get_attribute("href") == "http://127.0.0.1:8000/"

        processes.manage("publish", *options[:-2])
        page.goto(address + "/")
        page.locator("#copy .checked").wait_for()
        assert page.locator(".stale").count() == 0
        (place / "mirror.json").unlink()
        page.clock.install(time=time.time() + 3 * 3600)
        page.goto(address + "/")
        assert "3 hours ago and may be out of date" in page.locator(".stale").inner_text()
        assert [error for error in errors if "404" not in error] == []
