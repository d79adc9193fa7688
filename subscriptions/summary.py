"""What a subscriber has chosen, in words: for the pages and for the mail that tells of a change."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from subscriptions.models import Subscriber


@dataclass(frozen=True)
class Choice:
    """One line: a label and what stands beside it."""

    label: str
    lines: tuple[str, ...]


def chosen(subscriber: Subscriber) -> list[Choice]:
    """All that `subscriber` has chosen. What single notices alone do not need is left out."""
    parts = tuple(str(part) for part in (*subscriber.groups.all(), *subscriber.components.all()))
    notices = tuple(notice.title for notice in subscriber.notices.order_by("-created_at", "-pk"))
    choices = []
    if subscriber.all_components:
        choices.append(Choice(_("What"), (_("Everything on this page"),)))
    elif parts:
        choices.append(Choice(_("What"), parts))
    if subscriber.all_components or parts:
        choices.append(Choice(_("Kinds"), _kinds(subscriber)))
        how_much = _("Only the start and the end") if subscriber.only_start_and_end else _("Every update")
        choices.append(Choice(_("How much"), (how_much,)))
    if notices:
        choices.append(Choice(_("Single notices"), notices))
    choices.append(Choice(_("Times"), (subscriber.time_zone or _("In the zone of each notice"),)))
    return choices


def _kinds(subscriber: Subscriber) -> tuple[str, ...]:
    kinds = []
    if subscriber.hears_incidents:
        kinds.append(_("Incidents"))
    if subscriber.hears_maintenance:
        with_reminders, without = _("Maintenance, with a reminder before it"), _("Maintenance, without reminders")
        kinds.append(with_reminders if subscriber.hears_reminders else without)
    return tuple(kinds)
