"""The composing screens' forms, one per task."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from incidents.choices import (
    CLOSED,
    NEXT_STATUSES,
    STATUSES,
    DataStatement,
    IncidentKind,
    IncidentStatus,
)
from incidents.forms.compose import (
    LATER,
    ComposeForm,
    DetailsPart,
    Section,
    UpdatePart,
)
from incidents.forms.fields import LeadsField, MarkdownField, ZoneField, zone_or_none
from incidents.forms.outcomes import outcome_rows
from incidents.forms.starting import lengths_in_words
from incidents.forms.wall_times import WallTimeField
from incidents.models import Incident, IncidentUpdate, Page
from incidents.moves import planned_times
from incidents.prepared import planned_around
from incidents.times import describe, lasting_words
from incidents.values import PLANNED_TIMES, AllClear, NoticeDetails, Window
from incidents.writing import check_display, check_window, status_after_move

DATA_AT_OPENING = [choice for choice in DataStatement.choices if choice[0] != DataStatement.NONE_EXPECTED_LOST]
DATA_AHEAD = [choice for choice in DataStatement.choices if choice[0] != DataStatement.NONE_LOST]
DATA_AT_THE_END = DATA_AT_OPENING

ADVICE = ("advice_before", "advice_during", "advice_after")
EFFECTS_HINT = _("Per function: what customers meet, also on things already sent. An empty row is left out.")
LINKS_HINT = _("Both notices show the link.")


class StartedPart(ComposeForm):
    started_at = WallTimeField(label=_("Started"), required=False, help_text=_("Empty: the moment of publishing."))

    def starting_values(self) -> dict[str, Any]:
        values = super().starting_values()
        if self.notice and self.notice.started_at != self.notice.created_at:
            values["started_at"] = self.notice.started_at
        return values

    def clean(self) -> None:
        super().clean()
        started_at = self.cleaned_data.get("started_at")
        if started_at and started_at > self.now:
            self.add_error("started_at", _("An incident cannot start in the future. Did you mean a maintenance?"))


class WindowPart(ComposeForm):
    time_zone = ZoneField(label=_("Time zone"), help_text=_("All times on this form are clock times in this zone."))
    work_starts_at = WallTimeField(label=_("Work starts"))
    work_ends_at = WallTimeField(label=_("Work ends"))
    avoid_starts_at = WallTimeField(label=_("Avoid from"), required=False)
    avoid_ends_at = WallTimeField(label=_("Avoid until"), required=False)
    completes_by_clock = forms.BooleanField(
        label=_("Complete it at the planned end without a person"),
        required=False,
        help_text=_("Otherwise the notice goes to “verifying” and waits for someone to post the all-clear."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in lengths_in_words(self.initial).items():
            if name in self.fields:
                self.fields[name].required = False
                self.fields[name].help_text = words

    def starting_values(self) -> dict[str, Any]:
        values = super().starting_values() | {"time_zone": self.zone.key}
        if self.notice:
            values |= {name: getattr(self.notice, name) for name in (*PLANNED_TIMES, "completes_by_clock")}
        return values

    def typed_zone(self) -> ZoneInfo | None:
        return zone_or_none(self.cleaned_data.get("time_zone"))

    def clean(self) -> None:
        super().clean()
        zone = self.typed_zone()
        if any(name in self.errors for name in PLANNED_TIMES) or not zone:
            return
        self._plan_by_lengths()
        window = self.window()
        try:
            check_window(window)
        except ValidationError as problem:
            self.add_problem(problem)
        else:
            self._say_how_long(window, zone)

    def _say_how_long(self, window: Window, zone: ZoneInfo) -> None:
        """Beside the end, for clocks may be put forward or back meanwhile."""
        ends = self.fields.get("work_ends_at")
        if ends:
            lasts = lasting_words(window.work_starts_at, window.work_ends_at, zone)
            ends.widget.reads_as = f"{describe(window.work_ends_at, zone)} · {lasts}"

    def _plan_by_lengths(self) -> None:
        """What was left empty follows from the lengths that a template holds."""
        if not all(name in self.fields for name in PLANNED_TIMES):
            return
        planned = planned_around(self.initial, **{name: self.cleaned_data.get(name) for name in PLANNED_TIMES})
        for name, moment in planned.items():
            if moment and not self.cleaned_data.get(name):
                self.cleaned_data[name] = moment
                self.fields[name].widget.reads_as = describe(moment, self.typed_zone())

    def window(self) -> Window:
        """What was typed; what this screen does not ask is as the notice has it."""
        names = ("time_zone", "completes_by_clock", *PLANNED_TIMES)
        return Window(
            **{name: self.cleaned_data[name] if name in self.fields else getattr(self.notice, name) for name in names}
        )

    def differs_from(self, posted: IncidentUpdate) -> bool:
        return super().differs_from(posted) or planned_times(self.window()) != planned_times(posted.incident)


class RemindersPart(DetailsPart):
    reminders = LeadsField(
        label=_("Reminders before the work"),
        help_text=_("Such as: 7 days, 24 hours, 1 hour. Empty: none. They go to subscribers who want reminders."),
    )

    def starting_values(self) -> dict[str, Any]:
        known = self.notice or Page.objects.current()
        return super().starting_values() | {"reminders": known.reminders}

    def details(self) -> NoticeDetails:
        return replace(super().details(), reminders=self.cleaned_data["reminders"])


class OpenIncidentForm(UpdatePart, StartedPart, DetailsPart):
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[(status.value, status.label) for status in STATUSES[IncidentKind.REALTIME][:4]],
        widget=forms.RadioSelect,
        initial=IncidentStatus.INVESTIGATING,
    )

    data_choices = DATA_AT_OPENING
    sections = (
        Section(_("What is happening"), ("title", "status", "body", "next_update_by", "notify")),
        Section(_("Which components"), part="components"),
        Section(_("Customers’ data"), ("data_statement",), is_folded=True),
        Section(_("Effects"), part="effects", is_folded=True, hint=EFFECTS_HINT),
        Section(_("Advice and reason"), (*ADVICE, "reason"), is_folded=True),
        Section(_("Links to other notices"), part="links", is_folded=True, hint=LINKS_HINT),
        Section(_("Advanced"), ("started_at", "impact_override", "byline"), is_folded=True),
        LATER,
    )

    def starting_values(self) -> dict[str, Any]:
        return {"next_update_by": self.next_update(), **super().starting_values()}


class ScheduleForm(UpdatePart, WindowPart, RemindersPart):
    data_choices = DATA_AHEAD
    sections = (
        Section(_("What will be done"), ("title", "body")),
        Section(
            _("When"),
            ("time_zone", *PLANNED_TIMES),
            is_in_pairs=True,
            hint=_("The avoid window is the wider time in which customers should not act; leave it empty without one."),
        ),
        Section(_("Which components"), part="components"),
        Section(_("What happens meanwhile"), part="effects", hint=EFFECTS_HINT),
        Section(_("Customers’ data"), ("data_statement",)),
        Section(_("What customers should do"), ADVICE),
        Section(_("Why"), ("reason",), part="links", hint=LINKS_HINT),
        Section(_("Telling people"), ("notify", "reminders", "next_update_by")),
        Section(_("Advanced"), ("completes_by_clock", "impact_override", "byline"), is_folded=True),
        LATER,
    )

    @property
    def is_planned(self) -> bool:
        return True

    def status(self) -> str:
        return IncidentStatus.SCHEDULED

    def clean(self) -> None:
        super().clean()
        ends = self.cleaned_data.get("work_ends_at")
        if self.is_final and ends and ends <= self.now and "work_ends_at" not in self.errors:
            self.add_error("work_ends_at", _("This time has passed: check the day."))


class UpdateForm(UpdatePart):
    status = forms.ChoiceField(label=_("Status"), widget=forms.RadioSelect)
    display_at = WallTimeField(
        label=_("When this was so"),
        required=False,
        help_text=_(
            "Only for what you post later than it was. It stands at that time among the updates, and says when it was "
            "posted. Where newer updates stand after it, status and components stay as those say."
        ),
    )
    tell_late = forms.BooleanField(
        label=_("Tell subscribers of it all the same"),
        required=False,
        help_text=_("Without this nobody is told of an update that was backdated."),
    )
    data_outcome = forms.ChoiceField(
        label=_("Customers’ data, at the end"),
        required=False,
        choices=[*DATA_AT_THE_END, ("", _("Say nothing of it"))],
        widget=forms.RadioSelect,
    )

    sections = (
        Section(_("Update"), ("status", "body", "next_update_by", "notify")),
        Section(_("Which components changed"), part="components", hint=_("Resolving sets all of them to operational.")),
        Section(_("Customers’ data, at the end"), ("data_outcome",), is_folded=True),
        Section(_("Backdate it"), ("display_at", "tell_late"), is_folded=True),
        LATER,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["status"].choices = [(status.value, status.label) for status in update_statuses(self.notice)]
        if self.notice.is_scheduled:
            del self.fields["data_outcome"]

    def starting_values(self) -> dict[str, Any]:
        values = {"status": self.notice.status, "data_outcome": self.notice.data_outcome}
        if self.notice.is_open and not self.notice.is_scheduled:
            values["next_update_by"] = self.next_update()
        values |= super().starting_values()
        if self.draft:
            values["data_outcome"] = self.draft.data_outcome
            if self.draft.is_backdated:
                values |= {"display_at": self.draft.display_at, "tell_late": self.draft.notify}
        return values

    def clean(self) -> None:
        super().clean()
        display_at = self.cleaned_data.get("display_at")
        if display_at is None:
            return
        self.cleaned_data["notify"] = self.cleaned_data["tell_late"]
        try:
            check_display(self.notice, display_at, self.now)
        except ValidationError as problem:
            self.add_problem(problem)

    @property
    def is_planned(self) -> bool:
        return self.notice.status == IncidentStatus.SCHEDULED

    def all_clear(self) -> AllClear | None:
        if self.status() not in CLOSED:
            return None
        return AllClear(data_outcome=self.cleaned_data.get("data_outcome", ""))


class AllClearForm(UpdatePart):
    actual_started_at = WallTimeField(label=_("The work began"))
    actual_ended_at = WallTimeField(label=_("The work ended"))
    data_outcome = forms.ChoiceField(
        label=_("Customers’ data"),
        choices=DATA_AT_THE_END,
        widget=forms.RadioSelect,
        error_messages={"required": _("Answer what was promised: was any data lost?")},
    )
    deviations = MarkdownField(
        label=_("What differed from the plan"),
        required=False,
        rows=3,
        help_text=_("Such as: the connection was interrupted twice. Empty: nothing did."),
    )
    next_update_by = None

    says_components = False
    sections = (
        Section(
            _("How it went"),
            ("body", "deviations"),
            hint=_("Done or not, and what follows. It stands on top of the notice."),
        ),
        Section(_("When it happened"), ("actual_started_at", "actual_ended_at"), is_in_pairs=True),
        Section(
            _("The effects, as they turned out"),
            part="outcomes",
            hint=_("A row that you leave as it is says: as announced. Beside it: what happened instead."),
        ),
        Section(_("The promise about data, answered"), ("data_outcome",)),
        Section(_("Telling people"), ("notify",)),
        LATER,
    )

    def starting_values(self) -> dict[str, Any]:
        values = super().starting_values()
        ended = self.notice.actual_ended_at or self._suggested_end()
        values["actual_started_at"] = self.notice.actual_started_at or min(self.notice.work_starts_at, ended)
        values["actual_ended_at"] = ended
        values |= {"deviations": self.notice.deviations, "data_outcome": self.notice.data_outcome}
        if self.draft:
            answers = ("actual_started_at", "actual_ended_at", "data_outcome")
            values |= {name: getattr(self.draft, name) for name in answers if getattr(self.draft, name)}
            values["deviations"] = self.draft.deviations
        return values

    def _suggested_end(self) -> dt.datetime:
        """The planned end where the work was thought to be over by then; work that still goes on ends now."""
        now = _to_the_minute(self.now)
        is_going_on = self.notice.status == IncidentStatus.IN_PROGRESS
        return now if is_going_on else min(self.notice.work_ends_at, now)

    def add_rows(self, data: Any) -> None:
        super().add_rows(data)
        self.outcomes = outcome_rows(self.notice, self.draft, data)

    def status(self) -> str:
        return IncidentStatus.COMPLETED

    def clean(self) -> None:
        super().clean()
        started, ended = (self.cleaned_data.get(name) for name in ("actual_started_at", "actual_ended_at"))
        if started and ended and ended < started:
            self.add_error("actual_ended_at", _("The work cannot have ended before it began."))
        for name, time in (("actual_started_at", started), ("actual_ended_at", ended)):
            if time and time > self.now:
                self.add_error(name, _("This time has not come yet."))

    def all_clear(self) -> AllClear:
        names = ("actual_started_at", "actual_ended_at", "data_outcome", "deviations")
        effects = self.outcomes.answers() if self.outcomes else ()
        return AllClear(**{name: self.cleaned_data[name] for name in names}, effects=effects)


class CancelForm(UpdatePart):
    next_update_by = None

    says_components = False
    sections = (
        Section(
            _("A word to your customers"), ("body", "notify"), hint=_("Why it is cancelled, and what comes instead.")
        ),
        LATER,
    )

    def status(self) -> str:
        return IncidentStatus.CANCELLED

    def all_clear(self) -> AllClear | None:
        return None


class EditIncidentForm(StartedPart, DetailsPart):
    data_choices = DATA_AT_OPENING
    sections = (
        Section(_("The notice"), ("title", "started_at")),
        Section(_("Customers’ data"), ("data_statement",)),
        Section(_("Effects"), part="effects", hint=EFFECTS_HINT),
        Section(_("Advice and reason"), (*ADVICE, "reason")),
        Section(_("Links to other notices"), part="links", hint=LINKS_HINT),
        Section(_("Advanced"), ("impact_override", "byline"), is_folded=True),
    )

    def starting_values(self) -> dict[str, Any]:
        return super().starting_values() | {"started_at": self.notice.started_at}


class EditMaintenanceForm(WindowPart, RemindersPart):
    work_starts_at = work_ends_at = avoid_starts_at = avoid_ends_at = None  # moved on a screen of its own

    data_choices = list(DataStatement.choices)
    sections = (
        Section(_("The notice"), ("title",)),
        Section(_("What happens meanwhile"), part="effects", hint=EFFECTS_HINT),
        Section(_("Customers’ data"), ("data_statement",)),
        Section(_("What customers should do"), ADVICE),
        Section(_("Why"), ("reason",), part="links", hint=LINKS_HINT),
        Section(_("Telling people"), ("reminders",)),
        Section(_("Advanced"), ("time_zone", "completes_by_clock", "impact_override", "byline"), is_folded=True),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].help_text = _("Customers read the times in this zone. The times themselves stay.")


class MoveForm(UpdatePart, WindowPart):
    completes_by_clock = publish_at = None

    says_components = False
    sections = (
        Section(
            _("The new times"),
            ("time_zone", *PLANNED_TIMES),
            is_in_pairs=True,
            hint=_(
                "The form begins with the times that are announced. Empty both ends of the avoid window to drop it."
            ),
        ),
        Section(
            _("A word to your customers"),
            ("body",),
            hint=_("Why it moves, and what changes for them. The old and the new times are written beside it."),
        ),
        Section(_("Telling people"), ("notify", "next_update_by")),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.notice.status != IncidentStatus.SCHEDULED:
            del self.fields["work_starts_at"], self.fields["avoid_starts_at"]

    def starting_values(self) -> dict[str, Any]:
        promised = self.notice.next_update_by
        is_ahead = promised is not None and promised > self.now
        return super().starting_values() | {"next_update_by": promised if is_ahead else None}

    def status(self) -> str:
        return status_after_move(self.notice)


def update_statuses(notice: Incident) -> list[IncidentStatus]:
    """Where an update may lead the notice, but for what has a screen of its own."""
    now = IncidentStatus(notice.status)
    has_own_screen = (IncidentStatus.COMPLETED, IncidentStatus.CANCELLED, IncidentStatus.POSTMORTEM)
    return [status for status in NEXT_STATUSES[now] if status == now or status not in has_own_screen]


def _to_the_minute(moment: dt.datetime) -> dt.datetime:
    return moment.replace(second=0, microsecond=0)
