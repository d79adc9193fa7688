"""Mails that were written as files, because no mail server is set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import Parser
from email.utils import parseaddr
from pathlib import Path

FILE_NAME = re.compile(r"[\w-][\w.@+-]{0,200}\.eml", re.ASCII)
SHOWN_HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"]
LINK = re.compile(r"https?://[^\s<>\"]+")

# Of text and not of bytes: heads hold addresses in any letters, as they are (RFC 6532).
_parser = Parser(policy=policy.default)


@dataclass(frozen=True)
class MailLine:
    """One mail in the list."""

    name: str
    to: str
    subject: str
    date: str


@dataclass(frozen=True)
class Mail:
    headers: list[tuple[str, str]]
    text: str
    html: str
    links: list[str]


def mail_names(outbox: Path) -> list[str]:
    """File names, newest first: they begin with the time."""
    return sorted((path.name for path in outbox.glob("*.eml") if _is_ours(path)), reverse=True)


def read_line(outbox: Path, name: str) -> MailLine | None:
    """The headers alone, or None when the file has gone meanwhile."""
    message = _read(outbox, name, headers_only=True)
    if message is None:
        return None
    return MailLine(name, *(str(message.get(header, "")) for header in ("To", "Subject", "Date")))


def read_mail(outbox: Path, name: str) -> Mail | None:
    """The mail of that name; None when there is none, and for every name that leads out of `outbox`."""
    message = _read(outbox, name)
    if message is None:
        return None
    text = _body(message, "plain")
    return Mail(
        headers=[(header, str(message[header])) for header in SHOWN_HEADERS if header in message],
        text=text,
        html=_body(message, "html"),
        links=list(dict.fromkeys(link.rstrip(".,;:!?)") for link in LINK.findall(text))),
    )


def remove_mails_to(outbox: Path, address: str) -> int:
    """Delete every mail that is addressed to `address`; how many."""
    count = 0
    for name in mail_names(outbox):
        line = read_line(outbox, name)
        if line is not None and parseaddr(line.to)[1].lower() == address.lower():
            (outbox / name).unlink(missing_ok=True)
            count += 1
    return count


def _read(outbox: Path, name: str, *, headers_only: bool = False) -> EmailMessage | None:
    path = outbox / name
    if not FILE_NAME.fullmatch(name) or not _is_ours(path):
        return None
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return _parser.parse(file, headersonly=headers_only)
    except FileNotFoundError:
        return None


def _is_ours(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""
