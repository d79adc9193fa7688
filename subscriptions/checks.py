from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning, register
from django.db import DatabaseError, connection
from django_q.models import Schedule

from subscriptions import schedules


@register()
def schedules_are_installed(**_arguments: Any) -> list[CheckMessage]:
    """Only asked of a database that answers and has been migrated: before that there is nothing to warn of."""
    try:
        if Schedule._meta.db_table not in connection.introspection.table_names():
            return []
        missing = schedules.missing()
    except DatabaseError:
        return []
    if not missing:
        return []
    return [
        Warning(
            f"The worker's schedules are not installed: {', '.join(missing)}. What a lost ring owes is not paid.",
            hint="Run: manage.py schedules",
            id="subscriptions.W001",
        )
    ]
