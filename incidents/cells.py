"""What a cell of a spreadsheet may hold: nothing that the program which opens it would run."""

from __future__ import annotations

import re

# A spreadsheet would run what begins so. An apostrophe in front makes it text; what has one there already gets another,
# so that taking one off gives back exactly what was. Where people write in full width, programs run those signs, too.
SIGNS = r"[=+\-@\t\r\n＝＋－＠]"
RUNNABLE = re.compile(f"'*{SIGNS}")
MADE_HARMLESS = re.compile(f"'+{SIGNS}")


def harmless(value: str) -> str:
    return f"'{value}" if RUNNABLE.match(value) else value


def as_meant(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if MADE_HARMLESS.match(cell) else cell
