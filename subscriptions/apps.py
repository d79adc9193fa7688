from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = _("Subscribers and delivery")

    def ready(self) -> None:
        from subscriptions import checks, receivers  # noqa: F401, PLC0415 - they need the models to be loaded

        if settings.ANYMAIL:
            from subscriptions import provider_events  # noqa: F401, PLC0415 - its package is optional

        hide_the_queue()


def hide_the_queue() -> None:
    """Take django-q2's tables out of the admin: they hold pickles, and a schedule typed by hand can stop all others."""
    from django.contrib import admin  # noqa: PLC0415 - needs the apps to be loaded
    from django_q.models import Failure, OrmQ, Schedule, Success  # noqa: PLC0415

    for model in (Failure, OrmQ, Schedule, Success):
        if admin.site.is_registered(model):
            admin.site.unregister(model)
