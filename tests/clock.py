"""Runs a command of ours under a clock that a test may set while it runs.

`python -m tests.clock FILE COMMAND…`: FILE holds by how many seconds the clock is off, for the command and for all that
it forks. Time that is waited for passes as ever, as on a machine whose clock somebody sets.
"""

from __future__ import annotations

import datetime as dt
import os
import runpy
import sys
import threading
import time
from pathlib import Path

import time_machine


class Follower:
    """Keeps this process's clock as far off as the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._off = 0.0
        self._clock = time_machine.travel(dt.datetime.now(dt.UTC), tick=True).start()
        self.start()
        os.register_at_fork(after_in_child=self.start)

    def start(self) -> None:
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            off = float(self._file.read_text() or self._off)
            if off != self._off:
                self._clock.shift(off - self._off)
                self._off = off
            time.sleep(0.05)


if __name__ == "__main__":
    follower = Follower(Path(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
