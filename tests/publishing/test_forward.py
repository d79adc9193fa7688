"""The way to Django and back: over a real Unix socket."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from publishing.forward import LARGEST_BODY, AnswerLost, Backend, BackendAway, BadRequest, TooBusy, client_address
from tests.publishing.conftest import run_processes, wait_until
from tests.publishing.test_generation import page, write

pytestmark = [pytest.mark.processes, pytest.mark.any_database]


def environ(path="/admin/", method="GET", body=b"", **extra):
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "status.example.com",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "wsgi.input": io.BytesIO(body),
        **extra,
    }


@pytest.fixture(scope="module")
def echo_socket():
    with run_processes() as processes:
        yield processes.backend("tests.publishing.echo:application")


@pytest.fixture
def backend(echo_socket):
    return Backend(echo_socket, scheme="https", slots=5)


def arrived(backend, **request):
    return json.loads(backend.forward(environ(**request)).body)


def test_a_request_arrives_as_it_was_sent(backend):
    got = arrived(
        backend,
        path="/admin/incidents/\xc3\xbc x/",
        method="POST",
        body=b"a=1&b=\xff",
        QUERY_STRING="q=%20&next=/a",
        CONTENT_TYPE="application/x-www-form-urlencoded",
        HTTP_COOKIE="sessionid=x",
    )

    assert (got["REQUEST_METHOD"], got["PATH_INFO"]) == ("POST", "/admin/incidents/\xc3\xbc x/")
    assert (got["QUERY_STRING"], got["body"]) == ("q=%20&next=/a", "a=1&b=\xff")
    assert got["CONTENT_TYPE"] == "application/x-www-form-urlencoded"
    assert (got["HTTP_COOKIE"], got["HTTP_HOST"]) == ("sessionid=x", "status.example.com")


def test_what_a_client_claims_of_proxies_does_not_arrive(backend):
    names = "X_FORWARDED_FOR X_FORWARDED_HOST X_FORWARDED_PROTO FORWARDED X_REAL_IP PROXY".split()
    got = arrived(backend, **{f"HTTP_{name}": "evil" for name in names})

    assert (got["HTTP_X_FORWARDED_FOR"], got["HTTP_X_FORWARDED_PROTO"]) == ("192.0.2.1", "https")
    assert "evil" not in got.values()


def test_headers_that_are_meant_for_one_hop_go_no_further(backend):
    got = arrived(backend, HTTP_CONNECTION="close, X-Hop", HTTP_X_HOP="1", HTTP_TE="trailers", HTTP_UPGRADE="h2c")

    assert not {"HTTP_X_HOP", "HTTP_TE", "HTTP_UPGRADE"} & set(got)


def test_the_answer_comes_back_with_every_cookie(backend):
    reply = backend.forward(environ("/admin/elsewhere"))
    cookies = [value for name, value in reply.headers if name.lower() == "set-cookie"]

    assert (reply.status, cookies) == ("302 Found", ["a=1", "b=2"])
    assert ("x-frame-options", "SAMEORIGIN") in [(name.lower(), value) for name, value in reply.headers]


def test_head_brings_headers_only(backend):
    reply = backend.forward(environ(method="HEAD"))

    assert reply.body == b""
    assert int({name.lower(): value for name, value in reply.headers}["content-length"]) > 0


@pytest.mark.parametrize(
    "request_",
    [
        {"body": b"x" * (LARGEST_BODY + 1), "method": "POST"},
        {"CONTENT_LENGTH": "rubbish"},
        {"CONTENT_LENGTH": "10", "wsgi.input": io.BytesIO(b"cut")},
        {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(b"x" * (LARGEST_BODY + 1))},
        {"method": "GET /x HTTP/1.1\r\nX:"},
        {"HTTP_X": "a\r\nX-Evil: 1"},
        {"HTTP_X\r\nY": "a"},
    ],
)
def test_what_cannot_be_handed_on_is_refused(backend, request_):
    with pytest.raises(BadRequest):
        backend.forward(environ(**request_))


@pytest.mark.parametrize("query", ["\r\n", "a b", "\xff\xfe", "'\"<>", "\0", "%"])
def test_an_odd_query_arrives_as_one_line(backend, query):
    assert "\n" not in arrived(backend, QUERY_STRING=query)["QUERY_STRING"]


def test_nobody_on_the_socket_means_that_nothing_was_done(tmp_path):
    with pytest.raises(BackendAway):
        Backend(str(tmp_path / "nobody.sock"), scheme="http", slots=1).forward(environ())


def test_a_backend_that_dies_over_a_request_leaves_it_in_doubt(processes):
    path = str(processes.directory / "dies.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()

        with pytest.raises(AnswerLost):
            Backend(path, scheme="http", slots=1).forward(environ())


@pytest.fixture
def hold(tmp_path) -> Path:
    """While it exists, /admin/slow does not answer who names it."""
    file = tmp_path / "hold"
    file.touch()
    return file


def take_places(count: int, is_busy: Callable[[], bool]) -> list[threading.Thread]:
    """Ask `count` times at once what is not answered yet; who comes while all places are taken tries again."""
    slow = [threading.Thread(target=wait_until, args=[lambda: not is_busy()]) for _place in range(count)]
    for thread in slow:
        thread.start()
    return slow


def test_one_address_cannot_take_every_place(backend, hold):
    def is_busy(path="/admin/"):
        try:
            backend.forward(environ(path, QUERY_STRING=str(hold)))
        except TooBusy:
            return True
        return False

    slow = take_places(4, lambda: is_busy("/admin/slow"))
    wait_until(is_busy)
    assert backend.forward(environ(REMOTE_ADDR="192.0.2.2")).status == "200 OK"
    hold.unlink()
    for thread in slow:
        thread.join()
    assert backend.forward(environ()).status == "200 OK"


@pytest.mark.parametrize(
    ("claimed", "trusted", "expected"),
    [
        ("", 0, "192.0.2.1"),
        ("10.0.0.1", 0, "192.0.2.1"),
        ("203.0.113.9", 1, "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9", 1, "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9 , 198.51.100.7", 2, "203.0.113.9"),
        ("203.0.113.9", 5, "203.0.113.9"),
    ],
)
def test_only_trusted_proxies_say_who_asks(claimed, trusted, expected):
    assert client_address({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": claimed}, trusted) == expected


def test_slow_staff_pages_and_slow_uploads_do_not_hold_up_the_public_page(processes, tmp_path, hold):
    write(tmp_path, page("/"))
    front = processes.front(tmp_path, socket_path=processes.backend("tests.publishing.echo:application"))
    uploads = [socket.create_connection(("127.0.0.1", front.port)) for _upload in range(6)]
    slow = take_places(6, lambda: front.get(f"/admin/slow?{hold}").status == 503)
    for upload in uploads:
        upload.sendall(b"POST /admin/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab")
    wait_until(lambda: front.get("/admin/").status == 503)

    for _request in range(20):
        assert front.get("/").status == 200

    busy = front.get("/admin/")
    assert (busy.status, busy.headers["retry-after"]) == (503, "2")
    hold.unlink()
    for upload in uploads:
        upload.close()
    for thread in slow:
        thread.join()
    wait_until(lambda: front.get("/admin/").status == 200)
