"""What follows from what: pure functions from stored facts to derived states."""

from __future__ import annotations

from collections.abc import Iterable

from incidents.choices import ComponentStatus, Impact

BADNESS = {status: rank for rank, status in enumerate(ComponentStatus.values)}
IMPACT_RANK = {impact: rank for rank, impact in enumerate(Impact.values)}

IMPACT_OF_STATUS = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.UNDER_MAINTENANCE: Impact.MAINTENANCE,
    ComponentStatus.DEGRADED_PERFORMANCE: Impact.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Impact.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Impact.CRITICAL,
}


def worst_status(statuses: Iterable[str]) -> ComponentStatus:
    """The worst of `statuses`; operational when there are none."""
    return ComponentStatus(max(statuses, key=BADNESS.__getitem__, default=ComponentStatus.OPERATIONAL))


def worst_impact(impacts: Iterable[str]) -> Impact:
    return Impact(max(impacts, key=IMPACT_RANK.__getitem__, default=Impact.NONE))


def incident_impact(component_statuses: Iterable[str], *, override: str = "") -> Impact:
    """An incident's impact: that of the worst component status it names, unless staff chose one."""
    return Impact(override) if override else IMPACT_OF_STATUS[worst_status(component_statuses)]


def page_indicator(component_statuses: Iterable[str], open_impacts: Iterable[str]) -> Impact:
    """The page's overall word: the worst of what components show and what open notices weigh."""
    return worst_impact([IMPACT_OF_STATUS[worst_status(component_statuses)], *open_impacts])
