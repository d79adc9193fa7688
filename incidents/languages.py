"""The languages that readers can be spoken to in: those that there are translations for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import get_language_info, to_locale

SOURCE_LANGUAGE = "en"


def offered_languages(present: str, *, first: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Each by its code and its name in itself, the one that is in use among them, and some `first`."""
    translated = [code for code, _name in settings.LANGUAGES if code == SOURCE_LANGUAGE or _is_translated(code)]
    return [(code, own_name(code)) for code in dict.fromkeys([*first, present, *translated])]


def name_of(code: str) -> str:
    """Its name in the language that is spoken now."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


def open_graph_locale(code: str) -> str:
    """As Open Graph has it: always with a territory."""
    locale = "en_GB" if code == "en" else to_locale(code)
    return locale if "_" in locale else f"{locale}_{locale.upper()}"


def own_name(code: str) -> str:
    """Its name in itself."""
    try:
        return capfirst(get_language_info(code)["name_local"])
    except KeyError:
        return code


def _is_translated(code: str) -> bool:
    return any((Path(place) / to_locale(code)).is_dir() for place in settings.LOCALE_PATHS)
