"""Keeps programs running: each in a process group of its own, replaced when it ends or hangs, none left behind."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

from statuspage import guard

logger = logging.getLogger(__name__)

TICK = 0.1
FIRST_DELAY = 0.2  # before a program that ended is started again; doubled each time it ends soon
LONGEST_DELAY = 5.0
SETTLED = 10.0  # a program that ran this long starts again with the first delay


@dataclass(frozen=True)
class Program:
    """What to run and how to tell that it hangs.

    `env` is its whole environment. It has `grace` seconds to end by itself after SIGTERM. `before_start` is called each
    time before it begins and must be quick. `after_start` is called each time it has begun; `is_stuck` is asked every
    `watch_every` seconds, for the first time `patience` seconds after its start. These two may block: they have a
    thread.
    """

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    grace: float = 5.0
    before_start: Callable[[], None] | None = None
    after_start: Callable[[], None] | None = None
    is_stuck: Callable[[], bool] | None = None
    watch_every: float = 5.0
    patience: float = 30.0


class Supervisor:
    """Runs programs until it is told to stop, by `stop`, SIGTERM, SIGINT or SIGHUP."""

    def __init__(self, *programs: Program, cwd: Path) -> None:
        self._cwd = cwd
        self._new: SimpleQueue[Program] = SimpleQueue()
        self._children: list[_Child] = []
        self._guard = _Guard()
        # Plain values, not an Event: a signal handler that takes a lock can wait for itself.
        self._status: int | None = None
        self._hurry = False
        self._over = threading.Event()  # for the threads that watch; set when all is at an end
        self.add(*programs)

    def add(self, *programs: Program) -> None:
        """Run these too; from any thread."""
        for program in programs:
            self._new.put(program)

    def stop(self, status: int = 0) -> None:
        """Let `run` come to its end and return `status`; from any thread."""
        if self._status is None:
            self._status = status

    def run(self) -> int:
        """Run until stopped, then leave no process; to be called in the main thread."""
        numbers = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            while self._status is None:
                while not self._new.empty():
                    self._children.append(_Child(self._new.get(), self._cwd, self._guard, self._over))
                self._guard.tend(self._children)
                for child in self._children:
                    child.tend()
                time.sleep(TICK)
            return self._status
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._hurry = self._status is not None  # the second Ctrl-C waits for nobody
        self.stop()

    def _end(self) -> None:
        self._over.set()
        for child in self._children:
            child.terminate()
        begun = time.monotonic()
        while any(child.is_running for child in self._children) and not self._hurry:
            for child in self._children:
                if time.monotonic() - begun > child.program.grace:
                    child.kill()
            time.sleep(TICK / 2)
        for child in self._children:
            child.kill()
        self._guard.close()


class _Child:
    """One program: its process now, and when it is to be started again."""

    def __init__(self, program: Program, cwd: Path, guard_: _Guard, over: threading.Event) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self._cwd = cwd
        self._guard = guard_
        self._over = over
        self._started = 0.0
        self._start_at = 0.0
        self._delay = FIRST_DELAY
        self._is_stuck = False
        if program.after_start or program.is_stuck:
            threading.Thread(target=self._watch, name=f"watch {program.name}", daemon=True).start()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tend(self) -> None:
        """Start it when it is time, take note of its end, replace it when it hangs."""
        if self.process is None:
            if time.monotonic() >= self._start_at:
                self._start()
        elif not self.is_running:
            self._after_end(f"ended with status {self.process.returncode}")
        elif self._is_stuck:
            self._after_end("hangs")

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """End the whole group at once: what the leader left behind, too."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        guard.kill_group(self.process.pid)
        self._guard.forget(self)
        self.process = None

    def _start(self) -> None:
        self._is_stuck = False
        self._started = time.monotonic()
        if self.program.before_start:
            self.program.before_start()
        self.process = subprocess.Popen(
            self.program.command,
            cwd=self._cwd,
            env=self.program.env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._guard.name(self)

    def _after_end(self, what: str) -> None:
        self.kill()
        if time.monotonic() - self._started > SETTLED:
            self._delay = FIRST_DELAY
        logger.warning("%s %s; starting it again in %.1f s", self.program.name, what, self._delay)
        self._start_at = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _watch(self) -> None:
        greeted: subprocess.Popen[bytes] | None = None
        while not self._over.is_set():
            process = self.process
            try:
                if process is not None and process is not greeted:
                    if self.program.after_start:
                        self.program.after_start()
                    greeted = process
                elif process is not None and not self._is_stuck and self._asks_whether_stuck():
                    self._is_stuck = True
            except Exception:  # whatever it was, the program must stay watched
                logger.exception("watching %s failed", self.program.name)
            self._over.wait(self.program.watch_every)

    def _asks_whether_stuck(self) -> bool:
        if self.program.is_stuck is None or time.monotonic() - self._started < self.program.patience:
            return False
        return self.program.is_stuck()


class _Guard:
    """Our end of the pipe to the guard process; a guard that was killed is replaced."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def tend(self, children: Sequence[_Child]) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        # -I -S: nothing of the installation is needed, so nothing of it can hinder.
        command = [sys.executable, "-I", "-S", guard.__file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
        for child in children:
            self.name(child)

    def name(self, child: _Child) -> None:
        if child.process is not None:
            self._write(f"+{child.process.pid} {child.program.grace}\n")

    def forget(self, child: _Child) -> None:
        if child.process is not None:
            self._write(f"-{child.process.pid}\n")

    def close(self) -> None:
        """All groups have ended: so does the guard."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _write(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line.encode())
        except BrokenPipeError:
            logger.warning("the guard of the processes was killed; starting another")
