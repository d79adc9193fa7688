"""Accounts and groups in the admin, each change of them written into the audit; and who signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in
from django.db import models
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from incidents import history

USER_FACTS = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


class AuditedAdmin(admin.ModelAdmin):
    """Writes down what an account or a group was like before and after; never a password."""

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        # Rights are saved after this, so the row still has the old ones.
        request.account_before = facts_of(type(obj).objects.get(pk=obj.pk)) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _note(request, obj, "add_account", after=facts_of(obj))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        before = getattr(request, "account_before", None)
        if before is None:
            _note(request, obj, "change_password")  # the one form that saves without save_model
        else:
            _note(request, obj, "change_account", before=before, after=facts_of(obj))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> Any:
        for obj in queryset:
            _note(request, obj, "delete_account", before=facts_of(obj))
        return super().log_deletions(request, queryset)


class StaffAdmin(AuditedAdmin, UserAdmin):
    """Accounts. Nobody makes themselves more than they are: only a superuser touches what makes a superuser."""

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, "is_superuser", "user_permissions")


class RoleAdmin(AuditedAdmin, GroupAdmin):
    """Groups and what they may do."""


def facts_of(account: models.Model) -> dict[str, str]:
    """What the audit keeps of an account or a group. Reads rights anew from the database."""
    if isinstance(account, Group):
        return {"name": account.name} | _listed("permissions", account.permissions.all())
    facts = {name: getattr(account, name) for name in USER_FACTS}
    rights = _listed("groups", account.groups.all()) | _listed("user_permissions", account.user_permissions.all())
    return {name: str(value) for name, value in facts.items() if value not in ("", None)} | rights


def note_sign_in(request: HttpRequest, user: Any, **_signal: Any) -> None:
    history.note(verb="sign_in", actor=user, subject=user.get_username(), at=timezone.now())


def register_staff() -> None:
    """Put our account screens in the place of Django's, once those are registered."""
    admin.site.unregister([User, Group])
    admin.site.register(User, StaffAdmin)
    admin.site.register(Group, RoleAdmin)
    user_logged_in.connect(note_sign_in, dispatch_uid="statuspage.sign_in")


def _listed(name: str, rights: QuerySet) -> dict[str, str]:
    words = sorted(str(right) for right in rights)
    return {name: "\n".join(words)} if words else {}


def _note(request: HttpRequest, account: models.Model, verb: str, **facts: dict[str, str]) -> None:
    kind = account._meta.verbose_name
    history.note(verb=verb, actor=request.user, subject=f"{kind}: {account}", at=timezone.now(), **facts)
