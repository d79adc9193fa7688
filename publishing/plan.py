"""What is rendered for the next generation: what changed since the live one, and a slice of what is owed otherwise.

Each file is made from the site, from one subject (a notice, a month, a component) and from nothing else. So it is made
again when its subject changed, and all are when the site or our code did. That may be more than can be done at once:
it is paid in slices, a generation each, and news comes through between them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from incidents.models import Incident
from publishing.basis import Basis
from publishing.days import counted_until
from publishing.formats import component_artefacts, month_artefacts, notice_artefacts
from publishing.formats.history import filed_on, month_path
from publishing.generation import DamagedGeneration, Place, Ref, find_shard, place_of, read_shard, shards_of
from publishing.loading import Months, count_months, load_component_past, load_month
from publishing.notices import load_notices
from publishing.state import (
    ComponentState,
    Month,
    MonthState,
    NoticeState,
    PageState,
    PastNotice,
    component_path,
    notice_path,
)
from publishing.texts import load_texts
from publishing.writing import Rendered, ShardUpdate

SLICE_SECONDS = 2.0
NEWS_SECONDS = 0.5  # for which news waits until the feeds of all components have it, too


class Plan:
    """The next generation. To be used once, inside one view of the database.

    `state` is read without its months, which this adds. With `redo`, what is owed is paid too, for SLICE_SECONDS at a
    time; `is_finished` tells in the end whether that was all.
    """

    def __init__(self, root: Path, basis: Basis, state: PageState, *, redo: bool) -> None:
        self._root = root
        self._basis = basis
        self._site = state.site
        self._redo = redo
        began = time.monotonic()
        self._deadline = began + SLICE_SECONDS
        self._patience_ends = began + (NEWS_SECONDS if basis.changed else SLICE_SECONDS)
        notes = basis.live.notes if basis.live else {}
        self._before: dict[Month, int] = {_month(name): count for name, count in notes.get("months", {}).items()}
        self._components: dict[str, str] = dict(notes.get("components", {}))
        self._notices = self._changed_notices(state)
        self._months: dict[Month, tuple[PastNotice, ...]] = {m: self._load_month(m) for m in self._touched_months()}
        self.state = replace(state, months=self._count_months())
        self._owed = {} if basis.is_settled else self._owed_places()
        self._left: set[Place] = set()
        self._for_everybody = _fingerprint([(n.code, n.revision) for n in state.notices if n.concerns_everybody])

    def updates(self) -> Iterator[ShardUpdate]:
        given: set[Place] = set()
        for place, keys in self._owed.items():
            if not self._redo or (given and self._is_late()):
                break
            yield ShardUpdate(place, self._whole(place, keys), is_whole=True)
            given.add(place)
        self._left |= self._owed.keys() - given
        changed = [*self._notice_updates(), *self._month_updates(), *self._component_updates(given)]
        for place, subjects in _by_place(changed).items():
            if place not in given:
                yield ShardUpdate(place, subjects, is_whole=self._is_empty(place))

    def is_finished(self) -> bool:
        return not self._left

    def notes(self) -> dict[str, Any]:
        """What the plan after this one compares with; kept with the generation."""
        months = {_name(month): count for month, count in self.state.months}
        return {"months": months, "components": self._components}

    # What changed

    def _changed_notices(self, state: PageState) -> dict[str, NoticeState]:
        """Those that were acted on, those they link to now or did before, and those whose promised time has passed."""
        acted = _by_code(load_notices(code__in=self._basis.changed))
        self._acted = acted
        self._about = {code: self._about_before(code) for code in self._basis.changed}
        others = {link.code for notice in acted.values() for link in notice.links}
        others |= {code for about in self._about.values() for code in about.get("links", ())}
        others |= {notice.code for notice in state.notices if self._has_turned(notice)}
        return acted | _by_code(load_notices(code__in=others - acted.keys()))

    def _about_before(self, code: str) -> Mapping[str, Any]:
        ref = self._shard_at(place_of(notice_path(code)))
        subject = read_shard(self._root, ref.id).get(code) if ref else None
        return subject.about if subject else {}

    def _has_turned(self, notice: NoticeState) -> bool:
        """Whether the clock alone changed its words since the live generation."""
        live, promised = self._basis.live, notice.next_update_by
        if live is None or promised is None or not notice.is_open:
            return False
        return (promised <= live.generated_at) != (promised <= self._site.generated_at)

    def _touched_months(self) -> set[Month]:
        before = {_month(about["month"]) for about in self._about.values() if about}
        return before | {self._filed(notice) for notice in self._acted.values()}

    def _count_months(self) -> Months:
        if not self._basis.live or self._basis.live.look != self._basis.look:
            return count_months(self._site.zone)
        counts = self._before | {month: len(rows) for month, rows in self._months.items()}
        return tuple(sorted(((month, count) for month, count in counts.items() if count), reverse=True))

    # What is owed otherwise

    def _owed_places(self) -> dict[Place, list[Any]]:
        """Each shard that does not have the look it should have, with what belongs there; the current ones first."""
        wanted: dict[Place, list[Any]] = {place_of(notice.path): [] for notice in self.state.notices}
        for month, _count in self.state.months:
            wanted.setdefault(place_of(month_path(month)), []).append(month)
        for component in self.state.components:
            wanted.setdefault(place_of(component_path(component.code)), []).append(component)
        for pk, code in Incident.objects.public().values_list("pk", "code").order_by("pk"):
            wanted.setdefault(place_of(notice_path(code)), []).append(pk)
        live = self._live_shards()
        return {
            place: wanted.get(place, [])
            for place in [*wanted, *(live.keys() - wanted.keys())]
            if place not in live or live[place].look != self._basis.look
        }

    def _is_empty(self, place: Place) -> bool:
        """Whether nothing belongs there yet. What is owed may belong there, and not have been rendered."""
        return self._basis.live is not None and place not in self._owed and self._shard_at(place) is None

    def _shard_at(self, place: Place) -> Ref | None:
        return find_shard(self._root, self._basis.live, place) if self._basis.live else None

    def _live_shards(self) -> dict[Place, Ref]:
        try:
            return dict(shards_of(self._root, self._basis.live)) if self._basis.live else {}
        except DamagedGeneration:
            return {}

    # Rendering

    def _whole(self, place: Place, keys: list[Any]) -> dict[str, Rendered | None]:
        if place[0] == "history":
            return {f"{month[1]:02d}": self._month(month) for month in keys}
        if place[0] == "components":
            return {component.code: self._component(component) for component in keys}
        return {notice.code: self._notice(notice) for notice in load_notices(pk__in=keys)}

    def _notice_updates(self) -> Iterator[tuple[Place, str, Rendered | None]]:
        for code in self._basis.changed | self._notices.keys():
            notice = self._notices.get(code)
            yield place_of(notice_path(code)), code, self._notice(notice) if notice else None

    def _month_updates(self) -> Iterator[tuple[Place, str, Rendered | None]]:
        after = dict(self.state.months)
        around_before, around = _neighbours(self._before), _neighbours(after)
        moved = {month for month in around if around[month] != around_before.get(month)}
        for month in self._months.keys() | moved | (self._before.keys() - after.keys()):
            path = month_path(month)
            if place_of(path) not in self._owed:  # owed years are rendered as a whole, sooner or later
                yield place_of(path), f"{month[1]:02d}", self._month(month) if month in after else None

    def _component_updates(self, given: set[Place]) -> Iterator[tuple[Place, str, Rendered | None]]:
        named = {line.component_code for notice in self._acted.values() for line in notice.affected}
        known = {component.code: component for component in self.state.components}
        codes = self._components.keys() | known.keys()
        is_begun = False
        for code in sorted(codes, key=lambda code: self._is_as_before(known.get(code))):
            place, component = place_of(component_path(code)), known.get(code)
            if place in self._owed:
                continue
            if component is None:
                del self._components[code]
                yield place, code, None
            elif code in named or self._components.get(code) != self._look_of(component):
                if is_begun and time.monotonic() > self._patience_ends and code not in named:
                    self._left.add(place)
                else:
                    is_begun = True
                    yield place, code, self._component(component)

    def _is_as_before(self, component: ComponentState | None) -> bool:
        """Whether at most the clock makes its files anew: what happened comes first, at midnight too."""
        if component is None:
            return False
        return self._components.get(component.code, "").rpartition(" ")[0] == self._facts_of(component)

    def _notice(self, notice: NoticeState) -> Rendered:
        about = {
            "month": _name(self._filed(notice)),
            "links": sorted({link.code for link in notice.links}),
        }
        return Rendered(tuple(notice_artefacts(self._site, notice)), about)

    def _month(self, month: Month) -> Rendered:
        rows = self._months.get(month) or self._load_month(month)
        older, newer = _neighbours(dict(self.state.months))[month]
        texts = load_texts(month, self._site.zone)
        return Rendered(tuple(month_artefacts(self._site, MonthState(month, rows, older, newer, texts))))

    def _component(self, component: ComponentState) -> Rendered:
        self._components[component.code] = self._look_of(component)
        past = load_component_past(component.code, self._site, self.state.notices)
        return Rendered(tuple(component_artefacts(self._site, component, past)))

    def _look_of(self, component: ComponentState) -> str:
        """Another one when its files must be made again, though no notice names it."""
        return f"{self._facts_of(component)} {counted_until(component, self._site).isoformat()}"

    def _facts_of(self, component: ComponentState) -> str:
        return f"{_fingerprint(component)} {self._for_everybody}"

    def _load_month(self, month: Month) -> tuple[PastNotice, ...]:
        return load_month(month, self._site.zone)

    def _filed(self, notice: NoticeState) -> Month:
        day = filed_on(notice, self._site)
        return day.year, day.month

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline


def _by_place(changed: Iterable[tuple[Place, str, Rendered | None]]) -> dict[Place, dict[str, Rendered | None]]:
    places: dict[Place, dict[str, Rendered | None]] = {}
    for place, name, rendered in changed:
        places.setdefault(place, {})[name] = rendered
    return places


def _by_code(notices: Iterable[NoticeState]) -> dict[str, NoticeState]:
    return {notice.code: notice for notice in notices}


def _neighbours(months: Mapping[Month, int]) -> dict[Month, tuple[Month | None, Month | None]]:
    """The month before and the one after each, of those that hold anything."""
    order = [None, *sorted(months), None]
    return {month: (order[place], order[place + 2]) for place, month in enumerate(sorted(months))}


def _fingerprint(facts: object) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _name(month: Month) -> str:
    return f"{month[0]:04d}-{month[1]:02d}"


def _month(name: str) -> Month:
    year, _dash, number = name.partition("-")
    return int(year), int(number)
