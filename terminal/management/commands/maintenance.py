from __future__ import annotations

from incidents.choices import IncidentKind
from terminal.commands import NoticeCommand
from terminal.tasks import MAINTENANCE_TASKS


class Command(NoticeCommand):
    help = "Announces, moves, starts, ends and shows scheduled maintenance, as the admin does: docs/terminal.md."
    kind = IncidentKind.SCHEDULED
    tasks = MAINTENANCE_TASKS
