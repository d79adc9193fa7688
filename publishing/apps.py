from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishingConfig(AppConfig):
    name = "publishing"
    verbose_name = _("Public page")

    def ready(self) -> None:
        from publishing import previews  # noqa: F401, PLC0415 -- receivers connect once the models are there
