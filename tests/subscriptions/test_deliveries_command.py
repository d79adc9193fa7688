"""`manage.py deliveries`: the same account in a terminal."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from subscriptions.models import Delivery
from tests.make import make_incident, make_page, make_subscriber
from tests.subscriptions.test_progress import make_notification

pytestmark = pytest.mark.django_db


def run(capsys, *arguments: str) -> tuple[int, str]:
    """Exit status and what was said."""
    status = 0
    try:
        call_command("deliveries", *arguments)
    except SystemExit as left:
        status = left.code
    return status, capsys.readouterr().out


def test_nothing_owed_is_said_and_left_with_zero(capsys):
    make_notification("sent")

    assert run(capsys) == (0, "Nothing is owed.\n")


def test_what_is_owed_is_shown_with_its_counts_and_left_with_three(capsys):
    make_page()
    notification = make_notification(*["sent"] * 60, *["queued"] * 40, "failed")

    status, said = run(capsys)

    assert status == 3
    assert f"#{notification.pk}  Slow mailings: Investigating" in said
    assert "queued 40  sending 0  sent 60  failed 1  skipped 0" in said
    assert "left: about 20 seconds" in said


def test_what_nobody_took_up_yet_and_personal_words_count_as_owed(capsys):
    make_incident()
    make_subscriber(state="pending")

    status, said = run(capsys)

    assert status == 3
    assert "1 not begun yet" in said
    assert "1 personal words wait" in said


def test_all_shows_what_is_done_too(capsys):
    notification = make_notification("sent")

    assert run(capsys, "--all", "5")[0] == 0
    assert f"#{notification.pk}" in run(capsys, "--all", "5")[1]


def test_failures_are_listed_with_the_servers_words_and_tried_again(capsys):
    notification = make_notification("failed", "sent")
    address = Delivery.objects.get(state="failed").subscriber.endpoint

    assert run(capsys, "--failed", str(notification.pk)) == (3, f"{address}\t1\t550 no such mailbox\n")
    assert run(capsys, "--retry", str(notification.pk)) == (0, "1 tried again.\n")
    assert run(capsys, "--failed", str(notification.pk)) == (0, "")


def test_pausing_needs_a_reason_and_is_undone_by_resuming(capsys):
    notification = make_notification("queued")

    with pytest.raises(CommandError, match="--reason"):
        call_command("deliveries", "--pause", str(notification.pk))
    run(capsys, "--pause", str(notification.pk), "--reason", "a wrong date")
    notification.refresh_from_db()
    assert notification.pause_reason == "a wrong date"
    assert "Paused by manage.py: a wrong date" in run(capsys)[1]

    run(capsys, "--resume", str(notification.pk))
    notification.refresh_from_db()
    assert notification.paused_at is None


def test_watching_ends_when_all_is_done_or_only_waits_for_a_person(capsys):
    notification = make_notification("queued")
    call_command("deliveries", "--pause", str(notification.pk), "--reason", "wait")
    assert run(capsys, "--watch")[0] == 3

    Delivery.objects.all().delete()
    assert run(capsys, "--watch") == (0, "Nothing is owed.\n")


def test_watching_shows_each_step_until_the_end(capsys, monkeypatch):
    make_notification("queued")
    monkeypatch.setattr("time.sleep", lambda _seconds: Delivery.objects.update(state="skipped"))

    status, said = run(capsys, "--watch")

    assert (status, "queued 1" in said, said.endswith("Nothing is owed.\n")) == (0, True, True)


def test_an_unknown_notification_is_said_in_plain_words():
    with pytest.raises(CommandError, match="There is no notification 7"):
        call_command("deliveries", "--failed", "7")
