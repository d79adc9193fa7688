from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import uuid

import pytest

from subscriptions.journal import Journal, adopted, journals

pytestmark = pytest.mark.any_database

CLAIM = uuid.UUID(int=7)


def test_a_journal_with_a_living_owner_is_nobody_elses(tmp_path):
    journal = Journal(tmp_path, CLAIM)
    (path,) = journals(tmp_path)

    with adopted(path) as orphan:
        assert orphan is None

    assert path.exists()
    journal.close()


def test_an_orphan_tells_what_was_accepted_and_what_is_in_doubt(tmp_path):
    journal = Journal(tmp_path, CLAIM)
    journal.begin(1)
    journal.accept(1)
    journal.begin(2)
    journal.close()
    (path,) = journals(tmp_path)

    with adopted(path) as orphan:
        assert (orphan.claim, orphan.accepted, orphan.in_doubt) == (CLAIM, {1}, {2})

    assert journals(tmp_path) == []


def test_one_write_tells_of_the_end_of_one_and_the_beginning_of_the_next(tmp_path):
    journal = Journal(tmp_path, CLAIM)
    journal.begin(1)
    journal.accept_and_begin(1, 2)
    journal.close()
    (path,) = journals(tmp_path)

    with adopted(path) as orphan:
        assert (orphan.accepted, orphan.in_doubt) == ({1}, {2})


def test_an_orphan_that_could_not_be_settled_stays(tmp_path):
    Journal(tmp_path, CLAIM).close()
    (path,) = journals(tmp_path)

    try:
        with adopted(path):
            raise RuntimeError("the database is away")
    except RuntimeError:
        pass

    assert journals(tmp_path) == [path]


def test_a_line_that_was_cut_short_counts_for_nothing(tmp_path):
    journal = Journal(tmp_path, CLAIM)
    journal.begin(12)
    journal.close()
    (path,) = journals(tmp_path)
    with path.open("ab") as file:
        file.write(b"+1")

    with adopted(path) as orphan:
        assert (orphan.accepted, orphan.in_doubt) == (set(), {12})


def test_a_settled_journal_is_gone_for_whoever_looks_later(tmp_path):
    journal = Journal(tmp_path, CLAIM)
    (path,) = journals(tmp_path)
    journal.remove()
    journal.close()

    with adopted(path) as orphan:
        assert orphan is None


def test_kill_minus_9_leaves_the_lines_and_takes_the_lock(tmp_path):
    program = f"""
        import pathlib, time, uuid
        from subscriptions.journal import Journal
        journal = Journal(pathlib.Path({str(tmp_path)!r}), uuid.UUID(int=7))
        journal.begin(5)
        journal.accept(5)
        print("written", flush=True)
        time.sleep(60)
    """
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE)
    assert owner.stdout.readline() == b"written\n"
    (path,) = journals(tmp_path)
    with adopted(path) as orphan:
        assert orphan is None

    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()

    with adopted(path) as orphan:
        assert orphan.accepted == {5}
