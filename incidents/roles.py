"""Who of the staff may do what: write drafts, publish, administer, or read: four groups, kept on every migrate."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

WRITER, PUBLISHER, ADMINISTRATOR, AUDITOR = "Writer", "Publisher", "Administrator", "Auditor"

PUBLISH = "incidents.publish_incident"
WRITE = "incidents.add_incident"
REDACT = "incidents.redact_update"
CHANGE_TEMPLATES = "incidents.change_incidenttemplate"

# Permissions of apps above this one are named, not imported: they are granted where those apps are installed.
SEES_WHO_WAS_TOLD = [f"view_{model}" for model in ("notification", "delivery")]

WRITER_PERMISSIONS = {
    "incidents": [
        *(f"{act}_{model}" for model in ("incident", "scheduledmaintenance") for act in ("view", "add", "change")),
        *(
            f"view_{model}"
            for model in ("component", "componentgroup", "page", "change", "maintenanceseries", "incidenttemplate")
        ),
    ],
    "subscriptions": SEES_WHO_WAS_TOLD,
}
# Who may publish may also pause what subscribers are told, and try again what failed.
PUBLISHER_PERMISSIONS = {
    "incidents": [
        *WRITER_PERMISSIONS["incidents"],
        "publish_incident",
        *(f"{act}_incidenttemplate" for act in ("add", "change", "delete")),
    ],
    "subscriptions": SEES_WHO_WAS_TOLD,
}
ADMINISTRATOR_PERMISSIONS = {
    "incidents": [
        *PUBLISHER_PERMISSIONS["incidents"],
        "change_page",
        "audit_change",
        "redact_update",
        *(f"{act}_{model}" for model in ("component", "componentgroup") for act in ("add", "change")),
    ],
    "subscriptions": [
        *(f"{act}_subscriber" for act in ("view", "add", "change", "delete")),
        *SEES_WHO_WAS_TOLD,
    ],
    "auth": [*(f"{act}_user" for act in ("view", "add", "change")), "view_group"],
}
# Reads what was written, told and done, and changes nothing; sees no address of a subscriber.
AUDITOR_PERMISSIONS = {
    "incidents": [
        *(f"view_{model}" for model in ("incident", "scheduledmaintenance")),
        *(f"view_{model}" for model in ("component", "componentgroup", "page", "change")),
        "audit_change",
    ],
    "subscriptions": SEES_WHO_WAS_TOLD,
    "auth": ["view_user", "view_group"],
}
ROLES = {
    WRITER: WRITER_PERMISSIONS,
    PUBLISHER: PUBLISHER_PERMISSIONS,
    ADMINISTRATOR: ADMINISTRATOR_PERMISSIONS,
    AUDITOR: AUDITOR_PERMISSIONS,
}


def may_write(user: Any) -> bool:
    """Drafts and previews."""
    return user.has_perm(WRITE)


def may_publish(user: Any) -> bool:
    return user.has_perm(PUBLISH)


def may_redact(user: Any) -> bool:
    """Remove a passage from what was published."""
    return user.has_perm(REDACT)


def may_change_templates(user: Any) -> bool:
    return user.has_perm(CHANGE_TEMPLATES)


def ensure_roles(**_signal: Any) -> None:
    """Create the groups and grant what they lack. Takes nothing away, so that what an operator added stays."""
    for name, apps in ROLES.items():
        group, _created = Group.objects.get_or_create(name=name)
        wanted = Q()
        for app_label, codenames in apps.items():
            wanted |= Q(content_type__app_label=app_label, codename__in=codenames)
        group.permissions.add(*Permission.objects.filter(wanted))
