from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from subscriptions import views
from subscriptions.models import Delivery, Notification, Subscriber
from tests.make import make_component, make_incident, make_page, make_subscriber

pytestmark = pytest.mark.django_db
URL = "/subscribe/"


def subscribe(client=None, email="ann@example.com", headers=None, **data):
    return (client or Client()).post(URL, {"email": email, **data}, headers=headers)


def test_a_stranger_subscribes_without_script_cookie_or_session():
    answer = subscribe()

    assert (answer.status_code, answer["Location"]) == (303, "/subscribe/check-mail")
    assert Subscriber.objects.get().endpoint == "ann@example.com"
    assert Delivery.objects.count() == 1


def test_the_form_shows_groups_and_components_in_their_order():
    make_page()
    make_component("Sending", group="Mail")
    make_component("Application")
    make_component("Old", archived_at="2013-11-01T00:00Z")
    make_component("Hidden", only_show_if_degraded=True)

    page = Client().get(URL).content.decode()

    assert page.index("Mail") < page.index("Sending") < page.index("Application")
    assert "Old" not in page
    assert "Hidden" not in page


def test_some_components_and_groups_are_chosen_by_their_codes():
    links, images = make_component("Links"), make_component("Images", group="Mail")

    subscribe(scope="some", components=[links.code], groups=[images.group.code])

    subscriber = Subscriber.objects.get()
    assert not subscriber.all_components
    assert (list(subscriber.components.all()), list(subscriber.groups.all())) == ([links], [images.group])


def test_everything_counts_even_when_boxes_are_ticked():
    links = make_component("Links")

    subscribe(scope="all", components=[links.code])

    assert Subscriber.objects.get().all_components
    assert not Subscriber.objects.get().components.exists()


def test_boxes_without_a_scope_mean_these():
    subscribe(components=[make_component("Links").code])

    assert not Subscriber.objects.get().all_components


def test_a_refused_form_comes_back_with_what_was_typed():
    links = make_component("Links")

    answer = subscribe(email="ann@localhost <b>", scope="some", components=[links.code])

    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="ann@localhost &lt;b&gt;"' in page
    assert f'id="component-{links.code}" checked' in page
    assert 'aria-describedby="email-error"' in page
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    "data", [{"scope": "some"}, {"scope": "most"}, {"components": ["nonesuch"]}, {"groups": ["\x00", "\ufffd"]}]
)
def test_a_choice_that_cannot_be_is_refused_in_words(data):
    make_component("Links")

    answer = subscribe(**data)

    assert answer.status_code == 400
    assert 'id="choice-error"' in answer.content.decode()
    assert not Subscriber.objects.exists()


def test_the_answer_is_the_same_for_every_address():
    notice = make_incident()
    make_subscriber("active@example.com")
    make_subscriber("pending@example.com", state="pending")
    make_subscriber("left@example.com", state="unsubscribed")
    Subscriber.objects.filter(pk=make_subscriber("quarantined@example.com").pk).update(
        state="quarantined", quarantined_at=timezone.now(), quarantine_cause="unreachable"
    )

    answers = set()
    for name in ("active", "pending", "left", "quarantined", "unknown"):
        for data in ({}, {"want": "manage-link"}, {"notice": notice.code}):
            client = Client()
            answer = subscribe(client, f"{name}@example.com", **data)
            after = client.get(answer["Location"])
            answers.add((answer.status_code, answer.content, str(answer.headers), after.content, str(after.headers)))

    assert len(answers) == 1


def test_the_time_to_the_answer_tells_nothing_either():
    make_subscriber("active@example.com")
    seconds = []
    for name in ("active", "unknown"):
        began = time.monotonic()
        subscribe(email=f"{name}@example.com")
        seconds.append(time.monotonic() - began)

    assert min(seconds) >= 0.1


def test_a_network_may_sign_up_twenty_times_an_hour():
    statuses = []
    for number in range(22):
        forwarded = f"203.0.113.{number}, 192.0.2.{number}"  # the first is whatever the requester claims
        statuses.append(subscribe(email=f"a{number}@example.com", headers={"X-Forwarded-For": forwarded}).status_code)

    assert statuses == [303] * 20 + [429] * 2
    assert Subscriber.objects.count() == 20
    assert subscribe(email="b@example.com", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 303


def test_the_network_is_what_our_own_server_says_whatever_is_claimed_before_it():
    for number in range(25):
        claimed = f"10.{number}.0.1, 203.0.{number}.7, 192.0.2.9"
        subscribe(
            email=f"a{number}@example.com", headers={"X-Forwarded-For": claimed, "Forwarded": f"for=10.1.1.{number}"}
        )

    assert Subscriber.objects.count() == 20


def test_one_address_from_many_networks_gets_one_mail(monkeypatch):
    monkeypatch.setattr(views, "ANSWER_AFTER", 0.001)
    notice = make_incident()
    for number in range(200):
        kinds = [{}, {"notice": notice.code}, {"want": "manage-link"}]
        subscribe(headers={"X-Forwarded-For": f"198.51.{number}.1"}, **kinds[number % 3])

    assert Delivery.objects.count() == 1


def test_a_refusal_for_the_network_loses_nothing_that_was_typed(monkeypatch):
    monkeypatch.setattr(views, "SIGN_UPS_PER_NETWORK", 0)
    links, notice = make_component("Links"), make_incident()

    general = subscribe(scope="some", components=[links.code])
    single = subscribe(notice=notice.code)

    assert (general.status_code, single.status_code) == (429, 429)
    assert general["Retry-After"] == "3600"
    for answer in (general, single):
        assert 'value="ann@example.com"' in answer.content.decode()
        assert "try again in an hour" in answer.content.decode()
    assert f'id="component-{links.code}" checked' in general.content.decode()


def test_everybody_together_may_sign_up_so_often_an_hour(settings, caplog):
    settings.SIGN_UPS_PER_HOUR = 3
    answers = [
        subscribe(email=f"a{number}@example.com", headers={"X-Forwarded-For": f"198.51.{number}.1"})
        for number in range(5)
    ]

    assert [answer.status_code for answer in answers] == [303] * 3 + [503] * 2
    assert answers[-1]["Retry-After"] == "3600"
    assert 'value="a4@example.com"' in answers[-1].content.decode()
    assert "Please try again in an hour" in answers[-1].content.decode()
    assert [record.getMessage() for record in caplog.records if record.name == "subscriptions.views"] == [
        "More than 3 sign-ups in an hour: further ones are refused."
    ]


def test_a_network_that_reached_its_own_limit_uses_up_nothing_of_what_is_for_all(settings, monkeypatch):
    monkeypatch.setattr(views, "SIGN_UPS_PER_NETWORK", 2)
    settings.SIGN_UPS_PER_HOUR = 3
    for number in range(6):
        subscribe(email=f"a{number}@example.com", headers={"X-Forwarded-For": "192.0.2.1"})

    assert subscribe(email="b@example.com", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 303


@pytest.mark.parametrize(
    "data", [{"kinds": ["reminders"], "shown": "1"}, {"time_zone": "Mars/Base"}, {"detail": "x"}, {"language": "xx"}]
)
def test_a_choice_that_cannot_be_opens_the_choices(data):
    answer = subscribe(**data)

    assert answer.status_code == 400
    assert '<details class="choosing" open>' in answer.content.decode()


def test_the_choices_are_folded_until_someone_wants_to_choose():
    assert '<details class="choosing">' in Client().get(URL).content.decode()
    assert '<details class="choosing" open>' in Client().get(URL + "?choose=1").content.decode()


def test_what_was_chosen_on_the_page_is_ticked_and_what_is_unknown_counts_for_nothing():
    links, other = make_component("Links"), make_component("Images")
    quiet = make_component("Quiet", only_show_if_degraded=True)
    gone = make_component("Old", archived_at="2013-11-01T00:00Z")

    page = Client().get(f"{URL}?functions={links.code},{quiet.code},{gone.code},\0,").content.decode()

    assert '<details class="choosing" open>' in page
    assert 'value="some" id="scope-some" checked' in page
    ticked = re.findall(r'name="components" value="(\w+)" id="\S+" checked', page)
    assert sorted(ticked) == sorted([links.code, quiet.code])
    assert f'value="{other.code}"' in page
    assert subscribe(scope="some", components=[links.code, quiet.code]).status_code == 303
    assert set(Subscriber.objects.get().components.all()) == {links, quiet}
    assert 'value="all" id="scope-all" checked' in Client().get(f"{URL}?functions=unknown").content.decode()


def test_kinds_detail_and_zone_are_taken_along():
    subscribe(shown="1", scope="all", kinds=["maintenance"], detail="start-and-end", time_zone="Asia/Tokyo")

    subscriber = Subscriber.objects.get()
    assert (subscriber.hears_incidents, subscriber.hears_maintenance, subscriber.hears_reminders) == (
        False,
        True,
        False,
    )
    assert (subscriber.only_start_and_end, subscriber.time_zone) == (True, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "http://testserver"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_forms_of_other_sites_are_refused(headers, status):
    assert subscribe(headers=headers).status_code == status
    assert Subscriber.objects.exists() == (status == 303)


def test_a_junk_or_a_staff_cookie_changes_nothing(admin_client):
    junk = Client()
    junk.cookies["sessionid"] = "junk"
    make_page()

    answers = [client.get(URL) for client in (Client(), junk, admin_client)]

    assert len({answer.content for answer in answers}) == 1
    assert [answer.has_header("Set-Cookie") or answer.has_header("Vary") for answer in answers] == [False] * 3
    assert [dict(answer.cookies) for answer in answers] == [{}] * 3
    assert not subscribe(junk).cookies


def test_looking_changes_nothing():
    for method in ("get", "head", "options", "put", "delete", "patch"):
        getattr(Client(), method)(URL + "?email=ann@example.com")

    assert not Subscriber.objects.exists()


FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
HOSTILE = {
    "empty": (FORM, b""),
    "nul": (FORM, b"email=a%00b@example.com&components=%00&groups=%00&scope=%00"),
    "raw nul": (FORM, b"email=\x00@example.com"),
    "bad utf-8": (FORM, b"email=%ff%fe@example.com"),
    "raw bytes": (FORM, bytes(range(256))),
    "lone surrogate": (FORM, b"email=%ED%A0%80@example.com&components=%ED%A0%80"),
    "bad percent": (FORM, b"email=%&%=%zz"),
    "5,000 pairs": (FORM, b"&".join([b"components=x"] * 5000)),
    "500 unknown codes": (FORM, b"email=a&" + b"&".join([b"components=x"] * 500)),
    "3 MB": (FORM, b"email=" + b"a" * 3_000_000),
    "long address": (FORM, b"email=" + b"a@" * 50_000),
    "foreign charset": (FORM + "; charset=utf-16", b"email=a"),
    "no such charset": (FORM + "; charset=nonesuch", b"email=a"),
    "charset of bytes": (FORM + "; charset=hex", b"email=a"),
    "multipart, charset of bytes": (
        MULTIPART + "; charset=hex",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--x--',
    ),
    "multipart, undefined charset": (
        MULTIPART + "; charset=undefined",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--x--',
    ),
    "multipart, no boundary": ("multipart/form-data", b"--x\r\n"),
    "multipart, long boundary": ("multipart/form-data; boundary=" + "x" * 500, b"--x\r\n"),
    "multipart, cut off": (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="email"'),
    "multipart, bad base64": (
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%\r\n--x--',
    ),
    "multipart, a file": (
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\na\r\n--x--',
    ),
    "multipart, 3 MB file": (
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n' + b"a" * 3_000_000 + b"\r\n--x--",
    ),
    "json": ("application/json", b'{"email": "\\ud800"}'),
    "deep json": ("application/json", b"[" * 100_000),
    "xml": ("text/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    "junk type": ("\x01; charset", b"x"),
    "manage link with nul": (FORM, b"want=manage-link&email=%00"),
    "notice with nul": (FORM, b"notice=%00&email=ann@example.com"),
    "notice that is none": (FORM, b"notice=%ff&notice=&email=ann@example.com"),
    "zone out of the file system": (FORM, b"email=ann@example.com&time_zone=../../../etc/passwd%00"),
    "kinds with nul": (FORM, b"email=ann@example.com&shown=1&kinds=%00&detail=%00&language=%00"),
}


@pytest.mark.parametrize("path", [URL, "manage", "confirm", "unsubscribe"])
@pytest.mark.parametrize("case", HOSTILE)
def test_nothing_a_stranger_sends_is_an_error_of_ours(path, case, token_path):
    content_type, body = HOSTILE[case]

    answer = Client().generic("POST", token_path(path), body, content_type=content_type)

    assert answer.status_code < 500
    if path == URL:
        assert answer.status_code == 400


@pytest.mark.parametrize("length", ["abc", "-1", "9" * 5000, "²"])
def test_a_wrong_content_length_is_no_error_of_ours(length):
    assert Client().post(URL, b"email=a", content_type=FORM, CONTENT_LENGTH=length).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_double_click_asks_once():
    def one(_number):
        try:
            return subscribe().status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(one, range(6))) == [303] * 6

    assert (Subscriber.objects.count(), Notification.objects.count(), Delivery.objects.count()) == (1, 1, 1)
