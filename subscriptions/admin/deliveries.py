"""What became of each mail, with the server's own words."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from subscriptions.admin.ledger import LedgerAdmin, channel_pauses, may_see_addresses, retry_for
from subscriptions.choices import DeliveryState
from subscriptions.control import to_be_retried
from subscriptions.models import Delivery, Notification
from subscriptions.outbox_views import outbox_urls
from subscriptions.person import told

SHOWN_IN_QUESTION = 20
# A server's words often quote the address that it refused.
WITH_ADDRESSES = ("subscriber", "last_error")


@admin.register(Delivery)
class DeliveryAdmin(LedgerAdmin):
    list_display = ["subscriber", "what", "state", "attempts", "due_at", "sent_at", "last_error"]
    list_filter = ["state", "notification__purpose"]
    list_select_related = ["subscriber", "notification__update__incident", "notification__subscriber"]
    search_fields = ["subscriber__endpoint", "last_error"]
    fields = ["subscriber", "what", "state", "attempts", "created_at", "due_at", "lease_until", "sent_at", "last_error"]
    actions = ["try_again"]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return self._without_addresses(request, self.list_display)

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> list[str] | None:
        return list(list_display)[:1] if may_see_addresses(request.user) else None

    def has_view_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        """A delivery's own page is titled with its address."""
        return super().has_view_permission(request, obj) and (obj is None or may_see_addresses(request.user))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        is_about_address = lookup.startswith(WITH_ADDRESSES)
        if is_about_address and not may_see_addresses(request.user):
            return False
        return super().lookup_allowed(lookup, value, request)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return self.search_fields if may_see_addresses(request.user) else []

    def _without_addresses(self, request: HttpRequest, names: list[str]) -> list[str]:
        return names if may_see_addresses(request.user) else [name for name in names if name not in WITH_ADDRESSES]

    def get_urls(self) -> list[URLPattern]:
        return [*outbox_urls(self.admin_site), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        for pause in channel_pauses():
            messages.warning(request, pause)
        context = {"title": _title(request.GET.get("notification__id__exact", ""))}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description=gettext_lazy("what"))
    def what(self, delivery: Delivery) -> str:
        return told(delivery.notification)

    @admin.action(description=gettext_lazy("Try the selected failed deliveries again"), permissions=["steer"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        failed = to_be_retried(queryset)
        count = failed.count()
        if not count:
            words = _("None of these has failed, or those that have are to addresses in quarantine: free these first.")
            self.message_user(request, words, messages.WARNING)
            return None
        if not request.POST.get("sure"):
            context = {
                **self.admin_site.each_context(request),
                "title": _("Try again"),
                "opts": self.opts,
                "count": count,
                "in_quarantine": queryset.filter(state=DeliveryState.FAILED).count() - count,
                "deliveries": failed.select_related("subscriber").order_by("pk")[:SHOWN_IN_QUESTION],
                "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
                "select_across": request.POST.get("select_across", "0"),
                "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
                "back_url": request.get_full_path(),
            }
            return TemplateResponse(request, "subscriptions/admin/retry.html", context)
        self.message_user(request, queued_again(retry_for(request.user, failed)), messages.SUCCESS)
        return None


def queued_again(count: int) -> str:
    text = ngettext("%(count)d delivery is tried again now.", "%(count)d deliveries are tried again now.", count)
    return text % {"count": count}


def _title(notification_id: str) -> str:
    wanted = Notification.objects.select_related("update__incident")
    notification = wanted.filter(pk=int(notification_id)).first() if notification_id.isdecimal() else None
    return _("Deliveries: %(what)s") % {"what": told(notification)} if notification else _("Deliveries")
