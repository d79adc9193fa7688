from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.choices import ToDoKind
from incidents.models import Component, ComponentGroup, Incident, IncidentUpdate, UpdateRevision, check_zone, new_code
from subscriptions.choices import (
    PERSONAL,
    Channel,
    DeliveryState,
    Purpose,
    QuarantineCause,
    StaffWish,
    SubscriberState,
)


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def active(self) -> SubscriberQuerySet:
        return self.filter(state=SubscriberState.ACTIVE)


class Subscriber(models.Model):
    """One endpoint that asked to be told. Only an active one has consented, and only an active one is told."""

    code = models.CharField(max_length=40, unique=True, default=new_code, editable=False)
    channel = models.CharField(_("channel"), max_length=20, choices=Channel, default=Channel.EMAIL)
    endpoint = models.CharField(_("address"), max_length=320)
    # The endpoint as compared: two spellings of one mailbox are one subscriber.
    endpoint_key = models.CharField(max_length=320, editable=False)
    state = models.CharField(_("state"), max_length=20, choices=SubscriberState, default=SubscriberState.PENDING)
    all_components = models.BooleanField(_("everything"), default=True)
    components = models.ManyToManyField(Component, blank=True, related_name="+", verbose_name=_("components"))
    # A group stands for its components, those added later included.
    groups = models.ManyToManyField(ComponentGroup, blank=True, related_name="+", verbose_name=_("groups"))
    # Single notices, whatever they affect; forgotten some days after their all-clear.
    notices = models.ManyToManyField(Incident, blank=True, related_name="+", verbose_name=_("single notices"))
    hears_incidents = models.BooleanField(_("incidents"), default=True, db_default=True)
    hears_maintenance = models.BooleanField(_("maintenance"), default=True, db_default=True)
    hears_reminders = models.BooleanField(_("reminders of maintenance"), default=True, db_default=True)
    only_start_and_end = models.BooleanField(_("only the start and the end"), default=False, db_default=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, validators=[check_zone])
    # Part of the links that confirm or change a subscription: a new value makes all earlier ones void.
    link_secret = models.CharField(max_length=40, default=new_code, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    unsubscribed_at = models.DateTimeField(null=True, editable=False)
    # When a confirmation was last owed to this address: the limit against flooding it.
    confirmation_owed_at = models.DateTimeField(null=True, editable=False)
    quarantined_at = models.DateTimeField(null=True, editable=False)
    quarantine_cause = models.CharField(
        max_length=20, choices=QuarantineCause, blank=True, default="", db_default="", editable=False
    )
    quarantine_reason = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "endpoint_key"], name="subscriber_once_per_endpoint"),
            models.CheckConstraint(
                condition=~Q(state=SubscriberState.ACTIVE) | Q(confirmed_at__isnull=False),
                name="subscriber_active_is_confirmed",
            ),
            models.CheckConstraint(condition=Q(state__in=SubscriberState.values), name="subscriber_state_known"),
            models.CheckConstraint(
                condition=~Q(state=SubscriberState.QUARANTINED)
                | Q(quarantined_at__isnull=False, quarantine_cause__in=QuarantineCause.values),
                name="subscriber_quarantined_says_why",
            ),
        ]

    def __str__(self) -> str:
        return self.endpoint


class Notification(models.Model):
    """That something is to be told: an update or a reminder to all whom it concerns, or a word to one subscriber.

    `max_subscriber_id` is frozen when the fan-out begins; `cursor` is the last subscriber id already considered. While
    it is paused nothing more is owed or sent of it. A reminder is of the start at `starts_at`, `lead_minutes` before
    it, and tells the notice as it stood with `update`; a catch-up tells one subscriber where a notice stands. A
    correction tells that `revision` is no longer what `update` says.
    """

    purpose = models.CharField(max_length=20, choices=Purpose)
    update = models.ForeignKey(IncidentUpdate, models.CASCADE, null=True, related_name="notifications")
    subscriber = models.ForeignKey(Subscriber, models.CASCADE, null=True, related_name="personal_notifications")
    incident = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="reminders_sent")
    revision = models.OneToOneField(UpdateRevision, models.CASCADE, null=True, related_name="notification")
    starts_at = models.DateTimeField(null=True)
    lead_minutes = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    cursor = models.BigIntegerField(default=0)
    max_subscriber_id = models.BigIntegerField(null=True)
    fanned_out_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(_("paused"), null=True)
    paused_by = models.CharField(_("paused by"), max_length=150, blank=True, default="", db_default="")
    pause_reason = models.CharField(_("why it is paused"), max_length=300, blank=True, default="", db_default="")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["update"], condition=Q(purpose=Purpose.UPDATE), name="notification_once_per_update"
            ),
            models.UniqueConstraint(
                fields=["incident", "starts_at", "lead_minutes"],
                condition=Q(purpose=Purpose.REMINDER),
                name="notification_once_per_reminder",
            ),
            models.UniqueConstraint(
                fields=["update", "subscriber"],
                condition=Q(purpose=Purpose.CATCH_UP),
                name="notification_once_per_catch_up",
            ),
            models.CheckConstraint(
                condition=Q(purpose=Purpose.UPDATE, update__isnull=False, subscriber__isnull=True)
                | Q(
                    purpose=Purpose.CORRECTION,
                    update__isnull=False,
                    revision__isnull=False,
                    subscriber__isnull=True,
                )
                | Q(
                    purpose=Purpose.REMINDER,
                    update__isnull=False,
                    incident__isnull=False,
                    starts_at__isnull=False,
                    lead_minutes__isnull=False,
                    subscriber__isnull=True,
                )
                | Q(purpose=Purpose.CATCH_UP, update__isnull=False, subscriber__isnull=False)
                | Q(purpose__in=PERSONAL, update__isnull=True, subscriber__isnull=False),
                name="notification_to_all_or_to_one",
            ),
            models.CheckConstraint(
                condition=Q(max_subscriber_id__isnull=True) | Q(cursor__lte=F("max_subscriber_id")),
                name="notification_cursor_in_range",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(fanned_out_at__isnull=True), name="notification_owing_fanout"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.update or self.subscriber}"


class Delivery(models.Model):
    """One notification to one subscriber: the ledger's row. Whether it was told, and if not, when it is tried again."""

    # Found through the indexes below: one of its own would cost each of a million rows.
    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries", db_index=False)
    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # The last revision of the update's text before it was claimed: by it, it is known who got which text.
    text_revision = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["notification", "subscriber"], name="delivery_once_per_subscriber"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENDING, lease_until__isnull=False, claim__isnull=False)
                | ~Q(state=DeliveryState.SENDING) & Q(lease_until__isnull=True, claim__isnull=True),
                name="delivery_sending_is_leased",
            ),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.SENT) | Q(sent_at__isnull=False), name="delivery_sent_has_time"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=DeliveryState.QUEUED), name="delivery_due"),
            models.Index(fields=["lease_until"], condition=Q(state=DeliveryState.SENDING), name="delivery_leased"),
            # How far a notification has come, and how fast, is counted from this index alone.
            models.Index(fields=["notification", "state", "sent_at"], name="delivery_progress_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.notification} → {self.subscriber}: {self.state}"


class ChannelPause(models.Model):
    """A channel that cannot be reached or refuses all of us: until `until` nothing is tried on it, and nobody fails."""

    channel = models.CharField(max_length=20, primary_key=True, choices=Channel)
    since = models.DateTimeField()
    until = models.DateTimeField()
    failures = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=500)

    class Meta:
        verbose_name = _("paused channel")
        verbose_name_plural = _("paused channels")

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.reason}"


class Allowance(models.Model):
    """How often someone did something that is limited. The key is a keyed hash: no address of anybody is kept."""

    key = models.CharField(max_length=64, primary_key=True)
    used = models.PositiveIntegerField(default=0)
    renews_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.used} until {self.renews_at:%Y-%m-%d %H:%M}"


class UploadedList(models.Model):
    """A file of subscribers that a member of the staff has sent. Nothing of it is acted on before it is confirmed;
    then its import is owed, until it is finished.

    Lines up to `cursor` of `last_line` are done. The content holds addresses, so it goes as soon as it is imported or
    dropped, and after a day; what came of it is shown for a day more.
    """

    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    is_consent_declared = models.BooleanField(default=False, db_default=False)
    last_line = models.PositiveIntegerField(default=0, db_default=0)
    cursor = models.PositiveIntegerField(default=0, db_default=0)
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    new = models.PositiveIntegerField(default=0, db_default=0)
    updated = models.PositiveIntegerField(default=0, db_default=0)
    unchanged = models.PositiveIntegerField(default=0, db_default=0)
    refused = models.PositiveIntegerField(default=0, db_default=0)
    declared = models.PositiveIntegerField(default=0, db_default=0)
    asked = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=False)
                | Q(cursor=0, lease_until__isnull=True, finished_at__isnull=True),
                name="upload_is_confirmed_first",
            ),
            models.CheckConstraint(condition=Q(cursor__lte=F("last_line")), name="upload_cursor_in_range"),
        ]

    def __str__(self) -> str:
        return self.name


class RefusedLine(models.Model):
    """A line of an imported list that was not taken, the value that was in the way, and why."""

    upload = models.ForeignKey(UploadedList, models.CASCADE, related_name="refused_lines", db_index=False)
    line = models.PositiveIntegerField()
    value = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["upload", "line"], name="refused_line_once")]

    def __str__(self) -> str:
        return f"{self.line}: {self.reason}"


class Watermark(models.Model):
    """How many claims senders have made. It only rises: who saw it higher knows that the database was set back."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    claims = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="watermark_is_one")]

    def __str__(self) -> str:
        return str(self.claims)


class StaffReminder(models.Model):
    """That staff are to be told of one step of something that waits for them: each once.

    `about` is the moment that it is about, `step` counts how often it was told (incidents/staff_reminders.py).
    """

    kind = models.CharField(_("what waits"), max_length=20, choices=ToDoKind)
    incident = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="staff_reminders")
    component = models.ForeignKey(Component, models.CASCADE, null=True, related_name="staff_reminders")
    about = models.DateTimeField()
    step = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ToDoKind.values), name="staff_reminder_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=ToDoKind.COMPONENT, component__isnull=False, incident__isnull=True)
                | ~Q(kind=ToDoKind.COMPONENT) & Q(component__isnull=True, incident__isnull=False),
                name="staff_reminder_of_one_subject",
            ),
            models.UniqueConstraint(
                fields=["incident", "kind", "about", "step"],
                condition=Q(incident__isnull=False),
                name="staff_reminder_once_per_incident",
            ),
            models.UniqueConstraint(
                fields=["component", "kind", "about", "step"],
                condition=Q(component__isnull=False),
                name="staff_reminder_once_per_component",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.incident or self.component}"


class StaffDelivery(models.Model):
    """One staff reminder to one person. Those that are due to a person at the same time go in one mail."""

    reminder = models.ForeignKey(StaffReminder, models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="staff_deliveries")
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reminder", "user"], name="staff_delivery_once_per_person"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="staff_delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENDING, lease_until__isnull=False, claim__isnull=False)
                | ~Q(state=DeliveryState.SENDING) & Q(lease_until__isnull=True, claim__isnull=True),
                name="staff_delivery_sending_is_leased",
            ),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.SENT) | Q(sent_at__isnull=False), name="staff_delivery_sent_has_time"
            ),
        ]
        indexes = [
            models.Index(
                fields=["user", "due_at"],
                condition=Q(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]),
                name="staff_delivery_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reminder} → {self.user}: {self.state}"


class StaffChoice(models.Model):
    """Which reminders a member of the staff wants by mail. Who has no row wants all."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="staff_choice")
    wants = models.CharField(_("by mail I want"), max_length=10, choices=StaffWish, default=StaffWish.ALL)

    class Meta:
        verbose_name = _("reminders to me")
        verbose_name_plural = _("reminders to me")
        constraints = [models.CheckConstraint(condition=Q(wants__in=StaffWish.values), name="staff_choice_known")]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_wants_display()}"
