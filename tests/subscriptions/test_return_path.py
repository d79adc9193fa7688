from __future__ import annotations

import pytest

from subscriptions.return_path import SentMail, read_return_path, return_path

pytestmark = pytest.mark.any_database

MAIL = SentMail(1234, "abcdefghijkl")


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = "bounces@status.example.com"


def test_a_return_path_names_its_mail():
    address = return_path(*MAIL)

    assert address.startswith("bounces+1234.abcdefghijkl-")
    assert read_return_path(address) == MAIL


def test_mail_servers_may_change_its_case():
    assert read_return_path(f" {return_path(*MAIL).upper()} ") == MAIL


def test_without_a_bounce_address_bounces_go_to_the_sender(settings):
    settings.BOUNCE_ADDRESS = ""
    settings.DEFAULT_FROM_EMAIL = "Our status <status@example.com>"

    assert return_path(*MAIL) == "status@example.com"
    assert read_return_path("status@example.com") is None


def test_it_fits_into_an_envelope(settings):
    settings.BOUNCE_ADDRESS = f"{'b' * 15}@status.example.com"

    local = return_path(10**9, "a" * 12).partition("@")[0]

    assert len(local) <= 64


@pytest.mark.parametrize(
    "tamper",
    [
        lambda address: address.replace("1234", "1235"),
        lambda address: address.replace("abc", "abd"),
        lambda address: address.replace("@status", "@other"),
        lambda address: address.replace("bounces+", "bounce+"),
        lambda address: address.partition("+")[0] + "@status.example.com",
        lambda address: address.partition("-")[0] + "-aaaaaaaaaaaaaaaa@status.example.com",
        lambda _address: "bounces+@status.example.com",
        lambda _address: "",
        lambda _address: "bounces+१.abcdefghijkl-aaaaaaaaaaaaaaaa@status.example.com",
    ],
)
def test_any_other_address_names_none(tamper):
    assert read_return_path(tamper(return_path(*MAIL))) is None


def test_a_key_that_was_replaced_still_reads_what_it_sealed(settings):
    address = return_path(*MAIL)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key for tests alone, of no worth either"

    assert read_return_path(address) == MAIL
