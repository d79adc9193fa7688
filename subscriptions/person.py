"""All that is held about one subscriber: for the staff who answer them, and for themselves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from subscriptions.addresses import read_address
from subscriptions.choices import Channel, Purpose
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.sheet import KIND_FIELDS


@dataclass(frozen=True)
class ConsentEvent:
    at: dt.datetime
    what: str
    detail: str = ""


def find_person(typed: str) -> Subscriber | None:
    """Whoever has this address, however it is spelled."""
    try:
        key = read_address(typed).key
    except ValidationError:
        key = typed.strip().casefold()
    return Subscriber.objects.filter(channel=Channel.EMAIL, endpoint_key=key).first()


def consent_events(subscriber: Subscriber) -> list[ConsentEvent]:
    """Asked, confirmed, left, quarantined, and what staff did: the oldest first."""
    asked = subscriber.personal_notifications.filter(purpose=Purpose.CONFIRM).values_list("created_at", flat=True)
    events = [
        ConsentEvent(subscriber.created_at, _("First seen")),
        *(ConsentEvent(at, _("Asked to confirm")) for at in asked),
        *(ConsentEvent(act.action_time, _("Act of staff"), act.get_change_message()) for act in staff_acts(subscriber)),
    ]
    if subscriber.confirmed_at:
        events.append(ConsentEvent(subscriber.confirmed_at, _("Confirmed")))
    if subscriber.unsubscribed_at:
        events.append(ConsentEvent(subscriber.unsubscribed_at, _("Unsubscribed")))
    if subscriber.quarantined_at:
        events.append(ConsentEvent(subscriber.quarantined_at, _("Quarantined"), subscriber.quarantine_reason))
    return sorted(events, key=lambda event: event.at)


def staff_acts(subscriber: Subscriber) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(Subscriber)
    return LogEntry.objects.filter(content_type=kind, object_id=str(subscriber.pk)).order_by("action_time")


def deliveries_of(subscriber: Subscriber) -> QuerySet[Delivery]:
    """Every mail that was owed to it, the newest first, with what it tells."""
    return subscriber.deliveries.select_related("notification__update__incident").order_by("-pk")


def choices_in_words(subscriber: Subscriber) -> list[str]:
    """What it hears of, one sentence for each choice."""
    kinds = [
        (subscriber.hears_incidents, _("incidents")),
        (subscriber.hears_maintenance, _("maintenance")),
        (subscriber.hears_reminders, _("reminders of maintenance")),
    ]
    heard = [word for is_heard, word in kinds if is_heard]
    words = [hears_of(subscriber), capfirst(", ".join(heard)) if heard else _("Neither incidents nor maintenance")]
    if subscriber.only_start_and_end:
        words.append(_("Only the start and the end of a notice"))
    if notices := [notice.title for notice in subscriber.notices.all()]:
        words.append(_("Single notices: %(titles)s") % {"titles": ", ".join(notices)})
    return words


def hears_of(subscriber: Subscriber) -> str:
    """Everything, or the groups and components by name."""
    if subscriber.all_components:
        return _("Everything")
    return ", ".join(map(str, (*subscriber.groups.all(), *subscriber.components.all()))) or _("No component")


def told(notification: Notification) -> str:
    """What a notification tells, in one line."""
    if notification.update is None:
        return str(notification.get_purpose_display())
    named = {"title": notification.update.incident.title, "status": notification.update.get_status_display()}
    if notification.purpose == Purpose.UPDATE:
        return _("%(title)s: %(status)s") % named
    return _("%(title)s: %(purpose)s") % {**named, "purpose": notification.get_purpose_display()}


def everything_about(subscriber: Subscriber) -> dict[str, Any]:
    """What a person may ask to see, as JSON can hold it. Keys that open their links are not told to anybody."""
    return {
        "address": subscriber.endpoint,
        "channel": subscriber.channel,
        "id": subscriber.code,
        "state": subscriber.state,
        "language": subscriber.language,
        "time_zone": subscriber.time_zone,
        "choices": {
            "everything": subscriber.all_components,
            "components": [_named(component) for component in subscriber.components.all()],
            "groups": [_named(group) for group in subscriber.groups.all()],
            "kinds": [kind for kind, name in KIND_FIELDS.items() if getattr(subscriber, name)],
            "notices": [{"title": notice.title, "id": notice.code} for notice in subscriber.notices.all()],
        },
        "times": {
            name: _moment(getattr(subscriber, name))
            for name in ("created_at", "confirmation_owed_at", "confirmed_at", "unsubscribed_at", "quarantined_at")
        },
        "quarantine_reason": subscriber.quarantine_reason,
        "quarantine_cause": subscriber.quarantine_cause,
        "consent": [
            {"at": _moment(event.at), "what": event.what, "detail": event.detail}
            for event in consent_events(subscriber)
        ],
        "deliveries": [_delivery(delivery) for delivery in deliveries_of(subscriber)],
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "what": told(delivery.notification),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "created_at": _moment(delivery.created_at),
        "due_at": _moment(delivery.due_at),
        "sent_at": _moment(delivery.sent_at),
        "last_error": delivery.last_error,
    }


def _named(thing: Any) -> dict[str, str]:
    return {"name": thing.name, "id": thing.code}


def _moment(at: dt.datetime | None) -> str | None:
    return at.isoformat() if at else None
