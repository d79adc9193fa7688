"""The snapshot server as a function: what goes in, what comes out."""

from __future__ import annotations

import gzip
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import brotli
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from publishing import live
from publishing.artefact import Artefact
from publishing.front import DYNAMIC, Front
from publishing.generation import live_directory
from publishing.live import LOOK_EVERY
from tests.publishing.test_generation import HTML, asset, page, write

pytestmark = pytest.mark.any_database

HOME = "<h1>All systems work</h1>" * 50
FEED = b"<feed/>" * 50
DATA = b'{"page":{}}' * 50
SECRET = "nobody may read this"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def make_front(root, *, public_url="http://127.0.0.1:8000"):
    return Front(root, backend_socket=str(root / "nobody.sock"), public_url=public_url, threads=4, trusted_proxies=0)


def ask(front, path, method="GET", query="", **headers):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": "192.0.2.1"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    started = []
    body = b"".join(front(environ, lambda status, lines: started.append((status, lines))))
    (status, lines) = started[0]
    names = [name.lower() for name, _value in lines]
    assert len(names) == len(set(names)), "a header is sent twice"
    return Answer(int(status[:3]), {name.lower(): value for name, value in lines}, body)


def look_again():
    """Wait until the server looks at the disk again."""
    time.sleep(LOOK_EVERY * 1.5)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "secret.html").write_text(SECRET)
    root = tmp_path / "snapshot"
    write(
        root,
        page("/", HOME),
        page("/404", "<h1>There is no such page</h1>" * 20),
        page("/incidents/abc"),
        Artefact("/history.atom", "application/atom+xml", FEED),
        Artefact("/api/v2/summary.json", "application/json; charset=utf-8", DATA),
        asset("page.1.css", "body{}"),
    )
    return root


@pytest.fixture
def front(site):
    return make_front(site)


def test_a_page_is_answered_with_all_that_caches_need(front):
    answer = ask(front, "/")

    assert (answer.status, answer.body) == (200, HOME.encode())
    assert answer.headers["content-type"] == HTML
    assert answer.headers["content-length"] == str(len(HOME))
    policy = "public, max-age=0, s-maxage=10, stale-while-revalidate=1, stale-if-error=604800"
    assert answer.headers["cache-control"] == policy
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["last-modified"] == "Sat, 03 Jan 2026 12:00:00 GMT"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("encoding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
def test_a_client_gets_the_encoding_it_prefers(front, encoding, unpack):
    answer = ask(front, "/", accept_encoding=encoding)

    assert answer.headers["content-encoding"] == encoding
    assert unpack(answer.body) == HOME.encode()
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["etag"] != ask(front, "/").headers["etag"]


@pytest.mark.parametrize("encoding", ["", "gzip", "br"])
def test_a_client_that_has_it_is_told_so_without_a_body(front, encoding):
    tag = ask(front, "/", accept_encoding=encoding).headers["etag"]
    again = ask(front, "/", accept_encoding=encoding, if_none_match=f'"x", W/{tag}')

    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == tag
    assert "content-length" not in again.headers
    assert {"cache-control", "vary", "content-security-policy"} <= set(again.headers)
    assert ask(front, "/", accept_encoding=encoding, if_none_match='"other"').status == 200


def test_a_tag_outweighs_a_date(front):
    date = ask(front, "/").headers["last-modified"]

    assert ask(front, "/", if_modified_since=date).status == 304
    assert ask(front, "/", if_modified_since=date, if_none_match='"other"').status == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/404", "/incidents/abc/"])
def test_head_says_the_same_without_a_body(front, path):
    get, head = ask(front, path), ask(front, path, "HEAD")

    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")


@pytest.mark.parametrize("path", ["/", "/incidents/abc", "/history.atom", "/nothing", "/404", "/admin/", "//", "/a/"])
def test_every_answer_is_secured(site, path):
    answer = ask(make_front(site, public_url="https://status.example.com"), path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_without_https_browsers_are_not_bound_to_it(front):
    assert "strict-transport-security" not in ask(front, "/").headers


def test_feeds_are_open_to_the_scripts_of_other_sites_and_pages_are_not(front):
    assert ask(front, "/history.atom").headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in ask(front, "/").headers


@pytest.mark.parametrize("path", ["/api/v2/summary.json", "//api/v2/summary.json", "/api//v2/summary.json/"])
def test_clients_of_the_api_are_never_sent_elsewhere(front, path):
    answer = ask(front, path, query="_=1700000000")

    assert (answer.status, answer.body) == (200, DATA)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "ETag"
    again = ask(front, path, if_none_match=answer.headers["etag"])
    assert (again.status, again.body, again.headers["access-control-allow-origin"]) == (304, b"", "*")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/api/v2/nothing.json", "//api/v2/nothing.json", "/api/v2/"])
def test_what_the_api_does_not_have_is_an_empty_404(front, path, method):
    answer = ask(front, path, method)

    assert (answer.status, answer.body, answer.headers["content-length"]) == (404, b"", "0")
    assert "content-type" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == "*"


def test_assets_may_be_kept_for_ever(front):
    answer = ask(front, "/assets/page.1.css")

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["utm_source=x", "a=" + "b" * 5000, "%00", "/../.."])
def test_queries_and_cookies_change_nothing(front, query):
    assert ask(front, "/", query=query, cookie="sessionid=rubbish") == ask(front, "/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"])
def test_a_page_can_only_be_read(front, method):
    answer = ask(front, "/incidents/abc", method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/nothing", "/incidents", "/incidents/", "/incidents/abd", "/404", "/404/", "/index"])
def test_what_does_not_exist_is_not_found(front, path):
    answer = ask(front, path)

    assert answer.status == 404
    assert b"There is no such page" in answer.body
    assert answer.headers["cache-control"] == "public, max-age=10"
    assert "etag" not in answer.headers


def test_not_found_is_compressed_too(front):
    answer = ask(front, "/nothing", accept_encoding="br")

    assert b"There is no such page" in brotli.decompress(answer.body)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/incidents/abc/", "/incidents/abc"),
        ("//incidents///abc", "/incidents/abc"),
        ("/history.atom/", "/history.atom"),
        ("//", "/"),
    ],
)
def test_an_untidy_path_is_led_to_the_tidy_one(front, path, location):
    answer = ask(front, path)

    assert (answer.status, answer.headers["location"]) == (301, location)


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "///evil.example/", "//evil.example/..", "/\\evil.example", "//evil.example/incidents/abc"],
)
def test_nobody_is_led_to_another_host(front, path):
    assert ask(front, path).status == 404


@pytest.mark.parametrize(
    "path",
    [
        *["/../secret.html", "/..", "/../../etc/passwd", "/incidents/../../../secret.html", "/%2e%2e/secret.html"],
        *["/manifest.json", "/index.html", "/index.html.gz", "/current/index.html", "/publish.lock", "/.", "/./"],
        *["/\0", "/index.html\0", "", "*", "secret.html", "incidents/abc", "/\xff\xfe", "/\xc3\x28"],
        *["/" + "../" * 5000, "/" + "a" * 70000],
        *["/admin/../secret.html", "/adminx", "/admin.html", "/static", "/subscribe\0"],
    ],
)
def test_a_hostile_path_finds_nothing(front, path):
    answer = ask(front, path)

    assert answer.status in (404, 503)
    assert SECRET.encode() not in answer.body


@given(path=st.text(st.characters(max_codepoint=255), max_size=60), method=st.sampled_from(["GET", "HEAD", "POST"]))
@example(path="//evil.example/", method="GET")
@example(path="/incidents/abc//", method="GET")
@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_path_breaks_the_server_or_leads_out_of_it(front, path, method):
    answer = ask(front, path, method)

    assert answer.status in (200, 301, 404, 405) or (answer.status == 503 and path.startswith(DYNAMIC))
    assert SECRET.encode() not in answer.body
    if answer.status == 301:
        assert answer.headers["location"] in ("/", "/incidents/abc", "/history.atom", "/assets/page.1.css")


@given(
    st.dictionaries(
        st.sampled_from(["accept_encoding", "if_none_match", "if_modified_since", "cookie", "host"]),
        st.text(st.characters(max_codepoint=255), max_size=80),
    )
)
@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_header_breaks_the_server(front, headers):
    assert ask(front, "/", **headers).status in (200, 304)


def test_a_new_generation_is_answered_as_soon_as_it_is_live(site, front):
    old = ask(front, "/").headers["etag"]
    write(site, page("/", "new"), page("/incidents/new"))
    look_again()

    assert ask(front, "/").body == b"new"
    assert ask(front, "/", if_none_match=old).status == 200
    assert ask(front, "/incidents/new").status == 200
    assert ask(front, "/incidents/abc").status == 404


def test_a_crowd_loads_a_new_generation_once_and_nobody_waits_for_it(site, front, monkeypatch):
    ask(front, "/")
    may_load, loaded = threading.Event(), []

    class SlowTable(live.Table):
        def __init__(self, *about):
            loaded.append(about)
            may_load.wait(60)
            super().__init__(*about)

    monkeypatch.setattr(live, "Table", SlowTable)
    write(site, page("/", "new"))
    look_again()
    with ThreadPoolExecutor(50) as pool:
        crowd = [pool.submit(ask, front, "/") for _reader in range(50)]
        try:
            served = [reader.result() for reader in itertools.islice(as_completed(crowd, timeout=30), 49)]
        finally:
            may_load.set()

    assert {answer.body for answer in served} == {HOME.encode()}
    assert len(loaded) == 1
    assert ask(front, "/").body == b"new"


def test_memory_holds_the_page_and_only_the_latest_of_the_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "MEMORY", 20_000)
    notices = [page(f"/incidents/n{number}x", f"{number:04}" * 250) for number in range(200)]
    write(tmp_path, page("/", HOME), *notices)
    front = make_front(tmp_path)

    for _round in range(2):
        for notice in notices:
            assert ask(front, notice.path).body == notice.body
            assert ask(front, "/").body == HOME.encode()

    table = front._live.table()
    held = {id(a): len(a.body) for kept in (table._archive, table._older, table.ready) for a in kept.values()}
    assert sum(held.values()) < 3 * live.MEMORY


def test_what_stayed_the_same_is_not_read_again(site, front):
    answers = [ask(front, path) for path in ("/incidents/abc", "/history.atom")]
    write(site, page("/", "new"), page("/incidents/abc"), Artefact("/history.atom", "application/atom+xml", FEED))
    for file in live_directory(site).rglob("*"):
        if file.suffix in (".atom", ".gz", ".br"):
            file.write_bytes(b"")
    look_again()

    assert [ask(front, path) for path in ("/incidents/abc", "/history.atom")] == answers


def test_a_page_loaded_a_moment_ago_still_gets_its_assets(site, front):
    ask(front, "/")
    write(site, page("/", "new"), asset("page.2.css", "p{}"))
    look_again()

    assert ask(front, "/assets/page.1.css").status == ask(front, "/assets/page.2.css").status == 200


def test_before_the_first_generation_the_server_says_that_it_is_starting(tmp_path):
    front = make_front(tmp_path)

    answer = ask(front, "/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert b"starting" in answer.body

    write(tmp_path, page("/", HOME))
    look_again()
    assert ask(front, "/").body == HOME.encode()


def test_an_unreadable_generation_leaves_the_one_before_in_place(site, front, caplog):
    ask(front, "/")
    broken = site / "generations" / "9999999999-broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    (site / "current").unlink()
    (site / "current").symlink_to("generations/9999999999-broken")
    for _request in range(3):
        look_again()
        assert ask(front, "/").body == HOME.encode()

    assert len(caplog.records) == 1


def test_the_snapshot_may_vanish_under_what_was_asked_for_before(site, front):
    ask(front, "/")
    (site / "current").unlink()
    look_again()

    assert ask(front, "/").status == 200


def test_a_file_that_was_cut_short_is_never_sent(site):
    (live_directory(site) / "index.html").write_bytes(b"<h1>All sys")

    answer = ask(make_front(site), "/")

    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert b"All sys" not in answer.body
    assert ask(make_front(site), "/", accept_encoding="br").status == 200


@pytest.mark.parametrize("path", ["/admin", "/admin/login/", "/static/admin.css", "/subscribe", "/subscribe/confirm/x"])
def test_while_django_is_away_its_visitors_are_told_in_plain_words(front, path):
    answer = ask(front, path)

    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert b"The status page itself works" in answer.body
    assert answer.headers["cache-control"] == "no-store"
