"""Guessing ends soon, for one network; nobody is locked out, nobody led away, and no form comes from elsewhere."""

from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from incidents.models import Change
from statuspage.logins import PER, TO_ACCOUNT
from subscriptions import limits
from subscriptions.models import Allowance
from tests.make import make_page, make_role, make_staff

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery"
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.7"


def log_in(name="edward", password="wrong", *, network=HERE, client=None, **data):
    client = client or Client()
    return client.post(LOGIN, {"username": name, "password": password, **data}, headers={"X-Forwarded-For": network})


@pytest.fixture
def edward(db):
    make_page()
    return make_staff("edward")


@pytest.mark.usefixtures("edward")
def test_after_ten_wrong_passwords_an_account_waits_and_only_there():
    make_staff("anna")

    statuses = [log_in().status_code for _one in range(40)]

    assert statuses == [200] * 10 + [429] * 30
    refused = log_in(password=PASSWORD)
    page = refused.content.decode()
    assert 1 < int(refused["Retry-After"]) <= 600
    assert "Please try again in 10 minutes, or from another network" in page
    assert 'value="edward"' in page
    assert PASSWORD not in page
    assert log_in(password=PASSWORD, network=ELSEWHERE).status_code == 302
    assert log_in("anna", PASSWORD).status_code == 302
    with time_machine.travel(timezone.now() + PER):
        assert log_in(password=PASSWORD).status_code == 302


@pytest.mark.usefixtures("edward")
def test_many_names_from_one_network_are_one_guesser_and_leave_few_rows():
    statuses = [log_in(f"name{number}").status_code for number in range(20)]

    assert statuses == [200] * 15 + [429] * 5
    assert Allowance.objects.count() == 15 * 2 + 2  # and one for the network, one for what was noted
    assert log_in(password=PASSWORD).status_code == 429
    assert log_in(password=PASSWORD, network=ELSEWHERE).status_code == 302


@pytest.mark.usefixtures("edward")
def test_right_passwords_are_not_counted_and_end_the_count_of_wrong_ones():
    statuses = []
    for _time in range(4):
        statuses += [log_in().status_code for _one in range(3)]
        statuses.append(log_in(password=PASSWORD).status_code)
    statuses += [log_in(password=PASSWORD).status_code for _one in range(20)]
    assert limits.renewal("login", "edward", limit=13, now=timezone.now()) is None  # the twelve wrong ones stay

    assert statuses == [200, 200, 200, 302] * 4 + [302] * 20
    assert [log_in().status_code for _one in range(4)] == [200] * 3 + [429]  # with the 12 from before, 15 of a network


@pytest.mark.usefixtures("edward")
def test_an_account_that_is_guessed_from_everywhere_has_fewer_tries_and_still_lets_its_owner_in():
    for _one in range(TO_ACCOUNT):
        limits.spend("login", "edward", limit=TO_ACCOUNT, per=limits.DAY, now=timezone.now())

    assert [log_in().status_code for _one in range(4)] == [200] * 3 + [429]
    assert log_in(password=PASSWORD, network=ELSEWHERE).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_further():
    make_page()
    make_staff("edward")

    def one(_number):
        try:
            return log_in().status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(one, range(24)))

    assert statuses.count(200) <= 10
    assert set(statuses) == {200, 429}


@pytest.mark.usefixtures("edward")
def test_known_and_unknown_names_are_answered_alike():
    answers = []
    for number, name in enumerate(("edward", "nobody")):
        told = []
        for _time in range(12):
            with CaptureQueriesContext(connection) as queries:
                answer = log_in(name, network=f"203.0.{number}.1")
            page = re.sub('value="[^"]{64}"', "", answer.content.decode()).replace(name, "")
            told.append((answer.status_code, "Retry-After" in answer, page, len(queries)))
        answers.append(told)

    assert answers[0] == answers[1]


@pytest.mark.usefixtures("edward")
def test_a_run_of_wrong_passwords_is_one_line_of_the_audit_for_those_who_may_read_it():
    auditor, writer = Client(), Client()
    auditor.force_login(make_role("Auditor", "audrey"))
    writer.force_login(make_role("Writer", "wilma"))

    for network in (HERE, ELSEWHERE):
        for _one in range(13):
            log_in(network=network)
    for _one in range(13):
        log_in("hunter2hunter2", network="203.0.113.1")

    lines = Change.objects.filter(verb="guess_password").order_by("pk").values_list("actor_name", "actor", "subject")
    assert list(lines) == [
        ("somebody", None, "edward, from 192.0.2.0/24"),
        ("somebody", None, "an unknown name, from 203.0.113.0/24"),
    ]
    url = "/admin/incidents/change/"
    shown = [b"tried many wrong passwords" in client.get(url).content for client in (auditor, writer)]
    assert shown == [True, False]
    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        for _one in range(13):
            log_in()
    assert lines.all().count() == 3


def test_a_form_whose_login_ran_out_and_the_change_of_a_password_share_the_limit(edward):
    screen, change = "/admin/incidents/incident/open/", "/admin/password_change/"
    typed = {"title": "Images late", "log-in-username": "edward", "log-in-password": "wrong"}
    new = {"old_password": "wrong", "new_password1": "a new long secret", "new_password2": "a new long secret"}
    signed_in, headers = Client(), {"X-Forwarded-For": HERE}
    signed_in.force_login(edward)

    statuses = [Client().post(screen, typed, headers=headers).status_code for _one in range(5)]
    statuses += [signed_in.post(change, new, headers=headers).status_code for _one in range(5)]
    refused = Client().post(screen, {**typed, "log-in-password": PASSWORD}, headers=headers)
    also = signed_in.post(change, {**new, "old_password": PASSWORD}, headers=headers)

    assert statuses == [403] * 5 + [200] * 5
    assert (refused.status_code, also.status_code, log_in().status_code) == (429, 429, 429)
    assert b"Too many wrong passwords" in refused.content
    assert b'value="Images late"' in refused.content
    assert b"Too many wrong passwords" in also.content
    headers = {"X-Forwarded-For": ELSEWHERE}
    assert signed_in.post(change, {**new, "old_password": PASSWORD}, headers=headers).status_code == 302


@pytest.mark.usefixtures("edward")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "http://evil.example",
        "//evil.example/",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:///evil.example",
        "http://testserver@evil.example/",
        "http://testserver.evil.example/",
        "javascript:alert(1)",
        "\t//evil.example",
    ],
)
def test_a_login_leads_nowhere_else(target):
    for data, url in (({"next": target}, LOGIN), ({}, LOGIN + "?" + urlencode({"next": target}))):
        answer = Client().post(url, {"username": "edward", "password": PASSWORD, **data})

        assert (answer.status_code, answer.url) == (302, "/admin/")


@pytest.mark.usefixtures("edward")
def test_a_login_needs_its_token_and_comes_from_here():
    strict = Client(enforce_csrf_checks=True)
    token = strict.get(LOGIN).cookies["csrftoken"].value
    sent = {"username": "edward", "password": PASSWORD, "next": "/admin/"}

    assert strict.post(LOGIN, sent).status_code == 403
    for origin in ("https://evil.example", "null"):
        foreign = strict.post(LOGIN, {**sent, "csrfmiddlewaretoken": token}, headers={"Origin": origin})
        assert foreign.status_code == 403
    assert strict.post(LOGIN, {**sent, "csrfmiddlewaretoken": token}).url == "/admin/"


@pytest.mark.usefixtures("edward")
def test_a_login_begins_a_new_session_and_a_new_token():
    client = Client()
    session = client.session
    session["from"] = "before"
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    token = client.get(LOGIN).cookies["csrftoken"].value

    answer = log_in(password=PASSWORD, client=client)

    assert answer.cookies["sessionid"].value != before
    assert answer.cookies["csrftoken"].value != token
    assert not Client(headers={"Cookie": f"sessionid={before}"}).session.get("_auth_user_id")
