"""All notices by month of the page's zone, back to the first one."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from itertools import groupby

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from incidents.choices import Impact, IncidentStatus
from incidents.times import month_words
from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.formats.past import past_entry
from publishing.state import MaintenanceRecord, Month, MonthState, NoticeState, PageState, PastNotice, SiteState

# The functions to choose from, by the name of their group: each with its code and name.
Choices = tuple[tuple[str | None, tuple[tuple[str, str], ...]], ...]


def page(state: PageState) -> list[Artefact]:
    """The index of the months."""
    years = [
        _year(year, tuple(of_year), get_language())
        for year, of_year in groupby(state.months, key=lambda one: one[0][0])
    ]
    search = {"newest": f"{month_path(state.months[0][0])}.json", "fields": _search(state)} if state.months else None
    return [
        document("/history", "public/history.html", state, years=years, record=_record(state.record), search=search)
    ]


def _search(state: PageState) -> SafeString:
    """What a script lets readers search with, and the words in which it tells what it found."""
    ungrouped = [(None, state.ungrouped)] if state.ungrouped else []
    gone = [(_("No longer on the page"), state.archived)] if state.archived else []
    groups = [*((group.name, group.components) for group in state.groups), *ungrouped, *gone]
    choices = tuple((name, tuple((c.code, c.name) for c in components)) for name, components in groups)
    return _search_fields(choices, get_language())


@lru_cache(maxsize=8)
def _search_fields(choices: Choices, _language: str | None) -> SafeString:
    statuses = [(status.value, status.label) for status in IncidentStatus]
    impacts = [(impact.value, impact.label) for impact in Impact]
    return render_to_string("public/parts/search.html", {"groups": choices, "statuses": statuses, "impacts": impacts})


def _record(record: MaintenanceRecord) -> MaintenanceRecord | None:
    """None where there is nothing to tell."""
    return record if record.counted or record.unanswered or record.cancelled else None


@lru_cache(maxsize=64)
def _year(year: int, counted: tuple[tuple[Month, int], ...], _language: str | None) -> SafeString:
    months = [(month_path(month), _first_day(month), count) for month, count in counted]
    return render_to_string("public/parts/year.html", {"year": year, "months": months})


def month(site: SiteState, month: MonthState) -> list[Artefact]:
    by_day = groupby(month.notices, key=lambda notice: filed_on(notice, site))
    return [
        document(
            month_path(month.month),
            "public/month.html",
            site,
            title=month_words(_first_day(month.month)),
            days=[(day, [past_entry(notice, "h3") for notice in of_day]) for day, of_day in by_day],
            newer=_neighbour(month.newer),
            older=_neighbour(month.older),
        )
    ]


def filed_on(notice: NoticeState | PastNotice, site: SiteState) -> dt.date:
    return notice.at.astimezone(site.zone).date()


def month_path(month: Month) -> str:
    return f"/history/{month[0]:04d}/{month[1]:02d}"


def day_path(day: dt.date) -> str:
    """Where the notices filed under `day` stand."""
    return f"{month_path((day.year, day.month))}#day-{day.isoformat()}"


def _first_day(month: Month) -> dt.date:
    return dt.date(*month, 1)


def _neighbour(month: Month | None) -> tuple[str, str] | None:
    return (month_path(month), month_words(_first_day(month))) if month else None
