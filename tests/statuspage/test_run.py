"""The script `run`, in a checkout of its own whose manage.py only tells how it was called."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.any_database

MANAGE = """
import json, os, sys
names = ["SECRET_KEY", "SECRET_KEY_FILE", "DATA_DIR"]
print(json.dumps({"called": sys.argv[1:], "at": os.getcwd(), **{n: os.environ[n] for n in names if n in os.environ}}))
"""
# What a real uv does for us, without packages and therefore at once.
UV = f"""#!/bin/sh
case $1 in
venv)
    for directory; do :; done # the last argument
    echo "made" >>"$UV_LOG"
    exec {sys.executable} -m venv --without-pip "$directory"
    ;;
pip) exit ${{UV_STATUS:-0}} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with a space in its name, as some people have them."""
    directory = tmp_path / "my checkout"
    directory.mkdir()
    shutil.copy(ROOT / "run", directory)
    (directory / "manage.py").write_text(MANAGE)
    (directory / "requirements.txt").write_text("")
    return directory


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH on which only that stands which the script may count on, and python3."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in "cat dirname mkdir mv rm sh".split():
        (directory / name).symlink_to(shutil.which(name))
    (directory / "python3").symlink_to(sys.executable)
    return directory


@pytest.fixture
def uv(programs: Path) -> Path:
    return write_program(programs / "uv", UV)


@pytest.fixture
def run(checkout: Path, programs: Path, tmp_path: Path):
    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [checkout / "run", *arguments],
            cwd=tmp_path,
            env={"PATH": str(programs), "HOME": str(tmp_path), "UV_LOG": str(tmp_path / "uv-log"), **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def write_program(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def only_line(result: subprocess.CompletedProcess[str]) -> str:
    """What the script said as it gave up; it must be one line."""
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Setting up packages")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_it_starts_the_demo_from_any_directory(checkout, uv, run):
    started = run()

    assert started.returncode == 0, started.stderr
    assert json.loads(started.stdout) == {
        "called": ["serve", "--demo"],
        "at": str(checkout),
        "SECRET_KEY_FILE": str(checkout / "var" / "secret-key"),
    }


def test_it_works_without_uv(checkout, run):
    started = run("manage", "check")

    assert started.returncode == 0, started.stderr
    assert json.loads(started.stdout)["called"] == ["check"]


def test_arguments_reach_the_command_as_they_are(uv, run):
    assert json.loads(run("manage", "shell", "-c", "print('a  b')").stdout)["called"] == [
        "shell",
        "-c",
        "print('a  b')",
    ]


def test_it_makes_a_secret_key_once_and_for_its_owner_alone(checkout, uv, run):
    run()
    file = checkout / "var" / "secret-key"
    key = file.read_text()
    run()

    assert file.read_text() == key
    assert len(key.strip()) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FILE"])
def test_it_leaves_a_key_of_the_operator_alone(checkout, uv, run, name):
    assert json.loads(run(**{name: "mine"}).stdout)[name] == "mine"
    assert not (checkout / "var").exists()


def test_the_key_lies_in_the_data_directory(checkout, tmp_path, uv, run):
    run(DATA_DIR="data of mine")
    run(DATA_DIR="~/at home")

    assert (checkout / "data of mine" / "secret-key").exists()
    assert (tmp_path / "at home" / "secret-key").exists()


def test_packages_are_set_up_once_for_each_lock(checkout, tmp_path, uv, run):
    run()
    run()
    (checkout / "requirements.txt").write_text("# another lock\n")
    run()

    assert (tmp_path / "uv-log").read_text().split() == ["made", "made"]


def test_what_an_interrupted_set_up_left_is_made_anew(checkout, tmp_path, uv, run):
    run()
    (complete,) = (checkout / ".venv").glob("*/complete")
    complete.rename(complete.parent / "half made")

    assert run().returncode == 0
    assert complete.exists()
    assert not (complete.parent / "half made").exists()


def test_where_uv_fails_pip_does_it(uv, run):
    started = run(UV_STATUS="2")

    assert started.returncode == 0
    assert started.stderr.endswith("uv could not do it; trying pip.\n")


def test_packages_that_cannot_be_had_are_one_line_beside_what_pip_says(checkout, run):
    (checkout / "requirements.txt").write_text("./nowhere --hash=sha256:00\n")

    failed = run()

    assert failed.returncode == 1
    assert failed.stderr.endswith("Error: the packages could not be installed; pip says why above.\n")


def test_a_python_that_is_too_old_or_only_a_stub_is_passed_over(programs, uv, run):
    write_program(programs / "python3", "#!/bin/sh\nexit 1\n")
    (programs / "python3.12").symlink_to(sys.executable)

    assert run().returncode == 0


def test_without_python_it_says_what_to_install(programs, run):
    (programs / "python3").unlink()

    assert only_line(run()) == (
        "Error: Python 3.11 or newer is needed and was not found. "
        "On Debian or Ubuntu: sudo apt install python3 python3-venv"
    )


def test_without_venv_it_says_what_to_install(programs, run):
    # Debian's python3 without python3-venv has no ensurepip.
    write_program(
        programs / "python3", f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
    )

    assert only_line(run()) == (
        "Error: python3 cannot make virtual environments. On Debian or Ubuntu: sudo apt install python3-venv"
    )


def test_a_directory_that_cannot_be_written_is_named(checkout, run):
    (checkout / ".venv").write_text("a file, where the directory should be")

    assert only_line(run()) == (
        f"Error: cannot write to {checkout}: make that directory yours, or clone into one that is."
    )


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path, uv, run):
    file = tmp_path / "file"
    file.write_text("")

    assert only_line(run(DATA_DIR=f"{file}/data")) == (
        f"Error: cannot write to {file}/data: make that directory yours, or name another with DATA_DIR=/some/where."
    )


def test_a_slip_of_the_hand_gets_the_help_text(run):
    slip = run("strat")

    assert (slip.returncode, slip.stdout) == (2, "")
    assert slip.stderr == run("help").stdout
