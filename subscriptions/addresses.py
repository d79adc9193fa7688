"""Mail addresses as people type them, and the form in which two of them are compared."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
# Python's IDNA (2003) turns these into other letters, and so into somebody else's domain.
MISREAD_LETTERS = frozenset("ßẞς\u200c\u200d")

# Nothing is delivered to "localhost" from outside, and a stranger must not reach this machine's own mailboxes.
_looks_right = EmailValidator(message=_("Write an address such as ann@example.com."), allowlist=[])


@dataclass(frozen=True)
class Address:
    """`endpoint` is what mail is sent to, ASCII throughout; `key` is equal for two spellings of one mailbox."""

    endpoint: str
    key: str

    @property
    def mailbox(self) -> str:
        """The key without a "+tag": most providers put all of these into one mailbox."""
        local, _at, domain = self.key.rpartition("@")
        return f"{local.partition('+')[0]}@{domain}"


def read_address(typed: str) -> Address:
    """Raises ValidationError, with words for the person who typed it."""
    local, at, domain = typed.strip().rpartition("@")
    typed = f"{local}{at}{unicodedata.normalize('NFC', domain)}"
    domain = typed.rpartition("@")[2]
    # Django's pattern ignores case, and so takes ſ and İ for s and i: a key that is somebody else's mailbox.
    if not typed.isprintable() or not local.isascii() or '"' in local or "[" in domain:
        raise ValidationError(_looks_right.message, code="invalid")
    if len(typed) > LONGEST_ADDRESS or len(local) > LONGEST_LOCAL_PART:
        raise ValidationError(_("This address is too long to exist."), code="too_long")
    endpoint = f"{local}@{_ascii_domain(domain)}"
    _looks_right(endpoint)
    if len(endpoint) > LONGEST_ADDRESS:
        raise ValidationError(_("This address is too long to exist."), code="too_long")
    return Address(endpoint, endpoint.casefold())


def _ascii_domain(domain: str) -> str:
    if MISREAD_LETTERS & set(domain):
        raise ValidationError(_("Write the part after the @ in its xn-- form, please."), code="ambiguous_domain")
    try:
        return domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        raise ValidationError(_looks_right.message, code="invalid") from None
