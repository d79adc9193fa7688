from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.dispatch import receiver

from incidents.models import IncidentUpdate
from incidents.rehearsal import PreviewPane
from incidents.signals import page_changed, preview_requested, trial_requested
from subscriptions import previews, trial
from subscriptions.bell import ring


@receiver(page_changed)
def wake_the_worker(**_signal: Any) -> None:
    ring()


@receiver(preview_requested)
def show_the_mail(update: IncidentUpdate, **_signal: Any) -> list[PreviewPane]:
    return previews.panes(update)


@receiver(trial_requested)
def send_it_to_its_author(update: IncidentUpdate, user: Any, **_signal: Any) -> Callable[[], str]:
    return trial.prepare(update, user.email)
