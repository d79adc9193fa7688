"""What staff wrote, in the further languages of the page: which texts can be translated, and how they are kept.

A translation is never needed: where there is none, readers get the original, and are told so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.choices import IncidentStatus
from incidents.models import Component, ComponentGroup, EffectOutcome, Incident, IncidentUpdate, Page, Translation
from incidents.text import MAX_BODY, MAX_POSTMORTEM, TEXT_VERSION, clean_body, clean_line, render_markdown
from incidents.values import NOTICE_TEXTS

NOTICE_FIELDS = ("title", *NOTICE_TEXTS)
UPDATE_FIELDS = ("body", "deviations")
PART_FIELDS = ("name", "description")
# How long those may be that are one line; all others are Markdown.
LINE_LIMITS = {"title": 200, "name": 100, "description": 300}
LINE, LINE_LIMIT = "line:", 300

Subject = Incident | IncidentUpdate | Component | ComponentGroup
# Texts by language and field.
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Words:
    """One text in one further language. `source` is the checksum of the text that it translates."""

    language: str
    field: str
    text: str
    html: str
    source: str

    def is_of(self, original: str) -> bool:
        """Whether it translates what the original says now."""
        return self.source == checksum(original)


def checksum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def line_field(original: str) -> str:
    """The field of a line that has no name: effects come and go and change places, their words stay words."""
    return LINE + checksum(original)


def lines_of(incident: Incident) -> list[str]:
    """The lines of a notice: functions and notes of its effects, also of how they turned out."""
    effects = [(line.function, line.note) for line in incident.effects.all()]
    outcomes = [(line.function, line.note) for line in EffectOutcome.objects.of(incident)]
    return [line for line in dict.fromkeys(line for pair in effects + outcomes for line in pair) if line]


def find(words: Iterable[Words], language: str, field: str) -> Words | None:
    return next((one for one in words if one.language == language and one.field == field), None)


def words_by(subject: str, **lookups: Any) -> dict[int, tuple[Words, ...]]:
    """The translations of incidents, updates, components or groups, by the ids of these."""
    found = defaultdict(list)
    rows = Translation.objects.filter(**{f"{subject}__isnull": False}, **lookups).order_by("language", "field")
    for pk, *copied in rows.values_list(f"{subject}_id", *Words.__dataclass_fields__):
        found[pk].append(Words(*copied))
    return defaultdict(tuple, {pk: tuple(words) for pk, words in found.items()})


def names_in(language: str) -> dict[str, str]:
    """What components and groups are called in `language`, by their names. Notices keep copies of these."""
    parts = [(words_by("component"), Component.objects.all()), (words_by("group"), ComponentGroup.objects.all())]
    return {
        row.name: one.text
        for words, rows in parts
        for row in rows.order_by("pk")
        if (one := find(words[row.pk], language, "name")) and one.is_of(row.name)
    }


def words_of(row: Subject) -> tuple[Words, ...]:
    return tuple(Words(*copied) for copied in row.translations.order_by("pk").values_list(*Words.__dataclass_fields__))


def set_texts(row: Subject, texts: Texts | None, *, fits: Collection[str] = ()) -> None:
    """Write the translations of `row`: an empty text removes one, what is not named stays.

    A text that stays the same goes on being of the original that it was written for, unless `fits` names its field.
    Raises ValidationError, by field and language (as body_nl).
    """
    known = Page.objects.current().languages if texts else []
    problems: dict[str, list[str]] = {}
    for language, by_field in (texts or {}).items():
        if language not in known:
            raise ValidationError(_("The page is not shown in this language: %(code)s.") % {"code": language})
        for field, text in by_field.items():
            try:
                _set_text(row, language, field, text, still_fits=field in fits)
            except ValidationError as problem:
                problems[f"{field}_{language}"] = problem.messages
    if problems:
        raise ValidationError(problems)


def forget_other_lines(incident: Incident) -> None:
    """Remove the translations of lines that the notice has no more."""
    kept = [line_field(line) for line in lines_of(incident)]
    incident.translations.filter(field__startswith=LINE).exclude(field__in=kept).delete()


def _set_text(row: Subject, language: str, field: str, text: str, *, still_fits: bool) -> None:
    is_line = field in LINE_LIMITS or field.startswith(LINE)
    limit = MAX_POSTMORTEM if getattr(row, "status", "") == IncidentStatus.POSTMORTEM else MAX_BODY
    text = clean_line(text, limit=LINE_LIMITS.get(field, LINE_LIMIT)) if is_line else clean_body(text, limit=limit)
    before = row.translations.filter(language=language, field=field).first()
    if not text:
        if before:
            before.delete()
        return
    if before and before.text == text and not still_fits:
        return
    source = field.removeprefix(LINE) if field.startswith(LINE) else checksum(getattr(row, field))
    html = "" if is_line else render_markdown(text, limit=limit)
    row.translations.update_or_create(
        language=language,
        field=field,
        defaults={"source": source, "text": text, "html": html, "text_version": TEXT_VERSION},
    )


def facts_of_translations(row: Subject) -> dict[str, str]:
    """What the audit keeps: that there are some, and whether they changed. The words stand in their own table alone."""
    words = defaultdict(list)
    for one in words_of(row):
        words[one.language].append(f"{one.field}{one.source}{one.text}")
    lines = [f"{language}: {checksum(chr(0).join(sorted(words[language])))}" for language in sorted(words)]
    return {"translations": "\n".join(lines)} if lines else {}
