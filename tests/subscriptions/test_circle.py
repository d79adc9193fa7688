"""The whole way of one subscriber, through the pages, the ledger and the mails that it writes."""

from __future__ import annotations

from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
from django.test import Client

from subscriptions.models import Subscriber
from subscriptions.outbox import LINK
from subscriptions.tasks import drain
from tests.make import make_component, make_incident, make_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def new_mails(settings):
    """Work off the ledger; the mails that this wrote."""
    settings.MAIL_SERVER = None
    seen = set()

    def mails():
        drain()
        files = [file for file in sorted(settings.OUTBOX_DIR.glob("*.eml")) if file not in seen]
        seen.update(files)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    return mails


def path_to(mail, purpose):
    text = mail.get_body(("plain",)).get_content()
    (path,) = {urlsplit(link).path for link in LINK.findall(text) if f"/subscribe/{purpose}/" in link}
    return path


def test_subscribe_confirm_hear_change_and_leave_by_one_click(new_mails):
    make_page()
    links, images = make_component("Links"), make_component("Images")
    client = Client()

    client.post("/subscribe/", {"email": "Ann@Example.com", "scope": "some", "components": [links.code]})
    (asked,) = new_mails()
    assert asked["To"] == "Ann@example.com"
    make_incident("Links are down", components={links.pk: "major_outage"})
    assert new_mails() == []

    client.post(path_to(asked, "confirm"))
    (caught_up,) = new_mails()
    assert "Links are down" in caught_up["Subject"]
    make_incident("Links are slow", components={links.pk: "degraded_performance"})
    make_incident("Images are slow", components={images.pk: "degraded_performance"})
    (told,) = new_mails()
    assert "Links are slow" in told["Subject"]

    client.post(path_to(told, "manage"), {"action": "save", "scope": "all"})
    caught_up, changed = sorted(new_mails(), key=lambda mail: "Images are slow" not in mail["Subject"])
    assert "This notice was open already" in caught_up.get_body(("plain",)).get_content()
    assert "Everything on this page" in changed.get_body(("plain",)).get_content()
    make_incident("Images are slow again", components={images.pk: "degraded_performance"})
    (told,) = new_mails()
    assert "Images are slow again" in told["Subject"]

    one_click = urlsplit(told["List-Unsubscribe"].strip("<>")).path
    assert client.post(one_click, {"List-Unsubscribe": "One-Click"}).status_code == 200
    make_incident("Unheard", components={links.pk: "major_outage"})
    assert new_mails() == []


def test_who_is_subscribed_and_asks_again_gets_a_link_to_manage(new_mails):
    make_page()
    client = Client()
    client.post("/subscribe/", {"email": "ann@example.com"})
    client.post(path_to(new_mails()[0], "confirm"))

    client.post("/subscribe/", {"email": "ann@example.com", "want": "manage-link"})
    (mail,) = new_mails()
    client.post(path_to(mail, "manage"), {"action": "unsubscribe"})

    assert Subscriber.objects.get().state == "unsubscribed"
