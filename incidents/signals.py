"""The two ways in which news travels upward from the facts."""

from __future__ import annotations

from django.dispatch import Signal

# Rung after the commit of anything public, with `version` (the new Page.version). Losing a ring loses nothing: what is
# owed stands in the tables, and a sweep pays it.
page_changed = Signal()

# Asked while a draft is rehearsed inside a transaction that is rolled back afterwards, with `update` (the
# IncidentUpdate as it would be). Receivers answer with a list of incidents.rehearsal.PreviewPane.
preview_requested = Signal()
