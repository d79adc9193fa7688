"""Mail addresses as people type them, and the form in which two of them are compared."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
# Alphabets whose letters look alike: in one name only one of them.
ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC", "CHEROKEE"})
# Python's IDNA (2003) turns these into other letters, and so into somebody else's domain.
MISREAD_LETTERS = frozenset("ßẞς\u200c\u200d")

# Nothing is delivered to "localhost" from outside, and a stranger must not reach this machine's own mailboxes.
_looks_right = EmailValidator(message=_("Write an address such as ann@example.com."), allowlist=[])


@dataclass(frozen=True)
class Address:
    """`endpoint` is what mail is sent to; `key` is equal for two spellings of one mailbox.

    The domain is in ASCII. The name before it may hold any letters (RFC 6531), in composed form (NFC).
    """

    endpoint: str
    key: str

    @property
    def mailbox(self) -> str:
        """The key without a "+tag": most providers put all of these into one mailbox."""
        local, _at, domain = self.key.rpartition("@")
        return f"{local.partition('+')[0]}@{domain}"


def read_address(typed: str) -> Address:
    """Raises ValidationError, with words for the person who typed it."""
    typed = typed.strip()
    if len(typed) > 2 * LONGEST_ADDRESS:
        raise ValidationError(_("This address is too long to exist."), code="too_long")
    typed = unicodedata.normalize("NFC", typed)
    local, _at, domain = typed.rpartition("@")
    if not typed.isprintable() or '"' in local or "[" in domain or not _is_name(local):
        raise ValidationError(_looks_right.message, code="invalid")
    if len(typed) > LONGEST_ADDRESS or len(local.encode()) > LONGEST_LOCAL_PART:
        raise ValidationError(_("This address is too long to exist."), code="too_long")
    host = _ascii_domain(domain)
    # Django's pattern knows ASCII alone; the other letters are looked at above.
    _looks_right("".join(char if char.isascii() else "x" for char in local) + f"@{host}")
    endpoint = f"{local}@{host}"
    if len(endpoint.encode()) > LONGEST_ADDRESS:
        raise ValidationError(_("This address is too long to exist."), code="too_long")
    # Not casefold(): that makes "ss" of ß, and so somebody else's mailbox.
    return Address(endpoint, unicodedata.normalize("NFC", endpoint.lower()))


def _is_name(local: str) -> bool:
    """Whether all beyond ASCII in the part before the @ are letters, marks on letters and digits.

    None may look like another: no wide or ligature forms (they would become other letters, such as s of ſ), and no
    alphabets mixed that have the same letters.
    """
    if local.isascii():
        return True
    if unicodedata.normalize("NFKC", local) != local:
        return False
    kinds = [unicodedata.category(char) for char in local]
    if any(kind[0] not in "LM" and kind != "Nd" for char, kind in zip(local, kinds, strict=True) if not char.isascii()):
        return False
    if any(kind[0] == "M" and before[0] not in "LMN" for before, kind in pairwise(["Po", *kinds])):
        return False
    alphabets = {unicodedata.name(char).split()[0] for char in local if char.isalpha()}
    return len(alphabets & ALIKE) <= 1


def _ascii_domain(domain: str) -> str:
    if MISREAD_LETTERS & set(domain):
        raise ValidationError(_("Write the part after the @ in its xn-- form, please."), code="ambiguous_domain")
    try:
        return domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        raise ValidationError(_looks_right.message, code="invalid") from None
