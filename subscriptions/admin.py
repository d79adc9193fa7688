"""Subscribers and deliveries, as staff see them. Consent is the subscribers' own: staff may ask for it, or end it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from incidents.models import Component, Page
from incidents.times import describe
from subscriptions import consent
from subscriptions.addresses import read_address
from subscriptions.choices import DeliveryState, Purpose, SubscriberState
from subscriptions.models import ChannelPause, Delivery, Notification, Subscriber
from subscriptions.outbox_views import outbox_urls


class InvitationForm(forms.ModelForm):
    """An address that staff enter. It is asked like any other, and told nothing before it confirmed."""

    class Meta:
        model = Subscriber
        fields = ["endpoint", "all_components", "groups", "components"]
        widgets = {"groups": forms.CheckboxSelectMultiple, "components": forms.CheckboxSelectMultiple}

    def clean_endpoint(self) -> str:
        return read_address(self.cleaned_data["endpoint"]).endpoint

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not data.get("all_components") and not data.get("components") and not data.get("groups"):
            raise forms.ValidationError(_("Choose at least one, or everything."))
        return data


@admin.register(Subscriber)
class SubscriberAdmin(admin.ModelAdmin):
    form = InvitationForm
    list_display = ["endpoint", "state", "hears_of", "created_at", "confirmed_at"]
    list_filter = ["state", "all_components"]
    search_fields = ["endpoint"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["unsubscribe"]
    fieldsets = [
        (None, {"fields": ["endpoint", "state", "language", "hears_of"]}),
        (
            gettext_lazy("Consent"),
            {"fields": ["created_at", "confirmation_owed_at", "confirmed_at", "unsubscribed_at"]},
        ),
        (gettext_lazy("Mails"), {"fields": ["what_was_sent", "last_failure"]}),
    ]
    readonly_fields = ["hears_of", "what_was_sent", "last_failure"]

    class Media:
        css = {"all": ["subscriptions/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        return super().get_queryset(request).prefetch_related("components", "groups")

    def get_fieldsets(self, request: HttpRequest, obj: Subscriber | None = None) -> Any:
        if obj:
            return super().get_fieldsets(request, obj)
        asked = _("The address gets a mail with a link to confirm, and nothing else before it did.")
        return [(None, {"fields": InvitationForm.Meta.fields, "description": asked})]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        only_save = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **only_save})

    def has_change_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "components":
            kwargs["queryset"] = Component.objects.public()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Subscriber, form: InvitationForm, change: bool) -> None:
        data = form.cleaned_data
        subscriber = consent.request_subscription(
            data["endpoint"],
            all_components=data["all_components"],
            components=data["components"],
            groups=data["groups"],
            language=Page.objects.current().language,
            now=timezone.now(),
        )
        obj.pk, obj.state = subscriber.pk, subscriber.state

    def save_related(self, request: HttpRequest, form: InvitationForm, formsets: Any, change: bool) -> None:
        """What was chosen is kept by the verb already, where it may be."""

    def response_add(self, request: HttpRequest, obj: Subscriber, post_url_continue: str | None = None) -> HttpResponse:
        if obj.state == SubscriberState.ACTIVE:
            text = _("%(address)s is subscribed already. It gets a link to change its choices, and stays as it is.")
        else:
            text = _("%(address)s is asked to confirm, unless it was asked today already. Until then it hears nothing.")
        self.message_user(request, text % {"address": obj.endpoint}, messages.SUCCESS)
        return self.response_post_save_add(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who is erased is erased with all deliveries, which nobody may delete by themselves."""
        objects, counts, _permissions_needed, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected

    @admin.display(description=gettext_lazy("hears of"))
    def hears_of(self, subscriber: Subscriber) -> str:
        if subscriber.all_components:
            return _("Everything")
        return ", ".join(map(str, (*subscriber.groups.all(), *subscriber.components.all())))

    @admin.display(description=gettext_lazy("deliveries"))
    def what_was_sent(self, subscriber: Subscriber) -> SafeString:
        url = reverse("admin:subscriptions_delivery_changelist")
        return format_html('<a href="{}?subscriber__id__exact={}">{}</a>', url, subscriber.pk, _("All deliveries"))

    @admin.display(description=gettext_lazy("last failure"), empty_value=gettext_lazy("None"))
    def last_failure(self, subscriber: Subscriber) -> str | None:
        failed = subscriber.deliveries.filter(state=DeliveryState.FAILED).order_by("-pk").first()
        return failed.last_error if failed else None

    @admin.action(description=gettext_lazy("Unsubscribe the selected subscribers"), permissions=["change"])
    def unsubscribe(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> HttpResponse | None:
        """Asked about first: only the subscribers themselves can undo it."""
        leaving = queryset.exclude(state=SubscriberState.UNSUBSCRIBED)
        if not leaving.exists():
            self.message_user(request, _("Nobody of these is subscribed."), messages.WARNING)
            return None
        if not request.POST.get("sure"):
            context = {
                **self.admin_site.each_context(request),
                "title": _("Unsubscribe"),
                "opts": self.opts,
                "count": leaving.count(),
                "subscribers": leaving[:20],
                "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
                "select_across": request.POST.get("select_across", "0"),
                "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "subscriptions/admin/unsubscribe.html", context)
        gone = list(leaving)
        for subscriber in gone:
            consent.unsubscribe(subscriber, timezone.now())
        LogEntry.objects.log_actions(request.user.pk, gone, CHANGE, "Unsubscribed.")
        text = ngettext(
            "%(count)d subscriber hears nothing more.", "%(count)d subscribers hear nothing more.", len(gone)
        )
        self.message_user(request, text % {"count": len(gone)}, messages.SUCCESS)
        return None


class ReadOnlyAdmin(admin.ModelAdmin):
    """The ledger: written by the worker alone."""

    show_full_result_count = False
    ordering = ["-pk"]

    class Media:
        css = {"all": ["subscriptions/admin.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        for pause in ChannelPause.objects.all():
            text = _("%(channel)s pauses since %(since)s, and nobody is told by it: %(reason)s")
            since = describe(pause.since, Page.objects.current().zone)
            named = {"channel": pause.get_channel_display(), "since": since, "reason": pause.reason}
            self.message_user(request, text % named, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["subscriber", "what", "state", "attempts", "due_at", "sent_at", "last_error"]
    list_filter = ["state", "notification__purpose"]
    list_select_related = ["subscriber", "notification__update__incident"]
    search_fields = ["subscriber__endpoint"]
    fields = ["subscriber", "what", "state", "attempts", "created_at", "due_at", "lease_until", "sent_at", "last_error"]

    def get_urls(self) -> list[URLPattern]:
        return [*outbox_urls(self.admin_site), *super().get_urls()]

    @admin.display(description=gettext_lazy("what"))
    def what(self, delivery: Delivery) -> str:
        return _what(delivery.notification)


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """How far each update has come."""

    list_display = ["what", "created_at", "is_fanned_out", "sent", "waiting", "failed", "skipped"]
    list_select_related = ["update__incident"]
    list_per_page = 20
    fields = list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        updates = super().get_queryset(request).filter(purpose=Purpose.UPDATE)
        return updates.annotate(
            sent_count=_deliveries(DeliveryState.SENT),
            waiting_count=_deliveries(DeliveryState.QUEUED, DeliveryState.SENDING),
            failed_count=_deliveries(DeliveryState.FAILED),
            skipped_count=_deliveries(DeliveryState.SKIPPED),
        )

    @admin.display(description=gettext_lazy("update"))
    def what(self, notification: Notification) -> str:
        return _what(notification)

    @admin.display(description=gettext_lazy("all subscribers found"), boolean=True)
    def is_fanned_out(self, notification: Notification) -> bool:
        return notification.fanned_out_at is not None

    @admin.display(description=gettext_lazy("sent"))
    def sent(self, notification: Notification) -> int:
        return notification.sent_count

    @admin.display(description=gettext_lazy("waiting"))
    def waiting(self, notification: Notification) -> int:
        return notification.waiting_count

    @admin.display(description=gettext_lazy("failed"))
    def failed(self, notification: Notification) -> int:
        return notification.failed_count

    @admin.display(description=gettext_lazy("skipped"))
    def skipped(self, notification: Notification) -> int:
        return notification.skipped_count


def _deliveries(*states: str) -> Coalesce:
    """How many deliveries of a notification are in `states`; counted for the rows of one page only."""
    rows = Delivery.objects.filter(notification=OuterRef("pk"), state__in=states).order_by().values("notification")
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


def _what(notification: Notification) -> str:
    if notification.update is None:
        return str(notification.get_purpose_display())
    return f"{notification.update.incident.title}: {notification.update.get_status_display()}"
