"""One update to very many subscribers, with processes killed at random while it goes out; a Markdown row for each seed.

    python -m bench.kills [--recipients 100000] [--kills 10] [--seed 1 2 3] [--connections 4]

Each run has a database of its own: SQLite, or on the server that DATABASE_URL names
(`python -m tests.servers python -m bench.kills` starts one). `manage.py serve` runs as it does for an operator; what is
killed is the whole group of the worker, the cluster's sentinel, one of what that started, or Django's server.
What went out is counted by the mail server. Nobody helps: what a kill held up goes on by itself.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.servers import kill, manage, parts, product_environment, running, scratch_database, wait_for
from tests.sink import Sink

ROOT = Path(__file__).parent.parent
VICTIMS = ("group", "sentinel", "worker", "web")
WORKERS = 2  # as in Q_CLUSTER
NO_PROGRESS = 600.0  # seconds, after which what is missing counts as lost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, nargs="*", default=[random.randrange(10_000)])
    parser.add_argument("--connections", type=int, default=4, help="of each worker to the mail server")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return measure(options.recipients, options.kills, options.seed[0], options.connections)
    print("| database | recipients | kills | seed | lost | repeated | bound | most ids | post s | first s | last s |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    failed = 0
    for seed in options.seed:  # a process of its own for each: Django knows one database
        command = [sys.executable, "-m", "bench.kills", "--one", "--seed", str(seed)]
        for name in ("recipients", "kills", "connections"):
            command += [f"--{name}", str(getattr(options, name))]
        failed |= subprocess.run(command, cwd=ROOT, check=False).returncode
    return failed


def measure(recipients: int, kills: int, seed: int, connections: int) -> int:
    with tempfile.TemporaryDirectory(prefix="kills-") as scratch, Sink(keeps_raw=False) as sink:
        directory = Path(scratch)
        with scratch_database(directory) as database:
            environment = product_environment(
                directory / "data", DATABASE_URL=database, EMAIL_URL=sink.url, EMAIL_CONNECTIONS=str(connections)
            )
            addresses = prepare(recipients, environment)
            with running(manage("serve"), env=environment, log=directory / "log") as served:
                wait_for(lambda: "Ctrl-C stops it." in served.output(), seconds=120, what="the product")
                wait_for(lambda: "worker" in parts(directory / "data"), seconds=60, what="the worker")
                began = time.time()
                posted_in = post()
                killed = kill_at_random(sink, directory / "data", recipients, kills, random.Random(seed))
                wait_for_end(sink)
            close_database()
    return report(database, addresses, sink, seed, killed, began, posted_in, bound=kills * WORKERS * connections)


def prepare(recipients: int, environment: dict[str, str]) -> set[str]:
    """Fill a database, past the verbs, and let this process see it as the product does."""
    subprocess.run(manage("migrate", "-v", "0"), env=environment, check=True)
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="statuspage.settings")
    import django  # noqa: PLC0415 - which database there is was not known before

    django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from subscriptions.models import Subscriber  # noqa: PLC0415

    now = timezone.now()
    addresses = [f"reader{number}@example.com" for number in range(recipients)]
    Subscriber.objects.bulk_create(
        (Subscriber(endpoint=one, endpoint_key=one, state="active", confirmed_at=now) for one in addresses),
        batch_size=2_000,
    )
    return set(addresses)


def post() -> float:
    """Publish one update to all; how long whoever does that waits."""
    from incidents.actions import open_incident  # noqa: PLC0415
    from incidents.values import UpdateText  # noqa: PLC0415

    began = time.monotonic()
    text = UpdateText(status="investigating", body="Mailings are sent with a delay; nothing is lost.")
    open_incident(title="Slow mailings", update=text, actor=None)
    return time.monotonic() - began


def kill_at_random(sink: Sink, data_dir: Path, recipients: int, kills: int, chance: random.Random) -> Counter[str]:
    """Each kill at some number of mails, so that all of them come while mails go out."""
    moments = sorted(chance.sample(range(1, recipients * 95 // 100), kills))
    killed: Counter[str] = Counter()
    for moment in moments:
        wait_for(lambda moment=moment: len(sink.received) >= moment, seconds=NO_PROGRESS, what=f"mail {moment}")
        victim = chance.choice(VICTIMS)
        found = wait_for(lambda victim=victim: candidates(data_dir, victim), seconds=60, what=victim)
        chosen = chance.choice(found)
        if victim == "group":
            with suppress(ProcessLookupError):
                os.killpg(chosen, signal.SIGKILL)
        else:
            kill(chosen)
        killed[victim] += 1
    return killed


def candidates(data_dir: Path, victim: str) -> list[int]:
    return parts(data_dir).get("cluster" if victim == "group" else victim, [])


def wait_for_end(sink: Sink) -> None:
    """Until nothing is owed any more; or until nothing more happens."""
    from subscriptions.models import Delivery, Notification  # noqa: PLC0415

    seen, seen_at = -1, time.monotonic()
    while time.monotonic() - seen_at < NO_PROGRESS:
        is_fanned_out = Notification.objects.filter(fanned_out_at__isnull=False).exists()  # there is but the one
        if is_fanned_out and not Delivery.objects.exclude(state="sent").exists():
            return
        if len(sink.received) != seen:
            seen, seen_at = len(sink.received), time.monotonic()
        time.sleep(0.5)


def close_database() -> None:
    from django.db import connections  # noqa: PLC0415

    connections.close_all()


def report(
    database: str,
    addresses: set[str],
    sink: Sink,
    seed: int,
    killed: Counter[str],
    began: float,
    posted_in: float,
    *,
    bound: int,
) -> int:
    counts = sink.counts
    lost, repeated = len(addresses - set(counts)), len(sink.received) - len(counts)
    most_ids = max((len(ids) for ids in sink.message_ids.values()), default=0)
    row = [
        "SQLite" if database.startswith("sqlite") else "PostgreSQL",
        f"{len(addresses):,}",
        ", ".join(f"{number} {victim}" for victim, number in sorted(killed.items())),
        str(seed),
        str(lost),
        str(repeated),
        str(bound),
        str(most_ids),
        f"{posted_in:.1f}",
        *(f"{mail.at - began:.1f}" for mail in sink.received[:1] + sink.received[-1:]),
    ]
    print("| " + " | ".join(row) + " |", flush=True)
    return int(lost > 0 or repeated > bound or most_ids > 1 or set(counts) != addresses)


if __name__ == "__main__":
    sys.exit(main())
