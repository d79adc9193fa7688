"""Mails as a relay signs them: the signature holds at the receiver, by an independent implementation of DKIM."""

from __future__ import annotations

import base64
import smtplib
from collections.abc import Callable

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, notify_one, open_notifications
from tests.make import make_incident, make_page, make_subscribers
from tests.sink import Sink

pytestmark = pytest.mark.django_db

# What docs/operations.md tells operators to sign.
SIGNED = [
    b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"in-reply-to", b"references",
    b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"auto-submitted", b"feedback-id",
]  # fmt: skip

BODY = "From here on\n.\n..\nspaces at the end   \n\n\n=20 " + "日本語 " * 200 + "word " * 200 + "\n\n\n"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def sign(key) -> Callable[[bytes, bytes], bytes]:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )

    def sign(raw: bytes, canonical: bytes) -> bytes:
        how = tuple(canonical.split(b"/"))
        return dkim.sign(raw, b"relay", b"example.com", pem, canonicalize=how, include_headers=SIGNED) + raw

    return sign


@pytest.fixture
def holds(key) -> Callable[[bytes], bool]:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)
    return lambda raw: dkim.verify(raw, dnsfunc=lambda _name, timeout=5: record)


def arrive(settings) -> list[bytes]:
    """The mails as they come to the relay."""
    with Sink() as relay:
        settings.MAIL_SERVER = relay.server
        for notification in open_notifications(timezone.now()):
            fan_out(notification.pk, now=timezone.now())
        run_deliveries(10)
        return [mail.raw for mail in relay.received]


def pass_on(raw: bytes) -> bytes:
    """Through one more server, on to the mailbox."""
    with Sink() as mailbox:
        with smtplib.SMTP("127.0.0.1", mailbox.port) as smtp:
            smtp.sendmail("status@example.com", ["ann@example.com"], raw)
        return mailbox.received[0].raw


@pytest.mark.parametrize("canonical", [b"relaxed/relaxed", b"simple/simple"])
@pytest.mark.parametrize("title", ["Slow mailings", "緊" * 200, "word " * 39 + "end", "two  spaces"])
def test_a_signed_mail_on_a_notice_holds_at_the_receiver(settings, sign, holds, title, canonical):
    settings.PUBLIC_URL = "https://status.example.com"
    make_page(name="Störungen")
    make_subscribers(1)
    make_incident(title, body=BODY)
    (raw,) = arrive(settings)

    received = pass_on(sign(raw, canonical))

    assert holds(received)
    assert not holds(received.replace(b"One-Click", b"Two-Clicks"))


@pytest.mark.parametrize("purpose", ["confirm", "manage"])
def test_a_signed_personal_mail_holds_too(settings, sign, holds, purpose):
    make_page()
    (reader,) = make_subscribers(1, state="pending" if purpose == "confirm" else "active")
    notify_one(reader, purpose)
    (raw,) = arrive(settings)

    received = pass_on(sign(raw, b"relaxed/simple"))

    assert holds(received)
    assert not holds(received.replace(b"Subject: ", b"Subject: not "))


def test_a_signature_holds_when_a_mailbox_file_and_a_gateway_had_the_mail_in_between(settings, sign, holds):
    """Mailbox files put a ">" before "From ", gateways trim the ends of lines."""
    make_page()
    make_subscribers(1)
    make_incident(body=BODY)
    (raw,) = arrive(settings)

    lines = sign(raw, b"relaxed/simple").split(b"\r\n")
    kept = [b">" + line if line.startswith(b"From ") else line.rstrip(b" \t") for line in lines]

    assert holds(b"\r\n".join(kept))
