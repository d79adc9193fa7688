from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from publishing.boundaries import next_boundary, next_midnight
from publishing.loading import load_state
from tests.make import make_incident, make_maintenance, make_page, utc


@pytest.mark.parametrize(
    ("zone", "now", "midnight"),
    [
        ("UTC", utc(2026, 1, 3, 12), utc(2026, 1, 4)),
        ("UTC", utc(2026, 1, 4), utc(2026, 1, 5)),
        ("Europe/Amsterdam", utc(2026, 1, 3, 12), utc(2026, 1, 3, 23)),
        ("Europe/Amsterdam", utc(2026, 1, 3, 23), utc(2026, 1, 4, 23)),
        ("Europe/Amsterdam", utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),  # a day of 23 hours
        ("Europe/Amsterdam", utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),  # and one of 25
        ("Asia/Kathmandu", utc(2026, 1, 3, 12), utc(2026, 1, 3, 18, 15)),
        ("America/Sao_Paulo", utc(2018, 11, 3, 12), utc(2018, 11, 4, 3)),  # midnight was skipped: the day began at one
        ("America/Havana", utc(2026, 10, 31, 12), utc(2026, 11, 1, 4)),  # midnight comes twice: the first counts
        ("Pacific/Apia", utc(2011, 12, 29, 12), utc(2011, 12, 30, 10)),  # a whole day was skipped
    ],
)
def test_the_next_day_begins_when_clocks_in_the_zone_say_so(zone, now, midnight):
    assert next_midnight(now, ZoneInfo(zone)) == midnight


@pytest.mark.django_db
def test_the_page_outdates_at_each_edge_of_its_windows_and_at_each_promise():
    make_page(time_zone="Europe/Amsterdam")
    make_maintenance(
        starts=utc(2026, 1, 3, 20),
        ends=utc(2026, 1, 3, 22),
        avoid_starts=utc(2026, 1, 3, 19),
        avoid_ends=utc(2026, 1, 3, 22, 30),
    )
    incident = make_incident()
    incident.next_update_by = utc(2026, 1, 3, 15)
    incident.save(update_fields=["next_update_by"])

    now, seen = utc(2026, 1, 3, 12), []
    for _step in range(7):
        now = next_boundary(load_state(now))
        seen.append(now)

    assert seen == [
        utc(2026, 1, 3, 15),
        utc(2026, 1, 3, 19),
        utc(2026, 1, 3, 20),
        utc(2026, 1, 3, 22),
        utc(2026, 1, 3, 22, 30),
        utc(2026, 1, 3, 23),
        utc(2026, 1, 4, 23),
    ]
