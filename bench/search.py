"""What a search in the history costs in a browser, as a Markdown table.

    python -m bench.search [--notices 100000] [--months 240] [--rounds 3]

The files are made by the formats that publish them, from invented notices of three updates each, and served over
loopback by Python's http.server, not compressed. The yardstick is a plain fetch of the same files by the same browser,
as many at once as the search asks for: below that no search that reads them all can come. Words are drawn at random, by
frequencies as in a language: such texts are harder to compress than those that people write.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page

from tests.browser import open_browser

NEWEST = dt.date(2026, 11, 1)
RARE = "zirconium"
FETCH_ALL = """async ([urls, asJson]) => {
    const began = performance.now();
    const waiting = [...urls];
    const work = async () => {
        while (waiting.length) {
            const answer = await fetch(waiting.shift());
            await (asJson ? answer.json() : answer.arrayBuffer());
        }
    };
    await Promise.all([1, 2, 3, 4, 5, 6].map(work));
    return performance.now() - began;
}"""
SEARCH = """async ([words, code]) => {
    const form = document.getElementById("search");
    const said = document.getElementById("found-said");
    const list = document.getElementById("found-list");
    form.elements.q.value = words;
    form.elements.function.value = code;
    const began = performance.now();
    let first = null;
    form.requestSubmit();
    while (!said.querySelector("strong")) {
        await new Promise(requestAnimationFrame);
        if (list.children.length) first ??= performance.now() - began;
    }
    return [performance.now() - began, first, list.children.length];
}"""


class Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for the one before to be acknowledged

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # every round reads everything
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        with suppress(ConnectionError):  # the next search does not wait for what this one had asked for ahead
            super().copyfile(source, outputfile)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notices", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", "a key of the benchmark, of no worth to anybody")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statuspage.settings")
    import django  # noqa: PLC0415 - needs the environment

    django.setup()
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        sizes = write_history(Path(place), options.notices, options.months)
        packed = ", ".join(f"{name or 'raw'} {size / options.notices:,.0f} kB" for name, size in sizes.items())
        print(f"{options.notices:,} notices in {options.months} files; for each thousand: {packed}\n")
        print("| what | read | found | first ms | all ms | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        with served(Path(place)) as address, open_browser() as browser:
            page = browser.new_page()
            page.goto(f"{address}/history/")
            measure(page, options.rounds)


def measure(page: Page, rounds: int) -> None:
    """Each of them once in every round, so that whatever else the machine does meets them alike."""
    months = page.locator("[data-month]").evaluate_all("links => links.map(link => `${link.href}.json`)")
    asked = {
        "a word that no notice has": ("nowhere", ""),
        "a word of one in ten thousand": (RARE, ""),
        "two beginnings, until 30 are found": ("ba ka", ""),
        "a function and a word that nothing has": ("nowhere", "f7"),
    }
    fetched: dict[bool, list[float]] = {False: [], True: []}
    took: dict[str, list[tuple[float, float | None, int]]] = {what: [] for what in asked}
    for _round in range(rounds):
        for as_json, times in fetched.items():
            times.append(page.evaluate(FETCH_ALL, [months, as_json]))
        for what, question in asked.items():
            took[what].append(page.evaluate(SEARCH, list(question)))
    yardstick = statistics.median(fetched[False])
    for what, times in (("a plain fetch", fetched[False]), ("a fetch, read as JSON", fetched[True])):
        whole = statistics.median(times)
        print(f"| {what} | {len(months)} files | | | {whole:,.0f} | {whole / yardstick:.2f} |")
    for what, rows in took.items():
        whole, first, count = statistics.median(row[0] for row in rows), [row[1] for row in rows], rows[0][2]
        shown = f"{statistics.median(first):,.0f}" if count else ""
        read = "as far as needed" if count == 30 else f"{len(months)} files"
        print(f"| {what} | {read} | {count} | {shown} | {whole:,.0f} | {whole / yardstick:.2f} |")


def write_history(place: Path, notices: int, months: int) -> dict[str, int]:
    """The page of the months, its scripts, and a file for each month; how many bytes these have, by encoding."""
    from publishing.formats import assets, history, search  # noqa: PLC0415
    from publishing.state import MonthState  # noqa: PLC0415
    from publishing.writing import encodings  # noqa: PLC0415

    chance = random.Random(2013)
    vocabulary = Vocabulary(chance)
    state = page_state(notices, months)
    sizes: dict[str, int] = {}
    for artefact in [*history.page(state), *assets.page(state)]:
        write(place, "/history/index.html" if artefact.path == "/history" else artefact.path, artefact.body)
    for month, count in state.months:
        past, texts = month_of(month, count, chance, vocabulary)
        (artefact,) = search.month(state.site, MonthState(month, tuple(past), None, None, texts))
        write(place, artefact.path, artefact.body)
        for encoding, body in encodings(artefact.body).items():
            sizes[encoding] = sizes.get(encoding, 0) + len(body)
    return sizes


def write(place: Path, path: str, body: bytes) -> None:
    file = place / path[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)


class Vocabulary:
    """4,000 words of one to four syllables, the n-th as frequent as 1/n."""

    def __init__(self, chance: random.Random) -> None:
        syllables = [consonant + vowel for consonant in "bdfgklmnprstvw" for vowel in "aeiou"]
        self._chance = chance
        self._words = sorted({"".join(chance.choices(syllables, k=1 + n % 4)) for n in range(6000)})[:4000]
        chance.shuffle(self._words)
        self._weights = [1 / rank for rank in range(1, len(self._words) + 1)]

    def sentence(self, length: int) -> str:
        return " ".join(self._chance.choices(self._words, self._weights, k=length)).capitalize() + "."


def month_of(month: tuple[int, int], count: int, chance: random.Random, vocabulary: Vocabulary) -> tuple[list, dict]:
    from publishing.state import NoticeText, PastNotice  # noqa: PLC0415

    past, texts = [], {}
    for number in range(count):
        code = f"{month[0]}{month[1]:02d}n{number}"
        at = dt.datetime(*month, 28 - 28 * number // count, 12, tzinfo=dt.UTC)
        is_work = number % 10 == 0
        notice = PastNotice(
            code=code,
            kind="scheduled" if is_work else "realtime",
            title=vocabulary.sentence(6)[:-1],
            status="completed" if is_work else "resolved",
            impact="maintenance" if is_work else "minor",
            zone=ZoneInfo("Europe/Amsterdam"),
            updated_at=at,
            started_at=at,
            resolved_at=at + dt.timedelta(hours=1),
            work_starts_at=at if is_work else None,
            work_ends_at=at + dt.timedelta(hours=1) if is_work else None,
            latest_html="",
        )
        lines = [vocabulary.sentence(35) for _update in range(3)]
        if chance.random() < 1 / 10_000:
            lines.append(f"A trace of {RARE}.")
        named = tuple((f"f{one}", f"Function {one}") for one in chance.sample(range(100), 2))
        past.append(notice)
        texts[code] = NoticeText(named, "\n".join(lines))
    return past, texts


def page_state(notices: int, months: int) -> Any:
    """A page that has had so many notices, and a hundred functions."""
    from publishing.state import ComponentState, GroupState, MaintenanceRecord, PageState  # noqa: PLC0415

    now = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
    last = NEWEST.year * 12 + NEWEST.month - 1
    counts = [notices * (n + 1) // months - notices * n // months for n in range(months)]
    components = tuple(
        ComponentState(
            code=f"f{number}",
            name=f"Function {number}",
            description="",
            status="operational",
            group_code="g",
            group_name="Group",
            position=number,
            showcase=True,
            only_show_if_degraded=False,
            start_date=None,
            created_at=now,
            updated_at=now,
            first_change_at=None,
            changes=(),
        )
        for number in range(100)
    )
    return PageState(
        code="p",
        name="Copernica",
        description="",
        language="en",
        support_url="",
        url="http://127.0.0.1",
        home_url="http://127.0.0.1",
        mirror=None,
        zone=ZoneInfo("Europe/Amsterdam"),
        generated_at=now,
        version=1,
        updated_at=now,
        components=components,
        archived=(),
        groups=(GroupState("g", "Group", "", 0, now, now, components),),
        notices=(),
        recent=(),
        postmortems=(),
        traces={},
        months=tuple((((last - n) // 12, (last - n) % 12 + 1), count) for n, count in enumerate(counts)),
        record=MaintenanceRecord(NEWEST, 0, 0, 0, 0, 0),
    )


@contextmanager
def served(place: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(place)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
