from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from incidents.demo import ADMIN, is_empty, load_demo
from statuspage.demo_login import make_demo_login


class Command(BaseCommand):
    help = "Fills an empty database with an example: a true story from 2013, and a page that lives today."
    requires_system_checks: list[str] = []  # an empty database lacks what they look for

    def handle(self, *_args: Any, verbosity: int, **_options: Any) -> None:
        if not is_empty():
            self.stdout.write("This database is in use: the demo goes only into an empty one. Nothing was changed.")
            return
        password = make_demo_login()
        load_demo(timezone.now(), password=password)
        if verbosity:
            self.stdout.write(f"The demo is loaded. Staff login: {ADMIN} / {password}")
