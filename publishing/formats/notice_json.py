"""/incidents/<code>.json: one notice with all its updates, in the form in which Statuspage's webhooks carry it.

Of a component it says what the notice says of it, under the name that it had then, and nothing of what has become of it
since: while the notice stands, so does its file. `position` is the place in the notice; what only the component itself
knows (its description, its group's id) is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from incidents.choices import IncidentStatus
from incidents.moves import PlannedTimes
from incidents.translations import Words, find
from incidents.values import NOTICE_TEXTS
from publishing.artefact import Artefact
from publishing.formats.status_api import CONTENT_TYPE, Json, affected_row, stamp, status_word
from publishing.state import AffectedState, EarlierText, NoticeState, SiteState, UpdateState


def notice(site: SiteState, notice: NoticeState) -> Iterable[Artefact]:
    body = json.dumps(incident(site, notice), ensure_ascii=False, separators=(",", ":"))
    yield Artefact(f"{notice.path}.json", CONTENT_TYPE, body.encode())


def incident(site: SiteState, notice: NoticeState) -> Json:
    zone = site.zone
    return {
        "name": notice.title,
        "status": status_word(notice.status),
        "created_at": stamp(notice.created_at, zone),
        "updated_at": stamp(notice.updated_at, zone),
        "monitoring_at": stamp(notice.monitoring_at, zone),
        "resolved_at": stamp(notice.resolved_at, zone),
        "impact": notice.impact,
        "shortlink": f"{site.url}{notice.path}",
        **_postmortem(site, notice),
        "backfilled": notice.updates[-1].posted_later_at is not None,
        "scheduled_for": stamp(notice.work_starts_at, zone),
        "scheduled_until": stamp(notice.work_ends_at, zone),
        "scheduled_remind_prior": bool(notice.reminders),
        "scheduled_reminded_at": None,
        "impact_override": notice.impact_override or None,
        "scheduled_auto_in_progress": notice.is_scheduled,
        "scheduled_auto_completed": notice.is_scheduled and notice.completes_by_clock,
        "id": notice.code,
        "page_id": site.code,
        "incident_updates": [_update(site, notice, update) for update in notice.updates],
        "components": [_component(site, notice, line, place) for place, line in enumerate(notice.affected, start=1)],
        "outcome": _outcome(site, notice),
        **_translations(site, notice),
    }


def _translations(site: SiteState, notice: NoticeState) -> Json:
    """The notice in each further language of the page, as far as it is translated. Ours; no field without any."""
    if not site.languages:
        return {}
    originals = {name: getattr(notice, name) for name in ("title", *NOTICE_TEXTS)}
    return {"translations": {code: _told(notice.translations, code, originals) for code in site.languages}}


def _told(words: Iterable[Words], language: str, originals: Mapping[str, str]) -> Json:
    """Each text that is translated, and whether that is of an earlier text of the original."""
    found = {name: find(words, language, name) for name, original in originals.items() if original}
    return {
        name: {"text": one.text, "is_outdated": not one.is_of(originals[name])} for name, one in found.items() if one
    }


def _outcome(site: SiteState, notice: NoticeState) -> Json | None:
    """What was announced of a maintenance that is over, and what became of it. Ours, like `moved`."""
    course = notice.course
    if course is None or notice.is_open:
        return None
    first_from, first_until = course.first or (None, None)
    return {
        "result": course.outcome.value if course.outcome else None,
        "kept_window": course.has_kept,
        "first_scheduled_for": stamp(first_from, site.zone),
        "first_scheduled_until": stamp(first_until, site.zone),
        "scheduled_for": stamp(course.planned.work[0], site.zone),
        "scheduled_until": stamp(course.planned.work[1], site.zone),
        "started_at": stamp(notice.actual_started_at, site.zone),
        "ended_at": stamp(notice.actual_ended_at, site.zone),
        "overran_minutes": int(course.overrun.total_seconds()) // 60,
        "data_promised": notice.data_statement or None,
        "data_outcome": notice.data_outcome or None,
        "deviations": notice.deviations or None,
        "effects": [
            {
                "function": line.function,
                "announced": line.announced,
                "turned_out": line.turned_out,
                "note": line.note or None,
            }
            for line in notice.turnouts
        ],
    }


def _postmortem(site: SiteState, notice: NoticeState) -> Json:
    newest = next((update for update in notice.updates if update.status == IncidentStatus.POSTMORTEM), None)
    return {
        "postmortem_ignored": False,
        "postmortem_body": newest.body if newest else None,
        "postmortem_body_last_updated_at": stamp(newest.updated_at, site.zone) if newest else None,
        "postmortem_published_at": stamp(newest.display_at, site.zone) if newest else None,
        "postmortem_notified_subscribers": bool(newest and newest.notify),
        "postmortem_notified_twitter": False,
    }


def _update(site: SiteState, notice: NoticeState, update: UpdateState) -> Json:
    is_postmortem = update.status == IncidentStatus.POSTMORTEM
    affected = [affected_row(line) for line in update.affected]
    return {
        "status": status_word(update.status),
        "body": update.body,
        "created_at": stamp(update.created_at, site.zone),
        "wants_twitter_update": False,
        "twitter_updated_at": None,
        "updated_at": stamp(update.updated_at, site.zone),
        "display_at": None if is_postmortem else stamp(update.display_at, site.zone),
        "affected_components": None if is_postmortem or not affected else affected,
        "custom_tweet": None,
        "deliver_notifications": update.notify,
        "id": update.code,
        "incident_id": notice.code,
        "moved": _moved(site, notice, update),
        "earlier_texts": [_earlier(site, text) for text in update.earlier_texts],
        **_update_translations(site, update),
    }


def _update_translations(site: SiteState, update: UpdateState) -> Json:
    if not site.languages:
        return {}
    body = {"body": update.body}
    return {"translations": {code: _told(update.translations, code, body) for code in site.languages}}


def _earlier(site: SiteState, text: EarlierText) -> Json:
    """What the update said before it was edited. Ours, as `moved` is; of what was removed there is no text."""
    return {
        "kind": text.kind,
        "until": stamp(text.until, site.zone),
        "why": text.why,
        "body": None if text.is_removal else text.body,
    }


def _moved(site: SiteState, notice: NoticeState, update: UpdateState) -> Json | None:
    """From when to when the update moved the maintenance. Ours; webhooks have nothing like it."""
    move = notice.moves.get(update.pk)
    return {"was": _planned(site, move.was), "now": _planned(site, move.now)} if move else None


def _planned(site: SiteState, times: PlannedTimes) -> Json:
    avoid_from, avoid_until = times.avoid or (None, None)
    return {
        "scheduled_for": stamp(times.work[0], site.zone),
        "scheduled_until": stamp(times.work[1], site.zone),
        "avoid_from": stamp(avoid_from, site.zone),
        "avoid_until": stamp(avoid_until, site.zone),
    }


def _component(site: SiteState, notice: NoticeState, line: AffectedState, place: int) -> Json:
    return {
        "status": line.new_status,
        "name": line.name,
        "created_at": stamp(notice.created_at, site.zone),
        "updated_at": stamp(notice.updated_at, site.zone),
        "position": place,
        "description": None,
        "showcase": True,
        "id": line.component_code,
        "page_id": site.code,
        "group_id": None,
    }
