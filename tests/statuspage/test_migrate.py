"""The first command of a new installation."""

from __future__ import annotations

import subprocess

import pytest

from tests.servers import manage, product_environment

pytestmark = [pytest.mark.processes, pytest.mark.any_database]


def migrate(data_dir) -> subprocess.CompletedProcess:
    environment = product_environment(data_dir, DATABASE_URL=f"sqlite:///{data_dir / 'status.sqlite3'}")
    return subprocess.run(manage("migrate", "-v0"), env=environment, timeout=60, capture_output=True, text=True)


def test_it_makes_the_directory_that_the_data_goes_to(tmp_path):
    done = migrate(tmp_path / "new" / "data")

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "new" / "data" / "status.sqlite3").exists()


def test_it_says_in_words_where_it_cannot(tmp_path):
    (tmp_path / "file").write_text("")

    done = migrate(tmp_path / "file" / "data")

    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: cannot write to")
