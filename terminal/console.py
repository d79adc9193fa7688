"""Who sits there, if anybody: what is said to them, what they are asked, and how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

# Exit statuses. 0: done.
REFUSED, MISUSED, INTERRUPTED = 1, 2, 130


def refused(message: str) -> CommandError:
    """The product says no: nothing was published."""
    return CommandError(message, returncode=REFUSED)


def misused(message: str, candidates: Iterable[str] = ()) -> CommandError:
    """The command line cannot be understood, or an answer is needed and nobody is there to give it."""
    return CommandError("\n  ".join([message, *candidates]), returncode=MISUSED)


@dataclass(frozen=True)
class Console:
    """`out` and `err` are the command's streams. With `is_json`, `out` is for the answer alone."""

    out: Any
    err: Any
    is_json: bool = False

    @property
    def can_ask(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty()  # None: it was closed

    def say(self, text: str = "") -> None:
        stream = self.err if self.is_json else self.out
        stream.write(text, style_func=str)
        stream.flush()

    def answer(self, text: str) -> None:
        self.out.write(text)

    def ask(self, question: str) -> str:
        """What was typed; "" also when the line was closed instead."""
        # On standard error: a question must be seen also where the rest goes into a file.
        self.err.write(f"{question} ", style_func=str, ending="")
        self.err.flush()
        return sys.stdin.readline().strip()

    def agrees(self, question: str) -> bool:
        return self.ask(f"{question} [y/N]").lower() in ("y", "yes", _("yes"))

    def choose(self, question: str, choices: Sequence[tuple[str, str]]) -> str:
        """One of the values of `choices`. Raises CommandError when none of them was chosen."""
        lines = [f"  {place}  {label}" for place, (_value, label) in enumerate(choices, start=1)]
        self.err.write("\n".join([question, *lines]), style_func=str)
        answer = self.ask(_("Which?"))
        if answer.isdecimal() and 1 <= int(answer) <= len(choices):
            return choices[int(answer) - 1][0]
        raise misused(_("Nothing was chosen."))
