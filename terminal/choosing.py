"""What a few typed letters mean: component, status, notice, person. Nothing is guessed: errors list what there is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus, EffectLevel, IncidentKind, IncidentStatus, Turnout
from incidents.models import Component, Incident
from terminal.console import misused, refused

USER_VARIABLE = "STATUSPAGE_USER"
LATEST, ALL = "latest", "all"
LISTED = 20
Thing = TypeVar("Thing")


def the_user(username: str) -> Any:
    """The member of the staff who acts, as named or as the environment says: users of the system have no account."""
    users = get_user_model().objects.filter(is_active=True, is_staff=True)
    username = username or os.environ.get(USER_VARIABLE, "")
    found = users.filter(username=username).first() if username else None
    if found is None:
        names = [_named(user) for user in users.order_by("username")[:LISTED]]
        told = _("Nobody of the staff is called “%(name)s”.") % {"name": username} if username else ""
        asks = _("Say who you are: --as USERNAME, or %(variable)s=USERNAME. The record of changes names you.")
        there = names or [_("(nobody yet: manage.py createsuperuser)")]
        raise misused(f"{told} {asks % {'variable': USER_VARIABLE}}".strip(), there)
    return found


def _named(user: Any) -> str:
    return f"{user.get_username()}  {user.get_full_name()}".strip()


def the_component(typed: str, components: Sequence[Component]) -> Component:
    ways: list[Callable[[Component], bool]] = [
        lambda one: typed == one.code,
        lambda one: one.name.casefold() == typed.casefold(),
        lambda one: one.name.casefold().startswith(typed.casefold()),
    ]
    found = _first_that_fits(components, ways) if typed else []
    if len(found) == 1:
        return found[0]
    told = (
        _("“%(typed)s” could be several components:") if found else _("No component is called “%(typed)s”. There are:")
    )
    listed = [f"{one.name}  ({one.code})" for one in found or components]
    raise misused(told % {"typed": typed}, listed or [_("(none: make one in the admin)")])


def said_of_components(options: Iterable[str], *, otherwise: str) -> dict[int, str]:
    """`options` are "name=status", where name may be "all"; without a status, `otherwise`, if there is such a one."""
    components = list(Component.objects.public().order_by("group__position", "group", "position", "pk"))
    said: dict[int, str] = {}
    for option in options:
        name, _equals, status = option.rpartition("=") if "=" in option else (option, "", otherwise)
        if not status:
            raise misused(
                _("--component “%(option)s”: say which status it has, as NAME=STATUS:") % {"option": option},
                ComponentStatus.values,
            )
        value = one_of(status, ComponentStatus.choices, flag="--component")
        is_all = name.strip().lower() == ALL and not any(one.name.lower() == ALL for one in components)
        chosen = components if is_all else [the_component(name.strip(), components)]
        said |= {component.pk: value for component in chosen}
    return said


def one_of(typed: str, choices: Iterable[tuple[str, Any]], *, flag: str) -> str:
    """The value among `choices` that was typed: itself, its label, or the beginning of either."""
    word = _plain(typed)
    known = [(value, str(label)) for value, label in choices if value]
    ways: list[Callable[[tuple[str, str]], bool]] = [
        lambda one: word in (one[0], _plain(one[1])),
        lambda one: one[0].startswith(word) or _plain(one[1]).startswith(word),
    ]
    found = _first_that_fits(known, ways) if word else []
    if len(found) == 1:
        return found[0][0]
    told = _("%(flag)s: “%(typed)s” is none of these:") % {"flag": flag, "typed": typed}
    raise misused(told, [f"{value}  {label}" for value, label in found or known])


def effect_row(option: str) -> dict[str, str]:
    """From "function=level: note"."""
    function, equals, rest = option.partition("=")
    level, _colon, note = rest.partition(":")
    if not equals:
        told = _("--effect “%(option)s”: write it as FUNCTION=LEVEL, or FUNCTION=LEVEL: NOTE. The levels:")
        raise misused(told % {"option": option}, EffectLevel.values)
    value = one_of(level, EffectLevel.choices, flag="--effect")
    return {"function": function.strip(), "level": value, "note": note.strip()}


def outcome_of(option: str) -> tuple[str, tuple[str, str]]:
    """From "function=outcome: note": the function in lower case, and what became of its effect."""
    function, equals, rest = option.partition("=")
    outcome, _colon, note = rest.partition(":")
    if not equals:
        told = _("--effect “%(option)s”: write it as FUNCTION=OUTCOME, or FUNCTION=OUTCOME: NOTE. The outcomes:")
        raise misused(told % {"option": option}, Turnout.values)
    return function.strip().casefold(), (one_of(outcome, Turnout.choices, flag="--effect"), note.strip())


def the_notice(typed: str, kind: str, statuses: Sequence[str]) -> Incident:
    """The published notice of `kind` that is meant; nothing typed means the only open one in one of `statuses`."""
    notices = Incident.objects.public().filter(kind=kind).order_by("-published_at", "-pk")
    suited = notices.open().filter(status__in=statuses)
    if typed == LATEST:
        found = list(notices[:1])
    elif typed:
        found = list(notices.filter(code__startswith=typed.rpartition("/")[2].lower())[:LISTED])
    else:
        found = list(suited[:LISTED])
    if len(found) == 1:
        if found[0].status in statuses:
            return found[0]
        told = _("“%(title)s” is %(status)s: that cannot be done with it any more.")
        raise refused(told % {"title": found[0].title, "status": str(found[0].get_status_display()).lower()})
    there = found or list(suited[:LISTED])
    raise misused(_which_notice(typed, kind, found), [notice_line(one) for one in there] or [_("(there is none)")])


def _which_notice(typed: str, kind: str, found: Sequence[Incident]) -> str:
    if found:
        return _("Several are meant. Say which, by its code or the beginning of it:")
    if not typed:
        return _("There is none with which that could be done.")
    if typed != LATEST and Incident.objects.public().exclude(kind=kind).filter(code=typed).exists():
        command = "maintenance" if kind == IncidentKind.REALTIME else "incident"
        return _("%(code)s is for the other command: manage.py %(command)s.") % {"code": typed, "command": command}
    return _("No notice has the code “%(typed)s”. There are:") % {"typed": typed}


def notice_line(notice: Incident) -> str:
    status = str(IncidentStatus(notice.status).label)
    return f"{notice.code}  {status:<13}  {notice.title}"


def _first_that_fits(things: Iterable[Thing], ways: Iterable[Callable[[Thing], bool]]) -> list[Thing]:
    """Those that fit in the first way in which any does."""
    things = list(things)
    return next((fitting for way in ways if (fitting := [one for one in things if way(one)])), [])


def _plain(words: str) -> str:
    return words.strip().lower().replace("-", "_").replace(" ", "_").rstrip(".")
