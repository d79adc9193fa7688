from __future__ import annotations

import pytest
import time_machine
from django.db import DatabaseError

from incidents.actions import post_update
from incidents.timing import schedule_draft
from incidents.values import UpdateText
from publishing.formats import PAGE_FORMATS
from publishing.generation import live_manifest
from publishing.management.commands import publish as command
from publishing.management.commands.publish import TICK, TICK_IN_TROUBLE, Watcher
from tests.make import make_incident, make_maintenance, make_page, utc
from tests.publishing.test_generation import age_generations

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_maintenance_begins_and_ends_on_the_page_without_a_click(settings):
    make_page()
    watcher, seen = Watcher(), []
    with time_machine.travel(utc(2026, 1, 3, 12), tick=False) as clock:
        maintenance = make_maintenance(starts=utc(2026, 1, 3, 20), ends=utc(2026, 1, 3, 23))
        for hour in (12, 19, 20, 22, 23):
            clock.move_to(utc(2026, 1, 3, hour))
            assert watcher.tick() == TICK
            maintenance.refresh_from_db()
            seen.append(maintenance.status)
        version = live_manifest(settings.SNAPSHOT_DIR).version

    assert seen == ["scheduled", "scheduled", "in_progress", "in_progress", "verifying"]
    assert version == 4


def test_a_draft_is_published_at_a_time_that_was_set_while_the_watcher_looked_on(settings):
    watcher = Watcher()
    with time_machine.travel(utc(2026, 1, 3, 12), tick=False) as clock:
        notice = make_incident()
        watcher.tick()
        draft = post_update(notice, UpdateText("identified", "A disk."), actor=None, publish=False)
        schedule_draft(draft, utc(2026, 1, 3, 13), actor=None)
        seen = []
        for moment in (utc(2026, 1, 3, 12, 59, 59), utc(2026, 1, 3, 13)):
            clock.move_to(moment)
            watcher.tick()
            seen.append(live_manifest(settings.SNAPSHOT_DIR).version)

    draft.refresh_from_db()
    assert (seen, draft.published_at) == ([2, 3], utc(2026, 1, 3, 13))


def test_a_look_that_finds_nothing_to_do_asks_the_database_twice(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(command, "close_old_connections", lambda: None)
    make_maintenance(starts=utc(2036, 1, 3, 20), ends=utc(2036, 1, 3, 23))
    watcher = Watcher()
    watcher.tick()

    with django_assert_num_queries(2):
        watcher.tick()


def test_what_posts_have_published_before_goes_although_nothing_is_owed(settings):
    incident = make_incident()
    for number in range(6):
        post_update(incident, UpdateText(status="monitoring", body=f"Word {number}."), actor=None)
    generations = settings.SNAPSHOT_DIR / "generations"
    age_generations(settings.SNAPSHOT_DIR, 120)
    live = live_manifest(settings.SNAPSHOT_DIR)
    assert len(list(generations.iterdir())) > 3

    Watcher().tick()

    assert live_manifest(settings.SNAPSHOT_DIR) == live
    assert len(list(generations.iterdir())) == 3


def test_a_window_moved_by_staff_is_kept(settings):
    make_page()
    watcher = Watcher()
    with time_machine.travel(utc(2026, 1, 3, 12), tick=False) as clock:
        watcher.tick()
        maintenance = make_maintenance(starts=utc(2026, 1, 3, 13), ends=utc(2026, 1, 3, 14))
        watcher.tick()
        clock.move_to(utc(2026, 1, 3, 13))
        watcher.tick()

    maintenance.refresh_from_db()
    assert maintenance.status == "in_progress"


def test_a_database_that_is_away_is_told_once_and_waited_for(settings, monkeypatch, caplog):
    def away(now):
        raise DatabaseError("no route to host")

    watcher = Watcher()
    with monkeypatch.context() as patch:
        patch.setattr(command, "run_clock", away)
        for _look in range(3):
            assert watcher.tick() == TICK
    make_incident()
    watcher.tick()

    told = [record.message for record in caplog.records if record.name == command.__name__]
    assert told == ["the database is away: no route to host", "all is well again"]
    assert live_manifest(settings.SNAPSHOT_DIR) is not None


def test_a_notice_that_cannot_be_moved_does_not_keep_others_from_the_page(settings, monkeypatch):
    def refuses(now):
        raise ValueError("no")

    monkeypatch.setattr(command, "run_clock", refuses)

    assert Watcher().tick() == TICK_IN_TROUBLE
    assert live_manifest(settings.SNAPSHOT_DIR) is not None


def test_a_render_that_fails_is_not_tried_without_pause(settings, monkeypatch):
    def fails(state):
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setitem(PAGE_FORMATS, "broken", fails)
        assert Watcher().tick() == TICK_IN_TROUBLE
    assert Watcher().tick() == TICK
