from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.dispatch import receiver
from django.utils.safestring import SafeString

from incidents.models import Incident, IncidentUpdate
from incidents.rehearsal import PreviewPane
from incidents.signals import look_requested, notice_shown, page_changed, preview_requested, trial_requested
from subscriptions import panels, previews, trial
from subscriptions.bell import ring


@receiver(page_changed)
def wake_the_worker(**_signal: Any) -> None:
    ring()


@receiver(preview_requested)
def show_the_mail(update: IncidentUpdate, **_signal: Any) -> list[PreviewPane]:
    return previews.panes(update)


@receiver(look_requested)
def show_a_mail(**_signal: Any) -> list[PreviewPane]:
    return previews.look()


@receiver(trial_requested)
def send_it_to_its_author(update: IncidentUpdate, user: Any, **_signal: Any) -> Callable[[], str]:
    return trial.prepare(update, user.email)


@receiver(notice_shown)
def show_how_far_it_was_told(notice: Incident, user: Any, **_signal: Any) -> SafeString | None:
    return panels.telling_of(notice, user)
