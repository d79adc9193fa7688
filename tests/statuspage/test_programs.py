from __future__ import annotations

import socket
from pathlib import Path

import pytest
from django.core.management import CommandError

from statuspage import programs
from tests.servers import free_port

pytestmark = pytest.mark.any_database


def test_the_public_server_is_given_no_secrets(monkeypatch, tmp_path):
    for name in ("SECRET_KEY", "SECRET_KEY_FILE", "DATABASE_URL", "EMAIL_URL", "EMAIL_URL_FILE"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("HARMLESS", "kept")

    front = programs.front(host="127.0.0.1", port=8000, backend=tmp_path / "django.sock")

    assert "secret" not in front.env.values()
    assert front.env["HARMLESS"] == "kept"
    assert front.env["FRONT_BACKEND_SOCKET"] == str(tmp_path / "django.sock")


def test_django_listens_in_the_data_directory(settings):
    settings.DATA_DIR = Path("/srv/status")

    assert programs.backend_socket(8000) == Path("/srv/status/django-8000.sock")


def test_a_path_too_long_for_a_socket_is_replaced_by_a_private_one(settings):
    settings.DATA_DIR = Path("/srv") / ("a long name " * 10)

    path = programs.backend_socket(8000)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_socket_of_a_django_that_was_killed_is_removed_before_the_next_start(tmp_path):
    left = tmp_path / "django.sock"
    left.touch()

    programs.django(left).before_start()

    assert not left.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "", "0.0.0.0"])
def test_a_free_address_may_be_used(host):
    programs.check_address(host, free_port())


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("no such host", "HOST=no such host is not an address of this machine: try HOST=127.0.0.1 or HOST=0.0.0.0."),
        ("192.0.2.1", "HOST=192.0.2.1 is not an address of this machine: try HOST=127.0.0.1 or HOST=0.0.0.0."),
    ],
)
def test_a_host_that_is_not_ours_is_named(host, why):
    with pytest.raises(CommandError) as refused:
        programs.check_address(host, free_port())

    assert str(refused.value) == why


def test_a_port_that_somebody_listens_on_is_taken_for_all_addresses():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CommandError, match="is taken"):
        programs.check_address("0.0.0.0", other.getsockname()[1])
