"""Pictures that staff upload: SVG, PNG or WebP by what they hold, whatever their name says.

An SVG is a document that browsers run programs in. It is served as it was uploaded, so whatever could do more than draw
is refused, by a list of what may be in it.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.style_sheets import refusals

MAX_PICTURE = 100_000  # bytes
MAX_SIDE = 4_000
LARGEST_MEASURE = 1_000_000  # of a drawing, in whatever unit
MAX_ELEMENTS, MAX_DEPTH = 5_000, 50
# Each may draw what the one before it drew twice, so this bounds how much a small file can ask a browser to draw.
MAX_USES = 20

SVG = "http://www.w3.org/2000/svg"
DRAWING = frozenset(
    "svg g defs symbol use title desc metadata style path rect circle ellipse line polyline polygon text tspan "
    "textPath linearGradient radialGradient stop pattern clipPath mask marker switch view filter feBlend feColorMatrix "
    "feComponentTransfer feComposite feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge "
    "feMergeNode feOffset".split()
)
# What drawing programs note for themselves, and browsers pass over.
NOTES = (
    "http://www.inkscape.org/namespaces/inkscape",
    "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://creativecommons.org/ns#",
    "http://purl.org/dc/elements/1.1/",
    "http://www.bohemiancoding.com/sketch/ns",
    "http://www.serif.com/",
)
LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(?:px)?\s*")


@dataclass(frozen=True)
class Picture:
    content_type: str
    content: bytes
    width: int
    height: int


def check_size(size: int) -> None:
    if size > MAX_PICTURE:
        _refuse(_("A picture may have %(limit)d bytes: this has %(size)d."), limit=MAX_PICTURE, size=size)


def read_picture(content: bytes) -> Picture:
    """`content` as a picture that may be shown. Raises ValidationError, with what is refused and where."""
    check_size(len(content))
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, (width, height) = "image/png", _png_size(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind, (width, height) = "image/webp", _webp_size(content)
    elif content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        kind, (width, height) = "image/svg+xml", _Svg(content).size
    else:
        _refuse(_("This is no SVG, PNG or WebP picture."))
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        _refuse(_("A picture has sides of 1 to %(limit)d pixels."), limit=MAX_SIDE)
    return Picture(kind, content, width, height)


def _refuse(why: str, /, **values: object) -> NoReturn:
    raise ValidationError(why % values if values else why)


def _png_size(content: bytes) -> tuple[int, int]:
    size, at = None, 8
    while at + 12 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        end = at + 12 + length
        body = content[at + 4 : end - 4]
        if end > len(content) or zlib.crc32(body) != int.from_bytes(content[end - 4 : end], "big"):
            break
        if kind == b"IHDR":
            size = struct.unpack(">II", body[4:12])
        if kind == b"acTL":
            _refuse(_("This picture moves. Choose one that stands still."))
        if kind == b"IEND" and size and end == len(content):
            return size
        at = end
    _refuse(_("This PNG picture is damaged."))


def _webp_size(content: bytes) -> tuple[int, int]:
    kind, body = content[12:16], content[20:]
    if len(content) < 30 or struct.unpack("<I", content[4:8])[0] + 8 != len(content):
        _refuse(_("This WebP picture is damaged."))
    if kind == b"VP8X":
        if body[0] & 2:
            _refuse(_("This picture moves. Choose one that stands still."))
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    _refuse(_("This WebP picture is damaged."))


class _Svg:
    """One SVG, read through once. `size` is that of its drawing."""

    def __init__(self, content: bytes) -> None:
        self.size = (0, 0)
        self._open: list[str] = []
        self._elements = self._uses = 0
        self._style: list[str] = []
        self._style_line = 0
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            content.decode("utf-8")
            parser.Parse(content, True)
        except UnicodeDecodeError:
            _refuse(_("This SVG is not in UTF-8."))
        except expat.ExpatError as problem:
            self._refuse(_("the file is damaged (%(problem)s)"), line=problem.lineno, problem=str(problem))

    def _refuse(self, why: str, /, *, line: int = 0, **values: object) -> NoReturn:
        why = why % values if values else why
        _refuse(_("Line %(line)d: %(why)s"), line=line or self._parser.CurrentLineNumber, why=why)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.lower() != "utf-8":
            self._refuse(_("this SVG is not in UTF-8."))

    def _doctype(self, *_about: object) -> None:
        self._refuse(_("a DOCTYPE can change what the file means; export it as plain SVG, or take that line out"))

    def _instruction(self, target: str, _data: str) -> None:
        self._refuse(_("the instruction %(name)s can load from elsewhere; take it out"), name=target)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _separator, local = name.rpartition(" ")
        self._elements += 1
        self._open.append(local if space == SVG else "")
        if self._elements > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            self._refuse(_("the drawing has too many parts"))
        if self._elements == 1:
            if name != f"{SVG} svg":
                self._refuse(_("this is no SVG: it begins with %(name)s"), name=local)
            self.size = self._measure(attributes)
        if not (space == SVG and local in DRAWING) and not space.startswith(NOTES):
            self._refuse(_("<%(name)s> cannot be in a picture here; only what draws can"), name=local)
        self._uses += local == "use"
        if self._uses > MAX_USES:
            self._refuse(_("more than %(limit)d <use> can make a browser draw without an end"), limit=MAX_USES)
        if local == "style":
            self._style, self._style_line = [], self._parser.CurrentLineNumber
        for key, value in attributes.items():
            self._check(*key.rpartition(" ")[::2], value)

    def _check(self, space: str, name: str, value: str) -> None:
        if space.startswith(NOTES):
            return
        if name.lower().startswith("on"):
            self._refuse(_("%(name)s runs a program; take it out"), name=name)
        if name in ("href", "base", "src") and not value.strip().startswith("#"):
            self._refuse(_("%(name)s leads out of the file, to %(value)s"), name=name, value=value[:80])
        if "(" in value or "\\" in value or name == "style":
            for _line, why in refusals(value):
                self._refuse(f"{name}: {why}")

    def _text(self, text: str) -> None:
        if self._open and self._open[-1] == "style":
            self._style.append(text)

    def _end(self, _name: str) -> None:
        if self._open.pop() == "style":
            for line, why in refusals("".join(self._style), first_line=self._style_line):
                self._refuse(why, line=line)

    def _measure(self, attributes: dict[str, str]) -> tuple[int, int]:
        box = list(_numbers(attributes.get("viewBox", "")))
        if len(box) == 4:
            width, height = box[2:]
        else:
            found = [LENGTH.fullmatch(attributes.get(side, "")) for side in ("width", "height")]
            width, height = (float(length[1]) if length else 0 for length in found)
        if not (0 < width < LARGEST_MEASURE and 0 < height < LARGEST_MEASURE):  # which neither NaN nor infinity is
            self._refuse(_("the size is missing: <svg> needs a viewBox"))
        # Only how the sides relate to each other is used, so a drawing of any measure is brought to a handy one.
        scale = 100 / min(width, height)
        return max(round(width * scale), 1), max(round(height * scale), 1)


def _numbers(text: str) -> Iterator[float]:
    for word in text.replace(",", " ").split():
        try:
            yield float(word)
        except ValueError:
            return
