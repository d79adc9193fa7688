"""Mirrors kept by real processes: killed, doubled, watching; and read in a browser."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.publishing.conftest import Processes, run_processes, wait_until
from tests.publishing.mirrors import broken_links, file_server, holdings, own_port, rendered

pytestmark = [pytest.mark.processes, pytest.mark.any_database]

INCIDENTS = 20
POST = f"""
from django.db import transaction
from incidents.actions import open_incident
from incidents.values import UpdateText
with transaction.atomic():
    for number in range({INCIDENTS}):
        update = UpdateText(status="investigating", body="We are looking into it.")
        open_incident(title=f"Slow mailings {{number}}", update=update, actor=None)
"""
POST_ONE = """
from incidents.actions import open_incident
from incidents.values import UpdateText
update = UpdateText(status="investigating", body="We are looking into it.")
open_incident(title="Clicks are delayed", update=update, actor=None)
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


def notices(place: Path) -> list[Path]:
    """The pages of all notices, in the order in which they go up."""
    return sorted(place.glob("incidents/*/index.html"))


def renamed(place: Path, name: str) -> list[Path]:
    return [file for file in notices(place) if name in file.read_text()]


def test_a_run_that_is_killed_leaves_a_whole_mirror_and_the_next_one_continues(processes_with_page, place, tmp_path):
    processes, port = processes_with_page, own_port()
    address = f"http://127.0.0.1:{port}"
    processes.manage("publish", "--to", str(place), "--mirror-url", address)
    with file_server(place, port, tmp_path / "log"):
        for round_, progress in enumerate((1, INCIDENTS // 4, INCIDENTS // 2)):
            name, pages = f"Name {round_}", notices(place)
            rename(processes, name)
            begun = pages[progress].with_name(".index.html.new")
            os.mkfifo(begun)  # nobody reads what is written there: the run comes as far as this and no further
            run = mirror(processes, place, "--mirror-url", address)
            last = pages[progress - 1]
            wait_until(lambda last=last, name=name, run=run: name in last.read_text() or run.poll() is not None)
            assert run.poll() is None, processes.log_of(run)
            os.kill(run.pid, 9)
            run.wait()
            begun.unlink()
            begun.write_text("<!doctype ht")  # as it is when the kill comes a moment later

            assert renamed(place, name) == pages[:progress]
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


def test_watch_brings_news_by_itself_and_outlives_a_place_that_is_away(processes_with_page, place):
    processes, home = processes_with_page, place / "index.html"
    watcher = mirror(processes, place, "--watch")
    wait_until(lambda: (place / "mirror.json").exists(), seconds=60)

    processes.manage("shell", "--verbosity", "0", "-c", POST_ONE)
    wait_until(lambda: "Clicks are delayed" in home.read_text())
    shutil.move(place, place.with_name("away"))
    place.write_text("no directory")
    rename(processes, "Another name")
    wait_until(lambda: "Not a directory" in processes.log_of(watcher), seconds=60)
    place.unlink()
    shutil.move(place.with_name("away"), place)
    wait_until(lambda: "Another name" in home.read_text(), seconds=60)

    watcher.terminate()
    assert watcher.wait(60) == 0, processes.log_of(watcher)


@pytest.mark.browser
def test_a_reader_of_a_mirror_that_nobody_looks_after_is_told(processes_with_page, place, tmp_path, browser):
    processes, port = processes_with_page, own_port()
    address = f"http://127.0.0.1:{port}"
    options = ["--to", str(place), "--mirror-url", address, "--stale-after", "0.05"]
    processes.manage("publish", *options)
    note = place / "mirror.json"
    told = json.loads(note.read_text())
    checked_at = dt.datetime.fromisoformat(told["checked_at"])
    note.write_text(json.dumps({**told, "checked_at": (checked_at - dt.timedelta(minutes=10)).isoformat()}))
    with file_server(place, port, tmp_path / "log"):
        page, errors = browser.new_page(), []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        for path in ("/", f"/incidents/{notices(place)[0].parent.name}"):
            page.goto(address + path)
            minutes, advice = page.locator(".stale").inner_text().split(" minutes ago ")
            assert re.fullmatch("This copy was last brought up to date 1[0-4]", minutes)
            assert advice == "and may be out of date. Go to the page itself"
            assert page.locator(".stale a").get_attribute("href") == "http://127.0.0.1:8000/"

        processes.manage("publish", *options[:-2])
        page.goto(address + "/")
        page.locator("#copy .checked").wait_for()
        assert page.locator(".stale").count() == 0
        note.unlink()
        page.clock.set_fixed_time(checked_at + dt.timedelta(hours=3))
        page.goto(address + "/")
        assert "3 hours ago and may be out of date" in page.locator(".stale").inner_text()
        assert [error for error in errors if "404" not in error] == []
