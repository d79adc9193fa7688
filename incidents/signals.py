"""The ways in which news and questions travel upward from the facts."""

from __future__ import annotations

from django.dispatch import Signal

# Rung after the commit of anything public, with `version` (the new Page.version). Losing a ring loses nothing: what is
# owed stands in the tables, and a sweep pays it.
page_changed = Signal()

# Asked while a draft is rehearsed inside a transaction that is rolled back afterwards, with `update` (the
# IncidentUpdate as it would be). Receivers answer with a list of incidents.rehearsal.PreviewPane.
preview_requested = Signal()

# Asked while a new look of the page is rehearsed in the same way. Receivers answer as above.
look_requested = Signal()

# Asked where a draft is rehearsed, with `update` and `user`, when staff want it themselves. Receivers answer with
# a function that sends it and returns what came of it, in words: it is called when the rehearsal is over, since nobody
# may hold a transaction while a server takes its time.
trial_requested = Signal()

# Asked while a notice's own page is made for staff, with `notice` and `user`. Receivers answer with a piece of HTML, or
# with None.
notice_shown = Signal()
