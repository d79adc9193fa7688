"""iCalendar (RFC 5545): all maintenance, that of one component, and one notice.

Both windows are events of their own, for they ask different things of a reader: the work, and the wider time to avoid.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event

from incidents.choices import IncidentStatus
from incidents.times import describe, isolated
from publishing.artefact import Artefact
from publishing.state import ComponentPast, ComponentState, NoticeState, PageState, SiteState

CONTENT_TYPE = "text/calendar; charset=utf-8"
END = b"END:VCALENDAR\r\n"
REMIND_BEFORE = dt.timedelta(hours=1)


def page(state: PageState) -> Iterable[Artefact]:
    """/calendar.ics: the maintenance that is planned or going on, and the newest of what is over."""
    yield _calendar(state, "/calendar.ics", state.name, state.notices)


def component(site: SiteState, component: ComponentState, past: ComponentPast) -> Iterable[Artefact]:
    """/components/<code>.ics: the same, of what concerns it."""
    yield _calendar(site, f"/components/{component.code}.ics", f"{site.name}{_(':')} {component.name}", past.notices)


def notice(site: SiteState, notice: NoticeState) -> Iterable[Artefact]:
    """/incidents/<code>.ics, for a maintenance."""
    if notice.is_scheduled:
        yield _calendar(site, f"{notice.path}.ics", notice.title, [notice])


def _calendar(site: SiteState, path: str, name: str, notices: Iterable[NoticeState]) -> Artefact:
    calendar = Calendar()
    calendar.add("prodid", "-//statuspage//maintenance//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", dt.timedelta(hours=1), parameters={"value": "DURATION"})
    frame = calendar.to_ical().removesuffix(END)
    events = [
        _events(notice, site.address(notice.path), site.home_url, get_language())
        for notice in notices
        if notice.is_scheduled
    ]
    return Artefact(path, CONTENT_TYPE, b"".join([frame, *events, END]))


@lru_cache(maxsize=1024)
def _events(notice: NoticeState, url: str, home_url: str, _language: str | None) -> bytes:
    """As they stand in the file. Of a hundred notices in the calendar one has changed since it was made last."""

    def event(uid: str, title: str, start: dt.datetime | None, end: dt.datetime | None) -> bytes:
        return _event(notice, url, uid=f"{uid}@{urlsplit(home_url).hostname}", title=title, start=start, end=end)

    work = event(notice.code, notice.title, notice.work_starts_at, notice.work_ends_at)
    if not (notice.avoid_starts_at and notice.avoid_ends_at):
        return work
    title = _("Avoid: %(title)s") % {"title": notice.title}
    return work + event(f"{notice.code}-avoid", title, notice.avoid_starts_at, notice.avoid_ends_at)


def _event(
    notice: NoticeState, url: str, *, uid: str, title: str, start: dt.datetime | None, end: dt.datetime | None
) -> bytes:
    is_cancelled = notice.status == IncidentStatus.CANCELLED
    event = Event()
    event.add("uid", uid)
    event.add("sequence", notice.revision)
    event.add("dtstamp", notice.updated_at.astimezone(dt.UTC))
    event.add("last-modified", notice.updated_at.astimezone(dt.UTC))
    event.add("dtstart", _whole_seconds(start))
    event.add("dtend", _whole_seconds(end))
    event.add("summary", _("Cancelled: %(title)s") % {"title": title} if is_cancelled else title)
    event.add("description", _description(notice))
    event.add("url", url)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    if notice.is_upcoming:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", -REMIND_BEFORE)
        event.add_component(alarm)
    return event.to_ical()


def _description(notice: NoticeState) -> str:
    """The notice in plain lines: times in its own zone, effects, and its latest word."""
    lines = [f"{notice.status_label}."]
    for label, start, end in (
        (_("Work"), notice.work_starts_at, notice.work_ends_at),
        (_("Avoid"), notice.avoid_starts_at, notice.avoid_ends_at),
    ):
        if start and end:
            lines.append(f"{label}{_(':')} {describe(start, notice.zone)} – {describe(end, notice.zone)}")
    for effect in notice.effects:
        note = f" ({isolated(effect.note)})" if effect.note else ""
        lines.append(f"{isolated(effect.function)}{_(':')} {effect.level_label}{note}")
    lines += ["", notice.updates[0].body]
    return "\n".join(lines)


def _whole_seconds(instant: dt.datetime | None) -> dt.datetime:
    """iCalendar has no fractions of a second. A maintenance always has its window: the database says so."""
    assert instant is not None
    return instant.astimezone(dt.UTC).replace(microsecond=0)
