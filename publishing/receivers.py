"""What is published because someone did something."""

from __future__ import annotations

import logging
from typing import Any

from publishing.publish import publish_if_stale

log = logging.getLogger(__name__)


def publish_after_change(**_news: Any) -> None:
    """Publish the news at once. A failure costs the person who clicked nothing: the watcher tries again."""
    try:
        publish_if_stale(finish=False)
    except Exception:
        log.exception("could not publish at once; the watcher will")
