"""What the worker does by the clock. The code is the whole truth: what stands in the table beside it is removed."""

from __future__ import annotations

from django.db import transaction
from django_q.models import Schedule

SCHEDULES = {"sweep": "subscriptions.tasks.sweep"}


@transaction.atomic
def install() -> None:
    """Make the table say what SCHEDULES says: each of them once a minute. Any number of times."""
    # One row that cannot be read stops all of them, so no row may stay that is not from here.
    Schedule.objects.exclude(name__in=SCHEDULES).delete()
    for name, function in SCHEDULES.items():
        wanted = {
            "func": function, "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1,
            "args": None, "kwargs": None, "hook": None, "cluster": None, "cron": None,
        }  # fmt: skip
        rows = Schedule.objects.filter(name=name)
        if rows.count() == 1:
            rows.update(**wanted)
        else:
            rows.delete()
            Schedule.objects.create(name=name, **wanted)


def missing() -> list[str]:
    """The schedules that are not installed as the code wants them."""
    found = Schedule.objects.exclude(repeats=0).values_list("name", "func")
    return sorted(set(SCHEDULES) - {name for name, function in found if SCHEDULES.get(name) == function})
