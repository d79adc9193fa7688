from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = _("Incidents and maintenance")

    def ready(self) -> None:
        from incidents.roles import ensure_roles  # noqa: PLC0415 - models are not loaded before this moment

        # After each app, since the permissions of each come into being with its own signal.
        post_migrate.connect(ensure_roles, dispatch_uid="incidents.roles")
