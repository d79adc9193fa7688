"""What telling costs: one update to all subscribers, by the real worker, beside smtp-source on the same sink.

    python -m bench.mail [--subscribers 100000] [--rounds 3] [--databases sqlite postgresql] [--read]

Time counts from the moment the update is committed until the ledger says of each subscriber that the mail was taken, so
it holds the fan-out, the claims and the settling. smtp-source sends as many mails of the same length over 16 sessions,
and keeps no books. Needs Postfix's test programs (Debian: postfix) and, for PostgreSQL, its server programs; nothing of
Postfix runs as a server. The sink, smtp-sink, is the same process for all, and nobody is tied to a core.

With `--read` the page is served and read fifty times a second all the while. That takes processor time which
smtp-source has to itself, so these ratios are not those of mail alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.servers import free_port, manage, postgres, processes_of, product_environment, running, wait_for

ROOT = Path(__file__).parent.parent
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"
DOMAINS = 200
CHUNK = 10_000
MASS_MAILS = 3_000  # Django's own way is so slow that more would tell nothing new
STAFF_EVERY = 0.2
WORKER_NICENESS = 10  # as in statuspage.programs, which needs settings to be imported
BODY = "We are **looking into it**. Mailings are sent late; nothing is lost, and nothing has to be done.\n\n" * 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--read", action="store_true", help="serve the page meanwhile, and read it")
    parser.add_argument("--one", choices=["tell", "mass"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(tell(options.subscribers, read=options.read) if options.one == "tell" else send_mass_mail()))
        return
    rounds = run(options.subscribers, options.rounds, options.databases, read=options.read)
    print_rows(rounds)


def run(subscribers: int, rounds: int, databases: list[str], *, read: bool) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {}
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-mail-")))
        port = stack.enter_context(sink())
        environments = {}
        for name in databases:
            url = stack.enter_context(postgres()).url if name == "postgresql" else f"sqlite:///{scratch / 'db.sqlite3'}"
            environments[name] = environment(scratch / name, url, port)
            subprocess.run(manage("migrate", "-v0"), cwd=ROOT, env=environments[name], check=True)
            subprocess.run(manage("schedules", "-v0"), cwd=ROOT, env=environments[name], check=True)
        for _round in range(rounds):
            for name in databases:
                found.setdefault(f"ours, {name}", []).append(
                    child("tell", environments[name], subscribers, *["--read"] * read)
                )
            length = int(found[f"ours, {databases[0]}"][-1]["bytes"])
            found.setdefault("smtp-source, 16 sessions", []).append(smtp_source(port, subscribers, length))
            found.setdefault("send_mass_mail", []).append(child("mass", environments[databases[0]], subscribers))
    return found


def print_rows(found: dict[str, list[dict[str, float]]]) -> None:
    def middle(way: str, what: str) -> float:
        return statistics.median(row[what] for row in found[way])

    yardstick = middle("smtp-source, 16 sessions", "per_second")
    print("| way | mails/s | ratio | sender CPU us/mail | database us/mail | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for way in sorted(found, key=lambda way: -middle(way, "per_second")):
        rate = middle(way, "per_second")
        print(
            f"| {way} | {rate:,.0f} | {rate / yardstick:.2f} | {middle(way, 'cpu_us'):.1f} "
            f"| {middle(way, 'database_us'):.1f} | {middle(way, 'peak_mib'):.0f} |"
        )
    print("\n| database | publish click ms | first mail ms | staff write: median ms | worst ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    ours = [way for way in found if way.startswith("ours, ")]
    for way in ours:
        worst = max(row["staff_worst_ms"] for row in found[way])
        print(
            f"| {way[6:]} | {middle(way, 'publish_ms'):.0f} | {middle(way, 'first_ms'):.0f} "
            f"| {middle(way, 'staff_ms'):.0f} | {worst:.0f} |"
        )
    if "page_readings" in found[ours[0]][0]:
        print("\n| database | page read: median ms | p99 ms | worst ms | failed |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for way in ours:
            rows = found[way]
            print(
                f"| {way[6:]} | {middle(way, 'page_median_ms'):.1f} | {middle(way, 'page_p99_ms'):.1f} "
                f"| {max(row['page_worst_ms'] for row in rows):.0f} "
                f"| {sum(row['page_failed'] for row in rows)} of {sum(row['page_readings'] for row in rows):,} |"
            )


@contextlib.contextmanager
def sink() -> Iterator[int]:
    port = free_port()
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = ["smtp-sink", *as_nobody, f"127.0.0.1:{port}", "1024"]
    process = subprocess.Popen(command, env={**os.environ, "PATH": SBIN})
    try:
        time.sleep(0.3)
        yield port
    finally:
        process.kill()
        process.wait()


def environment(data_dir: Path, database: str, port: int) -> dict[str, str]:
    data_dir.mkdir()
    tuning = {
        name: value for name, value in os.environ.items() if name in ("EMAIL_CONNECTIONS", "EMAIL_PER_CONNECTION")
    }
    settings = {"DATABASE_URL": database, "EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    return product_environment(data_dir, DJANGO_SETTINGS_MODULE="statuspage.settings", **settings, **tuning)


def child(what: str, env: dict[str, str], subscribers: int, *options: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.mail", "--one", what, "--subscribers", str(subscribers), *options]
    output = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def smtp_source(port: int, count: int, length: int) -> dict[str, float]:
    # As nice as our worker is, or other programs on the machine would decide the race.
    command = [
        "nice",
        "-n",
        str(WORKER_NICENESS),
        "smtp-source",
        "-s",
        "16",
        "-d",
        "-l",
        str(length),
        "-m",
        str(count),
        f"127.0.0.1:{port}",
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, env={**os.environ, "PATH": SBIN}, check=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"per_second": count / took, "cpu_us": cpu / count * 1e6, "database_us": 0, "peak_mib": 0}


def send_mass_mail() -> dict[str, float]:
    import django  # noqa: PLC0415 - only in the processes that measure

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.mail import send_mass_mail as send  # noqa: PLC0415

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = settings.MAIL_SERVER.host, settings.MAIL_SERVER.port
    text = "We are looking into it. Mailings are sent with a delay; nothing is lost.\n" * 100
    began = time.perf_counter()
    send([("Slow mailings", text, "status@example.com", [f"reader{n}@example.com"]) for n in range(MASS_MAILS)])
    took = time.perf_counter() - began
    return {
        "per_second": MASS_MAILS / took,
        "cpu_us": time.process_time() / MASS_MAILS * 1e6,
        "database_us": 0,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def tell(count: int, *, read: bool) -> dict[str, float]:
    """Publish one update while the worker runs and staff write, and watch until everybody is told."""
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415

    from incidents.actions import open_incident  # noqa: PLC0415
    from incidents.signals import page_changed  # noqa: PLC0415
    from incidents.values import UpdateText  # noqa: PLC0415
    from subscriptions.models import Delivery, Notification  # noqa: PLC0415

    page_changed.disconnect(dispatch_uid="publish_after_change")  # what publishing costs, bench.publish tells
    length = fill(count)
    worker = running(manage("worker"), env=dict(os.environ), log=settings.DATA_DIR / "worker.log")
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(page_server()) if read else ""
        stack.enter_context(worker)
        wait_for((settings.DATA_DIR / "worker.stamp").exists, what="the worker")
        time.sleep(3)
        before = processor_time(settings.DATA_DIR)
        first_mail = FirstMail(settings.JOURNAL_DIR)
        staff, reader = Staff(), Reader(address) if read else None
        began = time.perf_counter()
        text = UpdateText(status="investigating", body=BODY, notify=True)
        incident = open_incident(title="Slow mailings", update=text, actor=None).incident
        published = time.perf_counter()
        first_mail.start()
        staff.start()
        told = Notification.objects.filter(update__incident=incident, fanned_out_at__isnull=False)
        wait_for(told.exists, seconds=600, what="the fan-out")
        waiting = Delivery.objects.filter(state__in=["queued", "sending"])
        wait_for(lambda: not waiting.exists(), seconds=3600, what="the last mail")
        took = time.perf_counter() - published
        after = processor_time(settings.DATA_DIR)
        staff.stop()
        readings = reader.stop() if reader else {}
        first_mail.join()
        peak = peak_mib(settings.DATA_DIR)
    assert Delivery.objects.filter(notification__in=told, state="sent").count() == count
    return {
        "per_second": count / took,
        "cpu_us": (after[0] - before[0]) / count * 1e6,
        "database_us": (after[1] - before[1]) / count * 1e6,
        "peak_mib": peak,
        "bytes": length,
        "publish_ms": (published - began) * 1000,
        "first_ms": (first_mail.at - published) * 1000,
        "staff_ms": statistics.median(staff.took) * 1000,
        "staff_worst_ms": max(staff.took) * 1000,
        **{f"page_{name}": value for name, value in readings.items()},
    }


@contextlib.contextmanager
def page_server() -> Iterator[str]:
    """The page as it is now, served as the product serves it; its address. It does not count as the worker's."""
    from django.conf import settings  # noqa: PLC0415

    from publishing.publish import publish_if_stale  # noqa: PLC0415
    from statuspage.programs import front  # noqa: PLC0415

    publish_if_stale()
    port = free_port()
    program = front(host="127.0.0.1", port=port, backend=settings.DATA_DIR / "nobody.sock")
    env = {name: value for name, value in program.env.items() if name != "DATA_DIR"}
    log = settings.DATA_DIR / "front.log"
    with running([str(part) for part in program.command], env=env, log=log):
        wait_for(lambda: is_listening(port), what="the page's server")
        yield f"http://127.0.0.1:{port}/"


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def fill(count: int) -> int:
    """So many active subscribers, unless they are there already; the length of the mail they will get."""
    from django.utils import timezone  # noqa: PLC0415

    from incidents.models import Page  # noqa: PLC0415
    from subscriptions.models import Subscriber  # noqa: PLC0415

    Page.objects.update_or_create(pk=Page.ONLY, defaults={"name": "Copernica", "time_zone": "Europe/Amsterdam"})
    now = timezone.now()
    for start in range(Subscriber.objects.count(), count, CHUNK):
        addresses = [f"reader{n}@domain{n % DOMAINS}.example.com" for n in range(start, min(start + CHUNK, count))]
        Subscriber.objects.bulk_create(
            Subscriber(endpoint=one, endpoint_key=one, state="active", confirmed_at=now) for one in addresses
        )
    return length_of_mail()


def length_of_mail() -> int:
    from django.db import transaction  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from incidents.actions import open_incident  # noqa: PLC0415
    from incidents.values import UpdateText  # noqa: PLC0415
    from subscriptions.channels import email  # noqa: PLC0415
    from subscriptions.fanout import open_notifications  # noqa: PLC0415

    with transaction.atomic():
        open_incident(title="Slow mailings", update=UpdateText(status="investigating", body=BODY), actor=None)
        *_earlier, notification = open_notifications(timezone.now())
        message = email.compose(notification, language="en", time_zone="")
        transaction.set_rollback(True)
    return len(message.fill(dict.fromkeys(message.names, b"x" * 48)))


class FirstMail(threading.Thread):
    """Notices when the first mail was accepted, by the worker's journal."""

    def __init__(self, directory: Path) -> None:
        super().__init__(daemon=True)
        self.at = float("nan")
        self._directory = directory

    def run(self) -> None:
        while True:
            for path in self._directory.glob("*.journal"):
                with contextlib.suppress(FileNotFoundError):
                    if b"+" in path.read_bytes():
                        self.at = time.perf_counter()
                        return
            time.sleep(0.002)


class Staff(threading.Thread):
    """Posts an update that nobody is told of, again and again, and takes the time of each."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.took: list[float] = []
        self._over = threading.Event()

    def run(self) -> None:
        from django.db import connection  # noqa: PLC0415

        from incidents.actions import open_incident, post_update  # noqa: PLC0415
        from incidents.values import UpdateText  # noqa: PLC0415

        text = UpdateText(status="investigating", body=BODY, notify=False)
        incident = open_incident(title="Another one", update=text, actor=None).incident
        while not self._over.wait(STAFF_EVERY):
            began = time.perf_counter()
            post_update(incident, UpdateText(status="identified", body="A word.", notify=False), actor=None)
            self.took.append(time.perf_counter() - began)
        connection.close()

    def stop(self) -> None:
        self._over.set()
        self.join()


class Reader:
    """Looks at the page all the while, from a process of its own."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, "-m", "bench.read", address]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> dict[str, float]:
        return json.loads(self._process.communicate()[0])


def processor_time(data_dir: Path) -> tuple[float, float]:
    """Seconds used so far by the worker's processes, and by PostgreSQL's."""
    ours = sum(map(_seconds, set(processes_of(data_dir)) - {os.getpid()}))
    servers = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _is_our_server(folder)]
    return ours, sum(map(_seconds, servers))


def peak_mib(data_dir: Path) -> float:
    """Of the largest of the worker's processes."""
    pages = []
    for process in set(processes_of(data_dir)) - {os.getpid()}:
        status = Path(f"/proc/{process}/status").read_text()
        pages += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    return max(pages) / 1024


def _seconds(process: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _is_our_server(folder: Path) -> bool:
    place = unquote(urlsplit(os.environ["DATABASE_URL"]).hostname or "")
    with contextlib.suppress(OSError):
        return bool(place) and os.readlink(folder / "cwd").startswith(place)
    return False


if __name__ == "__main__":
    main()
