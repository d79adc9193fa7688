"""Short ways to the objects that tests talk about."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from incidents.actions import open_incident, reschedule_maintenance, schedule_maintenance
from incidents.models import Component, ComponentGroup, Incident, IncidentUpdate, Page
from incidents.values import NoticeDetails, UpdateText, Window
from incidents.writing import status_after_move
from subscriptions.choices import SubscriberState
from subscriptions.consent import confirm, request_subscription, unsubscribe
from subscriptions.models import Subscriber

_numbers = itertools.count(1)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def make_page(**fields: Any) -> Page:
    page = Page.objects.current()
    for name, value in {"name": "Copernica", "time_zone": "Europe/Amsterdam", **fields}.items():
        setattr(page, name, value)
    page.save()
    return page


def make_staff(username: str = "", **fields: Any) -> User:
    return User.objects.create_superuser(
        username or f"staff{next(_numbers)}", password="correct horse battery", **fields
    )


def make_component(name: str = "", *, group: str = "", **fields: Any) -> Component:
    if group:
        fields["group"] = ComponentGroup.objects.get_or_create(name=group)[0]
    number = next(_numbers)
    return Component.objects.create(name=name or f"Component {number}", position=number, **fields)


def make_incident(
    title: str = "Slow mailings",
    *,
    status: str = "investigating",
    body: str = "We are looking into it.",
    components: dict[int, str] | None = None,
    **fields: Any,
) -> Incident:
    notify = fields.pop("notify", True)
    update = UpdateText(status=status, body=body, components=components or {}, notify=notify)
    return open_incident(title=title, update=update, actor=fields.pop("actor", None), **fields).incident


def make_maintenance(
    title: str = "Work on the power feeds",
    *,
    starts: dt.datetime,
    ends: dt.datetime,
    body: str = "All servers get new power feeds.",
    components: dict[int, str] | None = None,
    **fields: Any,
) -> Incident:
    window = Window(
        work_starts_at=starts,
        work_ends_at=ends,
        time_zone=fields.pop("time_zone", "Europe/Amsterdam"),
        avoid_starts_at=fields.pop("avoid_starts", None),
        avoid_ends_at=fields.pop("avoid_ends", None),
        completes_by_clock=fields.pop("completes_by_clock", False),
    )
    return schedule_maintenance(
        title=title,
        window=window,
        update=UpdateText(
            status="scheduled", body=body, components=components or {}, notify=fields.pop("notify", True)
        ),
        details=fields.pop("details", NoticeDetails()),
        actor=fields.pop("actor", None),
        **fields,
    ).incident


def move(
    maintenance: Incident,
    *,
    starts: dt.datetime | None = None,
    ends: dt.datetime | None = None,
    body: str = "The parts arrive later.",
    at: dt.datetime | None = None,
    **fields: Any,
) -> IncidentUpdate:
    """Move a maintenance. Its avoid window goes, unless it is given anew."""
    maintenance.refresh_from_db()
    window = Window(
        work_starts_at=starts or maintenance.work_starts_at,
        work_ends_at=ends or maintenance.work_ends_at,
        time_zone=maintenance.time_zone,
        avoid_starts_at=fields.pop("avoid_starts", None),
        avoid_ends_at=fields.pop("avoid_ends", None),
        completes_by_clock=maintenance.completes_by_clock,
    )
    text = UpdateText(status=status_after_move(maintenance), body=body, **fields)
    return reschedule_maintenance(maintenance, window, text, actor=None, at=at)


def make_subscriber(email: str = "", *, state: str = "active", **fields: Any) -> Subscriber:
    """An address as far on its way as `state` says, by the verbs that lead there."""
    now = fields.pop("now", None) or timezone.now()
    choices = {name: fields.pop(name) for name in ("components", "groups") if name in fields}
    subscriber = request_subscription(
        email or f"reader{next(_numbers)}@example.com",
        all_components=fields.pop("all_components", not choices),
        language=fields.pop("language", "en"),
        now=now,
        **choices,
    )
    if state in ("active", "unsubscribed"):
        confirm(subscriber, now)
    if state == "unsubscribed":
        unsubscribe(subscriber, now)
    return subscriber


def make_subscribers(count: int, **fields: Any) -> list[Subscriber]:
    """Many active ones at once, past the verbs: nothing is owed to them yet."""
    now = timezone.now()
    addresses = [f"reader{next(_numbers)}@example.com" for _one in range(count)]
    return Subscriber.objects.bulk_create(
        Subscriber(
            **{"endpoint": address, "endpoint_key": address, "state": SubscriberState.ACTIVE, "confirmed_at": now}
            | fields
        )
        for address in addresses
    )


def make_role(role: str, username: str = "") -> User:
    """A member of the staff who is in the group `role` and nothing more."""
    user = User.objects.create_user(username or f"{role.lower()}{next(_numbers)}", password="correct horse battery")
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.groups.add(Group.objects.get(name=role))
    return user
