"""A mail provider's webhook, over HTTP, in a process that has django-anymail configured."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from subscriptions.models import Delivery, Notification
from tests.make import make_incident, make_subscribers
from tests.subscriptions.faults import database_url

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

SECRET = "provider:a secret of the provider's"
SEND = """
    import django, json, sys
    django.setup()
    from django.test import Client
    path, headers, events = json.loads(sys.stdin.read())
    client = Client(enforce_csrf_checks=True)
    for event in events:
        answer = client.post(path, json.dumps(event), content_type="application/json", headers=headers)
        print(answer.status_code, "Set-Cookie" in answer.headers)
"""


@pytest.fixture
def delivery() -> Delivery:
    (subscriber,) = make_subscribers(1)
    notification = Notification.objects.create(purpose="update", update=make_incident().updates.get())
    return Delivery.objects.create(
        notification=notification, subscriber=subscriber, state="sent", sent_at=timezone.now()
    )


def post(data_dir, *events: dict, secret: str = SECRET, anymail: bool = True) -> list[str]:
    """The answers' status codes. Urls are made when a process starts, so it is one with the setting."""
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "statuspage.settings",
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": database_url(),
        "SECRET_KEY": django_settings.SECRET_KEY,
        "ALLOWED_HOSTS": "testserver",
    }
    if anymail:
        env["ANYMAIL"] = json.dumps({"WEBHOOK_SECRET": SECRET})
    headers = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SEND)],
        input=json.dumps(["/subscribe/provider/postmark/tracking/", headers, events]),
        capture_output=True,
        text=True,
        env=env,
        cwd=django_settings.BASE_DIR,
        check=True,
    )
    return done.stdout.split("\n")[:-1]


def hard_bounce(address: str) -> dict:
    return {
        "RecordType": "Bounce",
        "ID": 901542550,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": "2706ee8a-737c-4285-b032-ccd317af53ed",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": address,
        "BouncedAt": "2013-11-09T21:28:13.05Z",
        "Inactive": True,
        "CanActivate": True,
        "Subject": "Work on the power feeds",
    }


def spam_complaint(address: str) -> dict:
    return hard_bounce(address) | {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 100001}


def test_a_bounce_and_a_complaint_quarantine_their_addresses(delivery, data_dirs):
    address = delivery.subscriber.endpoint

    answers = post(
        data_dirs, hard_bounce("nobody.we.know@example.com"), hard_bounce("no address"), hard_bounce(address)
    )

    delivery.refresh_from_db()
    assert answers == ["200 False"] * 3
    assert (delivery.state, delivery.subscriber.state) == ("failed", "quarantined")
    assert "does not exist" in delivery.last_error


def test_a_complaint_is_known_as_one(delivery, data_dirs):
    post(data_dirs, spam_complaint(delivery.subscriber.endpoint))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.subscriber.quarantine_cause) == ("sent", "complaint")


def test_strangers_are_refused_and_without_the_setting_there_is_nothing(delivery, data_dirs):
    event = hard_bounce(delivery.subscriber.endpoint)

    assert post(data_dirs, event, secret="provider:guess") == ["400 False"]
    assert post(data_dirs, event, anymail=False) == ["404 False"]
    delivery.refresh_from_db()
    assert delivery.subscriber.state == "active"
