"""One mail to one recipient, as it is handed to a mail server or written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from subscriptions.channels.mime import Template


class Mail(NamedTuple):
    """Who sends it to whom, and its text with the places where the recipient's own words go."""

    sender: str
    recipient: str
    template: Template
    values: Mapping[str, bytes]

    def message(self) -> bytes:
        """Head and body; lines end in CRLF."""
        return self.template.fill(self.values)

    def wire(self) -> bytes:
        """The same as DATA wants it. No value puts a dot at the start of a line: keys begin with a letter or digit."""
        return self.template.dotted.fill(self.values)
