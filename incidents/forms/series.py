"""The forms of a maintenance series: repeating a notice, and changing what is announced from now on."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from incidents.choices import DataStatement, Frequency
from incidents.forms.components import ComponentRows
from incidents.forms.compose import ComposeForm, Section, UpdatePart
from incidents.forms.fields import LengthField, ZoneField, zone_or_none
from incidents.forms.lines import EffectRows
from incidents.forms.notices import ADVICE, EFFECTS_HINT, RemindersPart
from incidents.models import MaintenanceSeries
from incidents.recurrence import Occurrence, Recurrence, day_rule_words
from incidents.series import ANNOUNCE_DAYS, check_plan, occurrences, plan_like, plan_of
from incidents.values import NOTICE_TEXTS, SeriesPlan

DATES, SAVE = "dates", "save"
SHOWN_DATES = 5
DAY_FORMAT = "%Y-%m-%d"


class DayField(forms.DateField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format=DAY_FORMAT, attrs={"type": "date"})
        super().__init__(widget=widget, input_formats=[DAY_FORMAT], **kwargs)


class RecurrencePart(ComposeForm):
    """How it comes again. Saving asks for the dates to have been seen: `checked` names those that were shown."""

    frequency = forms.ChoiceField(label=_("How often"), widget=forms.RadioSelect)
    interval = forms.IntegerField(
        label=_("Every"),
        min_value=1,
        max_value=52,
        initial=1,
        help_text=_("How many weeks or months: 2 is every other."),
    )
    until = DayField(label=_("Last day"), required=False, help_text=_("Empty: until you end it."))
    count = forms.IntegerField(label=_("Or how many times in all"), required=False, min_value=1, max_value=999)
    without_months = forms.TypedMultipleChoiceField(
        label=_("Not in"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    announce_days = forms.IntegerField(
        label=_("Announce how many days ahead"),
        min_value=ANNOUNCE_DAYS[0],
        max_value=ANNOUNCE_DAYS[-1],
        initial=7,
        help_text=_("Each time is a notice of its own. Until it is announced a change of the series changes it."),
    )
    checked = forms.CharField(widget=forms.HiddenInput, required=False)

    how_often = Section(_("When it comes again"), ("frequency", "interval", "until", "count", "without_months"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dates: list[Occurrence] = []
        self.fields["frequency"].choices = [
            (value, f"{label} ({day_rule_words(value, self.anchor)})") for value, label in Frequency.choices
        ]
        self.fields["without_months"].choices = list(MONTHS.items())

    @property
    def anchor(self) -> dt.date:
        """The day that names what is offered, and the first one unless the form asks for it."""
        raise NotImplementedError

    def recurrence(self) -> Recurrence:
        data = self.cleaned_data
        return Recurrence(
            first=data.get("first_day") or self.anchor,
            frequency=data["frequency"],
            interval=data["interval"],
            until=data["until"],
            count=data["count"],
            without_months=tuple(data["without_months"]),
        )

    def plan(self) -> SeriesPlan:
        raise NotImplementedError

    def is_valid(self) -> bool:
        """Also works out the dates, and refuses what could never be announced."""
        if not super().is_valid():
            return False
        if not self.dates:
            try:
                check_plan(self.plan(), self.now)
            except ValidationError as problem:
                self.add_problem(problem)
                return False
            self.dates = list(islice(occurrences(self.plan(), self.now, after=self.announced_until), SHOWN_DATES))
        return True

    announced_until: dt.date | None = None

    @property
    def signature(self) -> str:
        return ",".join(f"{one.starts_at:%Y%m%d%H%M}-{one.ends_at:%H%M}" for one in self.dates)

    @property
    def is_checked(self) -> bool:
        return self.cleaned_data["checked"] == self.signature


class RepeatForm(RecurrencePart):
    sections = (RecurrencePart.how_often, Section(_("Telling people"), ("announce_days",)))

    @property
    def anchor(self) -> dt.date:
        return self.notice.work_starts_at.astimezone(self.notice.zone).date()

    @property
    def announced_until(self) -> dt.date:  # type: ignore[override]
        return self.anchor

    def starting_values(self) -> dict[str, Any]:
        return super().starting_values() | {"frequency": Frequency.MONTHLY_BY_WEEKDAY}

    def plan(self) -> SeriesPlan:
        return plan_like(self.notice, self.recurrence(), announce_days=self.cleaned_data["announce_days"])


class SeriesForm(RecurrencePart, UpdatePart, RemindersPart):
    is_translated = False  # each of its notices is translated by itself, once it is announced

    next_update_by = None

    time_zone = ZoneField(label=_("Time zone"), help_text=_("The start is what clocks in this zone show."))
    first_day = DayField(
        label=_("First day"), help_text=_("The weekday, the day of the month and the count follow from it.")
    )
    starts = forms.TimeField(
        label=_("Work starts"), input_formats=["%H:%M"], widget=forms.TimeInput(format="%H:%M", attrs={"size": 6})
    )
    duration = LengthField(label=_("The work takes"), help_text=_("Such as: 3 hours, or 2 h 30 min."))
    avoid_before = LengthField(label=_("Avoid from, before the work"), required=False)
    avoid_after = LengthField(label=_("Avoid until, after the work"), required=False)
    completes_by_clock = forms.BooleanField(label=_("Complete it at the planned end without a person"), required=False)

    data_choices = [choice for choice in DataStatement.choices if choice[0] != DataStatement.NONE_LOST]
    sections = (
        Section(_("What will be done"), ("title", "body")),
        Section(
            _("When"),
            ("time_zone", "first_day", "starts", "duration", "avoid_before", "avoid_after"),
            is_in_pairs=True,
            hint=_("Leave both ends of the avoid window empty without one."),
        ),
        RecurrencePart.how_often,
        Section(_("Which components"), part="components"),
        Section(_("What happens meanwhile"), part="effects", hint=EFFECTS_HINT),
        Section(_("Customers’ data"), ("data_statement",)),
        Section(_("What customers should do"), ADVICE),
        Section(_("Why"), ("reason",)),
        Section(_("Telling people"), ("announce_days", "notify", "reminders")),
        Section(_("Advanced"), ("completes_by_clock", "impact_override", "byline"), is_folded=True),
    )

    def __init__(self, *args: Any, series: MaintenanceSeries, **kwargs: Any) -> None:
        self.series = series
        self.known = plan_of(series)
        announced = series.occurrences.filter(state="announced").order_by("-day").values_list("day", flat=True)
        self.announced_until = announced.first()
        super().__init__(*args, **kwargs)

    @property
    def anchor(self) -> dt.date:
        return self.series.first_day

    @property
    def zone(self) -> ZoneInfo:
        return self.series.zone

    def typed_zone(self) -> ZoneInfo | None:
        return zone_or_none(self.cleaned_data.get("time_zone"))

    def starting_values(self) -> dict[str, Any]:
        plan, rule = self.known, self.known.recurrence
        same = ("title", "body", "notify", "time_zone", "starts", "duration", "completes_by_clock", "announce_days")
        details = ("data_statement", "byline", "impact_override", *NOTICE_TEXTS)
        return {
            **super().starting_values(),
            **{name: getattr(plan, name) for name in (*same, "avoid_before", "avoid_after")},
            **{name: getattr(plan.details, name) for name in details},
            **{name: getattr(rule, name) for name in ("frequency", "interval", "until", "count", "without_months")},
            "reminders": list(plan.details.reminders or []),
            "first_day": rule.first,
            "since": self.series.updated_at.isoformat(),
        }

    def add_rows(self, data: Any) -> None:
        rows = [{"function": one.function, "level": one.level, "note": one.note} for one in self.known.details.effects]
        self.effects = EffectRows(data, prefix="effects", initial=rows)
        self.components = ComponentRows(
            data,
            initial={str(pk): status for pk, status in self.known.components.items()},
            is_planned=True,
            use_required_attribute=False,
        )

    def clean(self) -> None:
        super().clean()
        if (self.cleaned_data.get("avoid_before") is None) != (self.cleaned_data.get("avoid_after") is None):
            self.add_error("avoid_after", _("Give both ends of the avoid window, or neither."))

    def plan(self) -> SeriesPlan:
        data = self.cleaned_data
        names = ("title", "body", "notify", "time_zone", "starts", "duration", "avoid_before", "avoid_after")
        return SeriesPlan(
            **{name: data[name] for name in (*names, "completes_by_clock", "announce_days")},
            details=self.details(),
            components=self.components.chosen() if self.components else {},
            recurrence=self.recurrence(),
        )
