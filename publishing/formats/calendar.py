"""iCalendar (RFC 5545): all maintenance, that of one component, and one notice.

Both windows are events of their own, for they ask different things of a reader: the work, and the wider time to avoid.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event

from incidents.choices import IncidentStatus
from incidents.times import describe
from publishing.artefact import Artefact
from publishing.state import NoticeState, PageState

CONTENT_TYPE = "text/calendar; charset=utf-8"
REMIND_BEFORE = dt.timedelta(hours=1)


def render(state: PageState) -> Iterable[Artefact]:
    """/calendar.ics, /components/<code>.ics and, for each maintenance, /incidents/<code>.ics."""
    maintenance = [notice for notice in state.notices if notice.is_scheduled]
    yield _calendar(state, "/calendar.ics", state.name, maintenance)
    for component in state.components:
        concerned = [n for n in maintenance if any(line.component_code == component.code for line in n.affected)]
        yield _calendar(state, f"/components/{component.code}.ics", f"{state.name}: {component.name}", concerned)
    for notice in maintenance:
        yield _calendar(state, f"{notice.path}.ics", notice.title, [notice])


def _calendar(state: PageState, path: str, name: str, notices: Iterable[NoticeState]) -> Artefact:
    calendar = Calendar()
    calendar.add("prodid", "-//statuspage//maintenance//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", dt.timedelta(hours=1), parameters={"value": "DURATION"})
    for notice in notices:
        for event in _events(state, notice):
            calendar.add_component(event)
    return Artefact(path, CONTENT_TYPE, calendar.to_ical())


def _events(state: PageState, notice: NoticeState) -> Iterable[Event]:
    yield _event(
        state, notice, uid=notice.code, title=notice.title, start=notice.work_starts_at, end=notice.work_ends_at
    )
    if notice.avoid_starts_at and notice.avoid_ends_at:
        title = _("Avoid: %(title)s") % {"title": notice.title}
        start, end = notice.avoid_starts_at, notice.avoid_ends_at
        yield _event(state, notice, uid=f"{notice.code}-avoid", title=title, start=start, end=end)


def _event(
    state: PageState,
    notice: NoticeState,
    *,
    uid: str,
    title: str,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> Event:
    is_cancelled = notice.status == IncidentStatus.CANCELLED
    event = Event()
    event.add("uid", f"{uid}@{urlsplit(state.url).hostname}")
    event.add("sequence", notice.revision)
    event.add("dtstamp", notice.updated_at.astimezone(dt.UTC))
    event.add("last-modified", notice.updated_at.astimezone(dt.UTC))
    event.add("dtstart", _whole_seconds(start))
    event.add("dtend", _whole_seconds(end))
    event.add("summary", _("Cancelled: %(title)s") % {"title": title} if is_cancelled else title)
    event.add("description", _description(notice))
    event.add("url", f"{state.url}{notice.path}")
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    if notice.is_upcoming:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", -REMIND_BEFORE)
        event.add_component(alarm)
    return event


def _description(notice: NoticeState) -> str:
    """The notice in plain lines: times in its own zone, effects, and its latest word."""
    lines = [f"{notice.status_label}."]
    for label, start, end in (
        (_("Work"), notice.work_starts_at, notice.work_ends_at),
        (_("Avoid"), notice.avoid_starts_at, notice.avoid_ends_at),
    ):
        if start and end:
            lines.append(f"{label}: {describe(start, notice.zone)} – {describe(end, notice.zone)}")
    for effect in notice.effects:
        lines.append(f"{effect.function}: {effect.level_label}" + (f" ({effect.note})" if effect.note else ""))
    lines += ["", notice.updates[0].body]
    return "\n".join(lines)


def _whole_seconds(instant: dt.datetime | None) -> dt.datetime:
    """iCalendar has no fractions of a second. A maintenance always has its window: the database says so."""
    assert instant is not None
    return instant.astimezone(dt.UTC).replace(microsecond=0)
