from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from statuspage import programs
from statuspage.supervisor import Supervisor


class Command(BaseCommand):
    help = "Sends the mails and keeps the schedules: a django-q2 cluster, replaced when it dies or hangs."
    requires_system_checks = ["statuspage"]

    def handle(self, *_args: Any, **_options: Any) -> None:
        programs.check_data_dir()
        sys.exit(Supervisor(programs.worker(), cwd=settings.BASE_DIR).run())
