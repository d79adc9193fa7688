"""A mail made once for thousands: bytes with slots, into which each recipient's own words are put.

Built by the email package; only the bodies are encoded here, because a slot must stand whole on a line of its own in
quoted-printable, whatever comes to stand in it.
"""

from __future__ import annotations

import binascii
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from functools import cached_property

from incidents.text import FORBIDDEN_CATEGORIES

# New in each process, so that no text can hold it; letters and digits, so that no encoding changes it.
MARK = f"slot{secrets.token_hex(8)}"
SLOT = re.compile(rf"{MARK}([a-z]+)end")
SLOT_BYTES = re.compile(SLOT.pattern.encode())

# RFC 5322 asks for lines of the head no longer than this, and RFC 2047 for shorter ones where words are encoded.
MAX_LINE = 78
MAX_ENCODED = 60

# Not at spaces beside spaces: a line of nothing but spaces ends the head for some readers.
FOLDING_SPACE = re.compile(r"(?<=\S) (?=\S)")
# What mailbox files and old relays write a ">" before, which no signature survives.
FROM_LINE = re.compile(r"^From ", re.MULTILINE)

# CRLF as the wire wants it; lines are folded here.
WIRE = compat32.clone(linesep="\r\n", cte_type="7bit", mangle_from_=False, max_line_length=None)


def slot(name: str) -> str:
    """The place where the recipient's own `name` will stand, in a header or in a body."""
    return f"{MARK}{name}end"


@dataclass(frozen=True)
class Template:
    """The bytes between the slots, and the slots' names in order: always one piece more than names."""

    pieces: tuple[bytes, ...]
    names: tuple[str, ...]

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        filled = [self.pieces[0]]
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            filled += (values[name], piece)
        return b"".join(filled)

    @cached_property
    def dotted(self) -> Template:
        """The same as DATA wants it (RFC 5321, 4.5.2), with dots at the start of a line doubled; ends in the last dot.

        Made once, for looking through a whole message costs more than all else that is done for a recipient.
        """
        *pieces, last = (piece.replace(b"\r\n.", b"\r\n..") for piece in self.pieces)
        return Template((*pieces, last + b".\r\n"), self.names)


def build(headers: Mapping[str, str], *, text: str, html: str) -> Template:
    """A mail with a plain and an HTML body, both of which may hold slots; so may headers.

    Raises ValueError for a header that is none, so that no text can add a line to the head of a mail.
    """
    # No quoted-printable text holds "=_", so that no text ends a part.
    message = MIMEMultipart("alternative", boundary=f"=_{secrets.token_hex(8)}", policy=WIRE)
    for name, value in headers.items():
        message[name] = _header(name, value)
    message.attach(_part("plain", text))
    message.attach(_part("html", html))
    wire = message.as_bytes(policy=WIRE)
    _check(wire, headers, slots=sum(len(SLOT.findall(part)) for part in (text, html, *headers.values())))
    parts = SLOT_BYTES.split(wire)
    return Template(tuple(parts[::2]), tuple(name.decode() for name in parts[1::2]))


def encoded_words(text: str) -> str:
    """`text` as a header may hold it, in words that lines can be folded between.

    What is not plain ASCII is encoded; so are words too long for a line, and what a reader would decode by mistake.
    (Interpreters before 3.11.10 put the line breaks of an encoded word into the head of a mail: CVE-2024-6923.)
    Raises ValueError for line breaks and control characters.
    """
    if any(unicodedata.category(char) in FORBIDDEN_CATEGORIES for char in text):
        raise ValueError("a header holds no control characters")
    is_short = all(len(word) <= MAX_ENCODED for word in text.split(" "))
    if text.isascii() and "=?" not in text and is_short:
        return text
    return Header(text, "utf-8", maxlinelen=MAX_ENCODED).encode(linesep="\n").replace("\n ", " ")


def _header(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} is not fit for the head of a mail")
    first, *words = FOLDING_SPACE.split(value)
    lines = [f"{name}: {first}"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) <= MAX_LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\n".join(lines).removeprefix(f"{name}: ")


def _part(subtype: str, body: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", subtype, charset="utf-8", policy=WIRE)
    part["Content-Transfer-Encoding"] = "quoted-printable"
    pieces = SLOT.split(body)
    for index, piece in enumerate(pieces):
        pieces[index] = _encode(piece) if index % 2 == 0 else f"=\n{slot(piece)}=\n"
    part.set_payload("".join(pieces))
    return part


def _encode(text: str) -> str:
    encoded = binascii.b2a_qp(text.encode(), istext=True).decode("ascii")
    return FROM_LINE.sub("=46=\nrom ", encoded)


def _check(wire: bytes, headers: Mapping[str, str], *, slots: int) -> None:
    head, _blank, _body = wire.partition(b"\r\n\r\n")
    found = [line.partition(b":")[0].decode() for line in head.split(b"\r\n") if not line[:1].isspace()]
    if sorted(found) != sorted([*headers, "Content-Type", "MIME-Version"]):
        raise ValueError("the head of the mail is not as it was meant")
    if len(SLOT_BYTES.findall(wire)) != slots:
        raise ValueError("the mail lost a place for the recipient's own words")
