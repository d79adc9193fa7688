"""An update and its notice as a subscriber's language has them. What is not translated, or of an earlier text, stays.

The page shows a translation of an earlier text and says so; a mail cannot be mended, and tells what holds.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from django.utils.translation import gettext as _

from incidents.languages import name_of
from incidents.models import Effect, EffectOutcome, Incident, IncidentUpdate, Page
from incidents.translations import NOTICE_FIELDS, Words, find, line_field, names_in, words_by, words_of

Line = TypeVar("Line", Effect, EffectOutcome)


@dataclass(frozen=True)
class Told:
    """`update` is a copy, with a copy of its notice; `note` says what of it is not in the language.

    `body_lang`, `title_lang` and `texts_lang` are the language of what is not translated, "" where nothing is left.
    """

    update: IncidentUpdate
    page: Page
    language: str
    note: str = ""
    title_lang: str = ""
    body_lang: str = ""
    texts_lang: str = ""
    words: tuple[Words, ...] = ()

    @property
    def prefix(self) -> str:
        return self.page.prefix(self.language)

    @cached_property
    def names(self) -> dict[str, str]:
        """What components are called, by their names."""
        return names_in(self.language) if self.prefix else {}

    @property
    def incident(self) -> Incident:
        return self.update.incident

    def lines(self, rows: Iterable[Line]) -> list[Line]:
        """Effects, or how they turned out."""
        return [self._line(row) for row in rows]

    def _line(self, row: Line) -> Line:
        told = copy.copy(row)
        told.function = self.names.get(row.function, row.function)
        for name in ("function", "note"):
            if words := find(self.words, self.language, line_field(getattr(row, name))):
                setattr(told, name, words.text)
        return told


def told_in(update: IncidentUpdate, page: Page, language: str) -> Told:
    """To be called with `language` active: the note is in it."""
    if not page.prefix(language):
        return Told(update, page, language)
    told = copy.copy(update)
    told.incident = copy.copy(update.incident)
    own, words = words_of(update.incident), words_of(update)
    missing = [name for name in NOTICE_FIELDS if not _translate(told.incident, own, language, name)]
    said = [one for them in words_by("update", update__incident=update.incident_id).values() for one in them]
    said = [one for one in said if one.is_of(update.incident.deviations)]
    missing += [] if _translate(told.incident, said, language, "deviations") else ["deviations"]
    has_body = _translate(told, words, language, "body")
    return Told(
        told,
        page,
        language,
        note=_note(page, has_title="title" not in missing, has_body=has_body, is_whole=not missing),
        title_lang=page.language if "title" in missing else "",
        body_lang="" if has_body else page.language,
        texts_lang=page.language if set(missing) - {"title"} else "",
        words=own,
    )


def title_in(incident: Incident, page: Page, language: str) -> str:
    if not page.prefix(language):
        return incident.title
    words = find(words_of(incident), language, "title")
    return words.text if words and words.is_of(incident.title) else incident.title


def told_before(told: Told, rows: Sequence[IncidentUpdate]) -> list[tuple[IncidentUpdate, str]]:
    """Earlier updates, each with the language that it stands in if that is not the reader's."""
    if not told.prefix:
        return [(row, "") for row in rows]
    words = words_by("update", update__in=[row.pk for row in rows], field="body")
    original = told.page.language
    return [(row, "" if _translate(row, words[row.pk], told.language, "body") else original) for row in rows]


def _translate(row: Incident | IncidentUpdate, words: Iterable[Words], language: str, name: str) -> bool:
    """Whether it could be done; of no text there is nothing to do."""
    original = getattr(row, name)
    found = find(words, language, name)
    if not original:
        return True
    if found is None or not found.is_of(original):
        return False
    setattr(row, name, found.text)
    if hasattr(row, f"{name}_html"):
        setattr(row, f"{name}_html", found.html)
    return True


def _note(page: Page, *, has_title: bool, has_body: bool, is_whole: bool) -> str:
    language = {"language": name_of(page.language)}
    if not has_title and not has_body:
        return _("This notice is in %(language)s only.") % language
    if not has_body:
        return _("The update is not translated yet; it is in %(language)s.") % language
    return "" if is_whole else _("Parts of this notice are not translated yet; they are in %(language)s.") % language
