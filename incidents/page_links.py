"""Links of the page's own, as staff type them: one a line, first the words, then the address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.text import clean_line

MAX_LINKS = 8
MAX_WORDS, MAX_ADDRESS = 40, 500
TELEPHONE = re.compile(r"tel:\+?[0-9().-]{3,30}", re.ASCII)
MAILBOX = re.compile(r"mailto:[^\s@<>\"]+@[^\s@<>\"]+")


@dataclass(frozen=True)
class PageLink:
    words: str
    address: str

    @property
    def is_elsewhere(self) -> bool:
        return self.address.startswith("https:")


def read_links(text: str) -> tuple[PageLink, ...]:
    """Raises ValidationError, which names the line."""
    found, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(_read(line))
        except ValidationError as problem:
            problems.append(_("Line %(line)d: %(why)s") % {"line": number, "why": " ".join(problem.messages)})
    if len(found) > MAX_LINKS:
        problems.append(_("Use at most %(limit)d links.") % {"limit": MAX_LINKS})
    if problems:
        raise ValidationError(problems)
    return tuple(found)


def check_links(text: str) -> None:
    read_links(text)


def _read(line: str) -> PageLink:
    words, _space, address = clean_line(line, limit=MAX_WORDS + MAX_ADDRESS + 1).rpartition(" ")
    words = words.strip()
    if not words:
        raise ValidationError(_("Write the words and then the address, as in: Imprint https://example.com/imprint"))
    if len(words) > MAX_WORDS:
        raise ValidationError(_("Shorten the words to %(limit)d characters.") % {"limit": MAX_WORDS})
    if not _is_address(address):
        raise ValidationError(
            _("%(address)s is no address that can stand here: it begins with https://, mailto:, tel: or /")
            % {"address": address}
        )
    return PageLink(words, address)


def _is_address(address: str) -> bool:
    if TELEPHONE.fullmatch(address) or MAILBOX.fullmatch(address):
        return True
    if address.startswith("/"):
        return not address.startswith(("//", "/\\"))
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "\\" not in address
