from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishingConfig(AppConfig):
    name = "publishing"
    verbose_name = _("Public page")

    def ready(self) -> None:
        from incidents.signals import page_changed  # noqa: PLC0415 - models are not loaded before
        from publishing import previews  # noqa: F401, PLC0415 - connects its receivers
        from publishing.publish import code_checksum  # noqa: PLC0415
        from publishing.receivers import publish_after_change  # noqa: PLC0415

        code_checksum()  # of what this process runs, before an upgrade changes the files
        page_changed.connect(publish_after_change, dispatch_uid="publish_after_change")
