from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as DjangoCommand

from statuspage.programs import check_data_dir


class Command(DjangoCommand):
    """Django's, which makes DATA_DIR first: a new installation's SQLite file is to lie in it."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        check_data_dir()
        return super().execute(*args, **options)
