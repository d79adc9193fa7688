from __future__ import annotations

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from subscriptions import bounces
from subscriptions.bounces import Verdict, read_report
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.return_path import SentMail, return_path
from tests.make import make_incident, make_subscribers
from tests.subscriptions.reports import bounce, complaint, holiday, letter, qmail_bounce

MAIL = SentMail(7, "abcdefghijkl")
OUR_ID = "<n7.abcdefghijkl@localhost>"


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.BOUNCE_ADDRESS = "bounces@status.example.com"
    settings.PUBLIC_URL = "http://localhost"


@pytest.fixture
def to() -> str:
    return return_path(*MAIL)


def test_a_bounce_tells_which_mail_failed_and_why(to):
    report = read_report(bounce(to))

    assert (report.mail, report.verdict) == (MAIL, Verdict.FAILED)
    assert report.words == "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown"


def test_a_bounce_without_words_tells_its_code(to):
    assert read_report(bounce(to, diagnosis="", status="5.4.7")).words == "5.4.7"


def test_a_relay_that_gave_up_after_days_has_failed(to):
    report = read_report(bounce(to, status="4.4.1", diagnosis="smtp; 451 4.4.1 no answer from host"))

    assert report.verdict == Verdict.FAILED


def test_a_delay_is_no_failure_though_the_mail_is_returned_with_it(to):
    assert read_report(bounce(to, action="delayed", status="4.4.1", diagnosis="")).verdict == Verdict.DELAYED


def test_a_mail_is_known_by_the_address_it_was_delivered_to():
    raw = bounce("undisclosed-recipients:;")

    assert read_report(raw) is None
    assert read_report(raw, [return_path(*MAIL)]).mail == MAIL
    assert read_report(b"X-Original-To: " + return_path(*MAIL).encode() + b"\r\n" + raw).mail == MAIL


@pytest.mark.parametrize("headers_only", [False, True])
def test_without_such_an_address_a_mail_is_known_by_what_was_returned_of_it(headers_only):
    report = read_report(bounce("status@example.com", returned_id=OUR_ID, headers_only=headers_only))

    assert report.mail == MAIL


def test_a_returned_mail_of_another_host_is_not_ours():
    assert read_report(bounce("status@example.com", returned_id="<n7.abcdefghijkl@other.example>")) is None


@pytest.mark.parametrize("kind", ["abuse", "fraud"])
def test_a_complaint_is_a_complaint(to, kind):
    assert read_report(complaint(to, kind=kind)).verdict == Verdict.COMPLAINT
    assert read_report(complaint("fbl@example.com", kind=kind, returned_id=OUR_ID)).mail == MAIL


def test_who_says_that_it_is_no_spam_does_not_complain(to):
    assert read_report(complaint(to, kind="not-spam")).verdict == Verdict.UNCLEAR


def test_a_bounce_of_the_old_kind_is_understood(to):
    report = read_report(qmail_bounce(to))

    assert report.verdict == Verdict.FAILED
    assert "no mailbox here by that name" in report.words


def test_a_holiday_is_no_failure(to):
    assert read_report(holiday(to)).verdict == Verdict.DELAYED


def test_a_letter_is_left_to_a_person(to):
    assert read_report(letter(to)).verdict == Verdict.UNCLEAR


@given(st.binary(max_size=400))
def test_no_bytes_are_an_error(raw):
    to = return_path(*MAIL).encode()

    read_report(raw)
    read_report(b"To: " + to + b"\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n" + raw)
    read_report(bounce(to.decode()).replace(b"Final-Recipient: ", raw + b"\r\nFinal-Recipient: "))
    read_report(b"To: " + to + b"\r\n" + raw)


@pytest.fixture
def delivery(db) -> Delivery:
    (subscriber,) = make_subscribers(1)
    notification = Notification.objects.create(purpose="update", update=make_incident().updates.get())
    return Delivery.objects.create(
        notification=notification, subscriber=subscriber, state="sent", sent_at=timezone.now()
    )


def heard(delivery: Delivery, raw: bytes) -> bool:
    return bounces.note(read_report(raw), now=timezone.now())


def address_of(delivery: Delivery) -> str:
    return return_path(delivery.notification_id, delivery.subscriber.code)


def test_a_bounce_fails_its_delivery_and_quarantines_who_has_no_mailbox(delivery):
    assert heard(delivery, bounce(address_of(delivery)))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.subscriber.state) == ("failed", "quarantined")
    assert "User unknown" in delivery.last_error


def test_the_same_bounce_again_changes_nothing(delivery):
    raw = bounce(address_of(delivery), status="5.2.2", diagnosis="smtp; 552 5.2.2 mailbox full")

    assert [heard(delivery, raw) for _time in range(4)] == [True, False, False, False]
    assert Subscriber.objects.get(pk=delivery.subscriber_id).state == "active"


def test_a_complaint_quarantines_and_leaves_the_delivery_as_sent(delivery):
    assert heard(delivery, complaint(address_of(delivery)))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.subscriber.quarantine_cause) == ("sent", "complaint")


@pytest.mark.parametrize("write", [holiday, letter, lambda to: bounce(to, action="delayed", status="4.0.0")])
def test_what_is_no_failure_changes_nothing(delivery, write):
    assert not heard(delivery, write(address_of(delivery)))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.subscriber.state) == ("sent", "active")


@pytest.mark.django_db
def test_a_bounce_of_somebody_who_was_erased_is_nothing():
    assert not bounces.note(read_report(bounce(return_path(*MAIL))), now=timezone.now())
