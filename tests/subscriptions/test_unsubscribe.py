from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from subscriptions.tokens import UNSUBSCRIBE, make_token
from tests.make import make_subscriber, utc

pytestmark = pytest.mark.django_db


def link(subscriber):
    return f"/subscribe/unsubscribe/{make_token(subscriber, UNSUBSCRIBE)}"


def state(subscriber):
    subscriber.refresh_from_db()
    return subscriber.state


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'),
        ("text/plain", b""),
    ],
)  # fmt: skip
def test_one_click_of_a_mail_program_stops_all_mails(content_type, body):
    subscriber = make_subscriber()
    client = Client(enforce_csrf_checks=True)

    answers = [client.post(link(subscriber), body, content_type=content_type) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [dict(answer.cookies) for answer in answers] == [{}, {}]
    assert state(subscriber) == "unsubscribed"


def test_mail_programs_of_other_sites_may_post():
    subscriber = make_subscriber()

    headers = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
    assert Client().post(link(subscriber), headers=headers).status_code == 200

    assert state(subscriber) == "unsubscribed"


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_following_the_link_stops_nothing(method):
    subscriber = make_subscriber()

    getattr(Client(), method)(link(subscriber))

    assert state(subscriber) == "active"


def test_the_link_shows_a_button():
    page = Client().get(link(make_subscriber("ann@example.com"))).content.decode()

    assert "ann@example.com" in page
    assert "<button" in page


def test_the_link_never_expires():
    with time_machine.travel(utc(2013, 11, 6, 9, 0), tick=False):
        subscriber = make_subscriber()
    path = link(subscriber)

    with time_machine.travel(utc(2033, 11, 6, 9, 0), tick=False):
        assert Client().post(path).status_code == 200

    assert state(subscriber) == "unsubscribed"


def test_it_stops_also_what_was_never_confirmed():
    subscriber = make_subscriber(state="pending")

    Client().post(link(subscriber))

    assert state(subscriber) == "unsubscribed"


def test_another_purpose_or_a_changed_token_stops_nobody():
    subscriber = make_subscriber()

    for path in (link(subscriber)[:-1], link(subscriber) + "A", link(subscriber).swapcase().lower()):
        assert Client().post(path).status_code == 404

    assert state(subscriber) == "active"
