from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class StatuspageAdminSite(admin.AdminSite):
    """Django's admin under our own name."""

    site_header = _("Status page")
    site_title = _("Status page")
    index_title = _("What do you want to do?")
    site_url = "/"
