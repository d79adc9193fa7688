from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from statuspage import programs
from statuspage.supervisor import Supervisor


class Command(BaseCommand):
    help = "Serves the page, the admin and the subscription pages, and publishes. Needs no database to show the page."
    # The others ask the database, which may be away: the page must come up all the same.
    requires_system_checks = ["statuspage"]

    def handle(self, *_args: Any, **_options: Any) -> None:
        host, port = settings.ENVIRONMENT.host, settings.ENVIRONMENT.port
        programs.check_data_dir()
        programs.check_address(host, port)
        backend = programs.backend_socket(port)
        supervisor = Supervisor(
            programs.front(host=host, port=port, backend=backend),
            programs.django(backend),
            programs.publisher(),
            cwd=settings.BASE_DIR,
        )
        self.stdout.write(f"The page is served at {settings.PUBLIC_URL}/")
        sys.exit(supervisor.run())
