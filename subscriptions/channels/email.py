"""Telling by mail: the headers, and what of a mail belongs to one subscriber alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime, parseaddr

from django.conf import settings
from django.utils import timezone

from incidents.models import Page
from subscriptions import wording
from subscriptions.channels.errors import DeliveryError
from subscriptions.channels.mime import Template, build, encoded_words, slot
from subscriptions.channels.outbox import Outbox
from subscriptions.channels.smtp import SmtpConnection
from subscriptions.choices import PERSONAL
from subscriptions.links import history_url, personal_url, public_host, subscribe_url, update_url
from subscriptions.models import Delivery, Notification
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token

TOKENS = {CONFIRM, MANAGE, UNSUBSCRIBE}
# Enough for programs to find one that the reader kept.
MAX_REFERENCES = 10


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
        # The same again for Exchange, which answers "out of office" to all else.
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    if notification.purpose not in PERSONAL:
        headers |= _thread(notification) | _list(notification, words.sender_name, links)
    return build(headers, text=words.text, html=words.html)


def _thread(notification: Notification) -> dict[str, str]:
    """Where the mail belongs: below an id that no mail has, so that all on one notice stand together, whichever a
    reader got first; and after the reader's mails before it, for programs that want to have seen what is named.
    """
    incident = notification.update.incident
    before = Notification.objects.filter(update__incident=incident, subscriber=None, pk__lt=notification.pk)
    numbers = before.order_by("-pk").values_list("pk", flat=True)[:MAX_REFERENCES]
    root = f"<notice.{incident.code}@{public_host()}>"
    chain = [root, *(f"<{_message_id(number, slot('code'))}>" for number in reversed(numbers))]
    return {"In-Reply-To": chain[-1], "References": " ".join(chain)}


def _list(notification: Notification, page_name: str, links: Mapping[str, str]) -> dict[str, str]:
    incident, page = notification.update.incident, Page.objects.current()
    headers = {
        "List-Id": f"{_phrase(page_name)} <updates.{public_host().strip('[]')}>",
        "List-Help": f"<{subscribe_url()}>",
        "List-Unsubscribe": f"<{links[UNSUBSCRIBE]}>",
        "List-Archive": f"<{history_url()}>",
        "Archived-At": f"<{update_url(notification.update)}>",
        # What large providers count complaints by: notice, kind, purpose, and last who sends.
        "Feedback-ID": f"{incident.code}:{incident.kind}:{notification.purpose}:{page.code}",
    }
    if links[UNSUBSCRIBE].startswith("https:"):  # one click is for https alone (RFC 8058)
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def connect() -> MailConnection:
    """A way out: the mail server, or files where none is set. Raises ChannelDown."""
    return MailConnection(SmtpConnection(sender_address()) if settings.MAIL_SERVER else Outbox())


def message_id(delivery: Delivery) -> str:
    """The same for every attempt, so that a repeated mail is recognised as the same one."""
    return _message_id(delivery.notification_id, delivery.subscriber.code)


def _message_id(notification_id: int, subscriber_code: str) -> str:
    return f"n{notification_id}.{subscriber_code}@{public_host()}"


def sender_address() -> str:
    local, _at, host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    return f"{local}@{host.encode('idna').decode()}"


@dataclass(frozen=True)
class MailConnection:
    transport: SmtpConnection | Outbox

    def send(self, message: Template, delivery: Delivery) -> None:
        """Hand over `message` to the subscriber of `delivery` alone. Raises DeliveryError."""
        recipient = wire_address(delivery.subscriber.endpoint)
        if not recipient.isascii() and not self.transport.takes_utf8_addresses:
            raise DeliveryError("the mail server takes no address with letters beyond ASCII", permanent=True)
        values = {purpose: make_token(delivery.subscriber, purpose) for purpose in TOKENS & set(message.names)}
        values |= {"address": recipient, "messageid": message_id(delivery), "code": delivery.subscriber.code}
        self.transport.send(recipient, message.fill({name: value.encode() for name, value in values.items()}))

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
    return bool(local and host) and text.isprintable() and not set(text) & set(' <>,:;"\\()[]') and host.isascii()


def _from(page_name: str) -> str:
    name = parseaddr(settings.DEFAULT_FROM_EMAIL)[0]
    return f"{_phrase(name or page_name)} <{sender_address()}>"


def _phrase(name: str) -> str:
    """A name as it stands before an address: quoted, or encoded where quotes cannot hold it."""
    encoded = encoded_words(name)
    if encoded != name:
        return encoded
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
