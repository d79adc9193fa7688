from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.checks import run_checks

from statuspage.environment import MailServer


@pytest.fixture
def found(settings):
    def found(*, host: str = "127.0.0.1", public_url: str, debug: bool = False, mail: bool = True) -> list[str]:
        settings.ENVIRONMENT = replace(settings.ENVIRONMENT, host=host)
        settings.PUBLIC_URL = public_url
        settings.DEBUG = debug
        settings.MAIL_SERVER = MailServer("smtp", "localhost", 25, "", "") if mail else None
        return [message.id for message in run_checks(tags=["statuspage"])]

    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_on_ones_own_machine_everything_is_allowed(found, host):
    assert found(public_url=f"http://{host}:8000", debug=True, mail=False) == []


def test_a_well_set_page_gives_no_warning(found):
    assert found(host="0.0.0.0", public_url="https://status.example.com") == []


def test_links_that_lead_readers_to_their_own_machine_are_warned_of(found):
    assert found(host="0.0.0.0", public_url="http://127.0.0.1:8000") == ["statuspage.W001"]


def test_debug_in_public_is_warned_of(found):
    assert found(public_url="https://status.example.com", debug=True) == ["statuspage.W002"]


def test_mails_that_reach_nobody_are_warned_of(found):
    assert found(public_url="https://status.example.com", mail=False) == ["statuspage.W003"]
