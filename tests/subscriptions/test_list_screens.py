"""Lists of subscribers on the staff's screens: looked at before they are written."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

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

    assert anna.post(preview_url, {"consent": "on"}).status_code == 302
    assert sorted(Subscriber.objects.values_list("state", flat=True)) == ["active", "pending"]
    assert not UploadedList.objects.exists()
    said = LogEntry.objects.get().change_message
    assert said.startswith("Imported: 2 new")
    assert said.endswith("Declared that 1 had given their consent.")
    assert anna.get(preview_url).status_code == 302


def test_an_upload_without_consent_needs_no_word(anna):
    preview_url = upload(anna, "address\nann@example.com\n").url

    anna.post(preview_url)

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
