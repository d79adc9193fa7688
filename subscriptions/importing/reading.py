"""Reading a spreadsheet of subscribers: what each line says, as far as that can be told without looking who is here."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from incidents.cells import as_meant
from incidents.models import Component, ComponentGroup
from subscriptions.addresses import Address, read_address
from subscriptions.choices import SubscriberState
from subscriptions.sheet import (
    ADDRESS,
    BETWEEN,
    COLUMNS,
    COMPONENTS,
    CONFIRMED_AT,
    EVERYTHING,
    GROUPS,
    KIND_FIELDS,
    KINDS,
    LANGUAGE,
    NO,
    NO_KIND,
    STATE,
    TIME_ZONE,
    YES,
    names_in_cells,
)

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 100_000

DELIMITERS = ",;\t"
OTHER_NAMES = {"email": ADDRESS, "e_mail": ADDRESS, "email_address": ADDRESS, "e_mail_address": ADDRESS}
YES_WORDS = {YES, "true", "1", "y"}
NO_WORDS = {NO, "false", "0", "n"}


@dataclass(frozen=True)
class Scope:
    """What to hear of, by ids."""

    everything: bool
    components: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.everything or self.components or self.groups)


@dataclass(frozen=True)
class Row:
    """One line of the file, understood. What it leaves empty is None, or ""."""

    line: int
    address: Address
    state: str
    confirmed_at: dt.datetime | None
    scope: Scope | None
    fields: dict[str, object]


@dataclass(frozen=True)
class Refusal:
    """A line that is not imported, the value that is in the way, and why."""

    line: int
    value: str
    reason: str


@dataclass(frozen=True)
class Sheet:
    """A file as far as it can be understood without looking at who is here."""

    rows: list[Row]
    refusals: list[Refusal]
    unused_columns: list[str]


class Refused(Exception):
    """Why a row is not taken, with the value that is in the way."""

    def __init__(self, value: str, reason: str) -> None:
        super().__init__(value, reason)
        self.value, self.reason = value, reason


def read_sheet(content: bytes, *, now: dt.datetime) -> Sheet:
    """Understand a file. Raises ValidationError, with words, for one that cannot be read as a whole."""
    if len(content) > MAX_BYTES:
        raise ValidationError(_("The file is larger than 10 MB. Split it, please."))
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter_of(text), strict=True)
    lines = _lines(reader)
    _first, header = next(lines, (0, []))
    columns = _columns(header)
    cells = _Cells.of_this_page(now)
    rows: dict[str, Row] = {}
    refusals: list[Refusal] = []
    for count, (line, values) in enumerate(lines, start=1):
        if count > MAX_ROWS:
            raise ValidationError(_("The file has more than 100,000 rows. Split it, please."))
        try:
            row = cells.row(line, _named(columns, values))
            if earlier := rows.get(row.address.key):
                again = _("This address stands in line %(line)d already.") % {"line": earlier.line}
                raise Refused(row.address.endpoint, again)
        except Refused as refused:
            refusals.append(Refusal(line, refused.value[:200], refused.reason))
        else:
            rows[row.address.key] = row
    unused = [name.strip() for name, column in zip(header, columns, strict=True) if column is None and name.strip()]
    return Sheet(list(rows.values()), refusals, unused)


@dataclass(frozen=True)
class _Cells:
    """What the cells of this page's sheets may say."""

    now: dt.datetime
    components: dict[str, int]
    groups: dict[str, int]
    zones: set[str]
    languages: set[str]

    @classmethod
    def of_this_page(cls, now: dt.datetime) -> _Cells:
        return cls(
            now=now,
            components=_ids_by_word(Component.objects.all()),
            groups=_ids_by_word(ComponentGroup.objects.all()),
            zones=available_timezones(),
            languages={code for code, _name in settings.LANGUAGES},
        )

    def row(self, line: int, values: dict[str, str]) -> Row:
        """Raises Refused for the first thing that is wrong."""
        address = self._address(values[ADDRESS])
        state, confirmed_at = self._consent(values[STATE].casefold(), values[CONFIRMED_AT])
        fields: dict[str, object] = self._kinds(values[KINDS])
        if language := values[LANGUAGE]:
            language = language.casefold()
            if language not in self.languages:
                raise Refused(language, _("This is not the code of a language, such as en or nl."))
            fields["language"] = language
        if zone := values[TIME_ZONE]:
            if zone not in self.zones:
                raise Refused(zone, _("This is not a time zone, such as Europe/Amsterdam."))
            fields["time_zone"] = zone
        return Row(line, address, state, confirmed_at, self._scope(values), fields)

    def _address(self, typed: str) -> Address:
        try:
            return read_address(typed)
        except ValidationError as problem:
            raise Refused(typed, problem.messages[0]) from None

    def _consent(self, state: str, confirmed: str) -> tuple[str, dt.datetime | None]:
        if state and state not in SubscriberState.values:
            known = ", ".join(SubscriberState.values)
            raise Refused(state, _("This is not a state; there are %(states)s.") % {"states": known})
        confirmed_at = self._moment(confirmed) if confirmed else None
        if state == SubscriberState.PENDING and confirmed_at:
            raise Refused(confirmed, _("The row is pending, and yet it says when it was confirmed."))
        return state or (SubscriberState.ACTIVE if confirmed_at else SubscriberState.PENDING), confirmed_at

    def _moment(self, typed: str) -> dt.datetime:
        """An instant; one without an offset is in UTC."""
        try:
            moment = dt.datetime.fromisoformat(typed)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            raise Refused(typed, _("Write the time as 2013-11-09T20:00Z, or the day as 2013-11-09.")) from None
        if moment > self.now:
            raise Refused(typed, _("This time is yet to come."))
        return moment

    def _scope(self, values: dict[str, str]) -> Scope | None:
        everything = values[EVERYTHING].casefold()
        components = _found(values[COMPONENTS], self.components)
        groups = _found(values[GROUPS], self.groups)
        if everything and everything not in YES_WORDS | NO_WORDS:
            raise Refused(values[EVERYTHING], _("Write yes or no."))
        if everything in YES_WORDS:
            if components or groups:
                chosen = values[COMPONENTS] or values[GROUPS]
                raise Refused(chosen, _("The row says everything, and names parts of it."))
            return Scope(everything=True)
        if everything or components or groups:
            return Scope(everything=False, components=components, groups=groups)
        return None

    def _kinds(self, cell: str) -> dict[str, object]:
        words = [word.casefold() for word in _words(cell)]
        for word in words:
            if word not in KIND_FIELDS and word != NO_KIND:
                known = ", ".join([*KIND_FIELDS, NO_KIND])
                raise Refused(word, _("This is not a kind; there are %(kinds)s.") % {"kinds": known})
        return {name: word in words for word, name in KIND_FIELDS.items()} if words else {}


def _decoded(content: bytes) -> str:
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        words = _("Line %(line)d is not in UTF-8. Save the file as “CSV UTF-8”, please.")
        raise ValidationError(words % {"line": line}) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        words = _("Line %(line)d holds a NUL character. Save the file as “CSV UTF-8”, please.")
        raise ValidationError(words % {"line": line})
    return text


def _delimiter_of(text: str) -> str:
    """Whichever stands most often in the first line: spreadsheets take the one of their user's country."""
    header = text[:10_000].lstrip().splitlines()[:1]
    return max(DELIMITERS, key=header[0].count) if header else DELIMITERS[0]


def _lines(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that holds anything. Raises ValidationError."""
    while True:
        line = reader.line_num + 1  # where the row begins: a cell may hold line breaks
        try:
            values = next(reader, None)
        except csv.Error:
            words = _("Line %(line)d cannot be read as CSV: is a quotation mark missing or too many?")
            raise ValidationError(words % {"line": line}) from None
        if values is None:
            return
        if any(value.strip() for value in values):
            yield line, values


def _columns(header: list[str]) -> list[str | None]:
    """For each column what it is, or None for one that is not used. Raises ValidationError."""
    names = ["_".join(name.casefold().replace("-", " ").split()) for name in header]
    columns = [OTHER_NAMES.get(name, name if name in COLUMNS else None) for name in names]
    if ADDRESS not in columns:
        words = _("The first line has to name the columns, and one of them has to be “address”.")
        raise ValidationError(words)
    if twice := next((name for name in columns if name and columns.count(name) > 1), None):
        raise ValidationError(_("There are two columns “%(name)s”.") % {"name": twice})
    return columns


def _named(columns: list[str | None], values: list[str]) -> dict[str, str]:
    if len(values) > len(columns):
        beyond = next((value for value in values[len(columns) :] if value.strip()), None)
        if beyond is not None:
            raise Refused(beyond, _("The row has more cells than the first line has names."))
    named = dict.fromkeys(COLUMNS, "")
    named |= {name: as_meant(value).strip() for name, value in zip(columns, values, strict=False) if name}
    return named


def _ids_by_word(things: Iterable[Component | ComponentGroup]) -> dict[str, int]:
    """The ids of components or groups by what a cell may call them: name or code."""
    things = list(things)
    ids = {word.casefold(): pk for pk, word in names_in_cells(things).items()}
    return ids | {thing.code: thing.pk for thing in things}


def _found(cell: str, ids: dict[str, int]) -> frozenset[int]:
    found = set()
    for word in _words(cell):
        if word.casefold() not in ids:
            raise Refused(word, _("Nothing on this page has this name, or more than one does. Its code always works."))
        found.add(ids[word.casefold()])
    return frozenset(found)


def _words(cell: str) -> list[str]:
    return [word for part in cell.split(BETWEEN) if (word := part.strip())]
