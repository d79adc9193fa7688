"""An open page follows what is published, and what was read still opens when nobody answers: in a real browser."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from incidents.assets import asset_body, asset_path
from publishing.artefact import Artefact
from publishing.formats import page_artefacts
from publishing.generation import live_directory, walk
from publishing.loading import load_state
from publishing.publish import publish_if_stale
from publishing.state import Mirror
from tests.browser import served, wait_for_script
from tests.make import make_maintenance, make_page, utc
from tests.publishing.conftest import Processes, Server, run_processes, wait_until

TITLE = "Follow-up actions run late"
NOW = utc(2026, 1, 3, 12)
STORY = f"""
from tests.make import make_component, make_incident, make_page
make_page(name="Copernica")
components = [make_component(f"Function {{number}}") for number in range(9)]
make_incident("{TITLE}", components={{components[-1].pk: "degraded_performance"}})
"""
POST = f"""
from incidents.actions import post_update
from incidents.models import Incident
from incidents.values import UpdateText
update = UpdateText(status="monitoring", body="It is short.\\n\\nWe watch it.")
post_update(Incident.objects.get(title="{TITLE}"), update, actor=None)
"""
# Counts the looks that have come to their end, each with an answer or without.
COUNT_LOOKS = """for (const name of ["page:reached", "page:away"])
    document.addEventListener(name, () => { window.looks = (window.looks ?? 0) + 1; });"""
TOP = "(one) => one.getBoundingClientRect().top"
KEPT = """async () => {
    const names = (await caches.keys()).filter((name) => name.includes(" pages "));
    const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return all.flat().map((request) => new URL(request.url).pathname);
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Processes]:
    """An open incident, published. Whoever posts publishes too."""
    with run_processes() as processes:
        processes.manage("migrate", "--verbosity", "0")
        processes.manage("shell", "--verbosity", "0", "-c", STORY)
        yield processes


@pytest.fixture
def context(browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.add_init_script(COUNT_LOOKS)
    return context


def asks_of(page: Page) -> list[str]:
    """The looks of `page` whether anything is new."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/live.json") else None)
    return asked


def wait_for_looks(page: Page, count: int) -> None:
    """Until the page has looked so often, and knows when to look again."""
    wait_for_script(page, "(count) => window.looks >= count", count)


def stop_the_clock(page: Page) -> None:
    """Timers of the pages to be loaded run when the test says so."""
    page.clock.install(time=NOW - dt.timedelta(days=1))  # it goes on until it is stopped
    page.clock.pause_at(NOW)


@pytest.mark.django_db
def test_the_small_file_is_another_one_in_each_generation(settings):
    make_page(time_zone="UTC")
    make_maintenance(starts=utc(2026, 1, 3, 20), ends=utc(2026, 1, 3, 22))
    told = []
    for hour in (12, 20, 22):  # the second and the third are made by the clock alone
        assert publish_if_stale(utc(2026, 1, 3, hour))
        files = {path: file for path, _entry, file in walk(live_directory(settings.SNAPSHOT_DIR))}
        told.append(json.loads(files["/live.json"].read_bytes()))

    assert [note["generated_at"] for note in told] == [f"2026-01-03T{hour}:00:00+00:00" for hour in (12, 20, 22)]
    assert told[0]["version"] == told[2]["version"]


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.any_database
def test_news_comes_onto_the_open_page_and_nothing_that_is_read_moves(site, context):
    server = site.front(site.directory / "snapshot")
    page = context.new_page()
    asked = asks_of(page)
    stop_the_clock(page)
    page.goto(f"http://127.0.0.1:{server.port}/")
    wait_for_looks(page, 1)
    assert len(asked) == 1
    tag = server.get("/live.json").headers["etag"]
    assert server.get("/live.json", If_None_Match=tag).status == 304
    page.locator("#email").fill("half@typed")
    reading = page.locator("details.days > summary").last
    reading.evaluate("(one) => one.scrollIntoView({ block: 'center' })")
    reading.click()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#subscribe'))")
    before, height = reading.evaluate(TOP), page.evaluate("document.documentElement.scrollHeight")

    site.manage("shell", "--verbosity", "0", "-c", POST)
    assert server.get("/live.json", If_None_Match=tag).status == 200
    page.clock.run_for(12_500)
    page.get_by_text("It is short.").wait_for(state="attached")

    assert abs(reading.evaluate(TOP) - before) < 1
    assert page.evaluate("document.documentElement.scrollHeight") != height
    assert page.locator("p[role=status]").inner_text() == f"New: {TITLE}: Monitoring."
    assert page.evaluate("document.activeElement.matches('details[open] > summary')")
    assert page.evaluate("getSelection().toString()") == "Hear it first"
    assert page.locator("#email").input_value() == "half@typed"
    new = page.locator(".is-new").first
    assert new.evaluate("(one) => getComputedStyle(one, '::after').content") == '"New"'
    page.get_by_role("button", name="News further up").click()
    page.locator(".is-chip").wait_for(state="detached")
    assert 0 < new.evaluate(TOP) < 800
    page.clock.run_for(10_000)
    assert page.locator(".is-new").count() == 0


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.any_database
def test_a_page_asks_seldom_when_nobody_looks_and_when_nobody_answers(site, context):
    server = site.front(site.directory / "snapshot")
    page = context.new_page()
    asked = asks_of(page)
    stop_the_clock(page)
    page.goto(f"http://127.0.0.1:{server.port}/history")
    wait_for_looks(page, 1)

    def asks_within(seconds: int) -> int:
        before = len(asked)
        page.clock.run_for(seconds * 1000)
        wait_for_looks(page, len(asked))
        return len(asked) - before

    def hide(is_hidden: bool) -> None:
        script = "(value) => Object.defineProperty(document, 'hidden', { value, configurable: true })"
        page.evaluate(script, is_hidden)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert asks_within(7) == 0
    assert asks_within(6) == 1
    hide(True)
    asks_within(12)  # what had been set before
    assert asks_within(35) == 0
    before = len(asked)
    hide(False)
    wait_for_looks(page, before + 1)
    assert len(asked) == before + 1, "at once"
    page.clock.fast_forward(31 * 60 * 1000)
    wait_for_looks(page, before + 2)
    assert asks_within(45) == 0, "nobody has touched it for long"
    page.mouse.move(5, 5)
    page.mouse.move(9, 9)
    wait_for_looks(page, before + 3)
    assert len(asked) == before + 3
    context.set_offline(True)  # the browser says so, and it is tried at once
    page.locator(".away").wait_for()
    wait_for_looks(page, before + 4)
    assert asks_within(15) == 0
    assert asks_within(10) == 1


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.any_database
def test_a_network_that_is_back_during_a_look_brings_another_at_once(site, context):
    server = site.front(site.directory / "snapshot")
    page = context.new_page()
    stop_the_clock(page)
    page.goto(f"http://127.0.0.1:{server.port}/history")
    wait_for_looks(page, 1)
    held: list[Route] = []
    page.route("**/live.json", lambda route: held.append(route))

    page.evaluate("for (const _of of ['first', 'meanwhile']) dispatchEvent(new Event('online'))")
    wait_until(lambda: page.evaluate("true") and held)
    held.pop().abort()
    wait_until(lambda: page.evaluate("true") and held)
    held.pop().continue_()
    wait_for_looks(page, 2)  # the one in vain is told of when it is not the only one


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.any_database
def test_what_was_read_opens_without_a_network_and_says_how_old_it_is(site, context):
    server = site.front(site.directory / "snapshot")
    address = f"http://127.0.0.1:{server.port}"
    page = context.new_page()
    page.goto(f"{address}/history")
    wait_until(lambda: {"/", "/history", "/offline"} <= set(page.evaluate(KEPT)))
    away = page.locator(".away")

    context.set_offline(True)
    page.goto(address)
    assert "Copernica" in page.title()
    expect(away).to_contain_text("You are offline. This is the page as it was on ")
    page.goto(f"{address}/api")
    assert page.locator("h1").inner_text() == "This page was not kept on your device."
    assert page.get_by_role("link", name="How things were").get_attribute("href") == "/"
    context.set_offline(False)
    page.get_by_role("heading", name="Feeds, calendar and API").wait_for()
    wait_until(lambda: "/api" in page.evaluate(KEPT))

    everyone = [server.process.pid, *children_of(server)]
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(map(is_stopped, everyone)))  # on a busy machine its threads answer for a while yet
    # Not the address from before: for a second the browser shows that again without waiting for an answer.
    page.goto(f"{address}/history?q=")
    expect(away).to_contain_text("This page cannot be reached right now. You see it as it was on ")
    for pid in everyone:
        os.kill(pid, signal.SIGCONT)
    away.wait_for(state="detached")
    server.kill()
    page.goto(f"{address}/api")
    assert away.is_visible()


def children_of(server: Server) -> list[int]:
    told = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in told.stdout.split()]


def is_stopped(pid: int) -> bool:
    """Whether all its threads are: each stops when it is next given a processor."""
    tasks = Path(f"/proc/{pid}/task").glob("*/stat")
    return {task.read_text().rpartition(")")[2].split()[0] for task in tasks} == {"T"}


MERGED = """async ([address, was, is]) => {
    const { merge, remember } = await import(address);
    const main = document.querySelector('main');
    const parse = (html) => new DOMParser().parseFromString(`<main>${html}</main>`, 'text/html').querySelector('main');
    main.innerHTML = was;
    const before = remember(main);
    const kept = [...main.children];
    main.querySelector('details').open = true;
    main.querySelector('b').append(' by a script');
    main.querySelector('b').classList.add('mine');
    main.querySelector('ul').dataset.live = 'keep';
    let owed = 0;
    const [now, wrapper] = [parse(is), document.createElement('div')];
    wrapper.append(now);
    const changed = merge(before, now, () => owed++).map((node) => node.textContent.trim());
    const first = main.innerHTML;
    delete main.querySelector('ul').dataset.live;
    merge(wrapper.firstChild, parse(is), () => owed++);
    return { changed, first, then: main.innerHTML, owed, stayed: kept.map((one) => one.isConnected) };
}"""


@pytest.mark.browser
def test_only_what_was_published_anew_changes_in_the_open_page(context):
    was = '<p id="a" class="x">One</p><details><summary>S</summary></details><b>Two</b><ul><li>L</li></ul><p>Z</p>'
    is_ = '<h1>New</h1><p id="a" class="y">1</p><details><summary>T</summary></details><b>Two</b><ul><li>M</li></ul>'
    blank = Artefact("/", "text/html", b"<!doctype html><main></main>")
    script = Artefact(asset_path("merge.js"), "text/javascript", asset_body("merge.js"))
    with served([blank, script]) as address:
        page = context.new_page()
        page.goto(address)
        found = page.evaluate(MERGED, [script.path, was, is_])

    first = '<h1>New</h1><p id="a" class="y">1</p><details open=""><summary>T</summary></details>'
    first += '<b class="mine">Two by a script</b>'
    assert found["first"] == f'{first}<ul data-live="keep"><li>L</li></ul>'
    assert found["then"] == f"{first}<ul><li>M</li></ul>"
    assert found["changed"] == ["New", "1", "T"]
    assert found["owed"] == 1
    assert found["stayed"] == [True, True, True, True, False]


@pytest.mark.browser
@pytest.mark.django_db
def test_a_copy_below_a_path_keeps_to_its_path(browser):
    make_page(name="Tests")
    copy = Mirror(url="http://127.0.0.1/copy", home_url="")
    state = load_state(utc(2026, 1, 3), mirror=copy)
    artefacts = [replace(one, path=f"/copy{one.path}") for one in page_artefacts(state)]
    with served(artefacts) as address:
        page = browser.new_page()
        asked = asks_of(page)
        page.goto(f"{address}/copy/history")
        wait_until(lambda: {"/copy", "/copy/history", "/copy/offline"} <= set(page.evaluate(KEPT)))
        page.context.set_offline(True)
        page.goto(f"{address}/copy/")

        assert page.locator(".away").is_visible()
        assert asked[0] == f"{address}/copy/live.json"
