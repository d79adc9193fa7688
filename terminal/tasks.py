"""The tasks of a terminal, one row each: which form of the admin it fills in, by which options, and what that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from incidents.choices import (
    ACTIVE_MAINTENANCE,
    MOVABLE,
    OPEN,
    STATUSES,
    ComponentStatus,
    DataStatement,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from incidents.forms import acts
from incidents.forms.acts import Act
from incidents.forms.compose import ComposeForm
from incidents.forms.notices import AllClearForm, CancelForm, MoveForm, OpenIncidentForm, ScheduleForm, UpdateForm
from incidents.models import Incident
from terminal.spoken_times import Toward


@dataclass(frozen=True)
class Option:
    """One value of a form, as an option. `choices` are for the help alone: the form says what may be chosen."""

    flag: str
    field: str
    help: str
    choices: Sequence[str] = ()
    is_switch: bool = False

    @property
    def key(self) -> str:
        """Under which the parsed options hold it."""
        return self.flag.removeprefix("--").replace("-", "_")


@dataclass(frozen=True)
class TimeOption(Option):
    """`toward` and `since` (a field of the same form) say which "21:00" is meant; without `since` it counts from now.
    With `may_coincide` it may be that very moment."""

    toward: Toward = Toward.FUTURE
    since: str = ""
    may_coincide: bool = False


@dataclass(frozen=True)
class Task:
    """`statuses` are those of the notices with which it can be done; a task without any begins a new notice.

    `status` is what the update says when nothing else is asked; `spoken_status` is what a component has that was named
    without one. `keeps` names fields that stay as the form begins with them, unless given.
    """

    name: str
    help: str
    kind: IncidentKind
    form: Callable[..., ComposeForm]
    act: Callable[[Incident | None], Act]
    question: str
    options: Sequence[Option] = ()
    statuses: Sequence[str] = ()
    status: str = ""
    says_components: bool = False
    says_lines: bool = False
    says_outcomes: bool = False
    spoken_status: str = ""
    keeps_drafts: bool = True
    forgets: Sequence[str] = ("next_update_by",)


TITLE = Option("--title", "title", _("what is wrong, or what will be done, in your customers' words"))
NEXT_UPDATE = TimeOption("--next-update", "next_update_by", _("when the next update comes at the latest"))
STARTED = TimeOption("--started", "started_at", _("when it began; now, if not given"), toward=Toward.PAST)
HAPPENED = TimeOption("--happened", "display_at", _("when that was, if not now; nobody is told"), toward=Toward.PAST)
DATA = Option("--data", "data_statement", _("what is said of customers' data"), DataStatement.values)
DATA_IN_THE_END = Option("--data", "data_outcome", _("how it went with customers' data"), DataStatement.values)
STATEMENTS = (
    DATA,
    Option("--reason", "reason", _("why, in Markdown")),
    Option("--before", "advice_before", _("what customers should do before")),
    Option("--meanwhile", "advice_during", _("what they should do during it")),
    Option("--afterwards", "advice_after", _("what they should do afterwards")),
    Option("--signed", "byline", _("who signs; the name of who writes, if not given")),
    Option("--impact", "impact_override", _("only where the components would mislead"), Impact.values),
)
TIMES = (
    TimeOption("--starts", "work_starts_at", _("when the work starts")),
    TimeOption("--ends", "work_ends_at", _("when it ends"), since="work_starts_at"),
    TimeOption(
        "--avoid-from",
        "avoid_starts_at",
        _("from when customers should not act"),
        toward=Toward.PAST,
        since="work_starts_at",
    ),
    TimeOption("--avoid-until", "avoid_ends_at", _("until when"), since="work_ends_at", may_coincide=True),
)


def _status(kind: IncidentKind, among: Sequence[str]) -> Option:
    return Option("--status", "status", _("from now on"), [status for status in STATUSES[kind] if status in among])


INCIDENT_TASKS = (
    Task(
        name="open",
        help=_("open an incident"),
        kind=IncidentKind.REALTIME,
        form=OpenIncidentForm,
        act=lambda _notice: acts.open_incident,
        question=_("Publish?"),
        options=(
            TITLE,
            _status(IncidentKind.REALTIME, STATUSES[IncidentKind.REALTIME][:4]),
            NEXT_UPDATE,
            STARTED,
            *STATEMENTS,
        ),
        status=IncidentStatus.INVESTIGATING,
        says_components=True,
        says_lines=True,
    ),
    Task(
        name="update",
        help=_("post an update; without --status the incident stays where it is"),
        kind=IncidentKind.REALTIME,
        form=UpdateForm,
        act=acts.post,
        question=_("Publish?"),
        options=(
            _status(IncidentKind.REALTIME, STATUSES[IncidentKind.REALTIME][:4]),
            NEXT_UPDATE,
            HAPPENED,
            DATA_IN_THE_END,
        ),
        statuses=STATUSES[IncidentKind.REALTIME],
        says_components=True,
    ),
    Task(
        name="resolve",
        help=_("resolve an incident; all its components become operational"),
        kind=IncidentKind.REALTIME,
        form=UpdateForm,
        act=acts.post,
        question=_("Publish that it is resolved?"),
        options=(DATA_IN_THE_END,),
        statuses=[status for status in STATUSES[IncidentKind.REALTIME] if status in OPEN],
        status=IncidentStatus.RESOLVED,
    ),
)

MAINTENANCE_TASKS = (
    Task(
        name="schedule",
        help=_("announce a maintenance"),
        kind=IncidentKind.SCHEDULED,
        form=ScheduleForm,
        act=lambda _notice: acts.schedule_maintenance,
        question=_("Announce it?"),
        options=(
            TITLE,
            *TIMES,
            *STATEMENTS,
            NEXT_UPDATE,
            Option("--reminders", "reminders", _('such as "7 days, 1 hour"; "none"; the page\'s, if not given')),
            Option(
                "--by-clock", "completes_by_clock", _("complete it at its planned end without a person"), is_switch=True
            ),
        ),
        says_components=True,
        says_lines=True,
        spoken_status=ComponentStatus.UNDER_MAINTENANCE,
    ),
    Task(
        name="update",
        help=_("post an update; without --status the maintenance stays where it is"),
        kind=IncidentKind.SCHEDULED,
        form=UpdateForm,
        act=acts.post,
        question=_("Publish?"),
        options=(_status(IncidentKind.SCHEDULED, STATUSES[IncidentKind.SCHEDULED][:3]), NEXT_UPDATE, HAPPENED),
        statuses=STATUSES[IncidentKind.SCHEDULED],
        says_components=True,
        spoken_status=ComponentStatus.UNDER_MAINTENANCE,
    ),
    Task(
        name="start",
        help=_("say that the work has begun, before the clock does"),
        kind=IncidentKind.SCHEDULED,
        form=UpdateForm,
        act=acts.post,
        question=_("Publish that the work has begun?"),
        options=(NEXT_UPDATE,),
        statuses=(IncidentStatus.SCHEDULED,),
        status=IncidentStatus.IN_PROGRESS,
        says_components=True,
        spoken_status=ComponentStatus.UNDER_MAINTENANCE,
    ),
    Task(
        name="move",
        help=_("move a maintenance; what is not given stays as it is announced"),
        kind=IncidentKind.SCHEDULED,
        form=MoveForm,
        act=acts.move,
        question=_("Publish the new times?"),
        options=(*TIMES, NEXT_UPDATE),
        statuses=MOVABLE,
        keeps_drafts=False,
        forgets=(),
    ),
    Task(
        name="all-clear",
        help=_("end a maintenance: what was done, when, and how it went"),
        kind=IncidentKind.SCHEDULED,
        form=AllClearForm,
        act=acts.post,
        question=_("Publish the all-clear?"),
        options=(
            TimeOption(
                "--began", "actual_started_at", _("when the work began; unless the page knows"), toward=Toward.PAST
            ),
            TimeOption("--ended", "actual_ended_at", _('when it ended; "now"'), toward=Toward.PAST),
            Option("--deviations", "deviations", _("what differed from the plan, in Markdown")),
            DATA_IN_THE_END,
        ),
        statuses=(IncidentStatus.SCHEDULED, *ACTIVE_MAINTENANCE),
        says_outcomes=True,
        forgets=("actual_started_at", "actual_ended_at"),
    ),
    Task(
        name="cancel",
        help=_("cancel a maintenance"),
        kind=IncidentKind.SCHEDULED,
        form=CancelForm,
        act=acts.post,
        question=_("Publish that it is cancelled?"),
        statuses=MOVABLE,
    ),
)
