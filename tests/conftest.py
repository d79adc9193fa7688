from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import find_chromium, open_browser
from tests.imap import find_dovecot
from tests.servers import find_nginx, find_postgres

# What a bare machine may lack. There the tests that need it are skipped, by name; CI installs it, and skips nothing.
PROGRAMS = {
    "browser": (find_chromium, "no Chromium on PATH or in CHROMIUM; on Debian: apt-get install chromium"),
    "postgres": (find_postgres, "no PostgreSQL programs; on Debian: apt-get install postgresql"),
    "openssl": (partial(shutil.which, "openssl"), "no openssl on PATH; on Debian: apt-get install openssl"),
    "nginx": (find_nginx, "no nginx; on Debian: apt-get install nginx"),
    "java": (partial(shutil.which, "java"), "no Java on PATH; on Debian: apt-get install default-jre-headless"),
    "imap": (find_dovecot, "no Dovecot; on Debian: apt-get install dovecot-imapd"),
}


# The modules that take longest, longest first. Where tests run in parallel and a module stays on one worker, these
# begin before all others: one that began last would be waited for by everybody.
LONGEST = """
subscriptions/test_process_faults subscriptions/test_host_faults incidents/test_staff_browser
subscriptions/test_screens_browser subscriptions/test_mail_server_faults test_hostile_bodies statuspage/test_serve
subscriptions/test_browser publishing/test_accessibility publishing/test_processes publishing/test_mirror_processes
publishing/test_nginx publishing/test_forward subscriptions/test_subscribe test_outage statuspage/test_supervisor
subscriptions/test_mail_browser subscriptions/test_mail_rules subscriptions/test_confirm publishing/test_plan
statuspage/test_run test_whole_circle test_windows terminal/test_at_a_terminal incidents/test_nothing_is_lost
incidents/test_live_preview incidents/test_keyboard
""".split()
RANKS = {f"tests/{name}.py": rank for rank, name in enumerate(LONGEST)}
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        uses_database = item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(item.fixturenames)
        if item.get_closest_marker("any_database") and uses_database:
            raise pytest.UsageError(f"{item.nodeid} uses the database, so it has to be run on each: not any_database")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: RANKS.get(item.location[0], len(RANKS)))
    if os.environ.get("CI"):
        return
    missing = {marker: why for marker, (find, why) in PROGRAMS.items() if find() is None}
    for item in items:
        for marker, why in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(autouse=True)
def data_dirs(settings, tmp_path: Path) -> Path:
    """Each test has a snapshot, an outbox and a journal of its own."""
    settings.DATA_DIR = tmp_path
    settings.SNAPSHOT_DIR = tmp_path / "snapshot"
    settings.OUTBOX_DIR = tmp_path / "outbox"
    settings.JOURNAL_DIR = tmp_path / "journal"
    return tmp_path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for the tests of a module: to start one takes a second."""
    # Playwright leaves an event loop running in this thread, beside which Django would ask no database.
    with pytest.MonkeyPatch.context() as patch, open_browser() as opened:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield opened


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser of the module, without anything that another test opened. Ask for it last: it is emptied first."""
    yield chromium
    for context in chromium.contexts:
        context.close()
