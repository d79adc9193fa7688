"""A calendar of awkward windows: what staff type is the same instant wherever customers read it.

Each window is typed into the form, and read again from page, .txt, mail, feed, JSON and calendar. What is expected is
reckoned from the offsets written here alone.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass

import feedparser
import pytest
from django.test import Client
from icalendar import Calendar

from incidents.models import Incident
from publishing.formats import calendar, feeds, notice, notice_json, notice_text
from publishing.loading import load_state
from subscriptions.wording import write_update
from tests.incidents.screens import at, errors, publish, read_form
from tests.make import make_page, make_staff, utc

pytestmark = pytest.mark.django_db

NOW = utc(2023, 12, 1, 12)
SCHEDULE = "/admin/incidents/scheduledmaintenance/schedule/"
DATE_IN_A_FEED = re.compile(r"'date'>([ \d]+)</var>, <var data-var='time'>([\d:]+)</var> ([\w:+-]+)")
LINKS = dict.fromkeys(("confirm", "manage", "unsubscribe"), "https://status.example.com/x")

# Zone; both ends as typed, each with the offset that clocks there have then and what they call it. A last word says
# which is meant of a time that comes twice.
WINDOWS = """
Europe/Amsterdam      | 2024-11-09 21:00 +01:00 CET           | 2024-11-09 24:00 +01:00 CET
Europe/Amsterdam      | 2024-07-13 21:00 +02:00 CEST          | 2024-07-13 24:00 +02:00 CEST
Europe/Amsterdam      | 2024-07-14 00:00 +02:00 CEST          | 2024-07-14 03:00 +02:00 CEST
Europe/Amsterdam      | 2024-03-31 01:00 +01:00 CET           | 2024-03-31 03:00 +02:00 CEST
Europe/Amsterdam      | 2024-03-30 22:00 +01:00 CET           | 2024-03-31 06:00 +02:00 CEST
Europe/Amsterdam      | 2024-03-31 01:59 +01:00 CET           | 2024-03-31 03:01 +02:00 CEST
Europe/Amsterdam      | 2024-10-27 01:00 +02:00 CEST          | 2024-10-27 04:00 +01:00 CET
Europe/Amsterdam      | 2024-10-27 02:30 +02:00 CEST first    | 2024-10-27 02:30 +01:00 CET second
Europe/Amsterdam      | 2024-10-27 02:00 +01:00 CET second    | 2024-10-27 03:00 +01:00 CET
Europe/Amsterdam      | 2024-10-26 24:00 +02:00 CEST          | 2024-10-27 02:59 +02:00 CEST first
Europe/Amsterdam      | 2024-03-30 12:00 +01:00 CET           | 2024-10-28 12:00 +01:00 CET
Europe/Amsterdam      | 2023-12-31 23:00 +01:00 CET           | 2024-01-01 01:00 +01:00 CET
Europe/Amsterdam      | 2024-02-28 23:00 +01:00 CET           | 2024-02-29 24:00 +01:00 CET
Europe/Amsterdam      | 2024-02-29 23:30 +01:00 CET           | 2024-03-01 00:30 +01:00 CET
Europe/London         | 2024-03-31 00:30 +00:00 GMT           | 2024-03-31 02:30 +01:00 BST
Europe/London         | 2024-10-27 01:15 +01:00 BST first     | 2024-10-27 01:15 +00:00 GMT second
Europe/London         | 2024-01-05 09:00 +00:00 GMT           | 2024-01-05 10:00 +00:00 GMT
Atlantic/Azores       | 2024-03-30 23:30 -01:00 UTC-01:00     | 2024-03-31 01:30 +00:00 UTC+00:00
Atlantic/Azores       | 2024-10-27 00:30 +00:00 UTC+00:00 first | 2024-10-27 00:30 -01:00 UTC-01:00 second
Antarctica/Troll      | 2024-03-31 00:30 +00:00 UTC+00:00     | 2024-03-31 03:30 +02:00 UTC+02:00
America/New_York      | 2024-03-10 01:30 -05:00 EST           | 2024-03-10 03:30 -04:00 EDT
America/New_York      | 2024-11-03 01:30 -04:00 EDT first     | 2024-11-03 01:30 -05:00 EST second
America/New_York      | 2023-12-31 21:00 -05:00 EST           | 2023-12-31 23:00 -05:00 EST
America/Los_Angeles   | 2024-03-09 22:00 -08:00 PST           | 2024-03-10 05:00 -07:00 PDT
America/Los_Angeles   | 2024-11-02 22:00 -07:00 PDT           | 2024-11-03 05:00 -08:00 PST
America/St_Johns      | 2024-03-10 01:00 -03:30 NST           | 2024-03-10 04:00 -02:30 NDT
America/Phoenix       | 2024-03-10 01:00 -07:00 MST           | 2024-03-10 04:00 -07:00 MST
Australia/Sydney      | 2024-04-07 02:30 +11:00 AEDT first    | 2024-04-07 02:30 +10:00 AEST second
Australia/Sydney      | 2024-10-06 01:30 +10:00 AEST          | 2024-10-06 03:30 +11:00 AEDT
Australia/Adelaide    | 2024-04-07 01:00 +10:30 ACDT          | 2024-04-07 05:00 +09:30 ACST
Australia/Lord_Howe   | 2024-04-07 01:45 +11:00 UTC+11:00 first | 2024-04-07 01:45 +10:30 UTC+10:30 second
Australia/Lord_Howe   | 2024-10-06 01:30 +10:30 UTC+10:30     | 2024-10-06 02:30 +11:00 UTC+11:00
Pacific/Chatham       | 2024-04-07 02:00 +13:45 UTC+13:45     | 2024-04-07 05:00 +12:45 UTC+12:45
Asia/Kolkata          | 2024-05-04 21:00 +05:30 IST           | 2024-05-04 24:00 +05:30 IST
Asia/Kolkata          | 2024-05-05 00:15 +05:30 IST           | 2024-05-05 05:15 +05:30 IST
Asia/Kathmandu        | 2024-05-04 05:00 +05:45 UTC+05:45     | 2024-05-04 06:00 +05:45 UTC+05:45
Pacific/Kiritimati    | 2024-01-01 00:00 +14:00 UTC+14:00     | 2024-01-01 02:00 +14:00 UTC+14:00
Pacific/Niue          | 2023-12-31 22:00 -11:00 UTC-11:00     | 2024-01-01 01:00 -11:00 UTC-11:00
Pacific/Pago_Pago     | 2024-02-29 22:00 -11:00 SST           | 2024-02-29 24:00 -11:00 SST
UTC                   | 2023-12-31 22:00 +00:00 UTC           | 2023-12-31 24:00 +00:00 UTC
UTC                   | 2024-02-29 00:00 +00:00 UTC           | 2024-03-01 00:00 +00:00 UTC
""".strip().splitlines()


@dataclass(frozen=True)
class End:
    day: str
    time: str
    offset: str
    label: str
    which: str = ""

    @property
    def local(self) -> dt.datetime:
        """What clocks there show, with the offset that they have then."""
        day = dt.datetime.fromisoformat(f"{self.day}T00:00{self.offset}")
        hours, minutes = self.time.split(":")
        return day + dt.timedelta(hours=int(hours), minutes=int(minutes))

    @property
    def instant(self) -> dt.datetime:
        return self.local.astimezone(dt.UTC)

    @property
    def words(self) -> str:
        local, utc_time = self.local, self.instant
        words = f"{local:%A} {local.day} {local:%B} {local.year}, {local:%H:%M} {self.label}"
        if self.offset == "+00:00":
            return words
        day = "" if local.date() == utc_time.date() else f"{utc_time.day} {utc_time:%b} "
        return f"{words} ({day}{utc_time:%H:%M} UTC)"

    @property
    def stamp(self) -> str:
        return f"{self.local:%Y-%m-%dT%H:%M}:00.000{self.offset}"


def read_row(row: str) -> tuple[str, End, End]:
    zone, start, end = (part.strip() for part in row.split("|"))
    return zone, End(*start.split()), End(*end.split())


def typed(start: End, end: End) -> dict[str, str]:
    ends = {"work_starts_at": start, "work_ends_at": end}
    return {key: v for name, e in ends.items() for key, v in at(name, e.day, e.time, e.which).items()}


@pytest.fixture
def staff(client: Client, time_machine):
    time_machine.move_to(NOW, tick=False)
    make_page()
    client.force_login(make_staff())
    return client


def test_there_are_as_many_windows_as_are_promised():
    assert len(WINDOWS) == len(set(WINDOWS)) == 41


@pytest.mark.parametrize("row", WINDOWS, ids=lambda row: re.sub(r"\s+", " ", row))
def test_a_window_is_the_same_instants_wherever_it_is_read(staff, row):
    zone, start, end = read_row(row)
    make_page(time_zone=zone)

    publish(staff, SCHEDULE, title="Work", body="Soon.", time_zone=zone, **typed(start, end))

    stored = Incident.objects.get()
    assert (stored.work_starts_at, stored.work_ends_at) == (start.instant, end.instant)
    state = load_state(NOW)
    (told,) = state.notices
    (page,) = notice.notice(state.site, told)
    for one in (start, end):
        assert f'datetime="{one.instant:%Y-%m-%dT%H:%M:%SZ}"' in page.body.decode()
    (text,) = notice_text.notice(state.site, told)
    assert f"Work:\n  From {start.words}\n  until {end.words}\n" in text.body.decode()
    mail = write_update(stored.updates.get(), LINKS, language="en", time_zone="")
    assert f"Work: From {start.words}\n  until {end.words}\n" in mail.text
    assert (start.words in mail.html, end.words in mail.html) == (True, True)
    (body,) = notice_json.notice(state.site, told)
    fields = json.loads(body.body)
    assert [fields["scheduled_for"], fields["scheduled_until"]] == [
        one.stamp if zone != "UTC" else one.stamp.replace("+00:00", "Z") for one in (start, end)
    ]
    (atom,) = feeds.atom(state)
    entry = feedparser.parse(atom.body).entries[0]
    assert entry.published_parsed[:5] == start.instant.timetuple()[:5]
    shown = DATE_IN_A_FEED.findall(feeds.entry_html(told, state.zone))[:2]
    assert [f"{int(day)} {time} {label}" for day, time, label in shown] == [
        f"{one.local.day} {one.local:%H:%M} {one.label}" for one in (start, end)
    ]
    (ics,) = calendar.notice(state.site, told)
    (event,) = Calendar.from_ical(ics.body).walk("VEVENT")
    assert (event["dtstart"].dt, event["dtend"].dt) == (start.instant, end.instant)


@pytest.mark.parametrize(
    ("zone", "day", "time"),
    [
        ("Europe/Amsterdam", "2024-03-31", "02:00"),
        ("America/New_York", "2024-03-10", "02:59"),
        ("Australia/Lord_Howe", "2024-10-06", "02:15"),
        ("Antarctica/Troll", "2024-03-31", "02:30"),
        ("Atlantic/Azores", "2024-03-31", "00:00"),
    ],
)
def test_a_time_that_never_comes_is_refused(staff, zone, day, time):
    window = {**at("work_starts_at", day, time), **at("work_ends_at", "2024-12-24", "12:00")}

    answer = publish(staff, SCHEDULE, title="Work", body="Soon.", time_zone=zone, **window)

    assert list(errors(answer)) == ["work_starts_at"]
    assert "does not exist" in errors(answer)["work_starts_at"][0]


@pytest.mark.parametrize("row", [row for row in WINDOWS if "first" in row], ids=lambda row: row.split()[0])
def test_a_time_that_comes_twice_is_asked_about(staff, row):
    zone, start, end = read_row(row)
    answered = typed(start, end)
    unanswered = answered | {name: "" for name in answered if name.endswith("_which")}

    answer = publish(staff, SCHEDULE, title="Work", body="Soon.", time_zone=zone, **unanswered)

    asked = [name for name, one in (("work_starts_at", start), ("work_ends_at", end)) if one.which]
    assert list(errors(answer)) == asked
    staff.post(SCHEDULE, {**read_form(answer).values, **answered, "act": "publish"})
    assert Incident.objects.values_list("work_starts_at", "work_ends_at").get() == (start.instant, end.instant)


@pytest.mark.parametrize(
    ("start", "end", "lasts"),
    [
        (
            "2024-03-31 01:00",
            "2024-03-31 04:00",
            "lasts 2 h, not the 3 h that clocks show: they are put forward meanwhile",
        ),
        (
            "2024-10-27 01:00",
            "2024-10-27 04:00",
            "lasts 4 h, not the 3 h that clocks show: they are put back meanwhile",
        ),
        ("2024-11-09 21:00", "2024-11-09 24:00", "lasts 3 h"),
    ],
)
def test_a_window_over_a_switch_says_how_long_it_really_is(staff, start, end, lasts):
    window = {**at("work_starts_at", *start.split()), **at("work_ends_at", *end.split())}

    answer = staff.post(
        f"{SCHEDULE}preview/",
        {**read_form(staff.get(SCHEDULE)).values, "title": "Work", "body": "Soon.", "act": "preview", **window},
    )

    assert dict(answer.context["times"])["Work ends"].endswith(f" · {lasts}")
    remarks = [remark.text for _label, _place, remark in answer.context["remarks"] if remark.field == "work_ends_at"]
    assert remarks == ([f"The work {lasts}."] if "not the" in lasts else [])
