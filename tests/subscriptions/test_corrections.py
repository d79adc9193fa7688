from __future__ import annotations

import datetime as dt
import uuid
from email import message_from_bytes, policy

import pytest
from django.utils import timezone

from incidents.corrections import edit_update, redact_update
from incidents.models import IncidentUpdate
from subscriptions import ledger
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, notify_one, open_notifications, owing_fan_out
from subscriptions.matching import to_be_corrected
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.watch import owes
from tests.make import make_component, make_incident, make_page, make_subscribers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_snapshot")]

WRONG, RIGHT = "Mailings in Europe wait.", "Mailings in Asia wait."


@pytest.fixture(autouse=True)
def page(settings):
    settings.MAIL_SERVER = None
    return make_page()


def owe() -> None:
    open_notifications(timezone.now())
    for notification_id in owing_fan_out():
        while fan_out(notification_id, now=timezone.now()):
            pass


def tell(settings) -> dict[str, list[str]]:
    """Send all that is owed; what each reader has got by now, as the first words of each mail's text."""
    owe()
    run_deliveries(20)
    got: dict[str, list[str]] = {}
    for file in sorted(settings.OUTBOX_DIR.iterdir() if settings.OUTBOX_DIR.exists() else []):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        text = mail.get_body(("plain",)).get_content()
        told = "right" if text.find(RIGHT) >= 0 else "wrong"
        kind = "correction" if str(mail["Subject"]).startswith("[Correction]") else "update"
        got.setdefault(str(mail["To"]), []).append(f"{kind}: {told}")
    return got


def correct(update: IncidentUpdate, body: str = RIGHT, **fields) -> IncidentUpdate:
    return edit_update(update, body, **{"kind": "correction", "notify": True, "actor": None} | fields)


def the_update(**fields) -> IncidentUpdate:
    return make_incident(body=WRONG, **fields).updates.get()


def test_who_got_the_earlier_text_is_told_once_that_it_was_wrong(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    tell(settings)

    correct(update)
    for _again in range(2):
        got = tell(settings)

    assert got == {reader.endpoint: ["update: wrong", "correction: right"]}


def test_who_has_not_got_it_yet_gets_the_text_that_holds_and_no_correction(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    owe()

    correct(update)

    assert tell(settings) == {reader.endpoint: ["update: right"]}


def test_an_update_corrected_before_anything_was_owed_is_told_once(settings):
    (reader,) = make_subscribers(1)

    correct(the_update())

    assert tell(settings) == {reader.endpoint: ["update: right"]}


def test_halfway_through_each_gets_what_was_not_known_to_them(settings):
    first, second = make_subscribers(2)
    update = the_update()
    owe()
    Delivery.objects.filter(subscriber=second).update(due_at=timezone.now() + dt.timedelta(hours=1))
    run_deliveries(20)
    correct(update)
    owe()
    Delivery.objects.filter(subscriber=second).update(due_at=timezone.now())

    got = tell(settings)

    assert got == {first.endpoint: ["update: wrong", "correction: right"], second.endpoint: ["update: right"]}


def test_while_a_sender_holds_the_earlier_text_the_correction_waits(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    owe()
    held = uuid.uuid4()
    (row,) = ledger.claim("email", held, now=timezone.now(), size=9)
    correct(update)

    owe()
    assert Delivery.objects.count() == 1
    assert owes(timezone.now())
    ledger.settle(held, ledger.Report(accepted=[row.pk]), now=timezone.now())
    owe()

    assert list(Delivery.objects.order_by("pk").values_list("notification__purpose", "subscriber")) == [
        ("update", reader.pk),
        ("correction", reader.pk),
    ]


def test_a_text_edited_between_claim_and_writing_goes_back_and_is_told_anew(settings, monkeypatch):
    (reader,) = make_subscribers(1)
    update = the_update()
    owe()
    claim = ledger.claim

    def edited_meanwhile(*arguments, **options):
        rows = claim(*arguments, **options)
        if rows and not update.revisions.exists():
            correct(update)
        return rows

    monkeypatch.setattr(ledger, "claim", edited_meanwhile)
    run_deliveries(20)

    assert tell(settings) == {reader.endpoint: ["update: right"]}


def test_a_slip_of_the_pen_is_told_to_nobody(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    tell(settings)

    correct(update, kind="typo", notify=False)

    assert tell(settings) == {reader.endpoint: ["update: wrong"]}


def test_of_two_corrections_only_the_last_is_told(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    tell(settings)

    correct(update, "Mailings in Africa wait.")
    correct(update)

    assert tell(settings) == {reader.endpoint: ["update: wrong", "correction: right"]}


def test_a_correction_that_waits_brings_the_text_of_the_next_one_and_that_is_all(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    tell(settings)
    correct(update, "Mailings in Africa wait.")
    owe()

    correct(update)

    assert tell(settings) == {reader.endpoint: ["update: wrong", "correction: right"]}


def test_who_follows_the_notice_is_told_though_they_came_later(settings):
    update = the_update(components={make_component().pk: "major_outage"})
    tell(settings)
    (follower,) = make_subscribers(1, all_components=False)
    follower.notices.add(update.incident)

    revision = correct(update).revisions.get()

    assert list(to_be_corrected(revision)) == [follower]


def test_of_an_update_that_nobody_was_told_nobody_is_told_a_correction(settings):
    make_subscribers(1)
    update = the_update(notify=False)

    correct(update)

    assert tell(settings) == {}


def test_who_heard_it_by_catching_up_is_corrected_too(settings):
    update = the_update(notify=False)
    (reader,) = make_subscribers(1)
    notify_one(reader, "catch_up", update=update)
    tell(settings)

    correct(update)

    assert tell(settings) == {reader.endpoint: ["update: wrong", "correction: right"]}


def test_who_left_meanwhile_hears_nothing_more(settings):
    (reader,) = make_subscribers(1)
    update = the_update()
    tell(settings)
    Subscriber.objects.update(state="unsubscribed")

    correct(update)

    assert tell(settings) == {reader.endpoint: ["update: wrong"]}


def test_what_was_removed_is_in_no_mail_that_leaves_afterwards(settings):
    make_subscribers(1)
    update = the_update()
    owe()

    redact_update(update, "in Europe", actor=None)
    tell(settings)

    (file,) = settings.OUTBOX_DIR.iterdir()
    assert b"Europe" not in file.read_bytes()


def test_a_correction_is_owed_in_the_transaction_that_edits(settings):
    make_subscribers(1)
    update = the_update()
    tell(settings)

    correct(update)

    assert owes(timezone.now())
    assert [n.purpose for n in open_notifications(timezone.now())] == ["correction"]
    assert open_notifications(timezone.now()) == []
    assert Notification.objects.count() == 2
