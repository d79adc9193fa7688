"""Our page server beside nginx on the very same files, as a Markdown table.

    python -m bench.serve SMALL LARGE [--rounds 5] [--seconds 3]

SMALL and LARGE are data directories that `bench.publish --keep` has left. After the table of one server beside the
other come a crowd of 1,000 clients, the same crowd while updates are published, and readers while staff are busy.

Needs nginx and wrk. The server has core 1 to itself and the load core 0; all targets run in turn in each round after a
warm-up, and the median of the rounds counts. `us` is processor time of the server's processes per request: the figure
that other programs on the machine disturb least.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.publish import environment_of
from bench.publish import run as run_part
from publishing.front import CONTENT_SECURITY_POLICY
from publishing.generation import live_directory, walk

ROOT = Path(__file__).parent.parent
SERVER_CORE, LOAD_CORE = "1", "0"
CONNECTIONS = 64
CROWD = 1000
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language": "nl,en;q=0.5",
}
GZIP = {"Accept-Encoding": "gzip"}


@dataclass
class Target:
    server: str
    what: str
    port: int
    pids: list[int]
    path: str
    headers: dict[str, str]
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("small", type=lambda path: Path(path).resolve())
    parser.add_argument("large", type=lambda path: Path(path).resolve())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        targets: list[Target] = []
        with running(Path(scratch), options.small / "snapshot", options.large / "snapshot", targets):
            for _round in range(options.rounds):
                for target in targets:
                    measure(target, options.seconds)
            print_table(targets)
            crowds([target for target in targets if target.what == "home, gzip, small archive"], options.seconds)
        while_publishing(Path(scratch), options.small, options.seconds)
        beside_staff(Path(scratch), options.small, options.seconds)


@contextmanager
def running(scratch: Path, small: Path, large: Path, targets: list[Target]) -> Iterator[None]:
    started = []
    try:
        for archive, snapshot in (("small", small), ("large", large)):
            for server in ("nginx", "ours"):
                port = free_port()
                process = (nginx if server == "nginx" else front)(scratch, snapshot, port)
                started.append(process)
                wait_for(port)
                pids = [process.pid, *children(process.pid)]
                targets += list(questions(server, archive, snapshot, port, pids))
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def questions(server: str, archive: str, snapshot: Path, port: int, pids: list[int]) -> Iterator[Target]:
    tag = urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Accept-Encoding": "gzip"})
    ).headers["ETag"]
    notice = next(path for path, _entry, _file in walk(live_directory(snapshot)) if path.startswith("/incidents/"))
    gzip = {**BROWSER, **GZIP}
    yield Target(server, f"home, gzip, {archive} archive", port, pids, "/", gzip)
    yield Target(server, f"an old notice, gzip, {archive} archive", port, pids, notice, gzip)
    if archive == "small":
        yield Target(server, "home, identity", port, pids, "/", BROWSER)
        yield Target(server, "home, 304", port, pids, "/", {**gzip, "If-None-Match": tag})


def front(scratch: Path, snapshot: Path, port: int, *, backend: Path | None = None) -> subprocess.Popen:
    options = "--interface wsgi --http 1 --no-ws --workers 1 --blocking-threads 4 --backlog 4096 --log-level error"
    command = [sys.executable, "-m", "granian", *options.split(), "--port", str(port), "publishing.front:application"]
    environment = {
        "PATH": os.environ["PATH"],
        "FRONT_SNAPSHOT_DIR": str(snapshot),
        "FRONT_BACKEND_SOCKET": str(backend or scratch / "nobody.sock"),
        "FRONT_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    return subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], cwd=ROOT, env=environment)


def nginx(scratch: Path, snapshot: Path, port: int) -> subprocess.Popen:
    brotli = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")
    text = (ROOT / "bench" / "nginx.conf.txt").read_text()
    configuration = scratch / f"nginx-{port}.conf"
    configuration.write_text(
        text.format(
            modules=f"load_module {brotli};" if brotli.exists() else "",
            brotli="brotli_static on;" if brotli.exists() else "",
            scratch=scratch,
            port=port,
            snapshot=snapshot,
            csp=CONTENT_SECURITY_POLICY,
        )
    )
    return subprocess.Popen(["taskset", "-c", SERVER_CORE, "nginx", "-c", str(configuration)])


def crowds(targets: list[Target], seconds: int) -> None:
    """1,000 clients that keep their connections, for ten times as long."""
    print(f"\n| home, gzip, {CROWD:,} clients | req/s | p99 ms | errors | MiB before | MiB after |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for target in targets:
        wrk(target, seconds, connections=CROWD)
        before = resident_mib(target.pids)
        run = wrk(target, 10 * seconds, connections=CROWD)
        after = resident_mib(target.pids)
        print(f"| {target.server} | {run.rate:,.0f} | {run.tail:.0f} | {run.errors} | {before} | {after} |")


def while_publishing(scratch: Path, data: Path, seconds: int) -> None:
    """The crowd again, while updates are posted and published as fast as they can be."""
    own = scratch / "data"
    shutil.copytree(data, own, symlinks=True)
    run_part(own, "adopt", 0, 0)
    port = free_port()
    server = front(scratch, own / "snapshot", port)
    try:
        wait_for(port)
        target = Target("ours", "home", port, [server.pid, *children(server.pid)], "/", {**BROWSER, **GZIP})
        wrk(target, 1, connections=CROWD)
        command = [sys.executable, "-m", "bench.post", str(9 * seconds)]  # the load ends last
        publisher = subprocess.Popen(command, cwd=ROOT, env=environment_of(own), stdout=subprocess.PIPE, text=True)
        run = wrk(target, 10 * seconds, connections=CROWD)
        told = json.loads(publisher.communicate()[0].splitlines()[-1])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)
    print(
        f"\n{told['published']} updates published in {10 * seconds} s under {CROWD:,} clients, each live after "
        f"{told['ms']:.0f} ms: {run.rate:,.0f} req/s, p99 {run.tail:.0f} ms, {run.errors} errors"
    )


def beside_staff(scratch: Path, data: Path, seconds: int) -> None:
    """The page while staff keep Django as busy as it can be, all servers on the one core."""
    backend, port = scratch / "django.sock", free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(data),
        "SECRET_KEY": "a key of the benchmark, of no worth to anybody",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    options = "--interface wsgi --http 1 --no-ws --workers 1 --blocking-threads 8 --log-level error".split()
    command = [sys.executable, "-m", "granian", *options, "--uds", str(backend), "statuspage.wsgi:application"]
    started = [subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], cwd=ROOT, env=environment)]
    started.append(front(scratch, data / "snapshot", port, backend=backend))
    try:
        wait_for(port)
        target = Target("ours", "home", port, [], "/", {**BROWSER, **GZIP})
        for _attempt in range(50):
            if wrk(target, 1, path="/admin/login/", connections=1).requests:
                break
        alone = [wrk(target, seconds, connections=1).tail for _round in range(3)]
        with ThreadPoolExecutor() as pool:
            # As many as are handed on to Django at a time; the others would be told at once that it is busy.
            staff = pool.submit(wrk, target, 4 * seconds, path="/admin/login/", connections=2)
            beside = [wrk(target, seconds, connections=1).tail for _round in range(3)]
        pages = staff.result().requests / (4 * seconds)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    tail, busy = statistics.median(alone), statistics.median(beside)
    print(f"\np99 of the page, one connection: alone {tail:.2f} ms, beside {pages:.0f} staff pages/s {busy:.2f} ms")


def measure(target: Target, seconds: int) -> None:
    wrk(target, 1)
    before = processor_seconds(target.pids)
    run = wrk(target, seconds)
    assert not run.errors, run
    target.costs.append((processor_seconds(target.pids) - before) / run.requests * 1e6)
    target.rates.append(run.rate)
    target.tails.append(run.tail)


@dataclass(frozen=True)
class Run:
    """`requests` were answered as they should be; `tail` is the 99th percentile in ms."""

    requests: int
    rate: float
    tail: float
    errors: int


def wrk(target: Target, seconds: int, *, path: str = "", connections: int = CONNECTIONS) -> Run:
    headers = [part for name, value in target.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *headers]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{target.port}{path or target.path}"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    refused = int(found[1]) if (found := re.search(r"Non-2xx or 3xx responses: (\d+)", output)) else 0
    broken = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", output)))
    requests = int(re.search(r"(\d+) requests in", output)[1]) - refused
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    tail, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    return Run(requests, rate, float(tail) * {"us": 0.001, "ms": 1, "s": 1000}[unit], refused + broken)


def print_table(targets: list[Target]) -> None:
    middle = {(t.server, t.what): (statistics.median(t.rates), statistics.median(t.costs)) for t in targets}
    print("| what | server | req/s | us/req | p99 ms | ratio req/s | ratio us | MiB |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for target in sorted(targets, key=lambda t: (t.what, t.server)):
        rate, cost = middle[target.server, target.what]
        base_rate, base_cost = middle["nginx", target.what]
        tail = statistics.median(target.tails)
        print(
            f"| {target.what} | {target.server} | {rate:,.0f} | {cost:.1f} | {tail:.1f} "
            f"| {rate / base_rate:.2f} | {base_cost / cost:.2f} | {resident_mib(target.pids)} |"
        )


def processor_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mib(pids: list[int]) -> str:
    try:
        return f"{sum(int(Path(f'/proc/{p}/statm').read_text().split()[1]) for p in pids) * 4096 / 2**20:.0f}"
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def wait_for(port: int) -> None:
    for _attempt in range(200):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.5)  # its workers
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
