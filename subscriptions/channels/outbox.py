"""Mail as files, for whoever has no mail server: the demo and the first evening."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path

from django.conf import settings

from subscriptions.channels.errors import ChannelDown
from subscriptions.channels.mail import Mail


class Outbox:
    """Writes each mail to a file of its own, whole or not at all; names in order of time."""

    is_spent = False
    is_in_doubt = False

    def __init__(self) -> None:
        self._directory = Path(settings.OUTBOX_DIR)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise ChannelDown(str(problem)) from problem

    def start(self, mail: Mail, _following: Mail | None = None) -> None:
        name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
        unfinished = self._directory / f".{name}.tmp"
        try:
            unfinished.write_bytes(mail.message())
            os.replace(unfinished, self._directory / f"{name}.eml")
        except OSError as problem:
            unfinished.unlink(missing_ok=True)
            raise ChannelDown(str(problem)) from problem

    def finish(self) -> bytes:
        """It is there since it was started."""
        return b""

    def abort(self) -> None:
        """Files keep nobody waiting."""

    def close(self) -> None:
        """Nothing is open."""
