from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest


class StaffAdmin(UserAdmin):
    """Accounts. Nobody makes themselves more than they are: only a superuser touches what makes a superuser."""

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, "is_superuser", "user_permissions")


def register_staff() -> None:
    """Put our account screen in the place of Django's, once that one is registered."""
    admin.site.unregister(User)
    admin.site.register(User, StaffAdmin)
