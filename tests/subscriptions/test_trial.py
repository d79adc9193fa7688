"""A draft sent to its author alone."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from incidents.models import Incident
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.tokens import read_token
from tests.incidents.screens import fill, screen
from tests.make import make_incident, make_page, make_role, make_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db

OPEN = screen("incident_open")


@pytest.fixture
def wilma() -> Client:
    """A browser of a writer with an address of her own."""
    make_page()
    user = make_role("Writer", "wilma")
    user.email = "wilma@example.com"
    user.save()
    client = Client()
    client.force_login(user)
    return client


def send_test(client: Client, url: str = OPEN, **values):
    values = {"title": "No mail", "body": "We **look**.", **values} if url == OPEN else values
    return client.post(f"{url}preview/", {**fill(client, url, **values), "act": "trial"}).content.decode()


def test_it_reaches_the_author_alone_and_leaves_nothing_behind(wilma, settings):
    make_subscriber("ann@example.com")
    Delivery.objects.all().delete(), Notification.objects.all().delete()
    with Sink() as sink:
        settings.MAIL_SERVER = sink.server
        said = send_test(wilma)

    (mail,) = sink.messages()
    assert sink.counts == {"wilma@example.com": 1}
    assert mail["Subject"] == "[Test] [Investigating] No mail"
    assert "We **look**." in mail.get_body(("plain",)).get_content()
    assert "Sent to wilma@example.com. The mail server said: 250 2.0.0 kept" in said
    assert not (Incident.objects.exists() or Notification.objects.exists() or Delivery.objects.exists())
    assert Subscriber.objects.count() == 1


def test_its_personal_links_open_nothing(wilma, settings):
    with Sink() as sink:
        settings.MAIL_SERVER = sink.server
        send_test(wilma)
        send_test(wilma)

    first, second = sink.messages()
    links = dict(re.findall(r"/subscribe/(\w+)/(\S+)", first.get_body(("plain",)).get_content()))
    assert links
    assert all(read_token(token, purpose) is None for purpose, token in links.items())
    assert first["Message-ID"] != second["Message-ID"]


def test_an_update_of_a_notice_can_be_tried_too(wilma, settings):
    notice = make_incident("Slow mailings")
    with Sink() as sink:
        settings.MAIL_SERVER = sink.server
        send_test(wilma, screen("incident_post_update", notice.pk), status="identified", body="A full disk.")

    assert sink.messages()[0]["Subject"] == "[Test] [Identified] Slow mailings"
    assert notice.updates.count() == 1


def test_what_the_mail_server_refuses_is_shown_in_its_own_words(wilma, settings):
    with Sink(answer=lambda step, _word: "550 5.1.1 who is that" if step == "RCPT" else None) as sink:
        settings.MAIL_SERVER = sink.server
        said = send_test(wilma)

    assert "Nothing was sent to wilma@example.com: 550 5.1.1 who is that" in said


def test_a_mail_server_that_is_away_is_said(wilma, settings):
    with Sink() as sink:
        settings.MAIL_SERVER = sink.server

    assert "Nothing was sent to wilma@example.com: ConnectionRefusedError" in send_test(wilma)


def test_without_a_mail_server_it_lies_in_the_outbox(wilma, settings):
    assert "lies in the Outbox" in send_test(wilma)
    assert len(list(settings.OUTBOX_DIR.glob("*.eml"))) == 1


def test_who_has_no_address_is_told_where_to_set_one(settings):
    make_page()
    client = Client()
    client.force_login(make_role("Writer"))

    assert "Send me a test" in client.get(OPEN).content.decode()
    assert "your account has no e-mail address" in send_test(client)
    assert not settings.OUTBOX_DIR.exists()


def test_what_cannot_be_shown_is_not_sent(wilma, settings):
    assert "No preview yet" in send_test(wilma, title="")
    assert not settings.OUTBOX_DIR.exists()


def test_an_edit_tells_nobody_and_so_has_no_test(admin_client):
    make_page()
    notice = make_incident()

    assert "Send me a test" not in admin_client.get(screen("incident_edit", notice.pk)).content.decode()
