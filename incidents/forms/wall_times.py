"""A date and a time as a clock on the wall shows them, in a zone that the form knows; turned into an instant."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from incidents.times import AmbiguousTime, NonexistentTime, describe, from_wall_time, zone_label

FIRST, SECOND = "first", "second"
YEARS = range(2000, 2101)
TIME = re.compile(r"(\d{1,2})[:.h]?(\d{2})", re.ASCII)


@dataclass(frozen=True)
class WallTime:
    """What clocks show. `which` tells two instants apart when clocks show it twice; otherwise it means nothing."""

    wall: dt.datetime
    which: str = ""


class WallTimeWidget(forms.Widget):
    """A day, a 24-hour time and, when clocks show that time twice, the question which of the two is meant."""

    use_fieldset = True
    template_name = "admin/incidents/wall_time.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.label = ""
        self.choices: list[tuple[str, str]] = []
        self.reads_as = ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> tuple[str, str, str]:
        day, time, which = (data.get(f"{name}_{part}", "") for part in ("date", "time", "which"))
        return day, time, which

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}_date" not in data

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_date" if id_ else ""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> str:
        attrs = self.build_attrs(self.attrs, attrs)
        day, time, which = value or ("", "", "")
        return render_to_string(
            self.template_name,
            {
                "name": name,
                "id": attrs.get("id", name),
                "invalid": attrs.get("aria-invalid"),
                "label": self.label,
                "day": day,
                "time": time,
                "which": which,
                "choices": self.choices,
                "reads_as": self.reads_as,
            },
        )


class WallTimeField(forms.Field):
    """Cleans to a WallTime, or None; `settle` then makes an instant of it."""

    widget = WallTimeWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.label = self.label

    def clean(self, value: Any) -> WallTime | None:
        day, time, which = (part.strip() for part in value or ("", "", ""))
        if not day and not time:
            if self.required:
                raise ValidationError(_("Give a day and a time."), code="required")
            return None
        if not day or not time:
            raise ValidationError(_("Give the day and the time, both."))
        return WallTime(_moment(day, time), which if which in (FIRST, SECOND) else "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return tuple(initial or ("", "", "")) != tuple(data or ("", "", ""))

    def settle(self, value: WallTime, zone: ZoneInfo) -> dt.datetime:
        """The instant meant, in UTC. Raises ValidationError for a time that does not exist, or is not decided."""
        try:
            instant = from_wall_time(value.wall, zone)
        except NonexistentTime:
            raise ValidationError(_skipped(value.wall, zone)) from None
        except AmbiguousTime as twice:
            self.widget.choices = both_choices(twice, zone)
            if not value.which:
                raise ValidationError(_asked(value.wall, zone)) from None
            instant = twice.earlier if value.which == FIRST else twice.later
        self.widget.reads_as = describe(instant, zone)
        return instant

    def shown(self, instant: dt.datetime | None, zone: ZoneInfo) -> tuple[str, str, str] | None:
        """`instant` as this field's initial value."""
        if instant is None:
            return None
        local = instant.astimezone(zone)
        which = ""
        try:
            from_wall_time(local.replace(tzinfo=None, fold=0), zone)
        except AmbiguousTime as twice:
            self.widget.choices = both_choices(twice, zone)
            which = SECOND if local.fold else FIRST
        self.widget.reads_as = describe(instant, zone)
        return f"{local:%Y-%m-%d}", f"{local:%H:%M}", which


def both_choices(twice: AmbiguousTime, zone: ZoneInfo) -> list[tuple[str, str]]:
    return [
        (FIRST, _("the first, %(zone)s") % {"zone": _zone_and_offset(twice.earlier, zone)}),
        (SECOND, _("the second, %(zone)s") % {"zone": _zone_and_offset(twice.later, zone)}),
    ]


def _moment(day: str, time: str) -> dt.datetime:
    try:
        date = dt.date.fromisoformat(day)
    except ValueError:
        raise ValidationError(_("Write the day as year-month-day, for example 2026-11-09.")) from None
    if date.year not in YEARS:
        raise ValidationError(_("Check the year."))
    match = TIME.fullmatch(time)
    hour, minute = (int(part) for part in match.groups()) if match else (99, 99)
    if (hour, minute) == (24, 0):
        # "Until 24:00" is how people write the end of a day.
        return dt.datetime.combine(date, dt.time()) + dt.timedelta(days=1)
    if hour > 23 or minute > 59:
        raise ValidationError(_("Write the time with 24 hours, for example 21:00."))
    return dt.datetime.combine(date, dt.time(hour, minute))


def _skipped(wall: dt.datetime, zone: ZoneInfo) -> str:
    # Read with the offset from before the change and shown with the one from after it.
    shifted = wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC).astimezone(zone)
    return _(
        "%(time)s does not exist on that day in %(zone)s: clocks are put forward over it. %(shifted)s does exist."
    ) % {"time": f"{wall:%H:%M}", "zone": zone.key, "shifted": f"{shifted:%H:%M}"}


def _asked(wall: dt.datetime, zone: ZoneInfo) -> str:
    return _(
        "%(time)s comes twice on that day in %(zone)s, because clocks are put back. Choose which of the two you mean."
    ) % {"time": f"{wall:%H:%M}", "zone": zone.key}


def _zone_and_offset(instant: dt.datetime, zone: ZoneInfo) -> str:
    offset = instant.astimezone(zone).utcoffset() or dt.timedelta()
    minutes = abs(int(offset.total_seconds())) // 60
    sign = "-" if offset < dt.timedelta() else "+"
    hours = f"{minutes // 60}" if minutes % 60 == 0 else f"{minutes // 60}:{minutes % 60:02d}"
    label = zone_label(instant, zone)
    return f"UTC{sign}{hours}" if label.startswith("UTC") else f"{label} (UTC{sign}{hours})"
