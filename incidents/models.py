from __future__ import annotations

import secrets
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Least, Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from incidents.choices import (
    ACTIVE_MAINTENANCE,
    CLOSED,
    OPEN,
    STATUSES,
    TEMPLATE_STATUSES,
    BrandFileKind,
    ComponentStatus,
    DataStatement,
    EditKind,
    EffectLevel,
    Frequency,
    Impact,
    IncidentKind,
    IncidentStatus,
    LinkKind,
    MissedBecause,
    OccurrenceState,
    TemplateKind,
    Turnout,
)
from incidents.colours import check_accent, read_colour
from incidents.page_links import check_links
from incidents.pictures import MAX_PICTURE

CODE_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
CODE_LENGTH = 12
LONGEST_MINUTES = 31 * 24 * 60
TRANSLATED = ("incident", "update", "component", "group")  # whose texts have translations

CSS_TYPE = "text/css; charset=utf-8"
PICTURE_TYPES = ("image/svg+xml", "image/png", "image/webp")
FILE_ENDS = {"image/svg+xml": "svg", "image/png": "png", "image/webp": "webp", CSS_TYPE: "css"}


def new_code() -> str:
    """A public id: opaque, never reused, never changed."""
    return "".join(secrets.choice(CODE_ALPHABET) for _position in range(CODE_LENGTH))


def check_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(_("%(name)s is not a time zone; write it as Europe/Amsterdam."), params={"name": name})


def one_day_and_one_hour() -> list[int]:
    return [24 * 60, 60]


def code_field() -> models.CharField:
    return models.CharField(max_length=40, unique=True, default=new_code, editable=False)


def colour_field(name: str) -> models.CharField:
    return models.CharField(name, max_length=7, default="", db_default="", blank=True, validators=[read_colour])


def links_field(name: str) -> models.TextField:
    return models.TextField(name, default="", db_default="", blank=True, validators=[check_links])


def text_field(name: str | None = None, **options: Any) -> models.TextField:
    return models.TextField(name, default="", db_default="", blank=True, **options)


class PageQuerySet(models.QuerySet["Page"]):
    def current(self) -> Page:
        return self.get_or_create(pk=Page.ONLY)[0]

    def locked(self) -> Page:
        """The page, held until the transaction ends: this puts all changes of facts in one order."""
        self.current()
        return self.select_for_update().get(pk=Page.ONLY)


class Page(models.Model):
    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    code = code_field()
    name = models.CharField(_("name"), max_length=100, default="Status")
    description = models.CharField(_("description"), max_length=300, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[check_zone])
    language = models.CharField(_("language"), max_length=10, default="en")
    # Those that the page is shown in beside `language`, the one that staff write in.
    languages = models.JSONField(
        _("further languages"), default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    support_url = models.URLField(_("support address"), blank=True)
    # Minutes before the work; what a new maintenance begins with.
    reminders = models.JSONField(
        _("reminders of maintenance"),
        default=one_day_and_one_hour,
        db_default=models.Value(one_day_and_one_hour(), models.JSONField()),
        blank=True,
    )
    needs_review = models.BooleanField(
        _("publishing needs a second person"),
        default=False,
        db_default=False,
        help_text=_(
            "Nobody publishes what they wrote themselves. Publishers can still do so in an emergency, with a reason "
            "that a colleague has to acknowledge."
        ),
    )
    # The brand. Its files are `BrandFile`s; how it looks in the end says `brand`.
    accent = colour_field(_("colour of links and buttons"))
    accent_dark = colour_field(_("colour of links and buttons on dark"))
    masthead = colour_field(_("background of the header"))
    masthead_dark = colour_field(_("background of the header on dark"))
    shows_name = models.BooleanField(_("show the name beside the logo"), default=False, db_default=False)
    icon_shows_state = models.BooleanField(_("show the state as the home page’s icon"), default=True, db_default=True)
    uses_style_sheet = models.BooleanField(_("use the style sheet"), default=True, db_default=True)
    nav_links = links_field(_("links in the header"))
    footer_links = links_field(_("links in the footer"))
    legal_links = links_field(_("legal links"))
    # Each text twice: as typed, and as HTML.
    header_text = text_field(_("text below the name"))
    header_html = text_field(editable=False)
    footer_text = text_field(_("text in the footer"))
    footer_html = text_field(editable=False)
    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PageQuerySet.as_manager()

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("page")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="page_is_one")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Colours are written in one way, and words in them can be read, in light and in dark."""
        problems: dict[str, ValidationError] = {}
        for name in ("accent", "accent_dark", "masthead", "masthead_dark"):
            try:
                if colour := getattr(self, name) and read_colour(getattr(self, name)):
                    setattr(self, name, colour)
                    if name.startswith("accent"):
                        check_accent(colour, is_dark=name.endswith("dark"))
            except ValidationError as problem:
                problems[name] = problem
        for light, dark in (("accent", "accent_dark"), ("masthead", "masthead_dark")):
            if getattr(self, dark) and not getattr(self, light):
                problems[light] = ValidationError(_("Choose this one too, or neither of the two."))
        if problems:
            raise ValidationError(problems)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def prefix(self, language: str) -> str:
        """What the paths of the page in `language` begin with; nothing where it is not shown in it."""
        return f"/{language}" if language != self.language and language in self.languages else ""


class BrandFile(models.Model):
    """A file of the brand. It lies in the database, so that every host, copy and mirror of the page has it."""

    kind = models.CharField(max_length=20, primary_key=True, choices=BrandFileKind)
    name = models.CharField(max_length=100)
    content_type = models.CharField(max_length=40)
    content = models.BinaryField()
    checksum = models.CharField(max_length=8)
    # Of a picture; of a style sheet nothing.
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # who may change the page may change these
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=BrandFileKind.values), name="brand_file_known"),
            models.CheckConstraint(
                condition=Q(kind=BrandFileKind.STYLE_SHEET, content_type=CSS_TYPE)
                | Q(~Q(kind=BrandFileKind.STYLE_SHEET), content_type__in=PICTURE_TYPES),
                name="brand_file_type_known",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("content"), MAX_PICTURE), name="brand_file_is_small"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        return f"/assets/{self.kind}.{self.checksum}.{FILE_ENDS[self.content_type]}"

    @property
    def url(self) -> str:
        """What a form shows it by."""
        return self.path


class ComponentGroup(models.Model):
    code = code_field()
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    position = models.PositiveIntegerField(_("position"), default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("component group")
        verbose_name_plural = _("component groups")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name


class ComponentQuerySet(models.QuerySet["Component"]):
    def public(self) -> ComponentQuerySet:
        return self.filter(archived_at=None)


class Component(models.Model):
    code = code_field()
    group = models.ForeignKey(
        ComponentGroup, models.PROTECT, null=True, blank=True, related_name="components", verbose_name=_("group")
    )
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    status = models.CharField(
        _("own status"),
        max_length=30,
        choices=ComponentStatus,
        default=ComponentStatus.OPERATIONAL,
        help_text=_("What staff or automation say of it, apart from open notices."),
    )
    shown_status = models.CharField(
        max_length=30, choices=ComponentStatus, default=ComponentStatus.OPERATIONAL, editable=False
    )
    position = models.PositiveIntegerField(_("position"), default=1)
    showcase = models.BooleanField(default=True, editable=False)
    only_show_if_degraded = models.BooleanField(_("show only while it is not operational"), default=False)
    start_date = models.DateField(_("in use since"), null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ComponentQuerySet.as_manager()

    class Meta:
        verbose_name = _("component")
        verbose_name_plural = _("components")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ComponentStatus.values), name="component_status_known"),
            models.CheckConstraint(condition=Q(shown_status__in=ComponentStatus.values), name="component_shown_known"),
        ]

    def __str__(self) -> str:
        return self.name


class StatusChange(models.Model):
    """What the page began to show of a component, and when; or when that was so, as far as it was told later.

    Uptime is computed from these.
    """

    component = models.ForeignKey(Component, models.CASCADE, related_name="status_changes")
    status = models.CharField(max_length=30, choices=ComponentStatus)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["component", "at"]), models.Index(fields=["at"])]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ComponentStatus.values), name="status_change_known")
        ]

    def __str__(self) -> str:
        return f"{self.component}: {self.status}"


def filed_at() -> Coalesce:
    """The moment under which a notice is filed: its start, planned or real, or the end of what was over before it."""
    start = Coalesce("work_starts_at", "started_at")
    return Coalesce(Least(start, "resolved_at"), start)  # SQLite's least of something and nothing is nothing


class IncidentQuerySet(models.QuerySet["Incident"]):
    def public(self) -> IncidentQuerySet:
        """What everybody may see. The single place where that is decided."""
        return self.filter(published_at__isnull=False)

    def open(self) -> IncidentQuerySet:
        return self.filter(status__in=OPEN)  # by name, not "none of the others": an index finds them

    def realtime(self) -> IncidentQuerySet:
        return self.filter(kind=IncidentKind.REALTIME)

    def scheduled(self) -> IncidentQuerySet:
        return self.filter(kind=IncidentKind.SCHEDULED)

    def holding(self) -> IncidentQuerySet:
        """Notices whose components are affected at this moment."""
        return self.public().open().exclude(status=IncidentStatus.SCHEDULED)


class Incident(models.Model):
    """One notice: an incident (kind realtime) or a maintenance (kind scheduled)."""

    code = code_field()
    kind = models.CharField(max_length=10, choices=IncidentKind, default=IncidentKind.REALTIME, editable=False)
    title = models.CharField(_("title"), max_length=200)
    status = models.CharField(_("status"), max_length=20, choices=IncidentStatus)
    impact = models.CharField(_("impact"), max_length=12, choices=Impact, default=Impact.NONE, editable=False)
    impact_override = models.CharField(_("impact, if not the derived one"), max_length=12, choices=Impact, blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    monitoring_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_update_by = models.DateTimeField(_("next update by"), null=True, blank=True)

    # Maintenance. All instants; `time_zone` is the zone in which staff wrote them.
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[check_zone])
    work_starts_at = models.DateTimeField(_("work starts"), null=True, blank=True)
    work_ends_at = models.DateTimeField(_("work ends"), null=True, blank=True)
    avoid_starts_at = models.DateTimeField(_("avoid from"), null=True, blank=True)
    avoid_ends_at = models.DateTimeField(_("avoid until"), null=True, blank=True)
    actual_started_at = models.DateTimeField(_("work began"), null=True, blank=True)
    actual_ended_at = models.DateTimeField(_("work ended"), null=True, blank=True)
    completes_by_clock = models.BooleanField(
        _("complete at the planned end without a person"),
        default=False,
        help_text=_("Otherwise the notice goes to “verifying” and waits for someone to post the all-clear."),
    )

    # Minutes before `work_starts_at` at which subscribers are reminded.
    reminders = models.JSONField(
        _("reminders"), default=list, db_default=models.Value([], models.JSONField()), blank=True
    )

    reason = models.TextField(_("reason"), blank=True)
    reason_html = models.TextField(blank=True, editable=False)
    advice_before = models.TextField(_("what to do before"), blank=True)
    advice_before_html = models.TextField(blank=True, editable=False)
    advice_during = models.TextField(_("what to do during it"), blank=True)
    advice_during_html = models.TextField(blank=True, editable=False)
    advice_after = models.TextField(_("what to do afterwards"), blank=True)
    advice_after_html = models.TextField(blank=True, editable=False)
    data_statement = models.CharField(_("data"), max_length=20, choices=DataStatement, blank=True)
    data_outcome = models.CharField(_("data, at the end"), max_length=20, choices=DataStatement, blank=True)
    deviations = models.TextField(_("what differed from the plan"), blank=True, default="", db_default="")
    deviations_html = models.TextField(blank=True, editable=False, default="", db_default="")
    text_version = models.PositiveSmallIntegerField(default=0, editable=False)

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    byline = models.CharField(_("byline"), max_length=100, blank=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["kind", "status"]),
            models.Index(fields=["status"]),
            models.Index(fields=["created_at"]),
            models.Index(fields=["kind", "created_at"]),
            models.Index(fields=["kind", "work_starts_at"]),
            models.Index(fields=["resolved_at"]),
            # The moment under which a notice is filed.
            models.Index(filed_at(), name="incident_filed_at"),
        ]
        permissions = [("publish_incident", "Can publish notices and updates")]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    *[Q(kind=kind, status__in=statuses) for kind, statuses in STATUSES.items()], _connector=Q.OR
                ),
                name="incident_status_fits_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind=IncidentKind.REALTIME) | Q(work_starts_at__isnull=False, work_ends_at__isnull=False),
                name="incident_scheduled_has_window",
            ),
            models.CheckConstraint(
                condition=Q(work_starts_at__isnull=True, work_ends_at__isnull=True)
                | Q(work_starts_at__lt=F("work_ends_at")),
                name="incident_work_starts_before_end",
            ),
            models.CheckConstraint(
                condition=Q(avoid_starts_at__isnull=True, avoid_ends_at__isnull=True)
                | Q(avoid_starts_at__lte=F("work_starts_at"), avoid_ends_at__gte=F("work_ends_at")),
                name="incident_avoid_contains_work",
            ),
            models.CheckConstraint(
                condition=Q(actual_ended_at__isnull=True)
                | Q(actual_started_at__isnull=True)
                | Q(actual_started_at__lte=F("actual_ended_at")),
                name="incident_actual_starts_before_end",
            ),
            models.CheckConstraint(
                condition=~Q(title=""),
                name="incident_has_title",
            ),
            models.CheckConstraint(
                condition=Q(impact__in=Impact.values, impact_override__in=["", *Impact.values]),
                name="incident_impact_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    data_statement__in=["", *DataStatement.values], data_outcome__in=["", *DataStatement.values]
                ),
                name="incident_data_known",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_scheduled(self) -> bool:
        return self.kind == IncidentKind.SCHEDULED

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def is_active_maintenance(self) -> bool:
        return self.status in ACTIVE_MAINTENANCE

    @property
    def is_draft(self) -> bool:
        return self.published_at is None


class ScheduledMaintenanceManager(models.Manager.from_queryset(IncidentQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> IncidentQuerySet:
        return super().get_queryset().scheduled()


class ScheduledMaintenance(Incident):
    objects = ScheduledMaintenanceManager()

    class Meta:
        proxy = True
        verbose_name = _("scheduled maintenance")
        verbose_name_plural = _("scheduled maintenance")


class IncidentComponent(models.Model):
    """What a notice says of one component now. Its names are copied, so that no old notice is ever emptied."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="affected")
    component = models.ForeignKey(Component, models.PROTECT, related_name="notices")
    name = models.CharField(max_length=100)
    group_name = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=30, choices=ComponentStatus)

    class Meta:
        ordering = ["component__position", "pk"]
        indexes = [models.Index(fields=["component", "incident"])]
        constraints = [
            models.UniqueConstraint(fields=["incident", "component"], name="incident_component_once"),
            models.CheckConstraint(condition=Q(status__in=ComponentStatus.values), name="incident_component_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.status}"


class Effect(models.Model):
    """One line of a notice: what a function does meanwhile."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="effects")
    function = models.CharField(_("function"), max_length=200)
    level = models.CharField(_("effect"), max_length=12, choices=EffectLevel)
    note = models.CharField(_("note"), max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("effects")
        ordering = ["position", "pk"]
        constraints = [models.CheckConstraint(condition=Q(level__in=EffectLevel.values), name="effect_level_known")]

    def __str__(self) -> str:
        return f"{self.function}: {self.get_level_display()}"


class IncidentLink(models.Model):
    """`incident` is `kind` (caused by, follow-up to, …) `target`."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="links_out")
    target = models.ForeignKey(Incident, models.CASCADE, related_name="links_in")
    kind = models.CharField(max_length=12, choices=LinkKind, default=LinkKind.RELATED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "target", "kind"], name="incident_link_once"),
            models.CheckConstraint(condition=~Q(incident=F("target")), name="incident_link_not_itself"),
            models.CheckConstraint(condition=Q(kind__in=LinkKind.values), name="incident_link_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.incident} {self.get_kind_display()} {self.target}"


class IncidentUpdateQuerySet(models.QuerySet["IncidentUpdate"]):
    def public(self) -> IncidentUpdateQuerySet:
        return self.filter(published_at__isnull=False, incident__published_at__isnull=False)

    def drafts(self) -> IncidentUpdateQuerySet:
        return self.filter(published_at=None)


class IncidentUpdate(models.Model):
    """One timestamped public text of a notice; a draft until `published_at` is set."""

    code = code_field()
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="updates")
    status = models.CharField(_("status"), max_length=20, choices=IncidentStatus)
    body = models.TextField(_("text"), blank=True)
    body_html = models.TextField(blank=True, editable=False)
    text_version = models.PositiveSmallIntegerField(default=0, editable=False)
    notify = models.BooleanField(_("tell subscribers"), default=True)
    next_update_by = models.DateTimeField(_("next update by"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    display_at = models.DateTimeField(default=timezone.now, editable=False)
    # Whether `display_at` was chosen: it tells of an earlier moment than that of its publication.
    is_backdated = models.BooleanField(default=False, db_default=False, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    byline = models.CharField(max_length=100, blank=True)
    # How the work went, when this is an all-clear. The notice takes these over when the update is published.
    actual_started_at = models.DateTimeField(_("work began"), null=True, blank=True)
    actual_ended_at = models.DateTimeField(_("work ended"), null=True, blank=True)
    data_outcome = models.CharField(_("data, at the end"), max_length=20, choices=DataStatement, blank=True)
    deviations = models.TextField(_("what differed from the plan"), blank=True, default="", db_default="")
    # The planned times that this update replaced, when it moved a maintenance.
    was_work_starts_at = models.DateTimeField(null=True, blank=True, editable=False)
    was_work_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    was_avoid_starts_at = models.DateTimeField(null=True, blank=True, editable=False)
    was_avoid_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The one-time id of the form that wrote it: a double click posts once.
    form_id = models.UUIDField(null=True, unique=True, editable=False)
    # What becomes of a draft. `author` is who changed its text last. All of it is internal, and nothing of it public.
    review_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    sent_back_by = models.CharField(max_length=150, blank=True, editable=False, default="", db_default="")
    sent_back_note = models.TextField(blank=True, editable=False, default="", db_default="")
    publish_at = models.DateTimeField(_("publish at"), null=True, blank=True)
    # The page's version when it was approved as it stands, to be published at its time. Changing the draft clears it.
    approved_version = models.BigIntegerField(null=True, blank=True, editable=False)
    approved_by = models.CharField(max_length=150, blank=True, editable=False, default="", db_default="")
    was_reviewed = models.BooleanField(default=False, editable=False, db_default=False)
    missed_at = models.DateTimeField(null=True, blank=True, editable=False)
    missed_because = models.CharField(
        max_length=20, choices=MissedBecause, blank=True, editable=False, default="", db_default=""
    )

    objects = IncidentUpdateQuerySet.as_manager()

    class Meta:
        verbose_name = _("update")
        verbose_name_plural = _("updates")
        ordering = ["-display_at", "-pk"]
        indexes = [
            models.Index(fields=["incident", "display_at"]),
            models.Index(fields=["display_at"]),
            models.Index(fields=["publish_at"], name="update_publish_at", condition=Q(publish_at__isnull=False)),
        ]
        permissions = [("redact_update", "Can remove what must not stand in a published update")]
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(display_at__lte=F("published_at")),
                name="update_tells_of_no_later_moment",
            ),
            models.CheckConstraint(condition=Q(status__in=IncidentStatus.values), name="update_status_known"),
            models.CheckConstraint(condition=Q(data_outcome__in=["", *DataStatement.values]), name="update_data_known"),
            models.CheckConstraint(
                condition=Q(approved_version__isnull=True) | Q(publish_at__isnull=False),
                name="update_approved_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(missed_at__isnull=True, missed_because="")
                | Q(missed_at__isnull=False, missed_because__in=MissedBecause.values),
                name="update_missed_says_why",
            ),
            models.CheckConstraint(
                condition=Q(actual_ended_at__isnull=True)
                | Q(actual_started_at__isnull=True)
                | Q(actual_started_at__lte=F("actual_ended_at")),
                name="update_actual_starts_before_end",
            ),
            models.CheckConstraint(
                condition=Q(was_work_starts_at__isnull=True, was_work_ends_at__isnull=True)
                | Q(was_work_starts_at__lt=F("was_work_ends_at")),
                name="update_was_starts_before_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident}: {self.get_status_display()}"

    @property
    def is_draft(self) -> bool:
        return self.published_at is None


class UrgentAct(models.Model):
    """What was published by its own author although the page asks for a second person: to be looked at afterwards."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="urgent_acts")
    update = models.ForeignKey(IncidentUpdate, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150)
    because = models.CharField(max_length=300)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = _("urgent publication")
        verbose_name_plural = _("urgent publications")
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(because=""), name="urgent_act_says_why"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
                name="urgent_act_acknowledged_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.because}"


class UpdateRevision(models.Model):
    """The text that a published update had until `at`, and why it was replaced. Never changed, but by a redaction.

    With `notify` it is owed to those who got this text that they get the new one. Of a redaction nothing is kept but
    that it was.
    """

    update = models.ForeignKey(IncidentUpdate, models.CASCADE, related_name="revisions")
    kind = models.CharField(max_length=12, choices=EditKind)
    body = models.TextField()
    body_html = models.TextField()
    text_version = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150)
    # Shown to everybody.
    why = models.CharField(max_length=300, blank=True)
    notify = models.BooleanField(default=False)
    # The one-time id of the form, as of an update.
    form_id = models.UUIDField(null=True, unique=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=EditKind.values), name="update_revision_kind_known"),
            models.CheckConstraint(
                condition=Q(notify=False) | Q(kind=EditKind.CORRECTION), name="update_revision_only_corrections_told"
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(notify=True), name="update_revision_to_be_told")]

    def __str__(self) -> str:
        return f"{self.update}: {self.get_kind_display()}"


class Translation(models.Model):
    """One text that staff wrote, in a further language of the page.

    `field` names the text of its subject; one line of a notice (incidents.translating) is named by its checksum.
    `source` is the checksum of the text that was translated: where that of the text itself is another one now, the
    translation is outdated.
    """

    incident = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="translations")
    update = models.ForeignKey(IncidentUpdate, models.CASCADE, null=True, related_name="translations")
    component = models.ForeignKey(Component, models.CASCADE, null=True, related_name="translations")
    group = models.ForeignKey(ComponentGroup, models.CASCADE, null=True, related_name="translations")
    language = models.CharField(max_length=10)
    field = models.CharField(max_length=30)
    source = models.CharField(max_length=16)
    text = models.TextField()
    html = models.TextField(blank=True)
    text_version = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            *(
                models.UniqueConstraint(fields=[subject, "language", "field"], name=f"translation_of_{subject}_once")
                for subject in TRANSLATED
            ),
            models.CheckConstraint(
                condition=Q(
                    *[Q(**{f"{name}__isnull": name != subject for name in TRANSLATED}) for subject in TRANSLATED],
                    _connector=Q.OR,
                ),
                name="translation_of_one_subject",
            ),
            models.CheckConstraint(
                condition=~Q(language="") & ~Q(field="") & ~Q(source="") & ~Q(text=""), name="translation_is_whole"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.language}: {self.field}"


class MaintenanceSeries(models.Model):
    """A maintenance that comes again. Each time is a notice of its own, which the clock announces some days ahead.

    What the next notices will say is kept here (`details`: values.NoticeDetails), so that a change concerns only
    those that are not announced yet. The start is a wall time in `time_zone`, the length is time that passes.
    """

    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("text"))
    details = models.JSONField(default=dict)
    # What each component is set to, by its id.
    components = models.JSONField(default=dict)
    notify = models.BooleanField(_("tell subscribers"), default=True)
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[check_zone])
    first_day = models.DateField(_("first day"))
    starts = models.TimeField(_("work starts"))
    minutes = models.PositiveIntegerField(_("how long the work takes"))
    avoid_minutes_before = models.PositiveIntegerField(null=True)
    avoid_minutes_after = models.PositiveIntegerField(null=True)
    completes_by_clock = models.BooleanField(default=False)
    frequency = models.CharField(_("how often"), max_length=30, choices=Frequency)
    interval = models.PositiveSmallIntegerField(_("every"), default=1)
    until = models.DateField(_("last day"), null=True)
    count = models.PositiveSmallIntegerField(_("times in all"), null=True)
    without_months = models.JSONField(_("not in these months"), default=list)
    announce_days = models.PositiveSmallIntegerField(_("days ahead"), default=7)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    # The one-time id of the form that began it: a double click begins one series.
    form_id = models.UUIDField(null=True, unique=True)

    class Meta:
        verbose_name = _("maintenance series")
        verbose_name_plural = _("maintenance series")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="series_has_title"),
            models.CheckConstraint(condition=Q(frequency__in=Frequency.values), name="series_frequency_known"),
            models.CheckConstraint(
                condition=Q(interval__gte=1, minutes__gte=1, announce_days__gte=1), name="series_numbers_positive"
            ),
            models.CheckConstraint(condition=Q(until__isnull=True) | Q(count__isnull=True), name="series_ends_one_way"),
            models.CheckConstraint(
                condition=Q(avoid_minutes_before__isnull=True, avoid_minutes_after__isnull=True)
                | Q(avoid_minutes_before__isnull=False, avoid_minutes_after__isnull=False),
                name="series_avoid_has_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class SeriesOccurrence(models.Model):
    """A day of a series that is settled: it was announced, once, or is skipped."""

    series = models.ForeignKey(MaintenanceSeries, models.CASCADE, related_name="occurrences")
    day = models.DateField()
    state = models.CharField(max_length=10, choices=OccurrenceState)
    notice = models.OneToOneField(Incident, models.SET_NULL, null=True, related_name="occurrence")

    class Meta:
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["series", "day"], name="series_occurrence_once"),
            models.CheckConstraint(condition=Q(state__in=OccurrenceState.values), name="series_occurrence_known"),
            models.CheckConstraint(
                condition=~Q(state=OccurrenceState.SKIPPED) | Q(notice__isnull=True),
                name="series_occurrence_skipped_has_no_notice",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.series}, {self.day}: {self.state}"


class UpdateComponent(models.Model):
    """What one update says of one component: as it was before, and from then on."""

    update = models.ForeignKey(IncidentUpdate, models.CASCADE, related_name="affected")
    component = models.ForeignKey(Component, models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    group_name = models.CharField(max_length=100, blank=True)
    old_status = models.CharField(max_length=30, choices=ComponentStatus)
    new_status = models.CharField(max_length=30, choices=ComponentStatus)

    class Meta:
        ordering = ["component__position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["update", "component"], name="update_component_once"),
            models.CheckConstraint(
                condition=Q(old_status__in=ComponentStatus.values, new_status__in=ComponentStatus.values),
                name="update_component_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.old_status} → {self.new_status}"


class EffectOutcomeQuerySet(models.QuerySet["EffectOutcome"]):
    def public(self) -> EffectOutcomeQuerySet:
        return self.filter(update__published_at__isnull=False, update__incident__published_at__isnull=False)

    def of(self, incident: Incident) -> list[EffectOutcome]:
        """What was last said of the effects of a notice."""
        rows = list(
            self.public().filter(update__incident=incident).order_by("-update__published_at", "-update", "position")
        )
        return [row for row in rows if row.update_id == rows[0].update_id]


class EffectOutcome(models.Model):
    """What an all-clear says of one effect: what was announced of it then, and what became of it."""

    update = models.ForeignKey(IncidentUpdate, models.CASCADE, related_name="effect_outcomes")
    function = models.CharField(max_length=200)
    announced = models.CharField(max_length=12, choices=EffectLevel)
    turned_out = models.CharField(max_length=12, choices=Turnout)
    note = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=1)

    objects = EffectOutcomeQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["update", "position"], name="effect_outcome_once"),
            models.CheckConstraint(
                condition=Q(announced__in=EffectLevel.values, turned_out__in=Turnout.values),
                name="effect_outcome_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.function}: {self.get_turned_out_display()}"


def minutes_field(label: str, *, least: int = 0) -> models.PositiveIntegerField:
    return models.PositiveIntegerField(
        label, null=True, blank=True, validators=[MinValueValidator(least), MaxValueValidator(LONGEST_MINUTES)]
    )


class IncidentTemplateQuerySet(models.QuerySet["IncidentTemplate"]):
    def in_use(self) -> IncidentTemplateQuerySet:
        return self.filter(is_in_use=True)


class IncidentTemplate(models.Model):
    """A prepared text: what a composing screen can begin with. Texts are Markdown with ((placeholders))."""

    kind = models.CharField(_("kind"), max_length=12, choices=TemplateKind)
    name = models.CharField(_("name"), max_length=100)
    position = models.PositiveIntegerField(_("position"), default=1)
    is_in_use = models.BooleanField(_("in use"), default=True)

    title = models.CharField(_("title"), max_length=200, blank=True)
    body = models.TextField(_("text"), blank=True)
    status = models.CharField(_("status"), max_length=20, choices=IncidentStatus, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    advice_before = models.TextField(_("what to do before"), blank=True)
    advice_during = models.TextField(_("what to do during it"), blank=True)
    advice_after = models.TextField(_("what to do afterwards"), blank=True)
    # Of an update: what became of the data at the end.
    data_statement = models.CharField(_("data"), max_length=20, choices=DataStatement, blank=True)
    notify = models.BooleanField(_("tell subscribers"), default=True)
    next_update_minutes = minutes_field(_("next update, minutes later"), least=1)

    work_minutes = minutes_field(_("length of the work, in minutes"), least=1)
    avoid_before_minutes = minutes_field(_("avoid window, minutes before the work"))
    avoid_after_minutes = minutes_field(_("avoid window, minutes after the work"))

    # Which text of ours it began as, so that none is installed twice.
    shipped_as = models.CharField(max_length=40, blank=True, editable=False)
    uses = models.PositiveIntegerField(_("uses"), default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = IncidentTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["kind", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="template_name_once"),
            models.UniqueConstraint(fields=["shipped_as"], condition=~Q(shipped_as=""), name="template_shipped_once"),
            models.CheckConstraint(condition=~Q(name=""), name="template_has_name"),
            models.CheckConstraint(
                condition=Q(
                    *[Q(kind=kind, status__in=statuses) for kind, statuses in TEMPLATE_STATUSES.items()],
                    _connector=Q.OR,
                ),
                name="template_status_fits_kind",
            ),
            models.CheckConstraint(
                condition=Q(data_statement__in=["", *DataStatement.values]), name="template_data_known"
            ),
            models.CheckConstraint(
                condition=Q(kind=TemplateKind.MAINTENANCE)
                | Q(work_minutes__isnull=True, avoid_before_minutes__isnull=True, avoid_after_minutes__isnull=True),
                name="template_lengths_of_maintenance",
            ),
            models.CheckConstraint(
                condition=Q(work_minutes__isnull=True) | Q(work_minutes__gt=0), name="template_work_takes_time"
            ),
            models.CheckConstraint(
                condition=Q(next_update_minutes__isnull=True) | Q(next_update_minutes__gt=0),
                name="template_next_update_is_later",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateEffect(models.Model):
    template = models.ForeignKey(IncidentTemplate, models.CASCADE, related_name="effects")
    function = models.CharField(_("function"), max_length=200)
    level = models.CharField(_("effect"), max_length=12, choices=EffectLevel)
    note = models.CharField(_("note"), max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("effects")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(level__in=EffectLevel.values), name="template_effect_level_known")
        ]

    def __str__(self) -> str:
        return f"{self.function}: {self.get_level_display()}"


class TemplateComponent(models.Model):
    template = models.ForeignKey(IncidentTemplate, models.CASCADE, related_name="components")
    component = models.ForeignKey(Component, models.CASCADE, related_name="+", verbose_name=_("component"))
    status = models.CharField(_("status"), max_length=30, choices=ComponentStatus)

    class Meta:
        verbose_name = _("component")
        verbose_name_plural = _("components")
        ordering = ["component__position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["template", "component"], name="template_component_once"),
            models.CheckConstraint(condition=Q(status__in=ComponentStatus.values), name="template_component_known"),
        ]

    def __str__(self) -> str:
        return f"{self.component}: {self.get_status_display()}"


class Change(models.Model):
    """One audited act. Those with a `version` changed what the public sees."""

    at = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=40)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150)
    version = models.BigIntegerField(null=True)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, related_name="changes")
    subject = models.CharField(max_length=250)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        permissions = [("audit_change", "Can see acts on accounts and subscribers, and export all acts")]
        ordering = ["-at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["version"], name="change_version_once")]

    def __str__(self) -> str:
        return f"{self.verb}: {self.subject}"
