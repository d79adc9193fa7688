"""Telling by mail: the headers, and what of a mail belongs to one subscriber alone."""

from __future__ import annotations

import re
from email.utils import format_datetime, parseaddr
from functools import cache, lru_cache

from django.conf import settings
from django.utils import timezone

from subscriptions import wording
from subscriptions.channels.errors import RecipientRefused
from subscriptions.channels.limits import Limits
from subscriptions.channels.mail import Mail
from subscriptions.channels.mime import Template, build, encoded_words, slot
from subscriptions.channels.outbox import Outbox
from subscriptions.channels.smtp import SmtpConnection
from subscriptions.choices import Purpose
from subscriptions.ledger import Claimed
from subscriptions.links import personal_url, public_host
from subscriptions.models import Notification
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token

TOKENS = {CONFIRM, MANAGE, UNSUBSCRIBE}

# The last @ parts the mailbox from the host, which is in ASCII.
ADDRESS = re.compile(r"""[^\s<>,;"\\()\[\]]+@[^\s<>,;"\\()\[\]@\x80-\U0010ffff]+""")


def compose(notification: Notification, *, language: str, time_zone: str) -> Template:
    """The mail of `notification`, with slots for what is one subscriber's alone."""
    links = {purpose: personal_url(purpose, slot(purpose)) for purpose in TOKENS}
    words = wording.write(notification, links, language=language, time_zone=time_zone)
    headers = {
        "From": _from(words.sender_name),
        "To": slot("address"),
        "Subject": encoded_words(words.subject),
        "Date": format_datetime(timezone.now(), usegmt=False),
        "Message-ID": f"<{slot('messageid')}>",
        "Auto-Submitted": "auto-generated",
    }
    if notification.purpose == Purpose.UPDATE:
        # All mails on one notice hang below an id that no mail has: whichever came first, they stand together.
        thread = f"<notice.{notification.update.incident.code}@{public_host()}>"
        headers |= {
            "In-Reply-To": thread,
            "References": thread,
            "List-Id": f"<updates.{public_host().strip('[]')}>",
            "List-Unsubscribe": f"<{links[UNSUBSCRIBE]}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return build(headers, text=words.text, html=words.html)


def prepare(message: Template, delivery: Claimed) -> Mail:
    """The mail to the subscriber of `delivery` alone. Raises DeliveryError."""
    recipient = wire_address(delivery.endpoint)
    values = {purpose: make_token(delivery, purpose).encode() for purpose in TOKENS.intersection(message.names)}
    values["address"] = recipient.encode()
    values["messageid"] = message_id(delivery).encode()
    return Mail(envelope_sender(delivery), recipient, message, values)


def connect() -> SmtpConnection | Outbox:
    """A way out: the mail server, or files where none is set. Raises ChannelDown."""
    return SmtpConnection() if settings.MAIL_SERVER else Outbox()


def limits() -> Limits:
    return Limits(
        connections=settings.EMAIL_CONNECTIONS,
        per_minute=settings.EMAIL_PER_MINUTE,
        per_minute_to_one=settings.EMAIL_PER_MINUTE_PER_DOMAIN,
    )


def destination(endpoint: str) -> str:
    """The domain that takes mail for `endpoint`."""
    return endpoint.rpartition("@")[2].lower()


def message_id(delivery: Claimed) -> str:
    """The same for every attempt, so that a repeated mail is recognised as the same one."""
    return f"n{delivery.notification_id}.{delivery.code}@{public_host()}"


def envelope_sender(_delivery: Claimed) -> str:
    """To whom servers return what they cannot deliver."""
    return sender_address()


def sender_address() -> str:
    return _bare(settings.DEFAULT_FROM_EMAIL)


def wire_address(endpoint: str) -> str:
    """The address as servers write it, its host in ASCII. Raises DeliveryError for what is none."""
    local, _at, host = endpoint.rpartition("@")
    address = f"{local}@{_ascii_host(host)}"
    if not is_address(address):
        raise RecipientRefused("this is not an address that mail can be sent to")
    return address


def is_address(text: str) -> bool:
    """Whether `text` can stand between angle brackets in a command to a server and in a header, and nowhere else."""
    return ADDRESS.fullmatch(text) is not None and text.isprintable()


@lru_cache(maxsize=10_000)
def _ascii_host(host: str) -> str:
    """The host as it stands in the DNS; "" where it cannot stand there."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""


@cache
def _bare(sender: str) -> str:
    return parseaddr(sender)[1]


def _from(page_name: str) -> str:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    name = name or page_name
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name.isascii() and "=?" not in name else f"{encoded_words(name)} <{address}>"
