"""What tests of mirrors share: a plain file server, and a reader who follows every link."""

from __future__ import annotations

import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

from publishing.mirror.directory import Directory
from publishing.mirror.files import public_files
from tests import render
from tests.servers import free_port, get, running, wait_for

HOME = "https://status.example.com"
OURS = ".mirror/"


@contextmanager
def file_server(directory: Path, port: int, log: Path) -> Iterator[str]:
    """Python's own, which knows nothing of us."""
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(directory), str(port)]
    with running(command, env={}, log=log):
        wait_for(lambda: get(address)[0], what="the file server")
        yield address


def own_port() -> int:
    return free_port()


def public_paths(now) -> set[str]:
    return set(render.files(now))


def holdings(directory: Path) -> dict[str, bytes]:
    """All files of the mirror but our own notes."""
    files = (file for file in directory.rglob("*") if file.is_file())
    named = {str(file.relative_to(directory)): file.read_bytes() for file in files}
    return {name: body for name, body in named.items() if not name.startswith(OURS) and name != "mirror.json"}


def rendered(data_dir: Path) -> dict[str, bytes]:
    """What the one mirror of this data directory ought to hold."""
    (root,) = (data_dir / "mirror").iterdir()
    return {Directory(root).name_of(file): file.file.read_bytes() for file in public_files(root)}


class _Links(HTMLParser):
    """What a page links to. A template shows nothing: a script takes from it what fits the page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.templates = 0

    def handle_endtag(self, tag):
        self.templates -= tag == "template"

    def handle_starttag(self, tag, attributes):
        self.templates += tag == "template"
        for name, value in attributes:
            if name in ("href", "src", "action") and value and not self.templates:
                self.links.add(value)
            if name == "id":
                self.ids.add(value)


def broken_links(start: str, within: str = "") -> list[str]:
    """Follow every link of pages, feeds and data below `within`; tell what leads nowhere."""
    within = within or start
    pages: dict[str, set[str]] = {}
    seen, found = set(), []
    queue = [(start, "")]
    while queue:
        link, source = queue.pop()
        address, _hash, anchor = link.partition("#")
        if address not in seen:
            seen.add(address)
            try:
                with urllib.request.urlopen(address, timeout=10) as answer:
                    kind, body = answer.headers.get_content_type(), answer.read().decode("utf-8", "replace")
            except HTTPError as refusal:
                found.append(f"{source} -> {link}: {refusal.code}")
                continue
            links = set()
            if kind == "text/html":
                page = _Links()
                page.feed(body)
                pages[address], links = page.ids, page.links
            elif address.endswith((".atom", ".rss", ".xml", ".json", ".ics")):
                links = set(re.findall(re.escape(within) + r"[^\s\"<>\\]*", body))
            queue += [
                (urljoin(address, other), address) for other in links if _is_within(urljoin(address, other), within)
            ]
        if anchor and address in pages and anchor not in pages[address]:
            found.append(f"{source} -> {link}: no such anchor")
    assert len(seen) > 10
    return found


def _is_within(address: str, within: str) -> bool:
    """Other paths of the same host are followed too: a link that leaves the mirror's own path is a broken one."""
    return urlsplit(address)[:2] == urlsplit(within)[:2]
