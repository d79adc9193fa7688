"""What arrives: the form of every mail, whatever its words are."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from incidents.actions import post_update
from incidents.models import Incident
from incidents.values import UpdateText
from subscriptions.channels.errors import DeliveryError
from subscriptions.channels.mime import MARK, build, encoded_words, slot
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, notify_one, open_notifications
from subscriptions.models import ChannelPause, Delivery
from subscriptions.return_path import SentMail, read_return_path
from subscriptions.tokens import read_token
from tests.make import (
    make_component,
    make_incident,
    make_maintenance,
    make_page,
    make_subscriber,
    make_subscribers,
    utc,
)
from tests.sink import Sink

pytestmark = pytest.mark.django_db

HOSTILE = [
    "Fixed\r\nBcc: everybody@example.com",
    "Fixed\nX-Evil: 1",
    "Fixed\rX-Evil: 1",
    "=?utf-8?q?=0d=0aX-Evil:_1?=",
    "=?utf-8?b?DQpYLUV2aWw6IDE=?= and more",
    "Fixed\u2028X-Evil: 1",
    "Fixed\u2029X-Evil: 1",
    "Fixed\x85X-Evil: 1",
    "Fixed\x00",
    "Fixed\x0bX-Evil: 1",
    "\u202edexif",
    "e\u0301" * 90,
    "🔥" * 50,
    "x" * 200,
    "x" * 300,
    "word " * 39 + "end",
    "<script>alert(1)</script>",
    "%(page)s {{ page }} {% now 'Y' %}",
    ". starts with a dot",
    "Ünïcödé — “quotes”, 日本語",
    'quotes " and \\ and (comments) <a@b>',
    "a=3D soft=\tbreak",
    "\u2067dexif",
    "Panne\u00a0: 1\u3000時",
    "👨\u200d👩\u200d👧 \U0001fae8 lost",
]


def deliver(settings, sink: Sink) -> list[EmailMessage]:
    settings.MAIL_SERVER = sink.server
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())
    run_deliveries(10)
    return sink.messages()


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    return mail.get_body((kind,)).get_content()


def assert_sound(raw: bytes, mail: EmailMessage, recipient: str) -> None:
    head, _blank, body = raw.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in re.split(rb"\r\n(?![ \t])", head)]
    assert len(names) == len(set(names))
    assert set(names) <= {
        b"Content-Type", b"MIME-Version", b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted",
        b"In-Reply-To", b"References", b"List-Id", b"List-Unsubscribe", b"List-Unsubscribe-Post", b"List-Help",
        b"List-Archive", b"Archived-At", b"Feedback-ID", b"X-Auto-Response-Suppress", b"X-Peer", b"X-MailFrom",
        b"X-RcptTo",
    }  # fmt: skip
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert MARK.encode() not in raw
    assert str(mail["To"]) == recipient
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in mail.iter_parts()] == ["utf-8", "utf-8"]
    assert all(not part.defects for part in mail.walk())


def test_a_mail_about_a_notice_carries_all_headers_that_a_list_owes(settings):
    settings.PUBLIC_URL = "https://status.example.com"
    make_page(name="Copernica status")
    (reader,) = make_subscribers(1)
    incident = make_incident("Slow mailings")
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    host = "status.example.com"
    assert mail["Subject"] == "[Investigating] Slow mailings"
    assert mail["From"] == f"Copernica status <{settings.DEFAULT_FROM_EMAIL}>"
    assert mail["Message-ID"] == f"<n{Delivery.objects.get().notification_id}.{reader.code}@{host}>"
    assert mail["In-Reply-To"] == mail["References"] == f"<notice.{incident.code}@{host}>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Id"].startswith('"Copernica status" <updates.')
    assert mail["List-Archive"] == f"<{settings.PUBLIC_URL}/history>"
    assert mail["List-Help"] == f"<{settings.PUBLIC_URL}/subscribe/>"
    assert mail["Precedence"] is None
    link = mail["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"{settings.PUBLIC_URL}/subscribe/unsubscribe/")
    assert read_token(link.rpartition("/")[2], "unsubscribe") == reader
    assert_sound(sink.received[0].raw, mail, reader.endpoint)


def test_a_page_without_https_offers_a_link_to_unsubscribe_and_no_click(settings):
    settings.PUBLIC_URL = "http://10.0.0.7:8000"
    make_page()
    make_subscribers(1)
    make_incident()
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert mail["List-Unsubscribe"].startswith("<http://10.0.0.7:8000/subscribe/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] is None
    assert mail["Message-ID"].endswith("@[10.0.0.7]>")


def test_mails_on_a_notice_hang_together_and_each_names_those_before_it(settings):
    make_page()
    make_subscribers(1)
    incident = make_incident()
    for _update in range(12):
        post_update(incident, UpdateText(status="identified", body="Still looking."), actor=None)
    make_incident("Another")
    with Sink() as sink:
        *mails, other = deliver(settings, sink)

    ids = [mail["Message-ID"] for mail in mails]
    root = mails[0]["References"]
    chains = [mail["References"].split() for mail in mails]
    assert chains[:3] == [[root], [root, ids[0]], [root, ids[0], ids[1]]]
    assert chains[12] == [root, *ids[2:12]]
    assert [mail["In-Reply-To"] for mail in mails] == [root, *ids[:12]]
    assert root not in other["References"]


def test_complaints_are_counted_by_notice_and_by_sender(settings):
    page = make_page()
    make_subscribers(1)
    incident = make_incident()
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert mail["Feedback-ID"] == f"{incident.code}:realtime:update:{page.code}"


@pytest.mark.parametrize("purpose", ["confirm", "manage"])
def test_a_personal_mail_is_no_list_mail_and_its_link_works(settings, purpose):
    make_page(name="Copernica status")
    (reader,) = make_subscribers(1, state="pending" if purpose == "confirm" else "active")
    notify_one(reader, purpose)
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert mail["List-Id"] is mail["List-Unsubscribe"] is mail["References"] is None
    for kind in ("plain", "html"):
        token = re.search(rf"/subscribe/{purpose}/([\w.-]+)", text_of(mail, kind))[1]
        assert read_token(token, purpose) == reader
    assert_sound(sink.received[0].raw, mail, reader.endpoint)


def test_each_reader_gets_only_the_own_links(settings):
    make_page()
    readers = {reader.endpoint: reader for reader in make_subscribers(3)}
    make_incident()
    with Sink() as sink:
        mails = deliver(settings, sink)

    for mail in mails:
        links = set(re.findall(r"/subscribe/(manage|unsubscribe)/([\w.-]+)", text_of(mail) + text_of(mail, "html")))
        assert {read_token(token, purpose) for purpose, token in links} == {readers[mail["To"]]}
        assert {purpose for purpose, _token in links} == {"manage", "unsubscribe"}
    assert len({mail["Message-ID"] for mail in mails}) == 3


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_is_refused_or_arrives_in_a_sound_mail(settings, title):
    make_page()
    (reader,) = make_subscribers(1)
    try:
        incident = make_incident(title, body=title)
    except ValidationError:
        return
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert mail["Subject"] == f"[Investigating] {incident.title}"
    assert incident.title in text_of(mail)
    assert_sound(sink.received[0].raw, mail, reader.endpoint)


@pytest.mark.parametrize("title", ["Fixed\r\nBcc: all@example.com", "Fixed\nX-Evil: 1", "Fixed\x00"])
def test_a_title_that_slipped_past_the_verbs_adds_no_header_and_silences_nobody(settings, title):
    if connection.vendor == "postgresql" and "\x00" in title:
        title = title.replace("\x00", "\x01")  # PostgreSQL stores no NUL
    make_page()
    (reader,) = make_subscribers(1)
    Incident.objects.filter(pk=make_incident().pk).update(title=title)
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert mail["Subject"].startswith("[Investigating] Fixed")
    assert_sound(sink.received[0].raw, mail, reader.endpoint)


def test_long_texts_in_any_language_stay_within_the_limits(settings):
    make_page(name="Статус — 状態")
    (reader,) = make_subscribers(1)
    body = "\n\n".join(
        ["日本語" * 300, ("word " * 300).strip(), "https://example.com/" + "x" * 900, ".", "From here", "=" * 90]
    )
    make_incident("Störung", body=body, components={make_component("Ünïcödé").pk: "major_outage"})
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert body in text_of(mail).replace("\r\n", "\n")
    assert len(text_of(mail, "html")) < 100_000
    assert mail["From"].addresses[0].display_name == "Статус — 状態"
    assert_sound(sink.received[0].raw, mail, reader.endpoint)


def test_every_link_leads_to_our_own_host_and_nothing_is_loaded(settings):
    settings.PUBLIC_URL = "https://status.example.com"
    make_page()
    make_subscribers(1)
    make_maintenance(starts=utc(2026, 5, 2, 20), ends=utc(2026, 5, 2, 23))
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    html = text_of(mail, "html")
    links = re.findall(r"https?://[^\s\"<>]+", html + text_of(mail))
    assert links != []
    assert {urlsplit(link).netloc for link in links} == {"status.example.com"}
    assert re.findall(r"<(?:img|script|link|iframe)|url\(|@import", html) == []
    assert '<html lang="en">' in html


@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [("ann@exämple.com", "ann@xn--exmple-cua.com"), ("ann+status=a.b@example.com", "ann+status=a.b@example.com")],
)
def test_unusual_addresses_arrive(settings, address, on_the_wire):
    make_page()
    make_subscribers(1, endpoint=address, endpoint_key=address)
    make_incident()
    with Sink() as sink:
        (mail,) = deliver(settings, sink)

    assert (sink.received[0].recipients, mail["To"]) == ((on_the_wire,), on_the_wire)


def test_a_name_beyond_ascii_needs_a_server_that_takes_it(settings):
    settings.BOUNCE_ADDRESS = "bounces@status.example.com"
    make_page()
    (bob,) = make_subscribers(1)
    make_subscriber("Jürgen@bücher.example")
    (cleo,) = make_subscribers(1)
    Delivery.objects.all().delete()
    make_incident()
    with Sink(takes_utf8=False) as sink:
        deliver(settings, sink)
    assert sink.counts == {bob.endpoint: 1, cleo.endpoint: 1}
    failed = Delivery.objects.get(state="failed")
    assert failed.last_error == "5.6.7 the mail server takes no address with letters beyond ASCII"
    assert not ChannelPause.objects.exists()

    Delivery.objects.filter(pk=failed.pk).update(state="queued")
    with Sink(takes_utf8=True) as sink:
        deliver(settings, sink)
    (received,) = sink.received
    assert received.recipients == ("Jürgen@xn--bcher-kva.example",)
    head = received.raw.partition(b"\r\n\r\n")[0].decode()
    assert "\r\nTo: Jürgen@xn--bcher-kva.example\r\n" in head
    assert read_return_path(received.sender) == SentMail(failed.notification_id, failed.subscriber.code)
    assert head.count("ü") == 1
    assert re.search(r"List-Unsubscribe:\s+<http\S+/unsubscribe/[\x21-\x7e]+>", head)


@pytest.mark.parametrize(
    "address", ["a@b\r\nRCPT TO:<c@d>", "a b@example.com", "a@b>,<c@d", "nobody", "@example.com", "a@" + "x" * 80]
)
def test_an_address_that_is_none_fails_alone_and_says_nothing_to_the_server(settings, address):
    make_page()
    (reader,) = make_subscribers(1)
    make_subscribers(1, endpoint=address, endpoint_key=address)
    make_incident()
    with Sink() as sink:
        deliver(settings, sink)

    assert sink.counts == {reader.endpoint: 1}
    assert Delivery.objects.exclude(subscriber=reader).get().state == "failed"


def test_without_a_mail_server_mails_are_files_in_order_of_time(settings):
    settings.MAIL_SERVER = None
    make_page()
    readers = make_subscribers(3)
    make_incident()
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())
    run_deliveries(10)

    files = sorted(settings.OUTBOX_DIR.iterdir())
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    assert [file.suffix for file in files] == [".eml"] * 3
    assert [mail["To"] for mail in mails] == [reader.endpoint for reader in readers]
    for file, mail in zip(files, mails, strict=True):
        assert_sound(file.read_bytes(), mail, mail["To"])


def test_an_outbox_that_cannot_be_written_loses_nobody(settings, tmp_path):
    settings.MAIL_SERVER = None
    settings.OUTBOX_DIR = tmp_path / "taken"
    settings.OUTBOX_DIR.write_text("a file stands where the directory should")
    make_page()
    make_subscribers(1)
    make_incident()
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())
    run_deliveries(10)

    assert Delivery.objects.get().state == "queued"


def test_a_template_fills_each_place_and_keeps_the_rest():
    template = build(
        {"To": slot("address"), "Subject": "Hi"}, text=f"a {slot('manage')} b\n", html=f"<a href='{slot('manage')}'>"
    )

    wire = template.fill({"address": b"ann@example.com", "manage": b"t" * 70})

    mail = email.message_from_bytes(wire, policy=email.policy.default)
    assert mail["To"] == "ann@example.com"
    assert text_of(mail).replace("\r\n", "\n") == f"a {'t' * 70} b\n"
    assert text_of(mail, "html").strip() == f"<a href='{'t' * 70}'>"


def test_a_header_with_a_line_break_is_never_built():
    for value in ("Hi\nX-Evil: 1", "Hi\r\nX-Evil: 1", "Hi\u2028X-Evil: 1"):
        with pytest.raises(ValueError):
            encoded_words(value)
        with pytest.raises(ValueError):
            build({"Subject": value}, text="", html="")


def test_a_delivery_error_is_for_now_unless_it_says_otherwise():
    assert (DeliveryError("x").permanent, DeliveryError("x", permanent=True).permanent) == (False, True)
