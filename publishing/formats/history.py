"""All notices by month of the page's zone, back to the first one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby

from incidents.times import month_words
from publishing.artefact import Artefact
from publishing.formats.document import document
from publishing.state import NoticeState, PageState

Month = tuple[int, int]


def artefacts(state: PageState) -> Iterator[Artefact]:
    months = by_month(state)
    years = [
        (year, [(month_path(month), _first_day(month), len(months[month])) for month in of_year])
        for year, of_year in groupby(months, key=lambda month: month[0])
    ]
    yield document("/history", "public/history.html", state, years=years)
    order = list(months)
    for place, month in enumerate(order):
        yield document(
            month_path(month),
            "public/month.html",
            state,
            title=month_words(_first_day(month)),
            days=by_day(state, months[month]),
            newer=_neighbour(order, place - 1),
            older=_neighbour(order, place + 1),
        )


def by_month(state: PageState) -> dict[Month, list[NoticeState]]:
    """Newest first; months without a notice are left out."""
    months: dict[Month, list[NoticeState]] = {}
    for notice in state.notices:
        day = filed_on(notice, state)
        months.setdefault((day.year, day.month), []).append(notice)
    return months


def by_day(state: PageState, notices: list[NoticeState]) -> list[tuple[dt.date, list[NoticeState]]]:
    return [(day, list(of_day)) for day, of_day in groupby(notices, key=lambda notice: filed_on(notice, state))]


def filed_on(notice: NoticeState, state: PageState) -> dt.date:
    return notice.at.astimezone(state.zone).date()


def month_path(month: Month) -> str:
    return f"/history/{month[0]:04d}/{month[1]:02d}"


def _first_day(month: Month) -> dt.date:
    return dt.date(*month, 1)


def _neighbour(order: list[Month], place: int) -> tuple[str, str] | None:
    if not 0 <= place < len(order):
        return None
    return month_path(order[place]), month_words(_first_day(order[place]))
