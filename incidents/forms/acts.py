"""What a composing form says, carried out by its verb: the same for the admin's screens and for a terminal.

Each takes the form, the actor, and whether to publish; it answers with the update that came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from incidents import actions
from incidents.forms.notices import MoveForm, OpenIncidentForm, ScheduleForm
from incidents.models import Incident, IncidentUpdate

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
