from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class StatuspageConfig(AppConfig):
    """The project package is an app for the sake of its commands and checks."""

    name = "statuspage"
    default = True

    def ready(self) -> None:
        import statuspage.checks  # noqa: F401, PLC0415 - checks register themselves once the apps are there


class StatuspageAdminConfig(admin_apps.AdminConfig):
    default_site = "statuspage.admin.StatuspageAdminSite"
    default = False

    def ready(self) -> None:
        super().ready()
        from statuspage.accounts import register_staff  # noqa: PLC0415 - models are not loaded before this moment

        register_staff()
