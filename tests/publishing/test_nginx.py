"""docs/deploy/nginx.conf in a real nginx, beside our own server over the same generation."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from publishing.generation import live_directory, walk
from tests.publishing.conftest import ROOT, Processes, Server, answers, free_port, run_processes, wait_until
from tests.servers import find_nginx

pytestmark = [pytest.mark.processes, pytest.mark.nginx, pytest.mark.any_database]

EXAMPLE = ROOT / "docs/deploy/nginx.conf"
STORY = """
import datetime as dt
from incidents.demo import load_demo
from incidents.component_actions import save_page_part
from incidents.models import Page
load_demo(dt.datetime.now(dt.UTC), password="of no worth to anybody")
page = Page.objects.current()
page.languages = ["nl"]
save_page_part(page, actor=None, changed=["languages"])
"""
POST = """
from incidents.actions import open_incident
from incidents.values import UpdateText
open_incident(title="Letters wait", update=UpdateText(status="investigating", body="We look."), actor=None)
"""
AROUND = """
daemon off; master_process off; pid nginx.pid; error_log stderr; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include site.conf;
}}
"""
COMPARED = [
    "content-type",
    "cache-control",
    "vary",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "strict-transport-security",
    "last-modified",
    "content-length",
    "content-encoding",
]


def start_nginx(processes: Processes, snapshot: Path, backend_port: int) -> Server:
    """nginx with the example, of which nothing is changed but the lines that are each operator's own."""
    program = find_nginx()
    assert program, "This test drives nginx: install the package nginx."
    port, folder = free_port(), processes.directory / "nginx"
    site = EXAMPLE.read_text()
    for theirs, ours in (
        (r"listen 80;", f"listen 127.0.0.1:{port};"),
        (r"listen \[::\]:80;", ""),
        (r"root \S+;", f"root {snapshot}/current;"),
        (r"server 127\.0\.0\.1:8000;", f"server 127.0.0.1:{backend_port};"),
    ):
        site, count = re.subn(theirs, ours, site)
        assert count == 1, theirs
    folder.mkdir()
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(AROUND.format(user="user root;" if os.geteuid() == 0 else ""))
    process = processes.program(program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr")
    wait_until(lambda: process.poll() is not None or answers(("127.0.0.1", port), socket.AF_INET))
    assert process.poll() is None, processes.log_of(process)
    return Server(process, port, processes.directory)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """The demo in two languages, published."""
    directory = tmp_path_factory.mktemp("demo")
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "k" * 50, "DATA_DIR": str(directory)}
    making = Processes(directory, environment)
    making.manage("migrate", "--verbosity", "0")
    making.manage("shell", "--verbosity", "0", "-c", STORY)
    making.manage("publish")
    return directory


@pytest.fixture(scope="module")
def servers(published) -> Iterator[tuple[Server, Server]]:
    """nginx, and our own; for all tests that only read."""
    with run_processes() as processes:
        yield start_both(processes, published)


@pytest.fixture
def own_servers(processes, published) -> tuple[Server, Server]:
    return start_both(processes, published)


def start_both(processes: Processes, published: Path) -> tuple[Server, Server]:
    snapshot = processes.directory / "snapshot"
    shutil.copytree(published / "snapshot", snapshot, symlinks=True)
    front = processes.front(snapshot)
    return start_nginx(processes, snapshot, front.port), front


def public_paths(snapshot: Path) -> list[str]:
    paths = [path for path, _entry, _file in walk(live_directory(snapshot)) if path != "/404"]
    assert len(paths) > 50
    assert {"/nl", "/nl/history", "/nl/feed.json"} < set(paths)
    return paths


def seen(server: Server, path: str, method: str = "GET", **headers: str) -> tuple:
    answer = server.get(path, method, **headers)
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    return answer.status, {name: answer.headers.get(name) for name in COMPARED}, body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_public_path_is_answered_as_our_own_server_answers(servers, published, method):
    nginx, front = servers
    for path in public_paths(published / "snapshot"):
        for headers in ({}, {"Accept_Encoding": "gzip"}) if method == "GET" else ({},):
            assert (path, *seen(nginx, path, method, **headers)) == (path, *seen(front, path, method, **headers))


def test_who_has_it_is_told_so(servers, published):
    nginx, _front = servers
    for path in ("/", "/history.atom", "/api/v2/summary.json"):
        first = nginx.get(path, Accept_Encoding="gzip")
        again = nginx.get(path, Accept_Encoding="gzip", If_None_Match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert nginx.get(path, If_None_Match=first.headers["etag"]).status == 200, "plain and packed are two"


@pytest.mark.parametrize(
    "path",
    [
        *["/nothing", "/nothing/", "/incidents/nothing", "/incidents/", "/incidents", "/assets/", "/manifest.json"],
        *["/404", "/404.html", "/index.html", "/api.html", "/history.html", "/index.html.gz", "/history.atom.gz"],
    ],
)
def test_what_is_not_there_is_the_same_404(servers, path):
    nginx, front = servers

    assert seen(nginx, path) == seen(front, path)
    assert seen(nginx, path)[0] == 404


@pytest.mark.parametrize("path", ["/api/v2/nothing.json", "/api/v2/", "//api/v2/nothing", "/api/v2/status.json.gz"])
def test_what_the_api_does_not_have_is_an_empty_404(servers, path):
    nginx, _front = servers

    answer = nginx.get(path)

    assert (answer.status, answer.body, "content-type" in answer.headers) == (404, b"", False)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_clients_of_the_api_may_double_a_slash_and_bust_caches(servers):
    nginx, front = servers

    for path in ("//api/v2/status.json", "/api/v2/status.json?_=1700000000"):
        assert seen(nginx, path) == seen(front, path)
        assert seen(nginx, path)[0] == 200


def test_everything_has_one_address(servers, published):
    notice = next(path for path in public_paths(published / "snapshot") if re.fullmatch("/incidents/[a-z0-9]+", path))

    for server in servers:
        for path in (notice, f"{notice}.txt", f"/nl{notice}", "/nl", "/history", "/api", "/feed.json"):
            answer = server.get(f"{path}/")
            assert (answer.status, answer.headers["location"]) == (301, path)
        assert server.get(f"{notice}.html").status == 404


@pytest.mark.parametrize(
    "path",
    [
        *["/../publish.lock", "/..%2fpublish.lock", "/%2e%2e/%2e%2e/status.sqlite3", "/incidents/../../status.sqlite3"],
        *["/incidents/..%2f..%2f..%2fstatus.sqlite3", "/assets/%2e%2e/manifest.json", "/%00", "/./manifest.json"],
    ],
)
def test_nobody_gets_out_of_the_generation(servers, path):
    nginx, _front = servers

    answer = nginx.get(path)

    assert answer.status in (400, 404)
    assert b"SQLite" not in answer.body


def test_what_is_dynamic_goes_on_to_our_own_processes(own_servers):
    nginx, front = own_servers

    # No Django runs behind our server here, and it says so in its own words.
    assert (nginx.get("/admin/").status, nginx.get("/admin/").body) == (503, front.get("/admin/").body)
    front.kill()
    assert nginx.get("/subscribe/").status == 503
    assert b"The status page itself works." in nginx.get("/subscribe/").body
    assert nginx.get("/").status == 200


def test_feeds_of_several_functions_are_made_by_our_own_server(servers, published):
    nginx, front = servers
    named = [re.fullmatch("/components/([a-z0-9]+)/feed.json", path) for path in public_paths(published / "snapshot")]
    codes = ",".join(found[1] for found in named if found)

    for form in ("history.atom", "history.rss", "feed.json", "calendar.ics"):
        assert seen(nginx, f"/functions/{codes}/{form}") == seen(front, f"/functions/{codes}/{form}")
        assert seen(nginx, f"/functions/{codes}/{form}")[0] == 200


def test_a_new_generation_is_seen_at_once(own_servers, processes, published):
    nginx, _front = own_servers
    snapshot = processes.directory / "snapshot"
    shutil.copy(published / "status.sqlite3", processes.directory / "status.sqlite3")
    before = nginx.get("/")

    processes.manage("shell", "--verbosity", "0", "-c", POST)

    after = nginx.get("/")
    assert b"Letters wait" not in before.body
    assert b"Letters wait" in after.body
    assert after.headers["etag"] != before.headers["etag"]
    assert b"Letters wait" in nginx.get("/history.atom").body
    assert len(list(snapshot.glob("generations/*"))) >= 2
