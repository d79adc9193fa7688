"""Lists of subscribers on the staff's screens: looked at before they are written."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from subscriptions import tasks
from subscriptions.models import Subscriber, UploadedList
from subscriptions.sheet import COLUMNS
from tests.make import make_page, make_role, make_subscriber

pytestmark = pytest.mark.django_db

LISTS = reverse("admin:subscriptions_lists")


def upload(client: Client, text: str | bytes):
    content = text if isinstance(text, bytes) else text.encode()
    return client.post(LISTS, {"file": SimpleUploadedFile("list.csv", content)})


@pytest.fixture
def anna(db) -> Client:
    """A browser of someone who keeps subscribers."""
    make_page()
    client = Client()
    client.force_login(make_role("Administrator", "anna"))
    return client


def test_an_upload_is_shown_first_and_then_imported(anna):
    text = "address,confirmed_at\nann@example.com,2013-11-09\nbob@example.com,\n=cmd|x,\n"

    preview_url = upload(anna, text).url
    shown = anna.get(preview_url).content.decode()
    assert "=cmd|x" in shown
    assert not Subscriber.objects.exists()

    refused_word = anna.post(preview_url).content.decode()
    assert "Without this word" in refused_word
    assert not Subscriber.objects.exists()

    assert anna.post(preview_url, {"consent": "on"}).url == preview_url
    waits = anna.get(f"{preview_url}progress/").json()
    assert (waits["isOwed"], waits["percent"], waits["announcement"]) == (True, 0, "Waiting for the worker to begin.")
    assert not Subscriber.objects.exists()
    anna.post(preview_url, {"consent": "on"})  # a double click
    assert [ring.func() for ring in OrmQ.objects.all()] == ["subscriptions.tasks.import_lists"]

    tasks.import_lists()
    assert sorted(Subscriber.objects.values_list("state", flat=True)) == ["active", "pending"]
    assert bytes(UploadedList.objects.get().content) == b""
    done = anna.get(f"{preview_url}progress/").json()
    assert (done["isOwed"], done["percent"], done["words"]["new"], done["words"]["refused"]) == (False, 100, "2", "1")
    shown = anna.get(preview_url).content.decode()
    assert "=cmd|x" in shown and "Imported: all lines are done." in shown
    assert "list.csv" in anna.get(LISTS).content.decode()
    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "Asked for the import. Declared that these people have agreed.",
        "Imported: 2 new, 0 updated, 0 unchanged, 1 refused; 1 to confirm. Declared that 1 had given their consent.",
    ]


def test_an_upload_without_consent_needs_no_word(anna):
    preview_url = upload(anna, "address\nann@example.com\n").url

    anna.post(preview_url)
    tasks.import_lists()

    assert Subscriber.objects.get().state == "pending"


def test_an_upload_can_be_dropped_and_is_nobody_elses(anna):
    preview_url = upload(anna, "address\nann@example.com\n").url
    berta = Client()
    berta.force_login(make_role("Administrator"))

    berta.post(preview_url)
    berta.post(f"{preview_url}drop/")
    assert UploadedList.objects.exists()
    anna.post(f"{preview_url}drop/")

    assert not UploadedList.objects.exists() and not Subscriber.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\xff", b"\x00", b'"', b"address\n" + b'"' * 9_999])
def test_an_upload_that_cannot_be_read_is_refused_beside_its_field(anna, content):
    answer = upload(anna, content)

    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not UploadedList.objects.exists()


def test_an_export_holds_the_chosen_state_and_is_written_into_the_log(anna):
    make_subscriber("ann@example.com"), make_subscriber("bob@example.com", state="pending")

    answer = anna.post(f"{LISTS}export/", {"state": "pending"})

    text = b"".join(answer.streaming_content).decode()
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert "bob@example.com" in text and "ann@example.com" not in text
    assert LogEntry.objects.get().change_message == "Exported 1 subscribers."


@pytest.mark.parametrize("role", ["Writer", "Publisher"])
def test_only_administrators_take_lists_in_or_out(role):
    make_page()
    client = Client()
    client.force_login(make_role(role))

    assert client.get(LISTS).status_code == 403
    assert upload(client, "address\nann@example.com\n").status_code == 403
    assert client.post(f"{LISTS}export/").status_code == 403
    assert client.get(f"{LISTS}1/").status_code == 403
