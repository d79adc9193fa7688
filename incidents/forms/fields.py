"""Form fields for what staff type: one line, Markdown, a time zone. Nothing typed is cut off silently."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.leads import leads_words, parse_leads, parse_length
from incidents.models import check_zone
from incidents.text import MAX_BODY, MAX_LINE, clean_body, clean_line
from incidents.times import duration_words

MAX_ID_DIGITS = 18  # within 64 bits


class LineField(forms.CharField):
    """One line of plain text. Without max_length, since browsers cut a longer paste without a word."""

    def __init__(self, *, limit: int = MAX_LINE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = limit
        self.widget.attrs["dir"] = "auto"

    def clean(self, value: Any) -> str:
        return clean_line(super().clean(value), limit=self.limit)


class MarkdownField(forms.CharField):
    """Staff's Markdown, within the limits of the renderer."""

    def __init__(self, *, rows: int = 4, limit: int = MAX_BODY, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows, "cols": 60, "dir": "auto"}), **kwargs)
        self.limit = limit

    def clean(self, value: Any) -> str:
        return clean_body(super().clean(value), limit=self.limit)


class ZoneField(forms.CharField):
    """The name of a time zone, offered as a list to type into."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}), **kwargs)

    def clean(self, value: Any) -> str:
        name = super().clean(value)
        check_zone(name)
        return name


class LeadsField(forms.CharField):
    """How long before the work subscribers are reminded, as text; cleans to minutes, the longest first."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.TextInput(attrs={"size": 40, "autocomplete": "off"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return leads_words(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[int]:
        return parse_leads(super().clean(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class LengthField(forms.CharField):
    """How long something takes, as text; cleans to a timedelta, or None where it may be left empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"size": 16, "autocomplete": "off"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dt.timedelta):
            return value
        return duration_words(value) if value else _("%(count)d min") % {"count": 0}

    def clean(self, value: Any) -> dt.timedelta | None:
        text = super().clean(value)
        return dt.timedelta(minutes=parse_length(text)) if text else None


def zone_names() -> list[str]:
    """The zones offered to staff: places, not the abbreviations and old names kept for compatibility."""
    return [*sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")), "UTC"]


def zone_or_none(name: Any) -> ZoneInfo | None:
    try:
        check_zone(name)
    except (ValidationError, TypeError):
        return None
    return ZoneInfo(name)


def id_or_none(typed: str) -> int | None:
    """What was sent as the id of a row; None where it cannot be one, as a number that no database holds."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= MAX_ID_DIGITS else None
