"""The page while its database is away, with the whole product as real processes on a PostgreSQL of its own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.servers import free_port, get, manage, postgres, product_environment, running, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.postgres, pytest.mark.any_database]

POST = """
from incidents.actions import post_update
from incidents.values import UpdateText
from incidents.models import Incident
post_update(Incident.objects.get(status="identified"), UpdateText(status="resolved", body="All caught up."), actor=None)
"""


def located(site: str, sitemap: str) -> list[str]:
    return re.findall(rf"<loc>{re.escape(site)}(/[^<]*)</loc>", get(site + sitemap)[1])


def public_pages(site: str) -> dict[str, str]:
    """The body of everything public, by path; fails when any of it is not answered with 200."""
    maps = located(site, "/sitemap.xml")
    paths = [path for one in maps for path in located(site, one)]
    assert any(path.startswith("/incidents/") for path in paths)
    component = re.search(r"/components/\w+", get(f"{site}/api")[1])[0]
    of_component = [f"{component}{ending}" for ending in (".atom", ".rss", ".ics", "/badge.svg")]
    of_page = ["/history.atom", "/history.rss", "/feed.json", "/api/v2/summary.json", "/calendar.ics", "/badge.svg"]
    pages = {}
    for path in [*maps, *paths, *of_page, "/widget.js", *of_component]:
        status, pages[path] = get(site + path)
        assert (path, status) == (path, 200)
    return pages


def test_the_page_outlives_its_database_and_a_restart_and_recovers_by_itself(tmp_path: Path):
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    with postgres() as database:
        environment = product_environment(tmp_path / "data", port=port, DATABASE_URL=database.url)
        with running(manage("serve", "--demo"), env=environment, log=tmp_path / "log") as served:
            wait_for(lambda: "Ctrl-C stops it." in served.output(), seconds=180, what="the product")
            before = public_pages(site)

            database.stop()

            assert public_pages(site) == before
            status, words = get(f"{site}/subscribe/")
            assert (status, "The status page itself works" in words) == (503, True)

        with running(manage("serve", "--demo"), env=environment, log=tmp_path / "log-2"):
            wait_for(lambda: get(f"{site}/")[0] == 200, what="the page, without its database")
            assert public_pages(site) == before

            database.start()

            wait_for(lambda: get(f"{site}/subscribe/")[0] == 200, what="the forms")
            subprocess.run([*manage("shell", "-v", "0", "-c", POST)], env=environment, check=True, timeout=60)
            wait_for(lambda: "All caught up." in get(f"{site}/")[1], what="the update on the page")
