"""What comes back of the mails that a server had accepted: bounces (RFC 3464) and complaints (RFC 5965)."""

from __future__ import annotations

import datetime as dt
import email.policy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses

from django.db import transaction
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from flufl.bounce import all_failures

from subscriptions.choices import DeliveryState, QuarantineCause
from subscriptions.links import public_host
from subscriptions.models import Delivery
from subscriptions.quarantine import note_permanent_failures, quarantine
from subscriptions.return_path import SentMail, read_return_path

# Where mail servers write down for whom a mail was, most reliable first.
RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
LONGEST_REPORT = 2 * 1024 * 1024
_MESSAGE_ID = re.compile(r"<n([0-9]{1,18})\.([a-z0-9]{1,40})@([^>\s]+)>")


class Verdict(TextChoices):
    FAILED = "failed", _("bounced")
    COMPLAINT = "complaint", _("complained of")
    DELAYED = "delayed", _("delayed")
    UNCLEAR = "unclear", _("not understood")


@dataclass(frozen=True)
class Report:
    """What somebody says became of one mail; `words` are theirs."""

    mail: SentMail
    verdict: Verdict
    words: str = ""


def read_report(raw: bytes, recipients: Iterable[str] = ()) -> Report | None:
    """What a mail to the bounce address tells; None when it is about no mail of ours.

    `recipients` are the addresses it was delivered to, where whoever hands it in knows them.
    """
    message = BytesParser(policy=email.policy.compat32).parsebytes(raw[:LONGEST_REPORT])
    mail = _mail_named_in(message, recipients)
    if mail is None:
        return None
    if any(part.get_content_type() == "message/feedback-report" for part in message.walk()):
        return _complaint(mail, message)
    statuses = list(_recipient_statuses(message))
    if statuses:
        return _judge(mail, statuses)
    if _is_automatic_reply(message):
        return Report(mail, Verdict.DELAYED, str(message.get("Subject", "")))
    return Report(mail, _guess(message), _first_words(raw))


@transaction.atomic
def note(report: Report, *, now: dt.datetime) -> bool:
    """Act on a report; the same one again changes nothing. False when there was nothing to act on."""
    delivery = Delivery.objects.filter(
        notification=report.mail.notification_id, subscriber__code=report.mail.subscriber_code
    ).first()
    if delivery is None:
        return False
    return note_delivery(delivery, report.verdict, report.words, now=now)


@transaction.atomic
def note_delivery(delivery: Delivery, verdict: Verdict, words: str, *, now: dt.datetime) -> bool:
    """The same of a delivery that is known."""
    if verdict == Verdict.COMPLAINT:
        return quarantine([delivery.subscriber_id], QuarantineCause.COMPLAINT, words, now=now) == 1
    if verdict != Verdict.FAILED:
        return False
    sent = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENT)
    if sent.update(state=DeliveryState.FAILED, last_error=words[:500]) != 1:
        return False
    note_permanent_failures({delivery.subscriber_id: words}, now=now)
    return True


def _mail_named_in(message: Message, recipients: Iterable[str]) -> SentMail | None:
    """By the address it was sent to; else, by what it returns of our own mail."""
    named = [str(value) for header in RECIPIENT_HEADERS for value in message.get_all(header, [])]
    for _name, address in [*(("", one) for one in recipients), *getaddresses(named)]:
        if mail := read_return_path(address):
            return mail
    for part in message.walk():
        returned = part.get("Message-ID") if part is not message else None
        if returned is None and part.get_content_type() == "text/rfc822-headers":
            returned = str(part.get_payload())
        found = _MESSAGE_ID.search(str(returned or ""))
        if found and found[3].lower() == public_host().lower():
            return SentMail(int(found[1]), found[2])
    return None


def _recipient_statuses(message: Message) -> Iterator[Message]:
    """The blocks of a delivery report that are about a recipient (RFC 3464, 2.3)."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            yield from (block for block in part.get_payload() if block.get("Action"))


def _judge(mail: SentMail, statuses: list[Message]) -> Report:
    """Failed is failed, also with a temporary code: then a relay has tried for days and given up."""
    failed = [block for block in statuses if _value(block, "Action") == "failed"]
    verdict = Verdict.FAILED if failed else Verdict.DELAYED
    return Report(mail, verdict, _diagnosis([*failed, *statuses][0]))


def _guess(message: Message) -> Verdict:
    """The verdict on a bounce that was written before there was a format, or without regard to it."""
    try:
        delayed, failed = all_failures(message)
    except Exception:  # some of its detectors stumble over mails that lack a header; then nobody can tell
        return Verdict.UNCLEAR
    if failed:
        return Verdict.FAILED
    return Verdict.DELAYED if delayed else Verdict.UNCLEAR


def _diagnosis(block: Message) -> str:
    """What the server said, with the code in front if its words do not hold it."""
    said = " ".join(str(block.get("Diagnostic-Code", "")).partition(";")[2].split())
    status = _value(block, "Status")
    return (said if status in said else f"{status} {said}")[:500].strip()


def _value(block: Message, name: str) -> str:
    words = str(block.get(name, "")).split()
    return words[0].lower() if words else ""


def _complaint(mail: SentMail, message: Message) -> Report:
    kinds = [
        _value(block, "Feedback-Type")
        for part in message.walk()
        if part.get_content_type() == "message/feedback-report"
        for block in _blocks(part)
    ]
    kind = next(filter(None, kinds), "abuse")
    # "not-spam" is a report too, of the opposite.
    return Report(mail, Verdict.UNCLEAR if kind == "not-spam" else Verdict.COMPLAINT, kind)


def _blocks(part: Message) -> list[Message]:
    """The fields of a report: Python reads those of message/* types as a message inside, or leaves them as text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return payload
    return [BytesParser(policy=email.policy.compat32).parsebytes(str(payload).encode("utf-8", "replace"))]


def _is_automatic_reply(message: Message) -> bool:
    """Somebody is on holiday (RFC 3834)."""
    return str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied")


def _first_words(raw: bytes) -> str:
    body = BytesParser(policy=email.policy.default).parsebytes(raw[:LONGEST_REPORT]).get_body(("plain", "html"))
    try:
        text = str(body.get_content()) if body is not None else ""
    except (LookupError, ValueError):  # a charset that nobody knows
        text = ""
    return " ".join(text.split())[:500]
