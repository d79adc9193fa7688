"""The way in for a spreadsheet of subscribers: read, compared with what is here, and only then carried out.

Consent is never made up. A row that says when it was given is taken at the word of whoever imports it; every other
address is asked. Nobody who left, or whose mails came back, is brought back.
"""

from __future__ import annotations

from subscriptions.importing.reading import MAX_BYTES, Refusal, Sheet, read_sheet
from subscriptions.importing.writing import ConsentNotDeclared, Outcome, carry_out, plan

__all__ = ["MAX_BYTES", "ConsentNotDeclared", "Outcome", "Refusal", "Sheet", "carry_out", "plan", "read_sheet"]
