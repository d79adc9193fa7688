"""Rendered Markdown as the content of a single paragraph: feed readers expect one for each update."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

INLINE = frozenset({"a", "strong", "em", "code", "bdi"})
BREAK = "<br />"


def one_paragraph(html: str) -> str:
    """`html` (made by incidents.text) with its blocks turned into lines."""
    flattener = _Flattener()
    flattener.feed(html)
    flattener.close()
    return "".join(flattener.parts)


class _Flattener(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.owed = ""  # the break between two blocks: written only once something follows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._owe(BREAK)
        elif tag in INLINE:
            written = "".join(f' {name}="{escape(value or "")}"' for name, value in attrs)
            self._write(f"<{tag}{written}>")
        elif tag == "li":
            self._owe(BREAK)
            self._write("- ")
        elif tag in ("td", "th"):
            self._write(" ")
        else:
            self._owe(BREAK if tag == "tr" else BREAK * 2)

    def handle_endtag(self, tag: str) -> None:
        if tag in INLINE:
            self.parts.append(f"</{tag}>")
        elif tag in ("p", "ul", "ol", "table", "blockquote", "pre", "h3", "h4", "h5"):
            self._owe(BREAK * 2)

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text:
            lead, trail = data[0].isspace(), data[-1].isspace()
            self._write((" " if lead and not self.owed else "") + escape(text) + (" " if trail else ""))

    def _owe(self, breaks: str) -> None:
        if self.parts:
            self.owed = max(self.owed, breaks, key=len)

    def _write(self, text: str) -> None:
        self.parts.append(self.owed + text)
        self.owed = ""
