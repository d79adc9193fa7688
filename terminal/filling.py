"""Filling in a form of the admin from the options of a command, as a browser would send it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.choices import LinkKind, Turnout
from incidents.forms.compose import ComposeForm
from incidents.forms.fields import zone_or_none
from incidents.forms.outcomes import OutcomeRows
from incidents.forms.wall_times import WallTime, WallTimeField
from incidents.models import Incident
from terminal.choosing import effect_row, one_of, outcome_of, said_of_components
from terminal.console import Console, misused
from terminal.spoken_times import read_time
from terminal.tasks import Option, Task, TimeOption

Data = dict[str, str]
# The same word makes the same one-time id on every host.
ONCE = uuid.UUID("6f0c9df5-6fd3-4a43-8f1c-9a4a4a1f3f2e")
NONE = "none"
# As --data: two fields of the forms, and what they are called depends on the task.
FLAGS = {"body": "--message", "time_zone": "--zone", "notify": "--no-notify", "urgent_because": "--urgent"}


def fill(task: Task, form: ComposeForm, options: dict[str, Any], *, console: Console) -> Data:
    """What `form`, which is not bound yet, would send with `options`. All but the text, which is asked for later."""
    data = _as_shown(form, task)
    if options["once"]:
        data["form_id"] = str(uuid.uuid5(ONCE, options["once"]))
    if options["no_notify"]:
        data.pop("notify", None)
    status = task.status or (form.notice.status if form.notice else "")
    if "status" in form.fields:
        data["status"] = status
    for option in task.options:
        value = options[option.key]
        if value and not isinstance(option, TimeOption):
            _put(data, form, option, value)
    _put_times(data, task, form, options, console)
    if task.says_components:
        said = said_of_components(options["component"], otherwise=task.spoken_status)
        data |= {f"component-{pk}": value for pk, value in said.items()}
    if task.says_lines:
        _put_rows(data, "effects", [effect_row(option) for option in options["effect"]])
        _put_rows(data, "links", [_link_row(option) for option in options["link"]])
    if form.outcomes is not None:
        data |= _outcomes(form.outcomes, options["effect"])
    if options["urgent"] and "is_urgent" in form.fields:
        data |= {"is_urgent": "on", "urgent_because": options["urgent"]}
    return data


def problems(task: Task, form: ComposeForm) -> list[str]:
    """Everything that the form or its verb refused, each with the option that mends it."""
    flags = FLAGS | {option.field: option.flag for option in task.options}
    found = []
    for name, messages in form.errors.items():
        label = flags.get(name) or (form.label_of(name) if name != forms.forms.NON_FIELD_ERRORS else "")
        found += [f"{label}: {message}" if label else message for message in messages]
    ours = {form.add_prefix(name) for name in form.fields}
    for control, label, message in form.problems():
        if control and control.removeprefix("id_").removesuffix("_date") not in ours and label:
            found.append(f"{label}: {message}")
    return list(dict.fromkeys(found))


def label_of(task: Task, form: ComposeForm, name: str) -> str:
    """How to mend what a remark is about: its option, or what the form calls it."""
    rows = {"effects": "--effect", "links": "--link", "components": "--component"}
    flags = FLAGS | rows | {option.field: option.flag for option in task.options}
    return flags.get(name) or form.label_of(name) or str(Incident._meta.get_field(name).verbose_name)


def _as_shown(form: ComposeForm, task: Task) -> Data:
    data: Data = {}
    for name, field in form.fields.items():
        value = None if name in task.forgets and not _is_fact(form, name) else form[name].value()
        if isinstance(field, WallTimeField):
            data |= _parts(name, value)
        elif not isinstance(field, forms.BooleanField):
            data[name] = "" if value is None else str(value)
        elif value:
            data[name] = "on"
    for prefix, rows in (("effects", form.effects), ("links", form.links)):
        if rows is not None:
            _put_rows(data, prefix, [])
    return data


def _is_fact(form: ComposeForm, name: str) -> bool:
    """Whether the page knows it already, so that a form does not merely suggest it."""
    return name.startswith("actual_") and getattr(form.notice, name) is not None


def _put(data: Data, form: ComposeForm, option: Option, value: Any) -> None:
    field = form.fields.get(option.field)
    if field is None:
        raise misused(_("%(flag)s does not fit this notice as it stands now.") % {"flag": option.flag})
    if option.is_switch:
        data[option.field] = "on"
    elif isinstance(field, forms.ChoiceField):
        data[option.field] = one_of(value, field.choices, flag=option.flag)
    else:
        data[option.field] = "" if option.field == "reminders" and value.strip().lower() == NONE else value


def _put_times(data: Data, task: Task, form: ComposeForm, options: dict[str, Any], console: Console) -> None:
    typed_in = _zone(options["zone"]) if options["zone"] else form.zone
    shown_in = form.zone
    if "time_zone" in form.fields:
        shown_in = typed_in
        data["time_zone"] = typed_in.key
        for name, field in form.fields.items():  # what stays is an instant, not a time on other clocks
            if isinstance(field, WallTimeField) and form.notice and name not in task.forgets:
                data |= _parts(name, field.shown(getattr(form.notice, name), typed_in))
    moments = {name: getattr(form.notice, name) for name in form.fields if form.notice and hasattr(form.notice, name)}
    for option in task.options:
        if not isinstance(option, TimeOption) or not options[option.key]:
            continue
        if option.field not in form.fields:
            raise misused(_("%(flag)s: the work has begun, only its end can still be moved.") % {"flag": option.flag})
        since = moments.get(option.since)
        if since and option.may_coincide:
            since -= dt.timedelta(minutes=1)
        instant = _instant(option, options, typed_in, form.now, since, console)
        moments[option.field] = instant
        data |= _parts(option.field, form.fields[option.field].shown(instant, shown_in))
    if options.get("no_avoid"):
        for name in ("avoid_starts_at", "avoid_ends_at"):
            data |= _parts(name, None)


def _instant(
    option: TimeOption,
    options: dict[str, Any],
    zone: ZoneInfo,
    now: dt.datetime,
    since: dt.datetime | None,
    console: Console,
) -> dt.datetime:
    try:
        spoken = read_time(options[option.key], zone=zone, now=now, toward=option.toward, since=since)
    except ValidationError as problem:
        raise misused(f"{option.flag}: {problem.messages[0]}") from None
    return spoken if isinstance(spoken, dt.datetime) else _settled(option, spoken, options["fold"], zone, console)


def _settled(option: TimeOption, spoken: WallTime, fold: str, zone: ZoneInfo, console: Console) -> dt.datetime:
    field = WallTimeField()
    try:
        return field.settle(replace(spoken, which=fold or ""), zone)
    except ValidationError as problem:
        told = f"{option.flag}: {problem.messages[0]}"
        both = field.widget.choices
        if not both:
            raise misused(told) from None
        if not console.can_ask:
            raise misused(told, [f"--fold {value}: {label}" for value, label in both]) from None
        return field.settle(replace(spoken, which=console.choose(told, both)), zone)


def _zone(name: str) -> ZoneInfo:
    zone = zone_or_none(name)
    if zone is None:
        raise misused(_("--zone: %(name)s is not a time zone; write it as Europe/Amsterdam.") % {"name": name})
    return zone


def _parts(name: str, value: tuple[str, str, str] | None) -> Data:
    day, time, which = value or ("", "", "")
    return {f"{name}_date": day, f"{name}_time": time, f"{name}_which": which}


def _put_rows(data: Data, prefix: str, rows: list[dict[str, str]]) -> None:
    data |= {f"{prefix}-TOTAL_FORMS": str(len(rows)), f"{prefix}-INITIAL_FORMS": "0"}
    for place, row in enumerate(rows):
        data |= {f"{prefix}-{place}-{name}": value for name, value in row.items()}


def _outcomes(rows: OutcomeRows, options: list[str]) -> Data:
    """What was announced of each effect came true, but for what `options` say: "function=outcome: note"."""
    said = dict(map(outcome_of, options))
    data: Data = {}
    for effect, function, turned_out, note in rows.rows():
        outcome, word = said.pop(effect.function.casefold(), (Turnout.AS_ANNOUNCED.value, ""))
        data |= {function: effect.function, turned_out.html_name: outcome, note.html_name: word}
    if said:
        told = _("--effect: nothing was announced of “%(function)s”. Announced were:")
        raise misused(told % {"function": next(iter(said))}, [effect.function for effect in rows.effects])
    return data


def _link_row(option: str) -> dict[str, str]:
    kind, equals, code = option.partition("=")
    if not equals:
        told = _("--link “%(option)s”: write it as KIND=CODE. The kinds:") % {"option": option}
        raise misused(told, [f"{value}  ({label})" for value, label in LinkKind.choices])
    codes = dict(Incident.objects.public().filter(code__startswith=code.strip().lower())[:2].values_list("pk", "code"))
    if not code.strip() or len(codes) != 1:
        raise misused(_("--link: no notice, or more than one, has the code “%(code)s”.") % {"code": code})
    return {"kind": one_of(kind, LinkKind.choices, flag="--link"), "target": str(next(iter(codes)))}


def told_times(form: ComposeForm) -> Iterator[str]:
    """Each time, as customers will read it."""
    width = max((len(label) for label, _time in form.times()), default=0)
    yield from (f"{label:<{width}}  {time}" for label, time in form.times())
