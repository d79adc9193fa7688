from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Channel(TextChoices):
    EMAIL = "email", _("E-mail")


class SubscriberState(TextChoices):
    PENDING = "pending", _("Not confirmed yet")
    ACTIVE = "active", _("Active")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    QUARANTINED = "quarantined", _("Quarantined")


class QuarantineCause(TextChoices):
    UNREACHABLE = "unreachable", _("Mail does not reach it")
    COMPLAINT = "complaint", _("Its owner reported our mail as spam")


class Purpose(TextChoices):
    """Why a notification exists. Those of TO_MANY go to many; the others to the one subscriber they name."""

    UPDATE = "update", _("Update of a notice")
    CORRECTION = "correction", _("Correction of an update")
    REMINDER = "reminder", _("Reminder of a maintenance")
    CATCH_UP = "catch_up", _("Where an open notice stands")
    CONFIRM = "confirm", _("Confirmation of an address")
    MANAGE = "manage", _("Link to manage a subscription")
    CHOICES = "choices", _("What a subscription holds now")


TO_MANY = (Purpose.UPDATE, Purpose.CORRECTION, Purpose.REMINDER)

# What concerns the subscription itself, and no notice.
PERSONAL = (Purpose.CONFIRM, Purpose.MANAGE, Purpose.CHOICES)


class DeliveryState(TextChoices):
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")


class StaffWish(TextChoices):
    """Which reminders a member of the staff wants by mail."""

    ALL = "all", _("All: also some minutes before a promised time or a planned end")
    LATE = "late", _("Only what is late")
    NONE = "none", _("None")
