"""Running the commands in this process, as a script would: nobody can be asked."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)


def run(command: str, *arguments: str, stdin: str = "") -> Ran:
    """Exit status, and what was said on both streams."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        call_command(*command.split(), *arguments, stdout=out, stderr=err)
    except CommandError as problem:
        return Ran(problem.returncode, out.getvalue(), f"{err.getvalue()}{problem}")
    finally:
        sys.stdin = before
    return Ran(0, out.getvalue(), err.getvalue())
