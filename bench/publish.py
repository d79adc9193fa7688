"""What publishing costs by the size of the page and of its archive, as a Markdown table.

    python -m bench.publish [--components 10 100 1000] [--notices 100 10000 100000] [--keep DIR]

Each row is measured in a process of its own on a SQLite database of its own. "One update" is measured ten times, each
time with one more update of an incident, as the median from the commit until all its files are live.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--components", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--notices", type=int, nargs="*", default=[100, 10_000, 100_000])
    parser.add_argument("--keep", type=Path, help="keep the data directories here, for bench.serve")
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one)))
        return
    print(
        "| components | notices | all: files | all: s | files/s | peak MiB | one update: ms | its slowest | peak MiB |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for components in options.components:
            for notices in options.notices:
                directory = Path(options.keep or scratch) / f"{components}-{notices}"
                directory.mkdir(parents=True, exist_ok=True)
                row = run(directory, components, notices)
                print("| " + " | ".join(row) + " |", flush=True)


def run(directory: Path, components: int, notices: int) -> list[str]:
    environment = os.environ | {
        "DATA_DIR": str(directory),
        "SECRET_KEY": "a key of the benchmark, of no worth to anybody",
    }
    environment["DJANGO_SETTINGS_MODULE"] = "statuspage.settings"
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    found: dict[str, float] = {}
    for part in (0, 1):  # a process of its own for each, so that the second one's memory is its own
        command = [sys.executable, "-m", "bench.publish", "--one", str(components), str(notices if part == 0 else 0)]
        output = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        found |= json.loads(output.stdout.splitlines()[-1])
    return [
        f"{components:,}",
        f"{notices:,}",
        f"{found['files']:,}",
        f"{found['all_s']:.1f}",
        f"{found['files'] / found['all_s']:,.0f}",
        f"{found['all_mib']:.0f}",
        f"{found['one_ms']:.0f}",
        f"{found['slowest_ms']:.0f}",
        f"{found['one_mib']:.0f}",
    ]


def measure(components: int, notices: int) -> dict[str, float]:
    """Fill the database and publish it all; without `notices`, publish one update after the other."""
    import django  # noqa: PLC0415 - only in the processes that measure

    django.setup()
    return publish_all(components, notices) if notices else publish_updates()


def publish_all(components: int, notices: int) -> dict[str, float]:
    from django.conf import settings  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from bench.database import fill  # noqa: PLC0415
    from incidents.models import Incident  # noqa: PLC0415
    from publishing.generation import live_directory, walk  # noqa: PLC0415
    from publishing.publish import last_failure, publish_if_stale  # noqa: PLC0415

    if not Incident.objects.exists():
        fill(components=components, notices=notices, now=timezone.now())
    began = time.perf_counter()
    publish_if_stale(upgrade=True)
    took = time.perf_counter() - began
    assert last_failure() is None, last_failure()
    live = live_directory(settings.SNAPSHOT_DIR)
    peak = peak_mib()
    files = sum(len(entry.variants) for _path, entry, _file in walk(live))
    return {"files": files, "all_s": took, "all_mib": peak}


def publish_updates() -> dict[str, float]:
    from incidents.actions import UpdateText, open_incident, post_update  # noqa: PLC0415
    from incidents.models import Component  # noqa: PLC0415
    from incidents.signals import page_changed  # noqa: PLC0415
    from publishing.publish import last_failure, publish_if_stale  # noqa: PLC0415

    page_changed.disconnect(dispatch_uid="publish_after_change")  # we publish ourselves, to measure it
    component = Component.objects.order_by("pk").first()
    text = UpdateText(status="investigating", body="It is slow.", components={component.pk: "partial_outage"})
    incident = open_incident(title="Slow mailings", update=text, actor=None).incident
    publish_if_stale(finish=False)
    took = []
    for number in range(ROUNDS):
        post_update(incident, UpdateText(status="identified", body=f"Word {number}."), actor=None)
        began = time.perf_counter()
        assert publish_if_stale(finish=False), last_failure()
        took.append((time.perf_counter() - began) * 1000)
    return {"one_ms": statistics.median(took), "slowest_ms": max(took), "one_mib": peak_mib()}


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
