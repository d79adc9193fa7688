"""An example page for a database that is empty: a true story from 2013, and a page that lives today."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth import get_user_model
from django.db import transaction

from incidents.demo.place import ADMIN, make_place, make_staff
from incidents.demo.story import tell_story
from incidents.demo.today import tell_today
from incidents.models import Component, ComponentGroup, Incident

__all__ = ["ADMIN", "is_empty", "load_demo"]


def is_empty() -> bool:
    """Whether nobody has used this database yet: no login, no component, no notice."""
    return not any(model.objects.exists() for model in (get_user_model(), ComponentGroup, Component, Incident))


@transaction.atomic
def load_demo(now: dt.datetime, *, password: str) -> None:
    """Fill the database, whole or not at all; `password` is the admin's. Nobody is mailed for what is history."""
    staff = make_staff(password)
    functions = make_place(staff)
    tell_story(functions, staff)
    tell_today(functions, staff, now=now)
