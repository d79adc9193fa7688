"""What a composing form says, carried out by its verb: the same for the admin's screens and for a terminal.

Each takes the form, the actor, and whether to publish; it answers with the update that came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from incidents import actions, corrections, past
from incidents.forms.looking_back import CorrectForm, PastIncidentForm, RedactForm
from incidents.forms.notices import MoveForm, OpenIncidentForm, ScheduleForm
from incidents.forms.tongues import texts_of
from incidents.forms.translating import TranslateForm
from incidents.models import Incident, IncidentUpdate
from incidents.translation_actions import translate_notice
from incidents.translations import UPDATE_FIELDS

Act = Callable[[Any, Any, bool], IncidentUpdate]


def open_incident(form: OpenIncidentForm, actor: Any, publish: bool) -> IncidentUpdate:
    return actions.open_incident(
        title=form.cleaned_data["title"],
        update=form.update_text(),
        details=form.details(),
        started_at=form.cleaned_data["started_at"],
        actor=actor,
        publish=publish,
        urgent_because=form.why_urgent(),
    )


def schedule_maintenance(form: ScheduleForm, actor: Any, publish: bool) -> IncidentUpdate:
    return actions.schedule_maintenance(
        title=form.cleaned_data["title"],
        window=form.window(),
        update=form.update_text(),
        details=form.details(),
        actor=actor,
        publish=publish,
        urgent_because=form.why_urgent(),
    )


def post(notice: Incident) -> Act:
    def act(form: Any, actor: Any, publish: bool) -> IncidentUpdate:
        return actions.post_update(
            notice,
            form.update_text(),
            actor=actor,
            all_clear=form.all_clear(),
            publish=publish,
            urgent_because=form.why_urgent(),
        )

    return act


def move(notice: Incident) -> Act:
    def act(form: MoveForm, actor: Any, publish: bool) -> IncidentUpdate:
        return actions.reschedule_maintenance(
            notice, form.window(), form.update_text(), actor=actor, urgent_because=form.why_urgent()
        )

    return act


def report_past_incident(form: PastIncidentForm, actor: Any, publish: bool) -> IncidentUpdate:
    opening, closing = form.texts()
    return past.report_past_incident(
        title=form.cleaned_data["title"],
        started_at=form.cleaned_data["started_at"],
        ended_at=form.cleaned_data["ended_at"],
        opening=opening,
        closing=closing,
        details=form.details(),
        data_outcome=form.cleaned_data["data_outcome"],
        actor=actor,
        urgent_because=form.why_urgent(),
    )


def correct(update: IncidentUpdate) -> Act:
    def act(form: CorrectForm, actor: Any, publish: bool) -> IncidentUpdate:
        data = form.cleaned_data
        return corrections.edit_update(
            update,
            data["body"],
            kind=data["kind"],
            why=data["why"],
            notify=data["notify"],
            actor=actor,
            unchanged_since=None if form.is_rehearsal else data["since"],
            form_id=None if form.is_rehearsal else data["form_id"],
            translations=texts_of(form, UPDATE_FIELDS),
            urgent_because=form.why_urgent(),
        )

    return act


def translate(notice: Incident, language: str) -> Act:
    def act(form: TranslateForm, actor: Any, publish: bool) -> IncidentUpdate:
        own, updates = form.texts()
        translate_notice(
            notice,
            language,
            actor=actor,
            notice=own,
            updates=updates,
            fits=form.fits(),
            unchanged_since=None if form.is_rehearsal else form.cleaned_data["since"],
            urgent_because=form.why_urgent(),
        )
        return notice.updates.public().order_by("published_at", "pk").last()

    return act


def redact(update: IncidentUpdate) -> Act:
    def act(form: RedactForm, actor: Any, publish: bool) -> IncidentUpdate:
        return corrections.redact_update(
            update, form.cleaned_data["passage"], why=form.cleaned_data["why"], actor=actor
        )

    return act
