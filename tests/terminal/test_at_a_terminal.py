"""A person at a real terminal: real processes, a real database of their own, and an editor that types for them."""

from __future__ import annotations

import datetime as dt
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import ROOT, manage, product_environment, wait_for

pytestmark = pytest.mark.processes

OPEN = ("incident", "open", "--title", "Mail is late", "-c", "Sending mailings=major_outage")
WRITTEN = "Mail queues up."


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[str, str]:
    """The environment of an installation with the example in it. No web, no worker: they are down."""
    directory = tmp_path_factory.mktemp("site")
    editor = directory / "editor"
    editor.write_text(f'#!/bin/sh\nsleep 0\n{{ echo "{WRITTEN}"; cat "$1"; }} >"$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o755)
    env = product_environment(directory / "data", EDITOR=str(editor), STATUSPAGE_USER="admin", TMPDIR=str(directory))
    (directory / "data").mkdir()
    for command in (["migrate", "-v0"], ["demo", "-v0"]):
        subprocess.run(manage(*command), env=env, cwd=ROOT, check=True, capture_output=True)
    return env


class Terminal:
    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self.master, self.shown = process, master, ""

    def read(self) -> str:
        """All that was shown so far; with a NUL at its end when nothing more can come."""
        if not select.select([self.master], [], [], 0.1)[0]:
            return self.shown
        try:
            self.shown += os.read(self.master, 65536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # it has ended
            return self.shown + "\0"
        return self.shown

    def wait_for(self, words: str) -> None:
        wait_for(lambda: words in self.read(), what=f"{words} in {self.shown}")

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> tuple[int, str]:
        """Exit status, and all that was shown."""
        wait_for(lambda: self.read().endswith("\0"), what="the end")
        return self.process.wait(timeout=20), self.shown


@contextmanager
def terminal(env: dict[str, str], *arguments: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        manage(*arguments),
        cwd=ROOT,
        env=env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        # Where the suite itself runs with "&", a shell has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def posted(env: dict[str, str]) -> int:
    with sqlite3.connect(Path(env["DATA_DIR"]) / "status.sqlite3") as database:
        return database.execute("SELECT count(*) FROM incidents_incidentupdate WHERE body = ?", [WRITTEN]).fetchone()[0]


def read_published(env: dict[str, str], path: str) -> str:
    """A file of the public page, as a web server without anything of ours would find it."""
    snapshot = Path(env["DATA_DIR"]) / "snapshot" / "current"
    code = Path(path).name
    return (snapshot / "incidents" / code[:1] / code[:2] / code).read_text()


def kept_in(shown: str) -> str:
    return re.search(r"run it again with --file (\S+)", shown)[1]


def test_what_was_written_in_the_editor_is_published_after_a_yes(site):
    before = posted(site)
    with terminal(site, *OPEN, "--next-update", "in 20 min") as screen:
        screen.wait_for("Publish? [y/N]")
        screen.type("y\n")
        status, shown = screen.end()

    code = re.search(r"Published: http\S+/incidents/(\w+)#update-", shown)[1]
    page = read_published(site, f"incidents/{code}.txt")
    assert status == 0
    assert posted(site) == before + 1
    assert WRITTEN in page
    assert "everything is left out" not in page
    assert re.search(r"The page shows it: version \d+ is live\.", shown)


def test_what_was_not_published_is_kept_and_taken_again(site):
    before = posted(site)
    with terminal(site, *OPEN) as screen:
        screen.wait_for("Publish? [y/N]")
        screen.type("\n")
        status, shown = screen.end()

    file = kept_in(shown)
    assert (status, posted(site)) == (1, before)
    assert Path(file).read_text() == f"{WRITTEN}\n"
    again = subprocess.run(manage(*OPEN, "--file", file, "--yes"), env=site, cwd=ROOT, capture_output=True, check=False)
    assert (again.returncode, posted(site)) == (0, before + 1)


def test_ctrl_c_publishes_nothing_and_keeps_the_text(site):
    before = posted(site)
    with terminal(site, *OPEN) as screen:
        screen.wait_for("Publish? [y/N]")
        screen.process.send_signal(signal.SIGINT)
        status, shown = screen.end()

    assert (status, posted(site)) == (130, before)
    assert "Interrupted: nothing was published." in shown
    assert Path(kept_in(shown)).read_text() == f"{WRITTEN}\n"
    assert "Traceback" not in shown


def test_whoever_is_faster_between_preview_and_yes_is_shown(site):
    subprocess.run(manage(*OPEN, "-m", "First.", "--yes"), env=site, cwd=ROOT, check=True, capture_output=True)
    post = ("incident", "update", "latest")
    before = posted(site)
    with terminal(site, *post) as screen:
        screen.wait_for("Publish? [y/N]")
        faster = manage(*post, "-m", "Theirs came first.", "--status", "identified", "--yes")
        subprocess.run(faster, env=site, cwd=ROOT, check=True, capture_output=True)
        screen.type("y\n")
        status, shown = screen.end()

    assert (status, posted(site)) == (1, before)
    assert "somebody posted while you were writing" in shown
    assert "  Theirs came first." in shown
    assert Path(kept_in(shown)).read_text() == f"{WRITTEN}\n"


def test_a_time_that_comes_twice_is_asked_about(site):
    end_of_october = dt.date(dt.date.today().year + 1, 10, 31)
    sunday = end_of_october - dt.timedelta(days=end_of_october.isoweekday() % 7)
    when = ("--starts", f"{sunday:%d %B %Y}, 02:30", "--ends", "05:00", "--dry-run")
    with terminal(site, "maintenance", "schedule", "--title", "Power feeds", "-m", "Two feeds.", *when) as screen:
        screen.wait_for("Which?")
        screen.type("2\n")
        status, shown = screen.end()

    assert status == 0
    assert f"Work starts  Sunday {sunday:%d %B %Y}, 02:30 CET (01:30 UTC)" in shown


@pytest.mark.parametrize(
    ("changed", "arguments", "status", "told"),
    [
        ({}, [*OPEN, "-m", "x"], 2, "Nobody can be asked here: add --yes"),
        ({}, [*OPEN, "--no-such-option"], 2, "unrecognized arguments: --no-such-option"),
        ({"DATA_DIR": "/nowhere"}, ["incident", "list"], 1, "There is no database at /nowhere/status.sqlite3."),
        (
            {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
            [*OPEN, "-m", "x", "--yes"],
            1,
            "The database says no:",
        ),
    ],
)
def test_a_mistake_is_told_without_a_stack_trace(site, changed, arguments, status, told):
    ran = subprocess.run(
        manage(*arguments), env=site | changed, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )

    assert ran.returncode == status
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert sys.executable not in ran.stderr
