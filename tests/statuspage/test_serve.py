"""The commands that run the product, as real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from publishing.generation import live_directory, walk
from tests.servers import (
    free_port,
    get,
    manage,
    processes_of,
    product_environment,
    running,
    scratch_database,
    wait_for,
)

pytestmark = pytest.mark.processes

READY = "Ctrl-C stops it."
PARTS = ["publishing.front", "statuspage.wsgi", "publish --watch", "qcluster"]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """DATA_DIR and database with the demo, published: made once, and copied for each test that wants them."""
    directory = tmp_path_factory.mktemp("demo")
    with scratch_database(directory / "data") as url:
        environment = product_environment(directory / "data", DATABASE_URL=url)
        for command in ("migrate", "demo", "publish"):
            done = subprocess.run(manage(command), env=environment, timeout=90, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        yield directory / "data", url


@pytest.fixture
def environment(tmp_path: Path, port: int):
    (tmp_path / "data").mkdir()
    with scratch_database(tmp_path / "data") as url:
        yield product_environment(tmp_path / "data", port=port, DATABASE_URL=url)


@pytest.fixture
def environment_with_demo(demo: tuple[Path, str], tmp_path: Path, port: int):
    directory, database = demo
    shutil.copytree(directory, tmp_path / "data", symlinks=True)
    with scratch_database(tmp_path / "data", like=database) as url:
        yield product_environment(tmp_path / "data", port=port, DATABASE_URL=url)


def starter(tmp_path: Path, environment: dict[str, str]):
    def start(*arguments: str, **settings: str):
        return running(manage(*arguments), env={**environment, **settings}, log=tmp_path / "log")

    return start


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]):
    return starter(tmp_path, environment)


@pytest.fixture
def start_with_demo(tmp_path: Path, environment_with_demo: dict[str, str]):
    return starter(tmp_path, environment_with_demo)


def page(port: int, path: str = "/") -> tuple[int, str]:
    return get(f"http://127.0.0.1:{port}{path}")


def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def wait_for_nobody(tmp_path: Path) -> None:
    wait_for(lambda: not processes_of(data(tmp_path)), what="the last process to end")


def test_one_command_serves_page_and_admin_with_the_demo_and_a_second_start_keeps_them(start, tmp_path, port):
    with start("serve", "--demo") as served:
        wait_for(lambda: READY in served.output(), what="the address")
        status, body = page(port)
        assert status == 200
        assert "Follow-up actions run late" in body
        wait_for(lambda: page(port, "/admin/login/")[0] == 200, what="the admin")

        login = (data(tmp_path) / "demo-login").read_text().split()
        assert f"{login[0]} / {login[1]}" in served.output()
        assert f"http://127.0.0.1:{port}/" in served.output()
        assert f"http://127.0.0.1:{port}/admin/subscriptions/delivery/outbox/" in served.output()
        assert stat.S_IMODE((data(tmp_path) / f"django-{port}.sock").stat().st_mode) == 0o600

        assert served.stop() == 0
    wait_for_nobody(tmp_path)
    before = page_codes(data(tmp_path))
    assert len(before) == 10

    with start("serve", "--demo") as served:
        wait_for(lambda: page(port)[0] == 200, what="the page")
        wait_for(lambda: READY in served.output(), what="the second start")
        assert " / ".join(login) in served.output()

    assert (data(tmp_path) / "demo-login").read_text().split() == login
    assert page_codes(data(tmp_path)) == before


def page_codes(directory: Path) -> set[str]:
    """The notices that are published, by their addresses."""
    live = live_directory(directory / "snapshot")
    assert live is not None
    return {file.stem for path, _entry, file in walk(live) if path.startswith("/incidents/") and file.suffix == ".html"}


def test_the_demo_goes_into_an_empty_database_alone(start_with_demo, tmp_path):
    login = data(tmp_path) / "demo-login"
    password = login.read_text()

    with start_with_demo("demo") as again:
        assert again.process.wait(timeout=60) == 0
    assert again.output() == ("This database is in use: the demo goes only into an empty one. Nothing was changed.\n")
    assert login.read_text() == password
    assert stat.S_IMODE(login.stat().st_mode) == 0o600


def test_a_taken_port_is_one_line_that_says_what_to_do(start, tmp_path, port):
    with socket.create_server(("127.0.0.1", port)), start("serve") as refused:
        assert refused.process.wait(timeout=60) == 1
        output = refused.output()

    assert output == (
        f"CommandError: port {port} is taken by another program: end that one, or choose another, "
        f"for example PORT={port + 1}.\n"
    )
    wait_for_nobody(tmp_path)


def test_a_data_directory_that_cannot_be_made_is_one_line_that_says_what_to_do(start, tmp_path):
    (tmp_path / "file").write_text("")

    with start("serve", DATA_DIR=str(tmp_path / "file" / "data")) as refused:
        assert refused.process.wait(timeout=60) == 1

    assert refused.output() == (
        f"CommandError: cannot write to {tmp_path}/file/data (Not a directory): "
        "make that directory yours, or name another with DATA_DIR=/some/where.\n"
    )


def test_wrong_settings_are_all_told_before_anything_starts(start):
    with start("serve", PORT="http", SECRET_KEY="") as refused:
        assert refused.process.wait(timeout=60) == 1

    assert [line.partition(":")[0].strip() for line in refused.output().splitlines()] == [
        "Error",
        "PORT",
        "SECRET_KEY",
    ]


def test_the_page_comes_back_at_once_while_the_database_is_away(start_with_demo, tmp_path, port):
    start = start_with_demo
    nowhere = f"postgresql://nobody@%2Fnowhere/{port}"
    with start("web", DATABASE_URL=nowhere) as web:
        wait_for(lambda: page(port)[0] == 200, what="the page")
        assert "Follow-up actions run late" in page(port)[1]
        web.stop()
    with start("serve", DATABASE_URL=nowhere) as served:
        wait_for(lambda: page(port)[0] == 200, what="the page")
        wait_for(lambda: "The database does not answer; waiting for it." in served.output(), what="the explanation")
        assert served.stop() == 0
    wait_for_nobody(tmp_path)


def test_every_part_that_is_killed_comes_back(start_with_demo, tmp_path, port):
    with start_with_demo("serve") as served:
        wait_for(lambda: READY in served.output(), what="the start")
        for victim in PARTS:
            first = wait_for(lambda victim=victim: parts(tmp_path, victim), what=victim)
            for process in first:
                kill(process)
            wait_for(lambda victim=victim, first=first: parts(tmp_path, victim) - first, what=f"another {victim}")

        wait_for(lambda: page(port)[0] == 200, what="the page")
        wait_for(lambda: page(port, "/admin/login/")[0] == 200, what="the admin")


def test_a_killed_supervisor_takes_all_parts_with_it(start_with_demo, tmp_path):
    with start_with_demo("serve") as served:
        wait_for(lambda: READY in served.output(), what="the start")
        wait_for(lambda: len(parts(tmp_path, "qcluster")) > 3, what="the worker")
        served.process.kill()
        served.process.wait()

        wait_for_nobody(tmp_path)


def parts(tmp_path: Path, name: str) -> set[int]:
    return {process for process, command in processes_of(data(tmp_path)).items() if name in command}


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # a leader's end may have ended it already
        os.kill(process, signal.SIGKILL)
