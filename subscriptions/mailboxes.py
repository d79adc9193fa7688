"""Where bounces lie: a Maildir, an mbox, a mailbox on an IMAP server. Read once, from the oldest on."""

from __future__ import annotations

import imaplib
import mailbox
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

TIMEOUT = 30.0
IMAP_PORTS = {"imap": 143, "imaps": 993}


class MailboxProblem(Exception):
    """It cannot be opened or read; says why."""


class Mailbox(Protocol):
    def unread(self) -> Iterator[tuple[str, bytes]]:
        """Each message that nobody has looked at yet, with the name by which it is put away."""

    def remove(self, name: str) -> None:
        """It was understood: it is gone for good."""

    def keep(self, name: str) -> None:
        """It was not: it stays, as read, for a person."""


@contextmanager
def opened(source: str) -> Iterator[Mailbox]:
    """The mailbox at `source`: a path, or imaps://user:password@host/Folder. Raises MailboxProblem."""
    try:
        if "://" in source:
            with _imap(source) as server:
                yield ImapMailbox(server)
        else:
            with _local(Path(source)) as box:
                yield LocalMailbox(box)
    except (OSError, imaplib.IMAP4.error, mailbox.Error) as problem:
        raise MailboxProblem(f"{type(problem).__name__}: {problem}") from problem


@dataclass(frozen=True)
class LocalMailbox:
    box: mailbox.Maildir | mailbox.mbox

    def unread(self) -> Iterator[tuple[str, bytes]]:
        for name in sorted(self.box.keys()):
            if not self._is_read(name):
                yield name, self.box.get_bytes(name)

    def remove(self, name: str) -> None:
        self.box.remove(name)

    def keep(self, name: str) -> None:
        message = self.box[name]
        if isinstance(message, mailbox.MaildirMessage):
            message.set_subdir("cur")
            message.add_flag("S")
        else:
            message.add_flag("RO")
        self.box[name] = message

    def _is_read(self, name: str) -> bool:
        message = self.box[name]
        return {"S", "R"} & set(message.get_flags()) != set()


@dataclass(frozen=True)
class ImapMailbox:
    """Messages go by their UID, which does not shift when others are removed."""

    server: imaplib.IMAP4

    def unread(self) -> Iterator[tuple[str, bytes]]:
        _status, found = self.server.uid("SEARCH", "UNSEEN")
        for uid in (found[0] or b"").decode().split():
            _status, parts = self.server.uid("FETCH", uid, "(BODY.PEEK[])")
            body = next((part[1] for part in parts if isinstance(part, tuple)), None)
            if body is not None:  # somebody else may have removed it meanwhile
                yield uid, body

    def remove(self, name: str) -> None:
        self.server.uid("STORE", name, "+FLAGS.SILENT", r"(\Deleted)")
        self.server.expunge()

    def keep(self, name: str) -> None:
        self.server.uid("STORE", name, "+FLAGS.SILENT", r"(\Seen)")


@contextmanager
def _local(path: Path) -> Iterator[mailbox.Maildir | mailbox.mbox]:
    if not path.exists():
        raise MailboxProblem(_("%(path)s does not exist") % {"path": path})
    if path.is_dir():
        if not (path / "new").is_dir():
            raise MailboxProblem(_("%(path)s is a directory, but no Maildir") % {"path": path})
        yield mailbox.Maildir(path, create=False)
        return
    box = mailbox.mbox(path, create=False)
    box.lock()
    try:
        yield box
    finally:
        box.close()  # writes what has changed, and unlocks


@contextmanager
def _imap(url: str) -> Iterator[imaplib.IMAP4]:
    parts = urlsplit(url)
    if parts.scheme not in IMAP_PORTS or not parts.hostname:
        raise MailboxProblem(_("a mailbox on a server is written as imaps://user:password@host/INBOX"))
    kind = imaplib.IMAP4_SSL if parts.scheme == "imaps" else imaplib.IMAP4
    with kind(parts.hostname, parts.port or IMAP_PORTS[parts.scheme], timeout=TIMEOUT) as server:
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        folder = unquote(parts.path.strip("/")) or "INBOX"
        status, answer = server.select(f'"{folder}"')
        if status != "OK":
            raise MailboxProblem(answer[0].decode("utf-8", "replace"))
        yield server
