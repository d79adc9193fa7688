"""The power failure, the work after it, its move and its all-clear: told from a terminal alone."""

from __future__ import annotations

import pytest

from incidents.models import Change, Component, Incident
from publishing.generation import live_manifest
from subscriptions.watch import updates_not_begun
from tests.make import make_component, make_subscriber, utc
from tests.terminal.typed import run

pytestmark = pytest.mark.django_db(transaction=True)


def shown() -> dict[str, str]:
    return dict(Component.objects.values_list("name", "shown_status"))


def test_the_story_is_told_without_the_admin(edward, settings, time_machine):
    for name in ("Sending mailings", "Hyperlink redirects", "The application"):
        make_component(name)
    make_subscriber("ann@example.com")

    time_machine.move_to(utc(2013, 10, 30, 8, 14))
    ran = run(
        "incident open",
        *("--title", "Power lost in one server cabinet", "-m", "One cabinet has no power.", "--status", "identified"),
        *("-c", "all=major", "--started", "9:06", "--next-update", "in 20 min", "--yes", "--json"),
    )
    failure = Incident.objects.get()
    assert ran.status == 0
    assert ran.answer["times"] == {
        "next_update_by": "2013-10-30T08:34:00+00:00",
        "started_at": "2013-10-30T08:06:00+00:00",
    }
    assert ran.answer["reach"] == ["1 subscriber will be told by e-mail."]
    assert ran.answer["page"]["live"] == ran.answer["page"]["version"] == live_manifest(settings.SNAPSHOT_DIR).version
    assert ran.answer["mail"]["owed"] == updates_not_begun().count() == 1
    assert shown() == dict.fromkeys(shown(), "major_outage")

    time_machine.move_to(utc(2013, 10, 31, 16, 45))
    assert run("incident resolve", "-m", "All servers run.", "--data", "none_lost", "--yes").status == 0
    failure.refresh_from_db()
    assert (failure.status, failure.data_outcome) == ("resolved", "none_lost")
    assert shown() == dict.fromkeys(shown(), "operational")

    time_machine.move_to(utc(2013, 11, 6, 10, 30))
    ran = run(
        "maintenance schedule",
        *("--title", "Work on the power feeds", "--file", "-", "-c", "all", "--yes"),
        *("--starts", "Saturday 20:00", "--ends", "24:00", "--avoid-from", "18:00", "--avoid-until", "24:00"),
        *("--effect", "Sending mailings=delayed: Sent after the work.", "--effect", "The application=unavailable"),
        *("--link", f"caused_by={failure.code[:6]}", "--data", "none_expected_lost", "--reason", "Two feeds each."),
        *("--before", "Schedule no mailings.", "--reminders", "1 day, 1 hour"),
        stdin="Each server gets both sources directly.\n",
    )
    work = Incident.objects.scheduled().get()
    assert ran.status == 0
    assert "Work starts  Saturday 9 November 2013, 20:00 CET (19:00 UTC)" in ran.out
    assert (work.avoid_starts_at, work.avoid_ends_at) == (utc(2013, 11, 9, 17), utc(2013, 11, 9, 23))
    assert list(work.effects.values_list("function", "level", "note")) == [
        ("Sending mailings", "delayed", "Sent after the work."),
        ("The application", "unavailable", ""),
    ]
    assert work.links_out.get().target == failure
    assert work.reminders == [24 * 60, 60]

    time_machine.move_to(utc(2013, 11, 8, 9))
    assert run("maintenance move", "-m", "One hour later.", "--starts", "Saturday 21:00", "--yes").status == 0
    work.refresh_from_db()
    assert (work.work_starts_at, work.work_ends_at) == (utc(2013, 11, 9, 20), utc(2013, 11, 9, 23))
    assert work.avoid_starts_at == utc(2013, 11, 9, 17)

    time_machine.move_to(utc(2013, 11, 9, 20, 1))
    assert run("maintenance start", "-m", "We begin.", "--yes").status == 0
    assert shown() == dict.fromkeys(shown(), "under_maintenance")

    time_machine.move_to(utc(2013, 11, 9, 23))
    ran = run("maintenance all-clear", "latest", "-m", "Done.", "--ended", "23:40", "--data", "none lost", "--yes")
    work.refresh_from_db()
    assert ran.status == 0
    assert (work.status, work.data_outcome) == ("completed", "none_lost")
    assert (work.actual_started_at, work.actual_ended_at) == (utc(2013, 11, 9, 20, 1), utc(2013, 11, 9, 22, 40))
    assert shown() == dict.fromkeys(shown(), "operational")

    assert set(Change.objects.exclude(version=None).values_list("actor_name", flat=True)) == {"Edward Wierda"}
    assert "Done." in run("maintenance show", work.code).out
    assert run("maintenance show", work.code, "--json").answer["id"] == work.code
    assert run("maintenance list").out == "There is none.\n"
    assert [row["code"] for row in run("maintenance list", "--all", "--json").answer] == [work.code]
