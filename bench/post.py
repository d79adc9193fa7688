"""Posts updates for so many seconds, one right after the other: `python -m bench.post SECONDS`, for bench.serve.

Each is published by its post, as those of staff are. Prints how many there were, and the median of what one took.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import django


def main(seconds: float) -> None:
    django.setup()
    from incidents.actions import open_incident, post_update  # noqa: PLC0415 - needs the set-up above
    from incidents.values import UpdateText  # noqa: PLC0415 - needs the set-up above

    began = UpdateText(status="investigating", body="It is slow.")
    incident = open_incident(title="Slow mailings", update=began, actor=None).incident
    took = []
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        began_at = time.perf_counter()
        post_update(incident, UpdateText(status="identified", body=f"Word {len(took)}."), actor=None)
        took.append((time.perf_counter() - began_at) * 1000)
    print(json.dumps({"published": len(took), "ms": statistics.median(took)}))


if __name__ == "__main__":
    main(float(sys.argv[1]))
