"""A screen of one's own: which reminders one gets by mail, and which one got lately."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.models import Page
from incidents.roles import may_publish
from incidents.times import describe
from subscriptions.choices import StaffWish
from subscriptions.models import StaffChoice, StaffDelivery

SHOWN = 20


class StaffChoiceForm(forms.Form):
    wants = forms.ChoiceField(
        label=gettext_lazy("Remind me by mail of"), choices=StaffWish.choices, widget=forms.RadioSelect
    )


@admin.register(StaffChoice)
class StaffChoiceAdmin(admin.ModelAdmin):
    """Nobody sees or changes the choice of somebody else."""

    class Media:
        css = {"all": ["subscriptions/admin.css"]}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_publish(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_publish(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect("../..")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not may_publish(request.user):
            raise PermissionDenied
        chosen = StaffChoice.objects.filter(user=request.user).values_list("wants", flat=True).first()
        form = StaffChoiceForm(request.POST or None, initial={"wants": chosen or StaffWish.ALL})
        if request.method == "POST" and form.is_valid():
            StaffChoice.objects.update_or_create(user=request.user, defaults=form.cleaned_data)
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Reminders to me"),
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "lately": _lately(request.user),
        }
        return TemplateResponse(request, "subscriptions/admin/staff.html", context)


def _lately(user: Any) -> list[tuple[str, StaffDelivery]]:
    zone = Page.objects.current().zone
    mine = StaffDelivery.objects.filter(user=user).select_related("reminder__incident", "reminder__component")
    return [(describe(row.sent_at or row.reminder.created_at, zone), row) for row in mine.order_by("-pk")[:SHOWN]]
