"""A style sheet of the page's own: anything of how the page looks, and nothing that reaches out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tinycss2
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MAX_STYLE_SHEET = 50_000  # bytes
MAX_DEPTH = 50
SHOWN_PROBLEMS = 5

# Functions that take an address as a plain string, and would take one that a variable holds.
LOADING = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
# What old browsers ran as a program.
PROGRAMS = frozenset({"behavior", "-moz-binding"})


def check_style_sheet(text: str) -> str:
    """The style sheet with its line ends made equal. Raises ValidationError with the lines that are refused."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_STYLE_SHEET:
        raise ValidationError(
            _("The style sheet may have %(limit)d bytes: it has %(size)d.") % {"limit": MAX_STYLE_SHEET, "size": size}
        )
    refused = list(refusals(text))
    if refused:
        raise ValidationError([f"{_line(line)}: {why}" for line, why in refused[:SHOWN_PROBLEMS]])
    return text


def refusals(text: str, *, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """What `text`, a style sheet or the style of one element, must not hold, with the line of each."""
    try:
        nodes = tinycss2.parse_component_value_list(text)
    except ValueError:  # a number of more digits than Python reads
        yield first_line, _("it holds a number that is too long")
        return
    for line, why in _refused(nodes):
        yield first_line + line - 1, why


def _refused(nodes: Iterable[Any], *, loads: bool = False, depth: int = 0) -> Iterator[tuple[int, str]]:
    nodes = list(nodes)
    if depth > MAX_DEPTH:
        yield nodes[0].source_line if nodes else 1, _("blocks and brackets are nested too deeply")
        return
    for place, node in enumerate(nodes):
        following = nodes[place + 1] if place + 1 < len(nodes) else None
        if why := _why(node, following, loads=loads):
            yield node.source_line, why
        if node.type == "function":
            loads_here = node.lower_name in LOADING or (loads and node.lower_name != "type")
            yield from _refused(node.arguments, loads=loads_here, depth=depth + 1)
        elif node.type.endswith("block"):
            yield from _refused(node.content, depth=depth + 1)


def _why(node: Any, following: Any, *, loads: bool) -> str:
    if node.type == "error":
        return _("this cannot be read as CSS (%(message)s)") % {"message": node.message}
    if node.type == "at-keyword" and node.lower_value in ("import", "namespace"):
        return _("@%(word)s loads from elsewhere; put its rules here") % {"word": node.lower_value}
    if node.type == "url" or (node.type == "string" and loads):
        return "" if _stays(node.value) else _("an address leads out of the page; write the picture here, as data:")
    if node.type == "function" and loads and node.lower_name not in LOADING | {"type"}:
        return _("%(name)s() cannot stand in an address") % {"name": node.name}
    if node.type == "function" and node.lower_name == "expression":
        return _("expression() is a program, and none may run")
    is_property = following is not None and following.type == "literal" and following.value == ":"
    if node.type == "ident" and node.lower_value in PROGRAMS and is_property:
        return _("%(name)s runs a program, and none may run") % {"name": node.value}
    return ""


def _stays(address: str) -> bool:
    return address.startswith("#") or address.lower().startswith("data:image/")


def _line(number: int) -> str:
    return _("Line %(number)d") % {"number": number}
