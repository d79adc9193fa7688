"""The supervisor on real child processes, each of which has a child of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from statuspage.supervisor import Program, Supervisor
from tests.servers import ROOT, processes_of, running, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.any_database]

# Notes its id and the time, then runs a grandchild that outlives it unless somebody ends the group.
FAMILY = """
import os, signal, subprocess, sys, time
from pathlib import Path
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: (Path(os.environ["DATA_DIR"]) / "asked").touch())
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
with open(Path(os.environ["DATA_DIR"]) / "started", "a") as log:
    print(os.getpid(), time.monotonic(), file=log)
time.sleep(0 if "short" in sys.argv else 600)
"""
# A supervisor in a process of its own, as the commands run it. It starts the witness after the family, again and again,
# each time when the guard has been told of all that was started before it.
MAIN = """
import os, sys
from pathlib import Path
from statuspage.supervisor import Program, Supervisor
family = Program("family", [sys.executable, "-c", *sys.argv[1:]], dict(os.environ), grace=float(os.environ["GRACE"]))
witness = Program("witness", ["sh", "-c", 'echo >>"$DATA_DIR/witnessed"'], dict(os.environ))
sys.exit(Supervisor(family, witness, cwd=Path.cwd()).run())
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path), "GRACE": "1"}


@pytest.fixture
def supervise(tmp_path: Path, environment: dict[str, str]):
    def supervise(*arguments: str, **settings: str):
        command = [sys.executable, "-c", MAIN, FAMILY, *arguments]
        return running(command, env={**environment, **settings}, log=tmp_path / "log")

    return supervise


def started(tmp_path: Path) -> list[tuple[int, float]]:
    """Id and time of each start of the family."""
    log = tmp_path / "started"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(process), float(at)) for process, at in map(str.split, lines)]


def wait_for_start(tmp_path: Path, times: int = 1) -> int:
    wait_for(lambda: len(started(tmp_path)) >= times, what=f"{times} starts")
    return started(tmp_path)[-1][0]


def wait_for_witness(tmp_path: Path) -> None:
    """Until the guard has been told of all that runs now."""
    log = tmp_path / "witnessed"

    def times() -> int:
        return log.stat().st_size if log.exists() else 0

    before = times()
    wait_for(lambda: times() >= before + 2, what="the witness")  # the next one may have been started long ago


def wait_for_nobody(tmp_path: Path) -> None:
    wait_for(lambda: not processes_of(tmp_path), what="the last process to end")


def kill_leader(tmp_path: Path) -> None:
    os.kill(wait_for_start(tmp_path), signal.SIGKILL)


def test_a_program_that_dies_is_replaced_and_leaves_no_grandchild(supervise, tmp_path):
    with supervise() as supervisor:
        kill_leader(tmp_path)
        wait_for_start(tmp_path, times=2)

        # Supervisor, guard, the new leader and its child: the old leader's child is gone, the witness comes and goes.
        wait_for(lambda: len(processes_of(tmp_path)) == 4, what="the end of the old family")
        assert "family ended with status -9; starting it again in 0.2 s" in supervisor.output()


def test_a_program_that_dies_again_and_again_is_given_more_time(supervise, tmp_path):
    with supervise("short"):
        wait_for_start(tmp_path, times=4)

    third, fourth = [at for _process, at in started(tmp_path)][2:4]
    assert fourth - third > 0.5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_when_asked_and_leaves_no_process(supervise, tmp_path, number):
    with supervise() as supervisor:
        wait_for_start(tmp_path)
        supervisor.process.send_signal(number)

        assert supervisor.process.wait(timeout=60) == 0
        wait_for_nobody(tmp_path)


def test_what_ignores_the_request_to_stop_is_ended_after_its_grace(supervise, tmp_path):
    with supervise("stubborn") as supervisor:
        wait_for_start(tmp_path)
        begun = time.monotonic()
        supervisor.stop()

        assert time.monotonic() - begun >= 1
        wait_for_nobody(tmp_path)


def test_a_second_request_waits_for_nobody(supervise, tmp_path):
    with supervise("stubborn", GRACE="60") as supervisor:
        wait_for_start(tmp_path)
        supervisor.process.terminate()
        wait_for((tmp_path / "asked").exists, what="the first request")
        assert supervisor.process.poll() is None

        assert supervisor.stop(seconds=30) == 0
        wait_for_nobody(tmp_path)


@pytest.mark.parametrize("manners", ["polite", "stubborn"])
def test_a_killed_supervisor_leaves_no_process(supervise, tmp_path, manners):
    with supervise(manners) as supervisor:
        wait_for_start(tmp_path)
        wait_for_witness(tmp_path)
        supervisor.process.kill()
        supervisor.process.wait()

        wait_for_nobody(tmp_path)


def test_a_killed_guard_is_replaced(supervise, tmp_path):
    with supervise() as supervisor:
        wait_for_start(tmp_path)
        first = guard_of(tmp_path)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: guard_of(tmp_path) not in (None, first), what="another guard")
        wait_for_witness(tmp_path)

        supervisor.process.kill()
        supervisor.process.wait()
        wait_for_nobody(tmp_path)


def guard_of(tmp_path: Path) -> int | None:
    return next((pid for pid, command in processes_of(tmp_path).items() if "guard.py" in command), None)


def test_under_nohup_it_outlives_its_terminal(tmp_path, environment):
    command = ["nohup", sys.executable, "-c", MAIN, FAMILY]
    with running(command, env=environment, log=tmp_path / "log") as supervisor:
        wait_for_start(tmp_path)
        supervisor.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)

        assert supervisor.process.poll() is None


def test_a_program_that_hangs_is_replaced(tmp_path, environment):
    """In this process, for the question whether it hangs is asked here."""
    calls: list[str] = []
    supervisor: Supervisor

    def hangs() -> bool:
        wait_for_start(tmp_path, calls.count("began"))
        calls.append("asked")
        if calls.count("asked") == 2:
            return True
        if calls.count("asked") > 2:
            supervisor.stop(7)
        return False

    program = Program(
        "family",
        [sys.executable, "-c", FAMILY],
        environment,
        grace=1,
        after_start=lambda: calls.append("began"),
        is_stuck=hangs,
        watch_every=0.1,
        patience=0.5,
    )
    supervisor = Supervisor(program, cwd=ROOT)

    assert supervisor.run() == 7
    assert calls[:5] == ["began", "asked", "asked", "began", "asked"]
    assert len(started(tmp_path)) == 2
    wait_for_nobody(tmp_path)


def test_a_watch_that_fails_goes_on_watching(tmp_path, environment, caplog):
    asked: list[int] = []
    supervisor: Supervisor

    def fails() -> bool:
        asked.append(1)
        if len(asked) == 3:
            supervisor.stop()
        raise RuntimeError("the database is away")

    program = Program("nap", ["sleep", "600"], environment, grace=1, is_stuck=fails, watch_every=0.1, patience=0)
    supervisor = Supervisor(program, cwd=ROOT)

    assert supervisor.run() == 0
    assert len(asked) >= 3
    assert "watching nap failed" in caplog.text


def test_programs_may_be_added_while_it_runs(tmp_path, environment):
    supervisor = Supervisor(cwd=ROOT)

    def add_one() -> None:
        supervisor.add(Program("family", [sys.executable, "-c", FAMILY], environment, grace=1))
        wait_for_start(tmp_path)
        supervisor.stop()

    threading.Thread(target=add_one).start()

    assert supervisor.run() == 0
    assert len(started(tmp_path)) == 1
