"""One feed or calendar for several components, made of the files of each. Knows no Django and no database.

The files are our own: all text in them is escaped, so that an entry is found by how it begins and ends, and is handed
on byte for byte. Parsing twenty feeds would keep the readers of the page waiting.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

MOST = 20  # components in one choice
ENTRIES = 25  # as in every other feed
LINE = 74  # bytes of a line of a calendar, without what ends it

# The form that is asked for, its type, and how the file of one component ends.
FORMS = {
    "history.atom": ("application/atom+xml; charset=utf-8", ".atom"),
    "history.rss": ("application/rss+xml; charset=utf-8", ".rss"),
    "feed.json": ("application/feed+json; charset=utf-8", "/feed.json"),
    "calendar.ics": ("text/calendar; charset=utf-8", ".ics"),
}
_PATH = re.compile(r"/functions/([a-z0-9,]{1,400})/(history\.atom|history\.rss|feed\.json|calendar\.ics)")
_CALENDAR_NAME = re.compile(rb"X-WR-CALNAME:(?:[^\r]|\r\n )*\r\n")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for: components by their codes, in the one order that each choice of them has, and the form."""

    codes: tuple[str, ...]
    form: str

    @property
    def path(self) -> str:
        return f"/functions/{','.join(self.codes)}/{self.form}"

    @property
    def content_type(self) -> str:
        return FORMS[self.form][0]

    def file_of(self, code: str) -> str:
        return f"/components/{code}{FORMS[self.form][1]}"


@dataclass(frozen=True, slots=True)
class Part:
    """The files of one component: that of the form which is asked for, and its JSON Feed, which has its name."""

    code: str
    body: bytes
    json_feed: bytes


def read_choice(path: str) -> Choice | None:
    """What `path` asks for; None when it is no such path, or asks for more than MOST."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    codes = sorted({code for code in found[1].split(",") if code})
    return Choice(tuple(codes), found[2]) if 0 < len(codes) <= MOST else None


def name_file_of(code: str) -> str:
    return f"/components/{code}/feed.json"


def merged(choice: Choice, parts: Sequence[Part]) -> bytes:
    """The feed or calendar of `choice`, which are the components of `parts`."""
    names = {part.code: json.loads(part.json_feed)["_component"]["name"] for part in parts}
    return _MERGE[choice.form](choice, parts, names)


def _atom(choice: Choice, parts: Sequence[Part], names: dict[str, str]) -> bytes:
    tags = _Xml("entry", "id", "published", "updated", "feed", dated=str)  # RFC 3339 in UTC: later is greater
    return _xml(choice, parts, names, tags)


def _rss(choice: Choice, parts: Sequence[Part], names: dict[str, str]) -> bytes:
    tags = _Xml("item", "guid", "pubDate", "pubDate", "channel", dated=parsedate_to_datetime)
    return _xml(choice, parts, names, tags)


@dataclass(frozen=True, slots=True)
class _Xml:
    """The elements of a feed: an entry, its id and its date, the date of the whole, and what holds all of them."""

    entry: str
    id: str
    date: str
    feed_date: str
    feed: str
    dated: Callable[[str], Any]  # what to sort by


def _xml(choice: Choice, parts: Sequence[Part], names: dict[str, str], tags: _Xml) -> bytes:
    """The frame of the newest file, with the names and the address of all, around the entries of all."""
    frames, entries = {}, {}
    for part in parts:
        frames[part.code], found = _cut(part.body, f"<{tags.entry}>", f"</{tags.entry}>")
        for one in found:
            entries.setdefault(_text(one, tags.id), one)
    newest = max(frames, key=lambda code: tags.dated(_text(frames[code], tags.feed_date)))
    old, new = (path.rpartition(".")[0].encode() for path in (choice.file_of(newest), choice.path))
    frame = frames[newest].replace(old, new)
    title = _text(frame, "title")
    renamed = html.escape(_with_all(names, newest, html.unescape(title)), quote=False)
    frame = frame.replace(f"<title>{title}<".encode(), f"<title>{renamed}<".encode(), 1)
    kept = sorted(entries.values(), key=lambda one: tags.dated(_text(one, tags.date)), reverse=True)
    return _filled(frame, f"</{tags.feed}>", kept[:ENTRIES])


def _json_feed(choice: Choice, parts: Sequence[Part], names: dict[str, str]) -> bytes:
    feeds = [json.loads(part.body) for part in parts]
    items: dict[str, Any] = {}
    for feed in feeds:
        items = {item["id"]: item for item in feed["items"]} | items
    whole, first = feeds[0], parts[0].code
    del whole["_component"]
    whole["title"] = _with_all(names, first, whole["title"])
    whole["feed_url"] = whole["feed_url"].replace(choice.file_of(first), choice.path)
    whole["items"] = sorted(items.values(), key=lambda item: item["date_published"], reverse=True)[:ENTRIES]
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _calendar(_choice: Choice, parts: Sequence[Part], names: dict[str, str]) -> bytes:
    events: dict[bytes, None] = {}
    frame = b""
    for part in reversed(parts):
        frame, found = _cut(part.body, "BEGIN:VEVENT\r\n", "END:VEVENT\r\n")
        events = dict.fromkeys(found) | events
    name = _CALENDAR_NAME.search(frame)
    assert name, "a calendar of ours without a name"
    unfolded = name[0].replace(b"\r\n ", b"").removesuffix(b"\r\n").decode()
    frame = frame.replace(name[0], _folded(_with_all(names, parts[0].code, unfolded)))
    return _filled(frame, "END:VCALENDAR", events)


def _cut(body: bytes, begin: str, end: str) -> tuple[bytes, list[bytes]]:
    """A file without its entries, and these."""
    head, *pieces = body.split(begin.encode())
    found, tail = [], b""
    for piece in pieces:
        entry, _end, tail = piece.partition(end.encode())
        found.append(begin.encode() + entry + end.encode())
    return head + tail, found


def _filled(frame: bytes, end: str, entries: Any) -> bytes:
    place = frame.rindex(end.encode())
    return b"".join([frame[:place], *entries, frame[place:]])


def _text(xml: bytes, tag: str) -> str:
    """What the first element `tag` holds, as it stands in the file."""
    found = re.search(f"<{tag}(?: [^>]*)?>([^<]*)</{tag}>".encode(), xml)
    assert found, f"a feed of ours without {tag}"
    return found[1].decode()


def _with_all(names: dict[str, str], code: str, title: str) -> str:
    """`title`, which names the component `code`, with the names of all."""
    before, name, after = title.rpartition(names[code])
    return f"{before}{', '.join(names.values())}{after}" if name else title


def _folded(line: str) -> bytes:
    """`line` in pieces that no reader of calendars finds too long (RFC 5545, 3.1)."""
    pieces, piece = [], b""
    for character in line:
        encoded = character.encode()
        if len(piece) + len(encoded) > LINE:
            pieces.append(piece)
            piece = b" "
        piece += encoded
    return b"\r\n".join([*pieces, piece, b""])


_MERGE: dict[str, Callable[[Choice, Sequence[Part], dict[str, str]], bytes]] = {
    "history.atom": _atom,
    "history.rss": _rss,
    "feed.json": _json_feed,
    "calendar.ics": _calendar,
}
