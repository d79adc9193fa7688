"""Reads a page again and again until told to end: `python -m bench.read URL`, for bench.mail.

One connection that is kept, fifty times a second. Ends when its input is closed, and prints how many readings there
were, how many of them failed, and the median, the 99th percentile and the worst of what one took.
"""

from __future__ import annotations

import http.client
import json
import select
import statistics
import sys
import time
from urllib.parse import urlsplit

EVERY = 0.02


def main(url: str) -> None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    took, failed = [], 0
    while not select.select([sys.stdin], [], [], EVERY)[0]:
        began = time.perf_counter()
        try:
            connection.request("GET", where.path or "/", headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            failed += answer.status != 200
        except (OSError, http.client.HTTPException):
            failed += 1
            connection.close()
        took.append((time.perf_counter() - began) * 1000)
    print(
        json.dumps(
            {
                "readings": len(took),
                "failed": failed,
                "median_ms": statistics.median(took),
                "p99_ms": statistics.quantiles(took, n=100)[98],
                "worst_ms": max(took),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
