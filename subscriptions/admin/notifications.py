"""How far each update has come, and what publishers can do about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.board import notice_url
from incidents.forms.fields import LineField
from incidents.models import IncidentUpdate, Page
from incidents.times import describe
from subscriptions.admin.deliveries import SHOWN_IN_QUESTION, queued_again
from subscriptions.admin.ledger import LedgerAdmin, channel_pauses, log_act, may_see_addresses, retry_for
from subscriptions.choices import TO_MANY, DeliveryState, Purpose
from subscriptions.control import pause_notification, resume_notification, to_be_retried
from subscriptions.models import Delivery, Notification
from subscriptions.panels import deliveries_url, progress_context
from subscriptions.person import told
from subscriptions.progress import Progress, counted, progress_of

REASONS_SHOWN = 5


class PauseForm(forms.Form):
    reason = LineField(
        label=gettext_lazy("Why"),
        limit=Notification._meta.get_field("pause_reason").max_length,
        error_messages={"required": gettext_lazy("Say why: your colleagues will see it.")},
    )


class NotificationChangeList(ChangeList):
    """The rows of one page, each with its progress: two queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        progress = progress_of(self.result_list, timezone.now())
        for notification in self.result_list:
            notification.progress = progress[notification.pk]


@admin.register(Notification)
class NotificationAdmin(LedgerAdmin):
    list_display = ["what", "created_at", "how_far", "sent", "waiting", "failed", "skipped"]
    list_select_related = ["update__incident"]
    list_per_page = 20
    search_fields = ["update__incident__title"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        return super().get_queryset(request).filter(purpose__in=TO_MANY)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NotificationChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "update__incident__id__exact" or super().lookup_allowed(lookup, value, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        for pause in channel_pauses():
            messages.warning(request, pause)
        return super().changelist_view(request, {"title": _("What subscribers are told"), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._show(request, self._notification(request, object_id), PauseForm())

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._notification(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        name = "subscriptions_notification"
        return [
            path("of-update/<int:pk>/progress/", guarded(self.progress_of_update), name=f"{name}_of_update"),
            path("<int:pk>/progress/", guarded(self.progress_view), name=f"{name}_progress"),
            path("<int:pk>/pause/", guarded(self.pause_view), name=f"{name}_pause"),
            path("<int:pk>/resume/", guarded(self.resume_view), name=f"{name}_resume"),
            path("<int:pk>/retry/", guarded(self.retry_view), name=f"{name}_retry"),
            *super().get_urls(),
        ]

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        return _as_json(_progress(self._notification(request, pk)))

    def progress_of_update(self, request: HttpRequest, pk: int) -> JsonResponse:
        """The same for an update, which the worker may not have taken up yet."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if not IncidentUpdate.objects.public().filter(pk=pk, notify=True).exists():
            raise Http404
        notification = Notification.objects.filter(update=pk, purpose=Purpose.UPDATE).first()
        return _as_json(_progress(notification) if notification else Progress(None))

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        notification = self._to_steer(request, pk)
        if request.method != "POST":
            return HttpResponseRedirect(_url("change", pk))
        form = PauseForm(request.POST)
        if not form.is_valid():
            return self._show(request, notification, form)
        reason = form.cleaned_data["reason"]
        name = request.user.get_full_name() or request.user.get_username()
        pause_notification(notification, actor_name=name, reason=reason, now=timezone.now())
        log_act(request.user, notification, f"Paused: {reason}", verb="pause_telling")
        messages.success(request, _("Paused. What is being handed over in this moment still goes out."))
        return HttpResponseRedirect(_url("change", pk))

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        notification = self._to_steer(request, pk)
        if request.method == "POST":
            resume_notification(notification, now=timezone.now())
            log_act(request.user, notification, "Resumed.", verb="resume_telling")
            messages.success(request, _("It goes on."))
        return HttpResponseRedirect(_url("change", pk))

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All that failed of one notification; asked about first."""
        notification = self._to_steer(request, pk)
        deliveries = Delivery.objects.filter(notification=notification)
        failed = to_be_retried(deliveries)
        if request.method == "POST":
            messages.success(request, queued_again(retry_for(request.user, failed)))
            return HttpResponseRedirect(_url("change", pk))
        count = failed.count()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Try again"),
            "opts": Delivery._meta,
            "count": count,
            "in_quarantine": deliveries.filter(state=DeliveryState.FAILED).count() - count,
            "deliveries": failed.select_related("subscriber").order_by("pk")[:SHOWN_IN_QUESTION],
            "back_url": _url("change", pk),
        }
        return render(request, "subscriptions/admin/retry.html", context)

    @admin.display(description=gettext_lazy("update"))
    def what(self, notification: Notification) -> str:
        return told(notification)

    @admin.display(description=gettext_lazy("how far"))
    def how_far(self, notification: Notification) -> str:
        progress: Progress = notification.progress
        kind = "open" if progress.is_paused else "closed" if progress.is_done else "planned"
        if progress.is_paused:
            words = _("Paused")
        elif progress.is_done:
            words = _("Done")
        else:
            words = _("%(percent)s%%") % {"percent": progress.percent}
        return format_html('<span class="pill pill-{}">{}</span>', kind, words)

    @admin.display(description=gettext_lazy("sent"))
    def sent(self, notification: Notification) -> str:
        return counted(notification.progress.count(DeliveryState.SENT))

    @admin.display(description=gettext_lazy("waiting"))
    def waiting(self, notification: Notification) -> str:
        return counted(notification.progress.waiting)

    @admin.display(description=gettext_lazy("failed"))
    def failed(self, notification: Notification) -> str:
        return counted(notification.progress.count(DeliveryState.FAILED))

    @admin.display(description=gettext_lazy("skipped"))
    def skipped(self, notification: Notification) -> str:
        return counted(notification.progress.count(DeliveryState.SKIPPED))

    def _notification(self, request: HttpRequest, pk: Any) -> Notification:
        notification = self.get_object(request, str(pk))
        if not self.has_view_permission(request, notification):
            raise PermissionDenied
        if notification is None:
            raise Http404
        return notification

    def _to_steer(self, request: HttpRequest, pk: int) -> Notification:
        notification = self._notification(request, pk)
        if not self.has_steer_permission(request):
            raise PermissionDenied
        return notification

    def _show(self, request: HttpRequest, notification: Notification, form: PauseForm) -> HttpResponse:
        progress = _progress(notification)
        zone = Page.objects.current().zone
        context = {
            **self.admin_site.each_context(request),
            **progress_context(progress, _url("progress", notification.pk)),
            "title": told(notification),
            "opts": self.opts,
            "notification": notification,
            "notice": notification.update.incident,
            "notice_url": notice_url(notification.update.incident),
            "begun": describe(notification.created_at, zone),
            "found": describe(notification.fanned_out_at, zone) if notification.fanned_out_at else "",
            "paused": describe(notification.paused_at, zone) if notification.paused_at else "",
            "channel_pauses": channel_pauses(),
            # A server's words often quote the address.
            "failures": _reasons(notification) if may_see_addresses(request.user) else [],
            "deliveries_url": deliveries_url(notification),
            "failed_url": deliveries_url(notification, DeliveryState.FAILED),
            "form": form,
            "may_steer": self.has_steer_permission(request),
        }
        return render(request, "subscriptions/admin/notification.html", context)


def _progress(notification: Notification) -> Progress:
    return progress_of([notification], timezone.now())[notification.pk]


def _as_json(progress: Progress) -> JsonResponse:
    return JsonResponse(
        {
            "state": progress.state,
            "percent": progress.percent,
            "isOwed": not progress.is_done,
            "hasFailed": bool(progress.count(DeliveryState.FAILED)),
            "announcement": progress.announcement(),
            "words": progress.words(),
        }
    )


def _reasons(notification: Notification) -> list[tuple[str, int]]:
    """What servers said most often, with how many deliveries failed for it."""
    failed = Delivery.objects.filter(notification=notification, state=DeliveryState.FAILED).order_by()
    said = failed.values("last_error").annotate(count=Count("pk")).order_by("-count", "last_error")
    return list(said.values_list("last_error", "count")[:REASONS_SHOWN])


def _url(page: str, pk: int) -> str:
    return reverse(f"admin:subscriptions_notification_{page}", args=[pk])
