from __future__ import annotations

from incidents.choices import IncidentKind
from terminal.commands import NoticeCommand
from terminal.tasks import INCIDENT_TASKS


class Command(NoticeCommand):
    help = "Opens, updates, resolves and shows incidents, as the admin does: docs/terminal.md."
    kind = IncidentKind.REALTIME
    tasks = INCIDENT_TASKS
