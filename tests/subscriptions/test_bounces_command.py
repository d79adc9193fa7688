"""`manage.py bounces` on real mailboxes: a Maildir, an mbox, an IMAP server, a pipe."""

from __future__ import annotations

import mailbox
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from subscriptions.models import Delivery, Notification
from subscriptions.return_path import return_path
from tests.imap import imap_server
from tests.make import make_incident, make_subscribers
from tests.subscriptions.faults import database_url
from tests.subscriptions.reports import bounce, complaint, letter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = "bounces@status.example.com"


@pytest.fixture
def deliveries(db) -> list[Delivery]:
    notification = Notification.objects.create(purpose="update", update=make_incident().updates.get())
    return [
        Delivery.objects.create(notification=notification, subscriber=one, state="sent", sent_at=timezone.now())
        for one in make_subscribers(3)
    ]


def address_of(delivery: Delivery) -> str:
    return return_path(delivery.notification_id, delivery.subscriber.code)


def mails(deliveries: list[Delivery]) -> list[bytes]:
    """A bounce, a complaint, and something for a person."""
    ann, ben, cleo = map(address_of, deliveries)
    return [bounce(ann), complaint(ben), letter(cleo)]


def bounces(source: str = "", *recipients: str) -> str:
    out = StringIO()
    call_command("bounces", *([source] if source else []), *recipients, stdout=out)
    return out.getvalue().strip()


def states(deliveries: list[Delivery]) -> list[str]:
    for delivery in deliveries:
        delivery.refresh_from_db()
    return [delivery.subscriber.state for delivery in deliveries]


@pytest.mark.parametrize("kind", ["Maildir", "mbox"])
def test_a_mailbox_is_emptied_but_for_what_a_person_has_to_read(deliveries, tmp_path, kind):
    box = {"Maildir": mailbox.Maildir, "mbox": mailbox.mbox}[kind](tmp_path / "box")
    for raw in mails(deliveries):
        box.add(raw)
    box.close()

    assert bounces(str(tmp_path / "box")) == "1 bounced, 1 complained of, 1 not understood"
    assert states(deliveries) == ["quarantined", "quarantined", "active"]
    left = {"Maildir": mailbox.Maildir, "mbox": mailbox.mbox}[kind](tmp_path / "box", create=False)
    assert [message["Subject"] for message in left] == ["A question"]
    assert bounces(str(tmp_path / "box")) == "Nothing new."


@pytest.mark.imap
def test_a_mailbox_on_a_server_is_emptied_but_for_what_a_person_has_to_read(deliveries, settings):
    with imap_server() as server:
        for raw in mails(deliveries):
            server.add(raw)
        settings.BOUNCE_MAILBOX = server.url

        assert bounces() == "1 bounced, 1 complained of, 1 not understood"
        assert states(deliveries) == ["quarantined", "quarantined", "active"]
        assert server.subjects() == ["A question"]
        assert bounces() == "Nothing new."


@pytest.mark.imap
def test_a_wrong_password_is_told_and_not_shown():
    with imap_server() as server, pytest.raises(CommandError) as refused:
        bounces(server.url.replace("secret", "wrong-guess"))

    assert "AUTHENTICATIONFAILED" in str(refused.value)
    assert "wrong-guess" not in str(refused.value)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_mail_server_can_hand_in_one_message(deliveries, data_dirs):
    """As an alias does: |manage.py bounces - recipient."""
    env = {
        "PATH": "/usr/bin:/bin",
        "DATA_DIR": str(data_dirs),
        "DATABASE_URL": database_url(),
        "SECRET_KEY": django_settings.SECRET_KEY,
        "BOUNCE_ADDRESS": "bounces@status.example.com",
    }
    command = [sys.executable, "manage.py", "bounces", "-", address_of(deliveries[0])]
    done = subprocess.run(
        command,
        input=bounce("nobody@example.com"),
        cwd=django_settings.BASE_DIR,
        env=env,
        capture_output=True,
        check=True,
    )

    assert done.stdout.decode().strip() == "1 bounced"
    assert states(deliveries)[0] == "quarantined"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "name a mailbox"),
        ("/nowhere/at/all", "does not exist"),
        ("ftp://host/box", "imaps://user:password@host/INBOX"),
        ("imap://user:password@127.0.0.1:1/INBOX", "refused"),
    ],
)
def test_what_is_no_mailbox_is_told(source, words):
    with pytest.raises(CommandError) as refused:
        bounces(source)

    assert words in str(refused.value)


def test_a_directory_that_is_no_maildir_is_left_alone(tmp_path: Path):
    (tmp_path / "letters.txt").write_text("Dear all")

    with pytest.raises(CommandError):
        bounces(str(tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
