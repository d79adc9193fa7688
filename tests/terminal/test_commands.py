"""What the commands refuse, and how they say it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from incidents.models import Change, EffectOutcome, Incident, IncidentUpdate, UrgentAct
from incidents.values import EffectLine, NoticeDetails
from publishing import publish
from tests.make import (
    make_component,
    make_incident,
    make_maintenance,
    make_page,
    make_role,
    make_staff,
    make_subscriber,
    utc,
)
from tests.terminal.typed import run

pytestmark = pytest.mark.django_db

OPEN = ("--title", "Mail is late", "-m", "Mail queues up.")


@pytest.fixture(autouse=True)
def wednesday(time_machine, monkeypatch, tmp_path):
    time_machine.move_to(utc(2013, 11, 6, 10, 30), tick=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def kept_in(ran) -> Path:
    return Path(re.search(r"--file (\S+)", ran.err)[1])


def test_without_anybody_to_ask_it_needs_a_yes(edward):
    ran = run("incident open", *OPEN)

    assert ran.status == 2
    assert "add --yes to publish" in ran.err
    assert not Incident.objects.exists()


def test_a_dry_run_shows_mail_feed_times_and_remarks_and_writes_nothing(edward):
    make_subscriber()
    mailings = make_component("Sending mailings")
    before = Change.objects.count()

    ran = run("incident open", *OPEN, "-c", "send=partial", "--next-update", "in 20 min", "--dry-run")

    assert ran.status == 0
    assert "Subject: [Investigating] Mail is late" in ran.out
    assert "Investigating - Mail queues up." in ran.out
    assert f"  {mailings.name}: Partial outage\n" in ran.out
    assert "Next update by  Wednesday 6 November 2013, 11:50 CET (10:50 UTC)" in ran.out
    assert "! --data: Say something of customers’ data" in ran.out
    assert "1 subscriber will be told by e-mail." in ran.out
    assert (Incident.objects.count(), Change.objects.count()) == (0, before)


def test_what_is_told_to_nobody_shows_no_mail(edward):
    make_subscriber()

    ran = run("incident open", *OPEN, "--no-notify", "--yes")

    assert "Subject:" not in ran.out
    assert IncidentUpdate.objects.get().notify is False


def test_nobody_acts_without_a_name(db, monkeypatch):
    monkeypatch.delenv("STATUSPAGE_USER", raising=False)
    make_staff("edward", first_name="Edward")
    make_role("Writer", "wilma")

    for name in ([], ["--as", "mallory"]):
        ran = run("incident open", *OPEN, "--yes", *name)
        assert ran.status == 2
        assert ran.err.splitlines()[1:] == ["  edward  Edward", "  wilma"]


def test_a_writer_keeps_drafts_and_publishes_nothing(db):
    make_role("Writer", "wilma")

    assert run("incident open", *OPEN, "--as", "wilma", "--yes").status == 1
    assert run("incident open", *OPEN, "--as", "wilma", "--draft").status == 0
    draft = IncidentUpdate.objects.get()
    assert (draft.is_draft, draft.author.username) == (True, "wilma")


def test_who_may_not_write_is_refused(db):
    nobody = make_role("Writer", "nobody")
    nobody.groups.clear()

    assert run("incident open", *OPEN, "--as", "nobody", "--draft").err == "nobody may not write notices."


@pytest.mark.parametrize(
    ("component", "told"),
    [
        ("Send=major", "“Send” could be several components:"),
        ("Database=major", "No component is called “Database”. There are:"),
        ("Sending mailings=broken", "--component: “broken” is none of these:"),
        ("Sending mailings=", "say which status it has"),
        ("Sending mailings", "say which status it has"),
        ("=major", "No component is called “”. There are:"),
    ],
)
def test_a_component_is_never_guessed(edward, component, told):
    make_component("Sending mailings")
    make_component("Sending receipts")

    ran = run("incident open", *OPEN, "-c", component, "--yes")

    assert ran.status == 2
    assert told in ran.err
    assert not Incident.objects.exists()


def test_a_component_is_known_by_its_code_and_an_exact_name_beats_longer_ones(edward):
    api, other = make_component("API"), make_component("API v2")

    run("incident open", *OPEN, "-c", "api=major", "-c", f"{other.code}=degraded_performance", "--yes")

    assert dict(IncidentUpdate.objects.get().affected.values_list("component", "new_status")) == {
        api.pk: "major_outage",
        other.pk: "degraded_performance",
    }


def test_of_several_notices_none_is_guessed(edward):
    first, second = make_incident("First"), make_incident("Second")
    make_maintenance(starts=utc(2013, 11, 9, 20), ends=utc(2013, 11, 9, 23))

    ran = run("incident resolve", "-m", "Over.", "--yes")

    assert ran.status == 2
    assert {line.split()[0] for line in ran.err.splitlines()[1:]} == {first.code, second.code}
    assert run("incident resolve", first.code[:8], "-m", "Over.", "--yes").status == 0
    assert run("incident resolve", "-m", "Over.", "--yes").status == 0
    assert set(Incident.objects.realtime().values_list("status", flat=True)) == {"resolved"}


def test_what_is_over_cannot_be_ended_again(edward):
    over = make_incident(status="resolved")

    ran = run("incident resolve", over.code, "-m", "Over.", "--yes")

    assert (ran.status, ran.err) == (1, "“Slow mailings” is resolved: that cannot be done with it any more.")


def test_the_other_command_is_named(edward):
    work = make_maintenance(starts=utc(2013, 11, 9, 20), ends=utc(2013, 11, 9, 23))

    assert "manage.py maintenance" in run("incident update", work.code, "-m", "x", "--yes").err


@pytest.mark.parametrize(
    ("starts", "fold", "told"),
    [
        ("30 March 2014, 02:30", [], "--starts: 02:30 does not exist on that day in Europe/Amsterdam"),
        ("26 October 2014, 02:30", [], "--fold first: the first, CEST (UTC+2)"),
        ("9 pm", [], "--starts: “9 pm” cannot be read as a time."),
        ("Friday 9 November 2013, 21:00", [], "that day is a Saturday"),
        ("26 October 2014, 02:30", ["--fold", "first"], "Work starts  Sunday 26 October 2014, 02:30 CEST (00:30 UTC)"),
        ("26 October 2014, 02:30", ["--fold", "second"], "Work starts  Sunday 26 October 2014, 02:30 CET (01:30 UTC)"),
        ("26 October 2014, 02:30", ["--zone", "UTC"], "Work starts  Sunday 26 October 2014, 02:30 UTC"),
    ],
)
def test_a_time_is_repeated_or_refused(edward, starts, fold, told):
    ran = run("maintenance schedule", *OPEN, "--starts", starts, "--ends", "05:00", *fold, "--dry-run")

    assert told in ran.out + ran.err
    assert ran.status == (2 if told in ran.err else 0)


def test_times_in_another_zone_are_instants_where_the_form_has_none(edward):
    run("incident open", *OPEN, "--next-update", "20:00", "--zone", "Asia/Tokyo", "--yes")

    assert Incident.objects.get().next_update_by == utc(2013, 11, 6, 11)


def test_a_moved_maintenance_keeps_what_is_not_given_also_on_other_clocks(edward):
    evening = {"starts": utc(2013, 11, 9, 20), "ends": utc(2013, 11, 9, 23)}
    work = make_maintenance(**evening, avoid_starts=utc(2013, 11, 9, 17), avoid_ends=utc(2013, 11, 10, 5))

    ran = run("maintenance move", "-m", "Later.", "--ends", "10 November 10:00", "--zone", "Asia/Tokyo", "--yes")

    work.refresh_from_db()
    assert ran.status == 0
    assert (work.work_starts_at, work.work_ends_at) == (utc(2013, 11, 9, 20), utc(2013, 11, 10, 1))
    assert (work.avoid_starts_at, work.avoid_ends_at) == (utc(2013, 11, 9, 17), utc(2013, 11, 10, 5))


def test_the_all_clear_asks_when_the_work_ended(edward):
    make_maintenance(starts=utc(2013, 11, 6, 9), ends=utc(2013, 11, 6, 10), at=utc(2013, 11, 5))

    ran = run("maintenance all-clear", "-m", "Done.", "--began", "10:00", "--data", "none_lost", "--yes")

    assert ran.status == 1
    assert "--ended: Give a day and a time." in ran.err


def test_the_all_clear_tells_what_became_of_effects(edward):
    details = NoticeDetails(effects=[EffectLine("Sending mailings", "delayed"), EffectLine("Images", "unavailable")])
    notice = make_maintenance(starts=utc(2013, 11, 6, 10), ends=utc(2013, 11, 6, 12), details=details)
    said = ("maintenance all-clear", "-m", "Done.", "--began", "now", "--ended", "now", "--data", "none_lost", "--yes")

    unknown = run(*said, "--effect", "Links=less")
    ran = run(*said, "--effect", "images=less: two short gaps", "--deviations", "It was shorter.")

    assert (unknown.status, "Announced were:\n  Sending mailings\n  Images" in unknown.err) == (2, True)
    assert ran.status == 0
    notice.refresh_from_db()
    assert notice.deviations == "It was shorter."
    assert [(line.function, line.turned_out, line.note) for line in EffectOutcome.objects.of(notice)] == [
        ("Sending mailings", "as_announced", ""),
        ("Images", "less", "two short gaps"),
    ]


def test_where_a_second_person_is_asked_for_it_takes_a_reason(edward):
    make_page(needs_review=True)

    alone = run("incident open", *OPEN, "--yes")
    draft = run("incident open", *OPEN, "--draft")
    urgent = run("incident open", *OPEN, "--yes", "--urgent", "Nobody else is awake.")

    assert (alone.status, draft.status, urgent.status) == (1, 0, 0)
    assert "--urgent WHY" in alone.err
    assert [incident.is_draft for incident in Incident.objects.order_by("pk")] == [True, False]
    assert UrgentAct.objects.get().because == "Nobody else is awake."


def test_gaps_of_a_prepared_text_are_told_and_hold_up_no_incident(edward):
    ran = run("incident open", "--title", "((function)) is slow", "-m", "Since ((time)).", "--yes")

    assert ran.status == 0
    assert "“((time))” is still to be filled in" in ran.out


def test_a_maintenance_is_cancelled(edward):
    work = make_maintenance(starts=utc(2013, 11, 9, 20), ends=utc(2013, 11, 9, 23))

    assert run("maintenance cancel", "-m", "No parts.", "--yes").status == 0
    work.refresh_from_db()
    assert work.status == "cancelled"


def test_everything_the_form_refuses_is_told_with_its_option_and_the_text_is_kept(edward):
    ran = run("incident open", "--file", "-", "--started", "tomorrow 9:00", "--yes", stdin="Written in haste.\n")

    file = kept_in(ran)
    assert ran.status == 1
    assert "--title: This field is required." in ran.err
    assert "--started: An incident cannot start in the future." in ran.err
    assert run("incident open", "--title", "Mail is late", "--file", str(file), "--yes").status == 0
    assert IncidentUpdate.objects.get().body == "Written in haste."
    assert file.exists()  # it became the author's own


def test_an_empty_text_is_refused(edward):
    ran = run("incident open", "--title", "Mail is late", "--yes")

    assert (ran.status, "--message: Write at least one sentence" in ran.err) == (1, True)


def test_a_full_disk_leaves_the_text_on_the_terminal(edward, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))

    ran = run("incident open", "-m", "Written in haste.", "--yes")

    assert ran.err.endswith("Here it is:\n\nWritten in haste.")


def test_the_same_word_posts_once(edward):
    for _twice in range(2):
        ran = run("incident open", *OPEN, "--once", "alarm 17", "--yes", "--json")
        assert (ran.status, ran.answer["published"]) == (0, True)
    other = run("incident open", "--title", "Other", "-m", "Other words.", "--once", "alarm 17", "--yes")

    assert Incident.objects.count() == 1
    assert (other.status, "--once named something else" in other.err) == (1, True)


@pytest.mark.django_db(transaction=True)
def test_a_page_that_cannot_be_published_is_told_with_the_reason(edward, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "_failure", None)  # put back afterwards: it outlives the test otherwise
    settings.SNAPSHOT_DIR = tmp_path / "a file"
    settings.SNAPSHOT_DIR.write_text("where a directory should be")

    ran = run("incident open", *OPEN, "--yes")

    assert ran.status == 0
    assert "The page is behind: it shows version –, not 2. " in ran.out
    assert "No mail is owed." in ran.out


def test_root_is_sent_to_the_owner_of_the_data(edward, settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    if os.geteuid() == 0:
        os.chown(settings.DATA_DIR, 1, 1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    ran = run("incident open", *OPEN, "--yes")

    assert (ran.status, "Run it as that user: sudo -u" in ran.err) == (2, True)


def test_a_list_asks_as_often_for_three_as_for_one(edward, django_assert_max_num_queries):
    make_incident(components={make_component().pk: "major_outage"})
    with django_assert_max_num_queries(20) as asked:
        run("incident list")
    for_one = len(asked)
    for _more in range(2):
        make_incident(components={make_component().pk: "major_outage"})

    with django_assert_max_num_queries(for_one):
        assert run("incident list").out.count("Major outage") == 3
