"""Telling by mail: the headers, and what of a mail belongs to one subscriber alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents.models import Page
from subscriptions import wording
from subscriptions.channels.errors import RecipientRefused
from subscriptions.channels.limits import Limits
from subscriptions.channels.mail import Mail
from subscriptions.channels.mime import Template, build, encoded_words, slot
from subscriptions.channels.outbox import Outbox
from subscriptions.channels.smtp import SmtpConnection
from subscriptions.choices import PERSONAL
from subscriptions.ledger import Claimed
from subscriptions.links import history_url, personal_url, public_host, subscribe_url, update_url
from subscriptions.models import Notification
from subscriptions.return_path import return_path, sender_address
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token

TOKENS = {CONFIRM, MANAGE, UNSUBSCRIBE}
# Enough for programs to find one that the reader kept.
MAX_REFERENCES = 10

# The last @ parts the mailbox from the host, which is in ASCII.
ADDRESS = re.compile(r"""[^\s<>,:;"\\()\[\]]+@[^\s<>,:;"\\()\[\]@\x80-\U0010ffff]+""")


def compose(notification: Notification, *, language: str, time_zone: str, is_test: bool = False) -> Template:
    """The mail of `notification`, with slots for what is one subscriber's alone. A test is marked in its subject."""
    links = {purpose: personal_url(purpose, slot(purpose)) for purpose in TOKENS}
    words = wording.write(notification, links, language=language, time_zone=time_zone)
    subject = _("[Test] %(subject)s") % {"subject": words.subject} if is_test else words.subject
    headers = _head(words.sender_name, subject)
    if notification.purpose not in PERSONAL:
        headers |= _thread(notification) | _list(notification, words.sender_name, links, language)
    return build(headers, text=words.text, html=words.html)


def to_staff(words: wording.Words, *, address: str, number: int) -> Mail:
    """A mail to one member of the staff, who subscribed to nothing. `number` names it: two of one number are the same.

    Raises DeliveryError.
    """
    recipient = wire_address(address)
    message = build(_head(words.sender_name, words.subject), text=words.text, html=words.html)
    values = {"address": recipient.encode(), "messageid": f"s{number}.staff@{public_host()}".encode()}
    return Mail(sender_address(), recipient, message, values)


def _head(page_name: str, subject: str) -> dict[str, str]:
    return {
        "From": _from(page_name),
        "To": slot("address"),
        "Subject": encoded_words(subject),
        "Date": format_datetime(timezone.now(), usegmt=False),
        "Message-ID": f"<{slot('messageid')}>",
        "Auto-Submitted": "auto-generated",
        # The same again for Exchange, which answers "out of office" to all else.
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


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


def _list(notification: Notification, page_name: str, links: Mapping[str, str], language: str) -> dict[str, str]:
    incident, page = notification.update.incident, Page.objects.current()
    prefix = page.prefix(language)
    headers = {
        "List-Id": f"{_phrase(page_name)} <updates.{public_host().strip('[]')}>",
        "List-Help": f"<{subscribe_url()}>",
        "List-Unsubscribe": f"<{links[UNSUBSCRIBE]}>",
        "List-Archive": f"<{history_url(prefix)}>",
        "Archived-At": f"<{update_url(notification.update, prefix)}>",
        # What large providers count complaints by: notice, kind, purpose, and last who sends.
        "Feedback-ID": f"{incident.code}:{incident.kind}:{notification.purpose}:{page.code}",
    }
    if links[UNSUBSCRIBE].startswith("https:"):  # one click is for https alone (RFC 8058)
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def prepare(message: Template, delivery: Claimed) -> Mail:
    """The mail to the subscriber of `delivery` alone. Raises DeliveryError."""
    recipient = wire_address(delivery.endpoint)
    values = {purpose: make_token(delivery, purpose).encode() for purpose in TOKENS.intersection(message.names)}
    values["address"] = recipient.encode()
    values["messageid"] = message_id(delivery).encode()
    values["code"] = delivery.code.encode()
    return Mail(return_path(delivery.notification_id, delivery.code), recipient, message, values)


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
    return _message_id(delivery.notification_id, delivery.code)


def _message_id(notification_id: int, subscriber_code: str) -> str:
    return f"n{notification_id}.{subscriber_code}@{public_host()}"


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
