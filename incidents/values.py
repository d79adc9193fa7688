"""What callers hand to the verbs, and what these may answer."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser

from incidents.models import (
    IncidentUpdate,
    MaintenanceSeries,
)
from incidents.recurrence import Recurrence

Actor = AbstractBaseUser | None

PLANNED_TIMES = ("work_starts_at", "work_ends_at", "avoid_starts_at", "avoid_ends_at")
NOTICE_TEXTS = ("reason", "advice_before", "advice_during", "advice_after")


class StaleIncident(Exception):
    """Someone changed the notice after the author began to write. Holds the updates that came meanwhile."""

    def __init__(self, meanwhile: Sequence[IncidentUpdate]) -> None:
        super().__init__(meanwhile)
        self.meanwhile = list(meanwhile)


class ReviewNeeded(Exception):
    """The page asks for a second person, and who publishes is who wrote it last; give a reason if it is urgent."""


class StaleSeries(Exception):
    """Someone changed the series after the author began to write. Holds it as it is now."""

    def __init__(self, series: MaintenanceSeries) -> None:
        super().__init__(series)
        self.series = series


@dataclass(frozen=True)
class UpdateText:
    """What staff write in one update.

    `components` maps component ids to the status they have from then on. `form_id` names the form it was written in:
    the same form counts once, however often it arrives. `seen` is the id of the newest published update that the
    author had before them (0: none); None skips that check. `publish_at` is when a draft should be published; the clock
    does so once someone has approved it (incidents.timing.schedule_draft). `display_at` is the moment of which a
    backdated update tells; None is that of publishing. `byline` signs it instead of the author's name.
    `translations` are texts by language and field (incidents.translations.UPDATE_FIELDS); None leaves those there are.
    """

    status: str
    body: str
    components: Mapping[int, str] = field(default_factory=dict)
    notify: bool = True
    next_update_by: dt.datetime | None = None
    form_id: uuid.UUID | None = None
    seen: int | None = None
    publish_at: dt.datetime | None = None
    display_at: dt.datetime | None = None
    byline: str = ""
    translations: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True)
class EffectLine:
    function: str
    level: str
    note: str = ""


@dataclass(frozen=True)
class LinkTo:
    target_id: int
    kind: str


@dataclass(frozen=True)
class NoticeDetails:
    """What a notice says apart from its updates. Texts are Markdown.

    `reminders` are minutes before the work; None leaves a notice those it has, and a new one begins with the page's.
    `translations` are texts by language and field, as those of an update.
    """

    reason: str = ""
    advice_before: str = ""
    advice_during: str = ""
    advice_after: str = ""
    data_statement: str = ""
    effects: Sequence[EffectLine] = ()
    links: Sequence[LinkTo] = ()
    byline: str = ""
    impact_override: str = ""
    reminders: Sequence[int] | None = None
    translations: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True)
class Window:
    """Planned times of a maintenance, as instants; `time_zone` is the zone in which they were written."""

    work_starts_at: dt.datetime
    work_ends_at: dt.datetime
    time_zone: str
    avoid_starts_at: dt.datetime | None = None
    avoid_ends_at: dt.datetime | None = None
    completes_by_clock: bool = False


@dataclass(frozen=True)
class EffectAnswer:
    """What became of the announced effect on `function`."""

    function: str
    turned_out: str
    note: str = ""


@dataclass(frozen=True)
class AllClear:
    """How a maintenance went: actual times, the promise about data answered, and what differed from the plan.

    `deviations` is Markdown. `effects` answer announced effects, all of them or none.
    """

    actual_started_at: dt.datetime | None = None
    actual_ended_at: dt.datetime | None = None
    data_outcome: str = ""
    deviations: str = ""
    effects: Sequence[EffectAnswer] = ()


@dataclass(frozen=True)
class SeriesPlan:
    """What the notices of a maintenance series say, and when they come.

    `starts` is what clocks in `time_zone` show; `avoid_before` and `avoid_after` are how much wider than the work the
    avoid window is at each end, both or neither. Links to other notices are not repeated.
    """

    title: str
    body: str
    details: NoticeDetails
    components: Mapping[int, str]
    notify: bool
    time_zone: str
    recurrence: Recurrence
    starts: dt.time
    duration: dt.timedelta
    avoid_before: dt.timedelta | None = None
    avoid_after: dt.timedelta | None = None
    completes_by_clock: bool = False
    announce_days: int = 7
