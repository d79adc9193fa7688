"""The public status API v2: eight JSON files in Statuspage's wire format, which clients in the field already read.

Field names, their order, nulls and limits are that contract's, also where they look odd: `started_at` of a maintenance
is its announcement, groups are rows among components, texts are Markdown as typed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from incidents.choices import Impact, IncidentStatus
from publishing.artefact import Artefact
from publishing.state import AffectedState, ComponentState, GroupState, NoticeState, PageState, UpdateState

Json = dict[str, Any]

LIMIT = 50
CONTENT_TYPE = "application/json; charset=utf-8"
DESCRIPTIONS = {
    Impact.NONE: "All Systems Operational",
    Impact.MAINTENANCE: "Service Under Maintenance",
    Impact.MINOR: "Partially Degraded Service",
    Impact.MAJOR: "Partial System Outage",
    Impact.CRITICAL: "Major Service Outage",
}


def page(state: PageState) -> Iterable[Artefact]:
    """The eight files below /api/v2/."""
    realtime = sorted((n for n in state.notices if not n.is_scheduled), key=_created, reverse=True)
    scheduled = sorted((n for n in state.notices if n.is_scheduled), key=lambda n: n.at, reverse=True)
    unresolved = [n for n in realtime if n.is_open]
    upcoming = [n for n in scheduled if n.is_upcoming]
    active = [n for n in scheduled if n.is_active_maintenance]
    components = {"components": component_rows(state)}
    status = {"status": status_row(state)}

    def incidents(notices: list[NoticeState]) -> Json:
        return {"incidents": [incident_row(state, n) for n in notices]}

    def maintenances(notices: list[NoticeState]) -> Json:
        return {"scheduled_maintenances": [maintenance_row(state, n) for n in notices]}

    yield _file(state, "summary", components | incidents(unresolved) | maintenances(upcoming + active) | status)
    yield _file(state, "status", status)
    yield _file(state, "components", components)
    yield _file(state, "incidents", incidents(realtime[:LIMIT]))
    yield _file(state, "incidents/unresolved", incidents(unresolved))
    yield _file(state, "scheduled-maintenances", maintenances(scheduled[:LIMIT]))
    yield _file(state, "scheduled-maintenances/upcoming", maintenances(upcoming))
    yield _file(state, "scheduled-maintenances/active", maintenances(active))


def _file(state: PageState, name: str, content: Json) -> Artefact:
    body = json.dumps({"page": page_row(state)} | content, ensure_ascii=False, separators=(",", ":"))
    return Artefact(f"/api/v2/{name}.json", CONTENT_TYPE, body.encode())


def page_row(state: PageState) -> Json:
    return {
        "id": state.code,
        "name": state.name,
        "url": state.url,
        "time_zone": "Etc/UTC" if state.zone.key == "UTC" else state.zone.key,
        "updated_at": stamp(state.updated_at, state.zone),
    }


def status_row(state: PageState) -> Json:
    return {"indicator": state.indicator.value, "description": DESCRIPTIONS[state.indicator]}


def component_rows(state: PageState) -> list[Json]:
    rows = [_component(state, c) for c in state.components] + [_group(state, g) for g in state.groups]
    return sorted(rows, key=lambda row: row["position"])


def incident_row(state: PageState, notice: NoticeState) -> Json:
    return _notice(state, notice) | {"reminder_intervals": None}


def maintenance_row(state: PageState, notice: NoticeState) -> Json:
    return _notice(state, notice) | {
        "scheduled_for": stamp(notice.work_starts_at, state.zone),
        "scheduled_until": stamp(notice.work_ends_at, state.zone),
    }


def stamp(instant: dt.datetime | None, zone: ZoneInfo) -> str | None:
    """RFC 3339 in the page's zone, always with three digits of milliseconds; UTC is spelt Z."""
    if instant is None:
        return None
    local = instant.astimezone(zone)
    text = local.isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z") if local.tzname() == "UTC" else text


def _component(state: PageState, component: ComponentState) -> Json:
    return {
        "id": component.code,
        "name": component.name,
        "status": component.status,
        "created_at": stamp(component.created_at, state.zone),
        "updated_at": stamp(component.updated_at, state.zone),
        "position": component.position,
        "description": component.description or None,
        "showcase": component.showcase,
        "start_date": component.start_date.isoformat() if component.start_date else None,
        "group_id": component.group_code or None,
        "page_id": state.code,
        "group": False,
        "only_show_if_degraded": component.only_show_if_degraded,
    }


def _group(state: PageState, group: GroupState) -> Json:
    return {
        "id": group.code,
        "name": group.name,
        "status": group.status,
        "created_at": stamp(group.created_at, state.zone),
        "updated_at": stamp(group.updated_at, state.zone),
        "position": group.position,
        "description": group.description or None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": state.code,
        "group": True,
        "only_show_if_degraded": False,
        "components": [component.code for component in group.components],
    }


def _notice(state: PageState, notice: NoticeState) -> Json:
    named = [state.component(line.component_code) for line in notice.affected]
    return {
        "id": notice.code,
        "name": notice.title,
        "status": status_word(notice.status),
        "created_at": stamp(notice.created_at, state.zone),
        "updated_at": stamp(notice.updated_at, state.zone),
        "monitoring_at": stamp(notice.monitoring_at, state.zone),
        "resolved_at": stamp(notice.resolved_at, state.zone),
        "impact": notice.impact,
        "shortlink": f"{state.url}{notice.path}",
        "started_at": stamp(notice.started_at, state.zone),
        "page_id": state.code,
        "incident_updates": [_update(state, notice, update) for update in notice.updates],
        "components": [_component(state, component) for component in named if component],
    }


def _update(state: PageState, notice: NoticeState, update: UpdateState) -> Json:
    is_postmortem = update.status == IncidentStatus.POSTMORTEM
    affected = [affected_row(line) for line in update.affected]
    return {
        "id": update.code,
        "status": status_word(update.status),
        "body": update.body,
        "incident_id": notice.code,
        "created_at": stamp(update.created_at, state.zone),
        "updated_at": stamp(update.updated_at, state.zone),
        "display_at": None if is_postmortem else stamp(update.display_at, state.zone),
        "affected_components": None if is_postmortem or not affected else affected,
        "deliver_notifications": update.notify,
        "custom_tweet": None,
        "tweet_id": None,
    }


def affected_row(line: AffectedState) -> Json:
    return {
        "code": line.component_code,
        "name": line.full_name,
        "old_status": line.old_status,
        "new_status": line.new_status,
    }


def status_word(status: str) -> str:
    """Clients break on words they do not know: to them a cancelled maintenance is over."""
    return IncidentStatus.COMPLETED.value if status == IncidentStatus.CANCELLED else status


def _created(notice: NoticeState) -> tuple[dt.datetime, int]:
    return notice.created_at, notice.pk
