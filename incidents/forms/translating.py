"""The form of a translator: all texts of a notice in one further language, each beside what it translates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext as _

from incidents.forms.compose import ComposeForm, Section
from incidents.forms.tongues import text_field
from incidents.languages import name_of
from incidents.models import Incident, IncidentUpdate, Page
from incidents.text import MAX_POSTMORTEM
from incidents.times import describe
from incidents.translation_actions import ToTranslate, to_translate
from incidents.translations import LINE, LINE_LIMIT


class TranslateForm(ComposeForm):
    """The original cannot be changed here. Of a text that changed since, its translation can be said to hold still."""

    def __init__(self, *args: Any, notice: Incident, language: str, **kwargs: Any) -> None:
        self.items = to_translate(notice, language)
        self.language = language
        super().__init__(*args, notice=notice, **kwargs)
        for one in self.items:
            self._add(one)
        by_update = groupby(self.items, key=lambda one: one.update)
        self.sections = tuple(self._section(update, list(items)) for update, items in by_update)

    def texts(self) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
        """Those of the notice itself, and those of its updates by their ids."""
        own: dict[str, str] = {}
        updates: dict[int, dict[str, str]] = {}
        for one in self.items:
            told = updates.setdefault(one.update.pk, {}) if one.update else own
            told[one.field] = self.cleaned_data[_name(one)]
        return own, updates

    def fits(self) -> list[tuple[int, str]]:
        return [
            (one.update.pk if one.update else 0, one.field)
            for one in self.items
            if self.cleaned_data.get(_fits_name(one))
        ]

    def _add(self, one: ToTranslate) -> None:
        label = f"{_label(one)} – {_('the original has changed since')}" if one.is_outdated else _label(one)
        field = text_field("title" if one.field.startswith(LINE) else one.field, label, self.language)
        if one.update or one.field.startswith(LINE):
            field.limit = MAX_POSTMORTEM if one.update else LINE_LIMIT  # type: ignore[attr-defined]
        original = Page.objects.current().language
        field.help_text = format_html('<span class="original" lang="{}">{}</span>', original, one.original)
        self.fields[_name(one)] = field
        self.initial[_name(one)] = one.words.text if one.words else ""
        if one.is_outdated:
            self.fields[_fits_name(one)] = forms.BooleanField(
                label=_("This translation still fits as it is"), required=False
            )

    def _section(self, update: IncidentUpdate | None, items: list[ToTranslate]) -> Section:
        names = tuple(self._names(items))
        if update is None:
            return Section(_("The notice"), names)
        when = {"status": update.get_status_display(), "time": describe(update.display_at, self.zone)}
        return Section(_("%(status)s, %(time)s") % when, names)

    def _names(self, items: list[ToTranslate]) -> Iterator[str]:
        for one in items:
            yield _name(one)
            if one.is_outdated:
                yield _fits_name(one)


def state_of(notice: Incident, language: str) -> dict[str, Any]:
    """How far a notice is translated, for the page of staff about it."""
    items = to_translate(notice, language)
    return {
        "language": language,
        "name": name_of(language),
        "missing": sum(one.is_missing for one in items),
        "outdated": sum(one.is_outdated for one in items),
    }


def _name(one: ToTranslate) -> str:
    """By what it translates, and not by its place: a kept copy may come back when there are more texts."""
    return f"update-{one.update.pk}-{one.field}" if one.update else one.field.replace(LINE, "line-")


def _fits_name(one: ToTranslate) -> str:
    return f"{_name(one)}-fits"


def _label(one: ToTranslate) -> str:
    if one.field.startswith(LINE):
        return _("A line of the effects")
    row = IncidentUpdate if one.update else Incident
    return str(row._meta.get_field(one.field).verbose_name).capitalize()
