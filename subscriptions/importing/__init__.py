"""The way in for a spreadsheet of subscribers: read, compared with what is here, and only then carried out.

Consent is never made up. A row that says when it was given is taken at the word of whoever imports it; every other
address is asked. Nobody who left, or whose mails came back, is brought back.
"""

from __future__ import annotations

from subscriptions.importing.jobs import (
    announcement_of,
    carry_on,
    confirm_import,
    forget_uploads,
    headline_of,
    log_import,
    owed,
    percent_of,
    take_import,
    words_of,
)
from subscriptions.importing.reading import MAX_BYTES, Refusal, Sheet, read_sheet
from subscriptions.importing.writing import ConsentNotDeclared, Outcome, carry_out, plan

__all__ = [
    "MAX_BYTES",
    "ConsentNotDeclared",
    "Outcome",
    "Refusal",
    "Sheet",
    "announcement_of",
    "carry_on",
    "carry_out",
    "confirm_import",
    "forget_uploads",
    "headline_of",
    "log_import",
    "owed",
    "percent_of",
    "plan",
    "read_sheet",
    "take_import",
    "words_of",
]
