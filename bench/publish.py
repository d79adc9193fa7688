"""What publishing costs by the size of the page and of its archive, as a Markdown table.

    python -m bench.publish [--components 10 100 1000] [--notices 100 10000 100000] [--languages nl de]
                            [--keep DIR] [--only-updates]

Each row has a SQLite database of its own, and is measured in processes of its own. "All" renders the whole archive.
"One update" is measured ten times, each time with one more update of an incident, from its commit until all its files
are live; the median counts. Processor time is that of the process with all its threads, and is what other programs on
the machine disturb least.

What `--keep` leaves is taken up again: its database is not filled twice. With `--only-updates` its archive is not
rendered again either: it counts as rendered by the code of today, which an update leaves as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 10
MEASURED = "measured.json"  # what was found of "all", beside the archive that it was found of
COLUMNS = (
    "components",
    "notices",
    "all: files",
    "cpu s",
    "wall s",
    "files per cpu s",
    "peak MiB",
    "one update: cpu ms",
    "wall ms",
    "slowest wall ms",
    "peak MiB",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--components", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--notices", type=int, nargs="*", default=[100, 10_000, 100_000])
    parser.add_argument("--languages", nargs="*", default=[], help="further languages of the page")
    parser.add_argument("--keep", type=Path, help="keep the data directories here, for bench.serve and for another run")
    parser.add_argument("--only-updates", action="store_true", help="measure updates of what --keep has left")
    parser.add_argument("--part", choices=sorted(PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(in_this_process(options.part, options.components[0], options.notices[0], options.languages)))
        return
    if options.only_updates and not options.keep:
        parser.error("--only-updates needs the directory that --keep has left")
    print("| " + " | ".join(COLUMNS) + " |")
    print("| " + " | ".join("---:" for _column in COLUMNS) + " |")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for components in options.components:
            for notices in options.notices:
                directory = (options.keep or Path(scratch)).resolve() / "-".join(
                    map(str, [components, notices, *options.languages])
                )
                size = (components, notices, options.languages)
                row = measure(directory, *size, only_updates=options.only_updates)
                print("| " + " | ".join(row) + " |", flush=True)


def measure(directory: Path, components: int, notices: int, languages: list[str], *, only_updates: bool) -> list[str]:
    directory.mkdir(parents=True, exist_ok=True)
    kept = directory / MEASURED
    if not only_updates:
        kept.unlink(missing_ok=True)
        shutil.rmtree(directory / "snapshot", ignore_errors=True)
        run(directory, "fill", components, notices, languages)
        # A process of its own for each, so that the second one's memory is its own.
        kept.write_text(json.dumps(run(directory, "all", components, notices)))
    if not kept.is_file():
        sys.exit(f"{directory}: there is no archive to update; leave out --only-updates")
    whole = json.loads(kept.read_text())
    run(directory, "adopt", components, notices)
    one = run(directory, "updates", components, notices)
    return [
        f"{components:,}",
        f"{notices:,}",
        f"{whole['files']:,}",
        f"{whole['cpu_s']:.1f}",
        f"{whole['wall_s']:.1f}",
        f"{whole['files'] / whole['cpu_s']:,.0f}",
        f"{whole['mib']:.0f}",
        f"{one['cpu_ms']:.0f}",
        f"{one['wall_ms']:.0f}",
        f"{one['slowest_ms']:.0f}",
        f"{one['mib']:.0f}",
    ]


def run(directory: Path, part: str, components: int, notices: int, languages: Sequence[str] = ()) -> dict[str, float]:
    size = ["--components", str(components), "--notices", str(notices), "--languages", *languages]
    command = [sys.executable, "-m", "bench.publish", "--part", part, *size]
    environment = environment_of(directory)
    output = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(output.stdout.splitlines()[-1])


def environment_of(directory: Path) -> dict[str, str]:
    return os.environ | {
        "DATA_DIR": str(directory),
        "SECRET_KEY": "a key of the benchmark, of no worth to anybody",
        "DJANGO_SETTINGS_MODULE": "statuspage.settings",
    }


def in_this_process(part: str, components: int, notices: int, languages: list[str]) -> dict[str, float]:
    import django  # noqa: PLC0415 - only in the processes that measure

    django.setup()
    found = PARTS[part](components, notices)
    if part == "fill":
        from incidents.models import Page  # noqa: PLC0415

        Page.objects.update(languages=languages)
    return found


def fill_database(components: int, notices: int) -> dict[str, float]:
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from bench.database import fill  # noqa: PLC0415
    from incidents.models import Incident  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    if not Incident.objects.exists():
        fill(components=components, notices=notices, now=timezone.now())
    return {}


def publish_all(_components: int, _notices: int) -> dict[str, float]:
    from django.conf import settings  # noqa: PLC0415

    from publishing.generation import live_directory, walk  # noqa: PLC0415
    from publishing.publish import last_failure, publish_if_stale  # noqa: PLC0415

    began, began_cpu = time.perf_counter(), time.process_time()
    publish_if_stale(upgrade=True)
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    assert last_failure() is None, last_failure()
    mib = peak_mib()
    files = sum(len(entry.variants) for _path, entry, _file in walk(live_directory(settings.SNAPSHOT_DIR)))
    return {"files": files, "cpu_s": cpu, "wall_s": wall, "mib": mib}


def publish_updates(_components: int, _notices: int) -> dict[str, float]:
    from incidents.actions import open_incident, post_update  # noqa: PLC0415
    from incidents.models import Component  # noqa: PLC0415
    from incidents.signals import page_changed  # noqa: PLC0415
    from incidents.values import UpdateText  # noqa: PLC0415
    from publishing.publish import last_failure, publish_if_stale  # noqa: PLC0415

    page_changed.disconnect(dispatch_uid="publish_after_change")  # we publish ourselves, to measure it
    component = Component.objects.order_by("pk").first()
    text = UpdateText(status="investigating", body="It is slow.", components={component.pk: "partial_outage"})
    incident = open_incident(title="Slow mailings", update=text, actor=None).incident
    publish_if_stale(finish=False)
    took, cost = [], []
    for number in range(ROUNDS):
        post_update(incident, UpdateText(status="identified", body=f"Word {number}."), actor=None)
        began, began_cpu = time.perf_counter(), time.process_time()
        assert publish_if_stale(finish=False), last_failure()
        cost.append((time.process_time() - began_cpu) * 1000)
        took.append((time.perf_counter() - began) * 1000)
    found = {"cpu_ms": statistics.median(cost), "wall_ms": statistics.median(took), "slowest_ms": max(took)}
    # The next run is to find the page as this one did.
    post_update(incident, UpdateText("resolved", "It is well.", components={component.pk: "operational"}), actor=None)
    publish_if_stale(upgrade=True)
    return found | {"mib": peak_mib()}


def adopt_archive(_components: int, _notices: int) -> dict[str, float]:
    """Have the archive count as rendered by today's code, by giving all of it the look that this code gives.

    Otherwise all of it would be owed, and each update be followed by a part of it.
    """
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from publishing.basis import find_basis  # noqa: PLC0415
    from publishing.generation import MANIFEST, live_directory, live_manifest  # noqa: PLC0415
    from publishing.loading import load_state  # noqa: PLC0415
    from publishing.publish import code_checksum  # noqa: PLC0415

    call_command("migrate", verbosity=0)  # the code of today may know more tables
    root = settings.SNAPSHOT_DIR
    live = live_manifest(root)
    assert live.is_finished, f"{root} holds only a part of its archive"
    state = load_state(timezone.now(), months=())
    look = find_basis(live, state.site, state.version, code=code_checksum()).look
    if look == live.look:
        return {}
    for file in [live_directory(root) / MANIFEST, *(root / "shards").glob(f"*/{MANIFEST}")]:
        text = file.read_text()
        if live.look in text:  # in branches, and at the top
            beside = file.with_suffix(".new")
            beside.write_text(text.replace(live.look, look).replace(f'"{live.code}"', f'"{code_checksum()}"'))
            beside.replace(file)
    return {}


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PARTS = {"fill": fill_database, "all": publish_all, "adopt": adopt_archive, "updates": publish_updates}

if __name__ == "__main__":
    main()
