from __future__ import annotations

import ctypes
import datetime as dt
import json
import os
import resource
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import translation

from incidents.models import Incident, Page
from publishing import publish
from publishing.artefact import Artefact
from publishing.formats import PAGE_FORMATS
from publishing.generation import live_directory, live_manifest, live_name
from publishing.publish import behind, last_failure, publish_if_stale
from tests.make import make_incident, make_maintenance, make_page, utc

pytestmark = pytest.mark.django_db

NOW = utc(2026, 1, 3, 12)


@pytest.fixture(autouse=True)
def no_failure_yet(monkeypatch):
    monkeypatch.setattr(publish, "_failure", None)
    monkeypatch.setattr(publish, "_logged", ())


def read(settings, file="index.html") -> str:
    return (live_directory(settings.SNAPSHOT_DIR) / file).read_text()


def notice_file(incident) -> str:
    return f"incidents/{incident.code[0]}/{incident.code[:2]}/{incident.code}.html"


def bump(**fields) -> None:
    page = Page.objects.current()
    Page.objects.filter(pk=page.pk).update(version=page.version + 1, **fields)


def break_formats(monkeypatch, problem=RuntimeError("template gone")):
    def fails(state):
        raise problem

    monkeypatch.setitem(PAGE_FORMATS, "broken", fails)


@contextmanager
def unwritable(directory):
    """Nobody may write there, root neither."""
    mode = directory.stat().st_mode
    directory.chmod(0o555)
    libc, header = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(0x20080522, 0)
    before = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, before) == 0
    without_override = (ctypes.c_uint32 * 6)(*before)
    without_override[0] &= ~(1 << 1)  # CAP_DAC_OVERRIDE
    assert libc.capset(header, without_override) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0
        directory.chmod(mode)


@contextmanager
def files_at_most(size):
    """No file may grow beyond `size`, as if the disk were full from there on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_owed_is_published_once(settings):
    make_page()
    incident = make_incident("Slow mailings")

    assert publish_if_stale(NOW) is True
    assert publish_if_stale(NOW) is False

    assert "Slow mailings" in read(settings)
    assert "Slow mailings" in read(settings, notice_file(incident))
    assert live_manifest(settings.SNAPSHOT_DIR).version == Page.objects.current().version


def test_a_look_that_finds_nothing_to_do_is_cheap(settings, django_assert_num_queries):
    publish_if_stale(NOW)

    with django_assert_num_queries(1):
        publish_if_stale(NOW)


def test_a_change_is_published_and_a_draft_is_not(settings):
    publish_if_stale(NOW)
    make_incident("Only a draft", publish=False)
    assert publish_if_stale(NOW) is False

    make_incident("Public")
    assert publish_if_stale(NOW) is True
    assert "Public" in read(settings)
    assert "Only a draft" not in read(settings)


def test_a_database_restored_from_a_copy_is_published_too(settings):
    make_page(name="newer")
    bump(name="newer")
    publish_if_stale(NOW)
    Page.objects.update(name="older", version=1)

    assert publish_if_stale(NOW) is True
    assert "older" in read(settings)


def test_the_clock_alone_makes_the_page_stale(settings):
    make_page(time_zone="Europe/Amsterdam")
    make_maintenance(starts=utc(2026, 1, 3, 20), ends=utc(2026, 1, 3, 22))
    publish_if_stale(NOW)

    for moment, is_new in [
        (utc(2026, 1, 3, 19, 59, 59), False),
        (utc(2026, 1, 3, 20), True),
        (utc(2026, 1, 3, 20, 1), False),
        (utc(2026, 1, 3, 22, 0, 1), True),
        (utc(2026, 1, 3, 23), True),
        (utc(2026, 1, 4, 22, 59), False),
    ]:
        assert publish_if_stale(moment) is is_new, moment


def test_a_clock_that_was_wrong_and_is_put_right_makes_the_page_stale():
    publish_if_stale(NOW + dt.timedelta(days=400))

    assert publish_if_stale(NOW) is True
    assert publish_if_stale(NOW) is False


def test_other_code_renders_anew_where_the_caller_asks_for_that(settings, monkeypatch):
    publish_if_stale(NOW)
    monkeypatch.setattr(publish, "code_checksum", lambda: "the next release")

    assert publish_if_stale(NOW) is False
    assert publish_if_stale(NOW, upgrade=True) is True
    assert publish_if_stale(NOW, upgrade=True) is False


def test_the_page_is_rendered_in_its_own_language_not_in_that_of_whoever_clicked(settings, monkeypatch):
    make_page(language="nl")
    seen = []
    monkeypatch.setitem(PAGE_FORMATS, "spy", lambda state: seen.append(translation.get_language()) or [])

    with translation.override("de"):
        publish_if_stale(NOW)

    assert seen == ["nl"]


def test_what_was_posted_while_rendering_is_published_too(settings, monkeypatch):
    def post_meanwhile(state):
        if state.version < 3:
            make_incident(f"Posted meanwhile {state.version}")
        return []

    monkeypatch.setitem(PAGE_FORMATS, "meanwhile", post_meanwhile)
    publish_if_stale(NOW)

    assert "Posted meanwhile 2" in read(settings)
    assert live_manifest(settings.SNAPSHOT_DIR).version == 3


def test_a_format_that_fails_leaves_the_page_whole_and_is_told(settings, monkeypatch, caplog):
    make_page(name="before")
    publish_if_stale(NOW)
    live = live_name(settings.SNAPSHOT_DIR)
    bump(name="after")
    break_formats(monkeypatch)

    for seconds in range(5):
        assert publish_if_stale(NOW + dt.timedelta(seconds=seconds)) is False

    assert live_name(settings.SNAPSHOT_DIR) == live
    assert last_failure() == publish.Failure("RuntimeError: template gone", NOW)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "the public page is behind: RuntimeError: template gone"
    ]


def test_after_a_failure_the_page_recovers_by_itself(settings, monkeypatch):
    make_page(name="before")
    publish_if_stale(NOW)
    bump(name="after")
    with monkeypatch.context() as patch:
        break_formats(patch)
        publish_if_stale(NOW)
    assert (settings.SNAPSHOT_DIR / "publish-error.json").exists()

    assert publish_if_stale(NOW) is True

    assert "after" in read(settings)
    assert (last_failure(), behind(NOW)) == (None, None)
    assert not (settings.SNAPSHOT_DIR / "publish-error.json").exists()


def test_a_full_disk_leaves_the_page_whole_and_heals_by_itself(settings, monkeypatch, caplog):
    make_page(name="before")
    publish_if_stale(NOW)
    bump(name="after")
    noise = Artefact("/large.bin", "application/octet-stream", os.urandom(2_000_000))
    monkeypatch.setitem(PAGE_FORMATS, "large", lambda state: [noise])

    with files_at_most(1_000_000):
        for _attempt in range(3):
            assert publish_if_stale(NOW) is False

    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        f"the public page is behind: File too large ({settings.SNAPSHOT_DIR})"
    ]
    assert "before" in read(settings)
    assert len(list(settings.SNAPSHOT_DIR.glob("generations/*"))) == 1
    assert publish_if_stale(NOW) is True
    assert "after" in read(settings)


def test_a_directory_that_nobody_may_write_leaves_the_page_whole_and_staff_are_told(settings):
    make_page(name="before")
    publish_if_stale(NOW)
    bump(name="after", updated_at=NOW)

    with unwritable(settings.SNAPSHOT_DIR / "generations"), unwritable(settings.SNAPSHOT_DIR):
        assert publish_if_stale(NOW) is False
        assert "Permission denied" in behind(NOW).why
        assert "before" in read(settings)

    assert publish_if_stale(NOW) is True


def test_an_error_of_the_database_is_not_a_failure_to_publish(settings, monkeypatch):
    def unreadable(now, **_what):
        raise DatabaseError("gone")

    monkeypatch.setattr(publish, "load_state", unreadable)

    with pytest.raises(DatabaseError):
        publish_if_stale(NOW)
    assert last_failure() is None


def test_another_process_knows_of_the_failure(settings, monkeypatch):
    publish_if_stale(NOW)
    bump(updated_at=NOW)
    settings.SNAPSHOT_DIR.joinpath("publish-error.json").write_text(
        json.dumps({"why": "No space left on device", "since": NOW.isoformat()})
    )

    assert behind(NOW) == publish.Behind("No space left on device", NOW)


def test_staff_are_told_when_nothing_publishes(settings):
    publish_if_stale(NOW)
    bump(updated_at=NOW)

    assert behind(NOW + dt.timedelta(seconds=5)) is None  # it is about to be published
    assert behind(NOW + dt.timedelta(seconds=11)) == publish.Behind("", NOW)


def test_staff_are_told_when_the_clock_is_not_kept(settings):
    make_page(time_zone="UTC")
    publish_if_stale(NOW)

    assert behind(utc(2026, 1, 4, 0, 0, 5)) is None
    assert behind(utc(2026, 1, 4, 0, 1)) == publish.Behind("", utc(2026, 1, 4))


def test_whether_the_page_is_behind_costs_one_query(settings, django_assert_num_queries):
    publish_if_stale()

    with django_assert_num_queries(1):
        behind()


def test_a_second_publisher_gives_up_rather_than_hang(settings, monkeypatch):
    monkeypatch.setattr(publish, "LOCK_PATIENCE", 0.05)
    with publish.only_publisher(settings.SNAPSHOT_DIR):
        assert publish_if_stale(NOW) is False

    assert "too long" in last_failure().why
    assert publish_if_stale(NOW) is True


def test_the_command_publishes_and_fails_loudly(settings, monkeypatch):
    call_command("publish")
    assert live_manifest(settings.SNAPSHOT_DIR).version == 1

    bump()
    break_formats(monkeypatch)
    with pytest.raises(CommandError, match="template gone"):
        call_command("publish")


@pytest.mark.django_db(transaction=True)
def test_a_post_is_on_the_page_when_the_click_returns(settings):
    make_page()
    incident = make_incident("Slow mailings")

    assert "Slow mailings" in read(settings, notice_file(incident))


@pytest.mark.django_db(transaction=True)
def test_a_page_that_cannot_be_published_does_not_fail_the_post(settings, monkeypatch):
    make_page()
    break_formats(monkeypatch)
    make_incident("Slow mailings")

    settings.SNAPSHOT_DIR.parent.joinpath("file").write_text("")
    settings.SNAPSHOT_DIR = settings.SNAPSHOT_DIR.parent / "file"  # no directory at all
    make_incident("Slow clicks")

    assert sorted(Incident.objects.values_list("title", flat=True)) == ["Slow clicks", "Slow mailings"]
