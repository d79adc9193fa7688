"""Telling by mail: the headers, and what of a mail belongs to one subscriber alone."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime, parseaddr

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from subscriptions import wording
from subscriptions.channels.errors import DeliveryError
from subscriptions.channels.mime import Template, build, encoded_words, slot
from subscriptions.channels.outbox import Outbox
from subscriptions.channels.smtp import SmtpConnection
from subscriptions.choices import Purpose
from subscriptions.links import personal_url, public_host
from subscriptions.models import Delivery, Notification
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token

TOKENS = {CONFIRM, MANAGE, UNSUBSCRIBE}


def compose(notification: Notification, *, language: str, time_zone: str, is_test: bool = False) -> Template:
    """The mail of `notification`, with slots for what is one subscriber's alone. A test is marked in its subject."""
    links = {purpose: personal_url(purpose, slot(purpose)) for purpose in TOKENS}
    words = wording.write(notification, links, language=language, time_zone=time_zone)
    headers = {
        "From": _from(words.sender_name),
        "To": slot("address"),
        "Subject": encoded_words(_("[Test] %(subject)s") % {"subject": words.subject} if is_test else words.subject),
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


def connect() -> MailConnection:
    """A way out: the mail server, or files where none is set. Raises ChannelDown."""
    return MailConnection(SmtpConnection(sender_address()) if settings.MAIL_SERVER else Outbox())


def message_id(delivery: Delivery) -> str:
    """The same for every attempt, so that a repeated mail is recognised as the same one."""
    return f"n{delivery.notification_id}.{delivery.subscriber.code}@{public_host()}"


def sender_address() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


@dataclass(frozen=True)
class MailConnection:
    transport: SmtpConnection | Outbox

    def send(self, message: Template, delivery: Delivery) -> str:
        """Hand over `message` to the subscriber of `delivery` alone; what the server said. Raises DeliveryError."""
        recipient = wire_address(delivery.subscriber.endpoint)
        if not recipient.isascii() and not self.transport.takes_utf8_addresses:
            raise DeliveryError("the mail server takes no address with letters beyond ASCII", permanent=True)
        values = {purpose: make_token(delivery.subscriber, purpose) for purpose in TOKENS & set(message.names)}
        values |= {"address": recipient, "messageid": message_id(delivery)}
        return self.transport.send(recipient, message.fill({name: value.encode() for name, value in values.items()}))

    def close(self) -> None:
        self.transport.close()


def wire_address(endpoint: str) -> str:
    """The address as servers write it, its host in ASCII. Raises DeliveryError for what is none."""
    local, _at, host = endpoint.rpartition("@")
    try:
        address = f"{local}@{host.encode('idna').decode()}"
    except UnicodeError:
        address = ""
    if not is_address(address):
        raise DeliveryError("this is not an address that mail can be sent to", permanent=True)
    return address


def is_address(text: str) -> bool:
    """Whether `text` can stand between angle brackets in a command to a server and in a header, and nowhere else."""
    local, _at, host = text.rpartition("@")
    return bool(local and host) and text.isprintable() and not set(text) & set(' <>,;"\\()[]') and host.isascii()


def _from(page_name: str) -> str:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    name = name or page_name
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name.isascii() and "=?" not in name else f"{encoded_words(name)} <{address}>"
