"""Every mail that the product makes, held against every rule of tests/mail_rules.py."""

from __future__ import annotations

import dataclasses
import re
import unicodedata

import pytest
from django.utils import timezone

from incidents.actions import post_update
from incidents.choices import STATUSES, IncidentKind
from incidents.corrections import edit_update
from incidents.values import AllClear, EffectLine, LinkTo, NoticeDetails, UpdateText
from subscriptions.channels.email import sender_address
from subscriptions.delivery import run_deliveries
from subscriptions.fanout import fan_out, notify_one, open_notifications
from subscriptions.models import Delivery
from tests.mail_rules import RULES, Mail, findings
from tests.make import make_component, make_incident, make_maintenance, make_page, make_staff, make_subscribers, utc

pytestmark = pytest.mark.django_db

WORDS = {
    "plain": "Slow mailings",
    "Japanese, with its own space": "配信が遅れています\u3000東京",
    "French, with a space that does not break": "Panne\u00a0: envois différés",
    "Persian, with a joiner": "سرویس نمی\u200cشود 12:30",
    "Hebrew, with digits": "השירות איטי (API v2)",
    "Hindi": "सेवा धीमी है",
    "Thai": "ระบบขัดข้องชั่วคราว",
    "a family of one letter": "👨\u200d👩\u200d👧 lost",
    "the flag of England": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f down",
    "an emoji newer than us": "shaking \U0001fae8 \U0001fadf",
    "marks upon marks": "Z\u0351\u036b\u0343a\u0363l\u0343\u036ag\u0322\u0353o " * 8 + "!",
    "a private letter": "\ue000 \uf8ff",
    "a soft hyphen": "Donau\u00addampf\u00adschiff",
    "as long as can be": "x" * 200,
    "as long as can be, in words": "word " * 39 + "end",
    "as long as can be, in Chinese": "緊" * 200,
    "as long as can be, in emoji": "🔥" * 200,
    "an encoded word": "=?utf-8?q?=0d=0aX-Evil:_1?=",
    "another": "=?utf-8?b?DQpYLUV2aWw6IDE=?= and more",
    "HTML": "<script>alert(1)</script><b>bold</b>",
    "entities": "&lt;b&gt; AT&T &amp;",
    "a template": "%(page)s {{ page }} {% now 'Y' %}",
    "a dot": ". starts with a dot",
    "a mailbox line": "From here to there",
    "quotes": 'quotes " and \\ and (comments) <a@b>, c: d;',
    "two  spaces": "two  spaces   three",
    "quoted-printable": "a=3D soft= =",
}

BODY = """First.

From here on, **nothing** is [lost](https://other.example/why?a=1&b=2).

- one
- two

| a | b |
| - | - |
| 1 | 2 |

.

"""


@pytest.fixture(autouse=True)
def outside(settings) -> None:
    settings.PUBLIC_URL = "https://status.example.com"
    settings.DEFAULT_FROM_EMAIL = "status@example.com"
    settings.MAIL_SERVER = None


def mails(settings, *, is_notice: bool, written: str = "") -> list[Mail]:
    """What is owed, as it leaves."""
    for notification in open_notifications(timezone.now()):
        fan_out(notification.pk, now=timezone.now())
    run_deliveries(30)
    assert set(Delivery.objects.values_list("state", "last_error")) == {("sent", "")}
    readers = list(Delivery.objects.order_by("pk").values_list("subscriber__endpoint", flat=True))
    files = sorted(settings.OUTBOX_DIR.iterdir())
    assert len(files) == len(readers)
    return [
        Mail(file.read_bytes(), reader, settings.PUBLIC_URL, sender_address(), is_notice, written)
        for file, reader in zip(files, readers, strict=True)
    ]


def found_in(mails: list[Mail]) -> list[str]:
    return [f"{mail.message['Subject']}: {found}" for mail in mails for found in findings(mail)]


def full(words: str, cause: int) -> NoticeDetails:
    """A notice with everything in it."""
    text = f"{words}\n\n{BODY}"
    return NoticeDetails(
        reason=text,
        advice_before=text,
        advice_during=words,
        advice_after=text,
        data_statement="none_expected_lost",
        effects=[EffectLine(words, "delayed", words), EffectLine("Links", "unaffected")],
        links=[LinkTo(cause, "caused_by")],
        byline=words[:100],
    )


def tell_maintenance(words: str, *, is_full: bool) -> None:
    cause = make_incident(words, body=words, notify=False)
    incident = make_maintenance(
        words,
        starts=utc(2026, 5, 2, 20),
        ends=utc(2026, 5, 2, 23),
        avoid_starts=utc(2026, 5, 2, 17) if is_full else None,
        avoid_ends=utc(2026, 5, 2, 23) if is_full else None,
        body=f"{words}\n\n{BODY}" if is_full else words,
        components={make_component(words[:100]).pk: "under_maintenance"} if is_full else {},
        details=full(words, cause.pk) if is_full else NoticeDetails(),
        actor=make_staff(first_name=words[:100]) if is_full else None,
        at=utc(2026, 4, 28, 9),
    )
    clear = AllClear(utc(2026, 5, 2, 20), utc(2026, 5, 2, 22, 40), "none_lost")
    statuses = STATUSES[IncidentKind.SCHEDULED][1:4] if is_full else ["cancelled"]
    for minute, status in enumerate(statuses):
        text = UpdateText(status=status, body=words, next_update_by=utc(2026, 5, 2, 22) if is_full else None)
        answers = clear if status == "completed" else None
        post_update(incident, text, actor=None, all_clear=answers, at=utc(2026, 5, 2, 21, minute))


def tell_incident(words: str, *, is_full: bool) -> None:
    components = {make_component(words[:100]).pk: "partial_outage", make_component("Web").pk: "major_outage"}
    cause = make_incident("Before", notify=False)
    incident = make_incident(
        words,
        body=f"{words}\n\n{BODY}" if is_full else words,
        components=components if is_full else {},
        details=full(words, cause.pk) if is_full else NoticeDetails(),
        at=utc(2026, 3, 2, 9),
    )
    for minute, status in enumerate(STATUSES[IncidentKind.REALTIME][1:], start=1):
        text = UpdateText(status=status, body=words, next_update_by=utc(2026, 3, 2, 10) if is_full else None)
        post_update(incident, text, actor=None, at=utc(2026, 3, 2, 9, minute))


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_mails_break_no_rule_whatever_the_words(settings, words):
    make_page(name=words[:100])
    make_subscribers(1)
    tell_maintenance(words, is_full=True)

    sent = mails(settings, is_notice=True, written=f"{words} {BODY}")

    assert found_in(sent) == []
    title = unicodedata.normalize("NFC", words)
    assert [title in str(mail.message["Subject"]) for mail in sent] == [True] * 4


@pytest.mark.parametrize("tell", [tell_maintenance, tell_incident])
@pytest.mark.parametrize("is_full", [True, False])
def test_mails_break_no_rule_in_any_state(settings, tell, is_full):
    make_page()
    make_subscribers(1)
    tell("Slow mailings", is_full=is_full)

    sent = mails(settings, is_notice=True, written=BODY)

    assert len(sent) == {tell_maintenance: 4 if is_full else 2, tell_incident: 5}[tell]
    assert found_in(sent) == []


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_corrections_break_no_rule_whatever_the_words(settings, words):
    make_page(name=words[:100])
    make_subscribers(1)
    incident = make_incident(words, body=f"{words}\n\n{BODY}")
    mails(settings, is_notice=True, written=f"{words} {BODY}")

    edit_update(
        incident.updates.get(), f"New: {words}\n\n{BODY}", kind="correction", why=words, notify=True, actor=None
    )
    sent = mails(settings, is_notice=True, written=f"{words} {BODY}")

    assert found_in(sent) == []
    assert [str(mail.message["Subject"]).startswith("[Correction] ") for mail in sent] == [False, True]


@pytest.mark.parametrize(
    "words", ["plain", "Hebrew, with digits", "an encoded word", "HTML", "as long as can be, in Chinese"]
)
@pytest.mark.parametrize("purpose", ["confirm", "manage"])
def test_personal_mails_break_no_rule(settings, purpose, words):
    make_page(name=WORDS[words][:100])
    (reader,) = make_subscribers(1, state="pending" if purpose == "confirm" else "active")
    notify_one(reader, purpose)

    assert found_in(mails(settings, is_notice=False, written=WORDS[words])) == []


@pytest.mark.parametrize(
    "address", ["änn@example.com", "用户@例え.jp", "ann+status=a.b@example.com", f"{'x' * 64}@{'y' * 60}.example.com"]
)
def test_mails_to_unusual_addresses_break_no_rule(settings, address):
    make_page()
    wire = address.rpartition("@")[0] + "@" + address.rpartition("@")[2].encode("idna").decode()
    make_subscribers(1, endpoint=wire, endpoint_key=wire)
    make_incident()

    assert found_in(mails(settings, is_notice=True)) == []


def test_a_sender_in_a_domain_of_any_script_is_written_as_servers_write_it(settings):
    settings.DEFAULT_FROM_EMAIL = "Störungen <status@bücher.example>"
    make_page()
    make_subscribers(1)
    make_incident()

    (mail,) = mails(settings, is_notice=True)

    assert mail.sender == "status@xn--bcher-kva.example"
    assert str(mail.message["From"]) == "Störungen <status@xn--bcher-kva.example>"
    assert found_in([mail]) == []


def test_the_rules_are_as_many_as_promised():
    assert len(RULES) >= 26


BROKEN = {
    "lines end in crlf": lambda raw: raw.replace(b"\r\n", b"\n", 1),
    "no line is longer than 998": lambda raw: raw + b"x" * 999 + b"\r\n",
    "lines of the head are folded at 78": lambda raw: raw.replace(b"Subject: ", b"Subject: " + b"word " * 20),
    "lines of the bodies have 76 at most": lambda raw: raw + b"x" * 77 + b"\r\n",
    "no line is changed on its way": lambda raw: raw + b"From here\r\n",
    "bodies are seven bit and hold no control characters": lambda raw: raw + b"\xe9\r\n",
    "each field is a name a colon and a value": lambda raw: b"no field\r\n" + raw,
    "no field comes twice": lambda raw: b"To: bob@example.com\r\n" + raw,
    "nothing is missing and nothing unknown": lambda raw: b"X-Evil: 1\r\n" + raw,
    "heads are ascii but for an address that is not": lambda raw: raw.replace(b"Subject: ", b"Subject: \xc3\xa9 "),
    "encoded words are well formed": lambda raw: raw.replace(b"Subject: ", b"Subject: =?utf-8?q?=C3?= "),
    "it is from one mailbox with a name": lambda raw: raw.replace(b'"Copernica" <', b"<", 1),
    "it is to one recipient": lambda raw: raw.replace(b"To: ", b"To: bob@example.com, ", 1),
    "the subject is one line that turns nothing around": lambda raw: raw.replace(
        b"Subject: ", b"Subject: =?utf-8?b?4oCu?= "
    ),
    "the date has a zone": lambda raw: re.sub(rb"Date: .*? \+0000", b"Date: soon", raw),
    "the message id is in our domain": lambda raw: re.sub(rb"(Message-ID: .*)@\S+", rb"\1@other.example>", raw),
    "references lead to what it replies to": lambda raw: re.sub(rb"In-Reply-To: <", b"In-Reply-To: <x", raw),
    "it says that a machine wrote it": lambda raw: raw.replace(b"auto-generated", b"no"),
    "the list has an id in our domain": lambda raw: raw.replace(b"<updates.status.", b"<updates.other."),
    "one click and its address come together": lambda raw: raw.replace(b"List-Unsubscribe-Post: ", b"X-Post: "),
    "addresses in the head are ours": lambda raw: raw.replace(b"<https://status.", b"<https://other."),
    "feedback is counted by sender and by nobody else": lambda raw: raw.replace(b"Feedback-ID: ", b"Feedback-ID: a:"),
    "parts are text then html": lambda raw: raw.replace(b"text/plain", b"text/html"),
    "parts are utf 8 that can be decoded": lambda raw: raw.replace(b'charset="utf-8"', b'charset="latin-1"', 1),
    "nothing is left of how it was made": lambda raw: raw.replace(b"You get this", b"You &amp; get this", 1),
    "the text begins with what the subject says": lambda raw: raw.replace(b"[Scheduled]", b"[Planned]", 1),
    "the text is tidy": lambda raw: raw.replace(b"--=20", b"\r\n\r\n--=20", 1),
    "both bodies say the same": lambda raw: raw.replace(b"Meanwhile: ", b"Meanwhile, call: "),
    "both bodies name the same times": lambda raw: raw.replace(b"20:00 UTC", b"20:30 UTC", 1),
    "both bodies lead to the same places": lambda raw: raw.replace(b"Your data\r\n", b"https://status.example.com/x\r\n"),
    "links lead to us unless staff wrote them": lambda raw: raw.replace(b"Your data\r\n", b"https://bad.example/\r\n"),
    "no link counts who follows it": lambda raw: raw.replace(b'#update-', b'?utm_source=3Dmail#update-'),
    "the html is short enough for gmail": lambda raw: raw.replace(b"</body>", (b"x" * 70 + b"=\r\n") * 1500),
    "the html says its language and its encoding": lambda raw: raw.replace(b'lang=3D"en"', b""),
    "the html loads and runs nothing": lambda raw: raw.replace(b"</body>", b'<img src=3D"x"></body>'),
    "the html has one title and one first heading": lambda raw: raw.replace(b"<h1", b"<h2"),
    "our tables are for the eye alone": lambda raw: raw.replace(b"presentation", b"grid"),
    "the preview says more than the subject": lambda raw: raw.replace(b'class=3D"preview"', b""),
    "no colour is pure": lambda raw: raw.replace(b"#1c2430", b"#000000"),
    "who sets a background sets the letters on it": lambda raw: raw.replace(
        b"<h1", b'<td style=3D"background-color: #eee">x</td><h1'
    ),
}  # fmt: skip


def test_each_rule_finds_what_breaks_it(settings):
    make_page()
    make_subscribers(1)
    tell_maintenance("Slow mailings", is_full=True)
    mail = mails(settings, is_notice=True, written=BODY)[0]
    broken = {name: dataclasses.replace(mail, raw=break_it(mail.raw)) for name, break_it in BROKEN.items()}
    broken["a personal mail is no list mail"] = dataclasses.replace(mail, is_notice=False)

    assert [name for name, check in RULES.items() if not list(check(broken[name]))] == []
