"""One person's data: given out, and erased."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command

from subscriptions.delivery import run_deliveries
from subscriptions.models import Allowance, Delivery, Notification, Subscriber, UploadedList
from subscriptions.person import consent_events
from tests.make import make_component, make_incident, make_staff, make_subscriber, utc

pytestmark = pytest.mark.django_db


def tell(subscriber: Subscriber, title: str = "Slow mailings", **fields) -> Delivery:
    notification = Notification.objects.create(purpose="update", update=make_incident(title).updates.get())
    return Delivery.objects.create(notification=notification, subscriber=subscriber, **fields)


def test_consent_is_told_in_order_with_what_staff_did():
    subscriber = make_subscriber(state="unsubscribed")
    LogEntry.objects.log_actions(make_staff().pk, [subscriber], CHANGE, "Unsubscribed.")

    assert [event.what for event in consent_events(subscriber)] == [
        "First seen",
        "Confirmed",
        "Unsubscribed",
        "Asked to confirm",
        "Act of staff",
    ]


def test_a_person_gets_everything_that_is_held_as_json(capsys):
    links = make_component("Links", group="Sending")
    subscriber = make_subscriber("ann@example.com", components=[links], groups=[links.group])
    subscriber.notices.add(make_incident("Followed"))
    tell(subscriber, state="sent", sent_at=utc(2026, 3, 2, 9))

    call_command("subscriber", "export", "ANN@example.com")

    printed = capsys.readouterr().out
    held = json.loads(printed)
    assert (held["address"], held["state"]) == ("ann@example.com", "active")
    assert held["choices"]["components"] == [{"name": "Links", "id": links.code}]
    assert held["choices"]["groups"][0]["name"] == "Sending"
    assert held["choices"]["notices"][0]["title"] == "Followed"
    assert held["times"]["confirmed_at"] and not held["times"]["unsubscribed_at"]
    assert [(row["what"], row["state"]) for row in held["deliveries"]] == [
        ("Slow mailings: Investigating", "sent"),
        ("Confirmation of an address", "queued"),
    ]
    assert held["deliveries"][0]["sent_at"] == "2026-03-02T09:00:00+00:00"
    assert subscriber.link_secret not in printed


@pytest.mark.parametrize("state", ["pending", "active", "unsubscribed"])
def test_erasing_removes_the_person_everywhere(state, settings, capsys):
    ann = make_subscriber("Ann+news@example.com", state="pending")
    bob = make_subscriber("bob@example.com", state="pending")
    run_deliveries(10)
    Subscriber.objects.filter(pk=ann.pk).update(state=state, confirmed_at=utc(2026, 3, 2, 9))
    tell(ann), tell(bob)
    staff = make_staff()
    LogEntry.objects.log_actions(staff.pk, [ann], CHANGE, "Unsubscribed.")
    UploadedList.objects.create(uploaded_by=staff, name="x.csv", content=b"address\nann+news@example.com\n")

    call_command("subscriber", "erase", "ann+news@example.com", "--yes")

    said = capsys.readouterr().out
    assert "2 deliveries, 1 mails in the Outbox, 1 counters, 1 uploaded lists" in said
    assert list(Subscriber.objects.all()) == [bob]
    assert not Delivery.objects.exclude(subscriber=bob).exists()
    assert not UploadedList.objects.exists()
    assert Allowance.objects.count() == 1
    (mail,) = [path.read_text() for path in settings.OUTBOX_DIR.iterdir()]
    assert "bob@example.com" in mail
    assert "example.com" not in LogEntry.objects.get().object_repr


def test_who_has_a_name_beyond_ascii_is_found_and_erased_too(settings, capsys):
    make_subscriber("Jürgen+x@example.com", state="pending")
    make_subscriber("jurgen@example.com", state="pending")
    run_deliveries(10)

    call_command("subscriber", "erase", "ju\u0308RGEN+X@example.com", "--yes")

    assert "1 deliveries, 1 mails in the Outbox, 1 counters" in capsys.readouterr().out
    assert Subscriber.objects.get().endpoint == "jurgen@example.com"
    assert len(list(settings.OUTBOX_DIR.iterdir())) == 1


def test_erasing_is_asked_about_first(monkeypatch):
    make_subscriber("ann@example.com")
    monkeypatch.setattr("builtins.input", lambda _question: "no")

    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("subscriber", "erase", "ann@example.com")
    assert Subscriber.objects.exists()

    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    call_command("subscriber", "erase", "ann@example.com")
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("typed", ["nobody@example.com", "no address"])
@pytest.mark.parametrize("act", ["export", "erase"])
def test_an_unknown_address_is_said_in_plain_words(act, typed):
    with pytest.raises(CommandError, match=f"Nothing is held about {typed}") as refused:
        call_command("subscriber", act, typed)
    assert refused.value.returncode == 1
