"""Subscribers and deliveries, as staff see them. Consent is the subscribers' own: staff may ask for it, or end it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from incidents import history
from incidents.models import Component, Page
from subscriptions import consent
from subscriptions.addresses import read_address
from subscriptions.admin.lists import list_urls, may_export
from subscriptions.choices import QuarantineCause, SubscriberState
from subscriptions.erasing import erase
from subscriptions.models import Subscriber
from subscriptions.person import choices_in_words, consent_events, deliveries_of, hears_of, told
from subscriptions.quarantine import release

DELIVERIES_PER_PAGE = 50


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
    change_form_template = "subscriptions/admin/subscriber.html"
    change_list_template = "subscriptions/admin/subscribers.html"
    list_display = ["endpoint", "state", "hears_of", "created_at", "confirmed_at"]
    list_filter = ["state", "quarantine_cause", "all_components"]
    search_fields = ["endpoint"]
    ordering = ["-pk"]
    show_full_result_count = False
    actions = ["unsubscribe", "release"]
    fieldsets = [
        (None, {"fields": ["endpoint", "state", "choices", "language", "time_zone"]}),
    ]
    readonly_fields = ["choices"]

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
        _note(request, "invite_subscriber", [subscriber.code])

    def save_related(self, request: HttpRequest, form: InvitationForm, formsets: Any, change: bool) -> None:
        """What was chosen is kept by the verb already, where it may be."""

    def response_add(self, request: HttpRequest, obj: Subscriber, post_url_continue: str | None = None) -> HttpResponse:
        if obj.state == SubscriberState.ACTIVE:
            text = _("%(address)s is subscribed already. It gets a link to change its choices, and stays as it is.")
        else:
            text = _("%(address)s is asked to confirm, unless it was asked today already. Until then it hears nothing.")
        self.message_user(request, text % {"address": obj.endpoint}, messages.SUCCESS)
        return self.response_post_save_add(request, obj)

    def get_urls(self) -> list[URLPattern]:
        return [*list_urls(self.admin_site), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"may_export": may_export(request.user), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscriber = self.get_object(request, object_id)
        history: dict[str, Any] = {}
        if subscriber is not None and self.has_view_permission(request, subscriber):
            page = Paginator(deliveries_of(subscriber), DELIVERIES_PER_PAGE).get_page(request.GET.get("p"))
            deliveries = [(delivery, told(delivery.notification)) for delivery in page]
            history = {"events": consent_events(subscriber), "page": page, "deliveries": deliveries}
        return super().change_view(request, object_id, form_url, {**history, **(extra_context or {})})

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who is erased is erased with all deliveries, which nobody may delete by themselves."""
        objects, counts, _permissions_needed, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Subscriber) -> None:
        _note(request, "erase_subscriber", [obj.code])
        erase(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        for subscriber in queryset:
            self.delete_model(request, subscriber)

    @admin.display(description=gettext_lazy("hears of"))
    def hears_of(self, subscriber: Subscriber) -> str:
        return hears_of(subscriber)

    @admin.display(description=gettext_lazy("hears of"))
    def choices(self, subscriber: Subscriber) -> SafeString:
        words = ((sentence,) for sentence in choices_in_words(subscriber))
        return format_html_join("", "<span class='choice'>{}</span>", words)

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
        _note(request, "unsubscribe", [subscriber.code for subscriber in gone])
        text = ngettext(
            "%(count)d subscriber hears nothing more.", "%(count)d subscribers hear nothing more.", len(gone)
        )
        self.message_user(request, text % {"count": len(gone)}, messages.SUCCESS)
        return None

    @admin.action(description=gettext_lazy("Take the selected out of quarantine"), permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        released = [subscriber for subscriber in queryset if release(subscriber)]
        LogEntry.objects.log_actions(request.user.pk, released, CHANGE, "Taken out of quarantine.")
        if released:
            _note(request, "release", [subscriber.code for subscriber in released])
        text = ngettext(
            "%(count)d subscriber stands where it stood before the quarantine.",
            "%(count)d subscribers stand where they stood before the quarantine.",
            len(released),
        )
        self.message_user(request, text % {"count": len(released)}, messages.SUCCESS if released else messages.WARNING)
        if queryset.filter(quarantine_cause=QuarantineCause.COMPLAINT).exists():
            text = _("Whoever reported our mail as spam stays in quarantine, and can come back by subscribing anew.")
            self.message_user(request, text, messages.WARNING)


def _note(request: HttpRequest, verb: str, codes: list[str]) -> None:
    """By the subscribers' codes: the audit outlives an erasure, and must not hold the address."""
    history.note(
        verb=verb,
        actor=request.user,
        subject=ngettext("%(count)d subscriber", "%(count)d subscribers", len(codes)) % {"count": len(codes)},
        at=timezone.now(),
        after={"codes": "\n".join(codes)},
    )
