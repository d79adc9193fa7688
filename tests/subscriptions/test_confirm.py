from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from subscriptions.models import Subscriber
from subscriptions.tokens import CONFIRM, make_token
from tests.make import make_component, make_subscriber

pytestmark = pytest.mark.django_db


def link(subscriber):
    return f"/subscribe/confirm/{make_token(subscriber, CONFIRM)}"


def state():
    return Subscriber.objects.values_list("state", flat=True).get()


def test_the_link_shows_a_button_and_the_button_confirms():
    subscriber = make_subscriber("ann@example.com", state="pending")

    page = Client().get(link(subscriber))
    assert "ann@example.com" in page.content.decode()
    assert state() == "pending"

    assert Client().post(link(subscriber)).status_code == 200
    assert state() == "active"


def test_the_page_says_what_will_be_heard_of():
    subscriber = make_subscriber(state="pending", all_components=False, components=[make_component("Image server")])

    assert "Image server" in Client().get(link(subscriber)).content.decode()


@pytest.mark.parametrize("agent", ["curl/8", "Mozilla/5.0", "BarracudaCentral", "Microsoft Office/16.0 SafeLinks"])
@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_mail_scanners_confirm_nothing(agent, method):
    subscriber = make_subscriber(state="pending")

    getattr(Client(), method)(link(subscriber), headers={"User-Agent": agent, "Purpose": "prefetch"})

    assert state() == "pending"


def test_the_page_is_passed_on_to_nobody():
    answer = Client().get(link(make_subscriber(state="pending")))

    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Robots-Tag"] == "noindex"
    assert not answer.cookies
    assert not answer.has_header("Vary")


def test_a_second_click_is_as_good_as_the_first():
    subscriber = make_subscriber(state="pending")

    first, second = Client().post(link(subscriber)), Client().post(link(subscriber))

    assert (first.status_code, first.content) == (second.status_code, second.content)


def test_the_link_of_who_left_meanwhile_brings_nobody_back():
    subscriber = make_subscriber(state="unsubscribed")

    assert Client().get(link(subscriber)).status_code == 404
    assert Client().post(link(subscriber)).status_code == 404
    assert state() == "unsubscribed"


def test_looking_at_an_old_confirmation_gives_no_other_key():
    subscriber = make_subscriber()

    assert "/subscribe/manage/" not in Client().get(link(subscriber)).content.decode()


def test_a_void_link_helps_on_and_guessing_ends():
    statuses = [Client().post(f"/subscribe/confirm/guess.{number}").status_code for number in range(40)]

    assert statuses == [404] * 30 + [429] * 10
    assert Client().post("/subscribe/confirm/guess.40")["Retry-After"] == "60"
    assert Client().get(link(make_subscriber(state="pending"))).status_code == 200


def test_a_thousand_guesses_open_nothing_and_are_slowed_down_together():
    subscriber = make_subscriber(state="pending")
    purposes = ("confirm", "manage", "unsubscribe")
    client = Client()

    with time_machine.travel(timezone.now(), tick=False):
        statuses = Counter(
            client.post(f"/subscribe/{purposes[number % 3]}/{subscriber.code}.{number:027d}").status_code
            for number in range(1_000)
        )

    assert statuses == {404: 30, 429: 970}
    assert state() == "pending"


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "%00.%00", "%ff", "a/b/c", "é.é", "..%2f..", "x" * 5000])
@pytest.mark.parametrize("purpose", ["confirm", "manage", "unsubscribe"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_void_token_is_one_plain_page(purpose, token, method):
    answer = getattr(Client(), method)(f"/subscribe/{purpose}/{token}")

    assert answer.status_code == 404
    assert "This link is not valid" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_confirm_once():
    path = link(make_subscriber(state="pending"))

    def one(_number):
        try:
            return Client().post(path).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(one, range(6))) == [200] * 6

    assert state() == "active"
