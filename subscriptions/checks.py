from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import DatabaseError, connection
from django_q.models import Schedule

from subscriptions import schedules
from subscriptions.channels.email import is_address


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


@register()
def sender_is_an_address(**_arguments: Any) -> list[CheckMessage]:
    """A sender that no server accepts would keep every mail in the queue."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    if address.isascii() and is_address(address):
        return []
    return [
        Error(
            f"EMAIL_FROM is not an address: {settings.DEFAULT_FROM_EMAIL}",
            hint="Write it as status@example.com, or as Example status <status@example.com>.",
            id="subscriptions.E001",
        )
    ]
