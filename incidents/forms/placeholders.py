"""The gaps of prepared texts on a composing screen: filled from what the form says, and asked about where it cannot.

What is known is filled in whenever the form is previewed, kept or published. What is left then:

- An incident that goes on, or work in progress, is urgent: publishing asks once, a second click publishes it as it is.
- Everything else (an announcement, an edit, an end) has time: it is refused until somebody writes what is missing.

A preview and a draft show the gaps as they are; the preview remarks on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus, IncidentStatus
from incidents.models import Incident, Page
from incidents.placeholders import TIMES, Facts, fill, gaps
from incidents.prepared import MAX_NOTE
from incidents.text import MAX_BODY, MAX_LINE
from incidents.values import NOTICE_TEXTS

if TYPE_CHECKING:
    from incidents.forms.compose import ComposeForm

LIMITS = {
    "title": MAX_LINE,
    "body": MAX_BODY,
    **dict.fromkeys(NOTICE_TEXTS, MAX_BODY),
    "function": MAX_LINE,
    "note": MAX_NOTE,
}
URGENT = (
    IncidentStatus.INVESTIGATING,
    IncidentStatus.IDENTIFIED,
    IncidentStatus.MONITORING,
    IncidentStatus.IN_PROGRESS,
    IncidentStatus.VERIFYING,
)


def fill_in(form: ComposeForm) -> None:
    """Put what the form says into the gaps of its texts. Forms without gaps ask nothing of the database."""
    found = [(part, name) for part, name, _gaps in _with_gaps(form)]
    if not found:
        return
    words = facts_of(form).words()
    # The title first: other texts may name it.
    for part, name in sorted(found, key=lambda place: place[1] != "title"):
        if name == "title":
            words.pop("title", None)
        part.cleaned_data[name] = fill(part.cleaned_data[name], words, limit=LIMITS[name])
        if name == "title":
            words["title"] = part.cleaned_data[name]


def refuse_gaps(form: ComposeForm) -> None:
    """Say next to each field what is still to be filled in; of an urgent text once."""
    found = list(_with_gaps(form))
    if not found:
        return
    is_urgent = getattr(form, "status", str)() in URGENT
    asked = " ".join(dict.fromkeys(gap for _part, _name, left in found for gap in left))
    if is_urgent and form.cleaned_data.get("left_over") == asked:
        return
    advice = _("Write it, or publish once more to send it as it stands.") if is_urgent else ""
    for part, name, left in found:
        words = [_("Still to be filled in: %(gaps)s.") % {"gaps": ", ".join(left)}, advice]
        if form.components is not None and "((functions))" in left:
            words.insert(1, _("((functions)) are the components you choose."))
        part.add_error(name, " ".join(filter(None, words)))
    form.renew(left_over=asked if is_urgent else "")


def facts_of(form: ComposeForm) -> Facts:
    """What the form says by now, and its notice where the form is silent."""
    page = Page.objects.current()
    said = form.cleaned_data
    moments = {name: said.get(name) if name in form.fields else None for name in TIMES.values()}
    if form.notice:
        asked = {name for name in moments if name not in form.fields}
        moments |= {name: getattr(form.notice, name) for name in asked}
    elif "started_at" in form.fields and form.purpose in ("publish", "preview"):
        moments["started_at"] = moments["started_at"] or form.now  # left empty, it starts with its publication
    return Facts(
        page=page.name,
        support=page.support_url,
        title=said.get("title") or (form.notice.title if form.notice else ""),
        functions=_functions(form),
        times=moments,
        zone=form.typed_zone() or form.zone,
    )


def facts_about(notice: Incident | None) -> Facts:
    """What is settled before anything is typed: the page, and a notice that exists."""
    page = Page.objects.current()
    if notice is None:
        return Facts(page=page.name, support=page.support_url)
    planned = ("work_starts_at", "work_ends_at", "avoid_starts_at", "avoid_ends_at", "started_at")
    return Facts(
        page=page.name,
        support=page.support_url,
        title=notice.title,
        functions=_concerned({line.name: line.status for line in notice.affected.all()}),
        times={name: getattr(notice, name) for name in planned},
        zone=notice.zone,
    )


def _functions(form: ComposeForm) -> list[str]:
    said = {line.component_id: (line.name, line.status) for line in form.notice.affected.all()} if form.notice else {}
    if form.components is not None and form.components.is_valid():
        names = {component.pk: component.name for component in form.components.components}
        said |= {pk: (names[pk], status) for pk, status in form.components.chosen().items()}
    return _concerned(dict(said.values()))


def _concerned(said: dict[str, str]) -> list[str]:
    """Those that do not work as usual; all, when all do again."""
    troubled = [name for name, status in said.items() if status != ComponentStatus.OPERATIONAL]
    return troubled or list(said)


def _with_gaps(form: ComposeForm) -> Iterator[tuple[Any, str, list[str]]]:
    """Every text with gaps, as (form, field, gaps)."""
    parts = [form]
    if form.effects is not None and form.effects.is_valid():
        parts += form.effects.forms
    for part in parts:
        for name in LIMITS:
            text = part.cleaned_data.get(name) if name in part.fields else ""
            if text and (left := gaps(text)):
                yield part, name, left
