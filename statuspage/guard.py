"""Ends what a supervisor leaves behind when it is killed. Runs as a process of its own; standard library only.

Standard input is a pipe from the supervisor: "+<group> <grace>" when a process group has begun, "-<group>" when it has
ended. When the pipe closes, however that came about, the groups still named are asked to end, and then made to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable


def listen(lines: Iterable[str]) -> dict[int, float]:
    """The groups that are left when `lines` end, each with the seconds it has to end by itself."""
    groups: dict[int, float] = {}
    for line in lines:
        group, _space, grace = line[1:].partition(" ")
        if line.startswith("+"):
            groups[int(group)] = float(grace)
        else:
            groups.pop(int(group), None)
    return groups


def end(groups: dict[int, float]) -> None:
    """SIGTERM to each leader, who tells its own children; SIGKILL to the whole group when its grace is over."""
    for group in groups:
        with contextlib.suppress(OSError):
            os.kill(group, signal.SIGTERM)
    begun = time.monotonic()
    waiting = dict(groups)
    while waiting:
        for group, grace in list(waiting.items()):
            if not is_alive(group) or time.monotonic() - begun > grace:
                kill_group(group)
                del waiting[group]
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def kill_group(group: int, *, patience: float = 2.0) -> None:
    """End every process that is left in `group`, and wait until the last of them is gone."""
    gives_up_at = time.monotonic() + patience
    while time.monotonic() < gives_up_at:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # nobody is left; macOS says it the second way
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-group, os.WNOHANG)  # in a container we may be the one who inherits orphans
        time.sleep(0.01)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # its end is the end of the pipe
    end(listen(sys.stdin))
