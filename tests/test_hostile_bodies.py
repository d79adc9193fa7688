"""Whatever is sent to a form, of staff or of subscribers, is answered, quickly, and by no error of ours."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.servers import free_port, manage, parts, product_environment, running, scratch_database, wait_for

pytestmark = pytest.mark.processes

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=cut"
LONGEST = 5.0  # seconds of the processor for one answer: others may keep us waiting
BOMB = (
    """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>"""
)
Body = tuple[str, bytes]


def of_all(names: list[str], value: str) -> Body:
    return FORM, urlencode(dict.fromkeys(names, value), errors="surrogatepass").encode()


def part(headers: str, content: bytes = b"x") -> bytes:
    return b"--cut\r\n" + headers.encode() + b"\r\n\r\n" + content + b"\r\n"


def rows(names: list[str], count: str) -> Body:
    """The fields, and as many rows claimed of each part as `count` says."""
    management = {name: count for name in names if name.endswith("_FORMS")}
    return FORM, urlencode({**dict.fromkeys(names, "x"), **management}).encode()


BODIES: dict[str, Callable[[list[str]], Body]] = {
    "nothing": lambda names: (FORM, b""),
    "no type": lambda names: ("", b"title=x"),
    "invalid UTF-8": lambda names: (FORM, b"&".join(name.encode() + b"=\xff\xfe\xc0\x80" for name in names)),
    "invalid UTF-8, escaped": lambda names: (FORM, "&".join(f"{name}=%FF%C0%80" for name in names).encode()),
    "half an escape": lambda names: (FORM, "&".join(f"{name}=%" for name in names).encode()),
    "NUL": lambda names: of_all(names, "a\x00b"),
    "lone surrogates": lambda names: of_all(names, "\ud800\udfff\udc00"),
    "other directions": lambda names: of_all(names, "\u202eevil\u2066\u2069\ufeff\u2028"),
    "every control": lambda names: of_all(names, "".join(map(chr, range(32))) + "\x7f\x85"),
    "a huge number": lambda names: of_all(names, "9" * 5000),
    "no number": lambda names: of_all(names, "NaN"),
    "below zero": lambda names: of_all(names, "-1"),
    "a day that is none": lambda names: of_all(names, "9999-99-99"),
    "the year 0": lambda names: of_all(names, "0000-00-00T00:00"),
    "an object": lambda names: of_all(names, '{"$gt": ""}'),
    "a template": lambda names: of_all(names, "{{ settings.SECRET_KEY }}{% debug %}${7*7}"),
    "5,000 pairs": lambda names: (FORM, b"&".join(b"a%d=1" % number for number in range(5000))),
    "one name a thousand times": lambda names: (FORM, b"&".join([b"status=x"] * 1000)),
    "3 MB": lambda names: (FORM, b"body=" + b"x" * 3_000_000),
    "a billion rows": lambda names: rows(names, "1000000000"),
    "rows below zero": lambda names: rows(names, "-1"),
    "depth 100,000": lambda names: ("application/json", b"[" * 100_000),
    "no JSON": lambda names: ("application/json", json.dumps(dict.fromkeys(names, "x")).encode()[:-1]),
    "XML with entities": lambda names: ("application/xml", BOMB.encode()),
    "an unknown charset": lambda names: (f"{FORM}; charset=klingon", b"title=x&body=y"),
    "UTF-16 that is none": lambda names: (f"{FORM}; charset=utf-16", b"title=x"),
    "parts without a boundary": lambda names: ("multipart/form-data", part("Content-Disposition: form-data")),
    "parts cut short": lambda names: (MULTIPART, part('Content-Disposition: form-data; name="title"')[:-9]),
    "parts of unknown coding": lambda names: (
        MULTIPART,
        part('Content-Disposition: form-data; name="body"\r\nContent-Transfer-Encoding: base64', b"\xff=") + b"--cut--",
    ),
    "files for fields": lambda names: (
        MULTIPART,
        b"".join(part(f'Content-Disposition: form-data; name="{name}"; filename="../../\x00x"') for name in names)
        + b"--cut--\r\n",
    ),
    "a header of 100 kB": lambda names: (MULTIPART, part("X: " + "y" * 100_000) + b"--cut--"),
}
# Where nothing is asked only what is read before any view can matter.
WITHOUT_FIELDS = {what: BODIES[what] for what in ("5,000 pairs", "3 MB", "UTF-16 that is none", "parts cut short")}


class Visitor:
    """One connection to the product, with the cookies of somebody who signed in."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, kind: str = "", body: bytes | None = None) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers["X-CSRFToken"] = self.cookies.get("csrftoken", "")
        if kind:
            headers["Content-Type"] = kind
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, text

    def sign_in(self) -> None:
        self.ask("GET", "/admin/login/")
        status, _page = self.ask("POST", "/admin/login/", FORM, b"username=hal&password=correct+horse")
        assert status == 302

    def fields(self, path: str) -> list[str]:
        _status, page = self.ask("GET", path)
        named = set(re.findall(r'<(?:input|textarea|select|button)\b[^>]*?\bname="([^"]+)"', page))
        return sorted(named - {"csrfmiddlewaretoken"})


def addresses() -> Iterator[str]:
    """One address for every view below /admin and /subscribe, as the product itself declares them."""

    def below(resolver: URLResolver, prefix: str) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield path
            else:
                yield from below(pattern, path)

    for route in below(get_resolver(), "/"):
        path = re.sub(r"<(?:int:)?(?:pk|id|\w*_id)>", "1", route)
        path = re.sub(r"<path:object_id>", "1", path)
        path = re.sub(r"<path:token>|<[\w:]+>", "a-token", path)
        if not re.search(r"[\\^$(]", path) and "logout" not in path:
            yield path


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    directory: Path = tmp_path_factory.mktemp("hostile")
    port = free_port()
    with scratch_database(directory) as url:
        env = product_environment(directory / "data", port=port, DATABASE_URL=url)
        env |= {"DJANGO_SUPERUSER_PASSWORD": "correct horse"}
        with running(manage("serve", "--demo"), env=env, log=directory / "log") as served:
            wait_for(lambda: "Ctrl-C stops it." in served.output(), seconds=90, what="the product")
            create = manage("createsuperuser", "--noinput", "--username", "hal", "--email", "hal@example.com")
            with running(create, env=env, log=directory / "user.log") as made:
                assert made.process.wait(60) == 0
            yield port, directory / "data"
            assert "Internal Server Error" not in served.output()


def spent_by(processes: list[int]) -> float:
    """How many seconds of the processor they have used so far."""
    ticks = 0
    for process in processes:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])  # in user mode, and in the kernel for it
    return ticks / os.sysconf("SC_CLK_TCK")


def test_no_body_is_answered_by_an_error_of_ours(product):
    port, data_dir = product
    visitor = Visitor(port)
    visitor.sign_in()
    django = parts(data_dir)["web"]
    paths = sorted(set(addresses()))
    found, slowest = [], 0.0

    for path in paths:
        names = visitor.fields(path)
        for what, body in (BODIES if names else WITHOUT_FIELDS).items():
            kind, content = body(names)
            began = spent_by(django)
            status, _page = visitor.ask("POST", path, kind, content)
            slowest = max(slowest, spent_by(django) - began)
            if status >= 500 or status == 0:
                found.append(f"{path}: {what}: {status}")

    assert found[:9] == []
    assert slowest < LONGEST
    assert len(paths) > 40
    status, _page = visitor.ask("GET", "/admin/")
    assert status == 200
