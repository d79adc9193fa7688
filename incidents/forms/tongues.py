"""The fields for what staff write in the further languages of the page, beside those of the original."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from incidents.forms.fields import LineField, MarkdownField
from incidents.languages import name_of
from incidents.models import Page
from incidents.translations import LINE_LIMITS, NOTICE_FIELDS, UPDATE_FIELDS, Words, find

# An empty field shows it, so that the style sheet can tell which languages are filled.
NOTHING = " "


def name_in(field: str, language: str) -> str:
    return f"{field}_{language}"


def add_fields(form: forms.Form, words: Iterable[Words]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give `form` a field per language for each of its texts, filled with `words`; tell each language's fields."""
    named = [name for name in (*UPDATE_FIELDS, *NOTICE_FIELDS) if name in form.fields]
    for language in Page.objects.current().languages if named else ():
        for name in named:
            field, known = form.fields[name], find(words, language, name)
            label = _("%(label)s, in %(language)s") % {"label": field.label, "language": name_of(language)}
            form.fields[name_in(name, language)] = text_field(name, label, language, like=field)
            form.initial[name_in(name, language)] = known.text if known else ""
        yield language, tuple(name_in(name, language) for name in named)


def text_field(name: str, label: str, language: str, *, like: forms.Field | None = None) -> forms.Field:
    if name in LINE_LIMITS:
        field: forms.Field = LineField(label=label, limit=LINE_LIMITS[name], required=False)
    else:
        rows = like.widget.attrs["rows"] if like else 4
        limit = {"limit": like.limit} if isinstance(like, MarkdownField) else {}
        field = MarkdownField(label=label, rows=rows, required=False, **limit)
    field.widget.attrs |= {"lang": language, "placeholder": NOTHING}
    return field


def texts_of(form: forms.Form, fields: Iterable[str]) -> dict[str, dict[str, Any]] | None:
    """What was written, by language and field; None where the form does not ask."""
    found = {
        language: {
            name: form.cleaned_data[name_in(name, language)]
            for name in fields
            if name_in(name, language) in form.cleaned_data
        }
        for language in Page.objects.current().languages
    }
    return {language: texts for language, texts in found.items() if texts} or None
