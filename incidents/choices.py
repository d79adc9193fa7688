"""The field's vocabulary. Stored values are those of the public status API v2 (Statuspage's wire format)."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ComponentStatus(TextChoices):
    """In rising order of badness, except that maintenance is the mildest departure from operational."""

    OPERATIONAL = "operational", _("Operational")
    UNDER_MAINTENANCE = "under_maintenance", _("Under maintenance")
    DEGRADED_PERFORMANCE = "degraded_performance", _("Degraded performance")
    PARTIAL_OUTAGE = "partial_outage", _("Partial outage")
    MAJOR_OUTAGE = "major_outage", _("Major outage")


class IncidentKind(TextChoices):
    REALTIME = "realtime", _("Incident")
    SCHEDULED = "scheduled", _("Scheduled maintenance")


class IncidentStatus(TextChoices):
    INVESTIGATING = "investigating", _("Investigating")
    IDENTIFIED = "identified", _("Identified")
    MONITORING = "monitoring", _("Monitoring")
    RESOLVED = "resolved", _("Resolved")
    POSTMORTEM = "postmortem", _("Post-mortem")
    SCHEDULED = "scheduled", _("Scheduled")
    IN_PROGRESS = "in_progress", _("In progress")
    VERIFYING = "verifying", _("Verifying")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


STATUSES = {
    IncidentKind.REALTIME: (
        IncidentStatus.INVESTIGATING,
        IncidentStatus.IDENTIFIED,
        IncidentStatus.MONITORING,
        IncidentStatus.RESOLVED,
        IncidentStatus.POSTMORTEM,
    ),
    IncidentKind.SCHEDULED: (
        IncidentStatus.SCHEDULED,
        IncidentStatus.IN_PROGRESS,
        IncidentStatus.VERIFYING,
        IncidentStatus.COMPLETED,
        IncidentStatus.CANCELLED,
    ),
}
CLOSED = (
    IncidentStatus.RESOLVED,
    IncidentStatus.POSTMORTEM,
    IncidentStatus.COMPLETED,
    IncidentStatus.CANCELLED,
)
OPEN = tuple(status for status in IncidentStatus if status not in CLOSED)
ACTIVE_MAINTENANCE = (IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING)

# While its planned times can still be moved: all of them, or once the work has begun only the end.
MOVABLE = (IncidentStatus.SCHEDULED, IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING)

# From each status, those that the next update may carry. Staying where it is, is always one of them.
NEXT_STATUSES = {
    IncidentStatus.INVESTIGATING: STATUSES[IncidentKind.REALTIME][:4],
    IncidentStatus.IDENTIFIED: STATUSES[IncidentKind.REALTIME][:4],
    IncidentStatus.MONITORING: STATUSES[IncidentKind.REALTIME][:4],
    IncidentStatus.RESOLVED: STATUSES[IncidentKind.REALTIME],  # reopening is honest; so is a post-mortem
    IncidentStatus.POSTMORTEM: (IncidentStatus.POSTMORTEM,),
    IncidentStatus.SCHEDULED: STATUSES[IncidentKind.SCHEDULED],
    IncidentStatus.IN_PROGRESS: STATUSES[IncidentKind.SCHEDULED][1:],
    IncidentStatus.VERIFYING: STATUSES[IncidentKind.SCHEDULED][1:4],
    IncidentStatus.COMPLETED: (IncidentStatus.COMPLETED,),
    IncidentStatus.CANCELLED: (IncidentStatus.CANCELLED,),
}


class TemplateKind(TextChoices):
    """What a prepared text begins: a notice of one of the two kinds, or an update of one that exists."""

    INCIDENT = "incident", _("Incident")
    MAINTENANCE = "maintenance", _("Maintenance")
    UPDATE = "update", _("Update")


# The status that a prepared text may carry; empty: it leaves that to whoever writes.
TEMPLATE_STATUSES = {
    TemplateKind.INCIDENT: ("", *STATUSES[IncidentKind.REALTIME][:4]),
    TemplateKind.MAINTENANCE: ("",),
    TemplateKind.UPDATE: ("", *IncidentStatus),
}


class Impact(TextChoices):
    NONE = "none", _("None")
    MAINTENANCE = "maintenance", _("Maintenance")
    MINOR = "minor", _("Minor")
    MAJOR = "major", _("Major")
    CRITICAL = "critical", _("Critical")


class EffectLevel(TextChoices):
    UNAVAILABLE = "unavailable", _("Unavailable")
    SLOWER = "slower", _("Slower")
    DELAYED = "delayed", _("Delayed")
    UNAFFECTED = "unaffected", _("Unaffected")


class Turnout(TextChoices):
    """What became of an effect that was announced."""

    AS_ANNOUNCED = "as_announced", _("As announced")
    LESS = "less", _("Less than announced")
    MORE = "more", _("More than announced")


class Outcome(TextChoices):
    """How a maintenance ended. Never stored: it follows from times, status and what the all-clear says."""

    AS_PLANNED = "as_planned", _("As planned")
    MILDER = "milder", _("Milder than announced")
    DEVIATED = "deviated", _("With deviations")
    OVERRAN = "overran", _("Took longer than planned")
    CANCELLED = "cancelled", _("Cancelled")


class DataStatement(TextChoices):
    """What customers are told about their data; asked when a notice opens and again when it closes."""

    NONE_EXPECTED_LOST = "none_expected_lost", _("No data will be lost.")
    NONE_LOST = "none_lost", _("No data was lost.")
    DELAYED_NOT_LOST = "delayed_not_lost", _("Data is delayed, not lost.")
    SOME_LOST = "some_lost", _("Some data was lost.")
    NOT_YET_KNOWN = "not_yet_known", _("We do not know yet whether data was lost.")


class EditKind(TextChoices):
    """Why a published text was replaced."""

    CORRECTION = "correction", _("Correction")
    TYPO = "typo", _("Slip of the pen")
    REDACTION = "redaction", _("Removal")


class LinkKind(TextChoices):
    """Read from the notice that holds the link: this notice is … that one."""

    CAUSED_BY = "caused_by", _("caused by")
    FOLLOW_UP_TO = "follow_up_to", _("follow-up to")
    REPLACES = "replaces", _("replaces")
    RELATED = "related", _("related to")


# The same link read from its other end.
LINK_KIND_REVERSED = {
    LinkKind.CAUSED_BY: _("led to"),
    LinkKind.FOLLOW_UP_TO: _("followed up by"),
    LinkKind.REPLACES: _("replaced by"),
    LinkKind.RELATED: _("related to"),
}


class MissedBecause(TextChoices):
    """Why the clock did not publish a draft at its time."""

    CLOSED = "closed", _("the notice was closed meanwhile")
    OVERTAKEN = "overtaken", _("a colleague posted on this notice after the time was set")
    NOT_APPROVED = "not_approved", _("nobody had approved it as it stood")
    TOO_LATE = "too_late", _("nothing was running at that time, and for more than an hour after it")
    REFUSED = "refused", _("it could not be published as it stood")


class ToDoKind(TextChoices):
    """What staff are reminded of."""

    NEXT_UPDATE = "next_update", _("The promised update")
    SILENCE = "silence", _("No update for a while")
    PLANNED_END = "planned_end", _("The planned end")
    ALL_CLEAR = "all_clear", _("The all-clear")
    COMPONENT = "component", _("A component without a notice")


class Frequency(TextChoices):
    """How a series of maintenance comes again. The day follows from its first one."""

    WEEKLY = "weekly", _("By week, on the same weekday")
    MONTHLY_BY_DAY = "monthly_by_day", _("By month, on the same day")
    MONTHLY_BY_WEEKDAY = "monthly_by_weekday", _("By month, on the same weekday of the same week")
    MONTHLY_BY_LAST_WEEKDAY = "monthly_by_last_weekday", _("By month, on the last such weekday")


class OccurrenceState(TextChoices):
    ANNOUNCED = "announced", _("Announced")
    SKIPPED = "skipped", _("Skipped")


class BrandFileKind(TextChoices):
    """A file that makes the page look like its owner's. Its value begins its public path, as no file of ours does."""

    LOGO = "logo", _("Logo")
    LOGO_DARK = "logo-dark", _("Logo on dark")
    ICON = "tab-icon", _("Icon in the browser’s tab")
    STYLE_SHEET = "own", _("Style sheet")
