"""Subscribers as a file: out, and in again by way of a preview."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import ADDITION, CHANGE
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from subscriptions.bell import IMPORT, ring
from subscriptions.choices import SubscriberState
from subscriptions.importing import (
    Sheet,
    announcement_of,
    confirm_import,
    forget_uploads,
    headline_of,
    log_import,
    percent_of,
    plan,
    read_sheet,
    words_of,
)
from subscriptions.models import Subscriber, UploadedList
from subscriptions.sheet import COLUMNS, csv_pieces

REFUSALS_SHOWN = 200
IMPORTS_SHOWN = 10
UNUSED_SHOWN = 10


class ExportForm(forms.Form):
    state = forms.ChoiceField(
        label=gettext_lazy("Which"),
        choices=[("", gettext_lazy("All subscribers")), *SubscriberState.choices],
        required=False,
    )


class UploadForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("CSV file"))

    def clean_file(self) -> UploadedFile:
        """Read once here, so that what cannot be read is refused beside the field."""
        upload = self.cleaned_data["file"]
        self.content = upload.read()
        read_sheet(self.content, now=timezone.now())
        return upload


class ConfirmForm(forms.Form):
    consent = forms.BooleanField(
        label=gettext_lazy(
            "I declare that each of these people has agreed to these mails, at the time that the file gives."
        ),
        error_messages={"required": gettext_lazy("Without this word nobody can be taken as confirmed.")},
    )


def may_export(user: Any) -> bool:
    return user.has_perms(["subscriptions.view_subscriber", "subscriptions.change_subscriber"])


def may_import(user: Any) -> bool:
    return may_export(user) and user.has_perm("subscriptions.add_subscriber")


def list_urls(site: AdminSite) -> list[URLPattern]:
    def lists(request: HttpRequest) -> HttpResponse:
        return _lists(request, site)

    def uploaded(request: HttpRequest, pk: int) -> HttpResponse:
        return _uploaded(request, site, pk)

    def progress(request: HttpRequest, pk: int) -> HttpResponse:
        return _progress(request, pk)

    return [
        path("lists/", site.admin_view(lists), name="subscriptions_lists"),
        path("lists/export/", site.admin_view(_export), name="subscriptions_lists_export"),
        path("lists/<int:pk>/", site.admin_view(uploaded), name="subscriptions_lists_uploaded"),
        path("lists/<int:pk>/progress/", site.admin_view(progress), name="subscriptions_lists_progress"),
        path("lists/<int:pk>/drop/", site.admin_view(_drop), name="subscriptions_lists_drop"),
    ]


def _lists(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Both ways on one screen; a posted file is kept until it is confirmed."""
    if not may_export(request.user):
        raise PermissionDenied
    form = UploadForm()
    if request.method == "POST":
        if not may_import(request.user):
            raise PermissionDenied
        forget_uploads(timezone.now())
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            name = "".join(letter for letter in form.cleaned_data["file"].name if letter.isprintable())[:200]
            upload = UploadedList.objects.create(uploaded_by=request.user, name=name, content=form.content)
            return HttpResponseRedirect(reverse("admin:subscriptions_lists_uploaded", args=[upload.pk]))
    context = {
        "title": _("Export and import"),
        "export_form": ExportForm(),
        "form": form,
        "may_import": may_import(request.user),
        "columns": COLUMNS,
        "imports": _imports_of(request.user),
    }
    return _show(request, site, "lists", context)


def _export(request: HttpRequest) -> HttpResponseBase:
    """By POST, because it is written into the log who took the addresses."""
    if not may_export(request.user):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    state = request.POST.get("state", "")
    subscribers = Subscriber.objects.all()
    if state in SubscriberState.values:
        subscribers = subscribers.filter(state=state)
    log_import(request.user, CHANGE, state or "all", f"Exported {subscribers.count()} subscribers.")
    name = f"subscribers-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(csv_pieces(subscribers), content_type="text/csv; charset=utf-8", headers=headers)


def _uploaded(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponse:
    """What the file would do; and, confirmed, how far that has come."""
    upload = _own_upload(request, pk)
    if upload is None:
        return _gone(request)
    if upload.confirmed_at is not None:
        return _show_import(request, site, upload)
    sheet = read_sheet(bytes(upload.content), now=timezone.now())
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    outcome = plan(sheet, now=timezone.now())
    if request.method == "POST" and (form.is_valid() or not outcome.declared):
        return _confirm(request, upload, sheet, is_consent_declared=bool(form.cleaned_data.get("consent")))
    context = {
        "title": _("Import: %(name)s") % {"name": upload.name},
        "upload": upload,
        "outcome": outcome,
        "shown_refusals": outcome.refusals[:REFUSALS_SHOWN],
        "more_refusals": max(0, len(outcome.refusals) - REFUSALS_SHOWN),
        "unused": sheet.unused_columns[:UNUSED_SHOWN],
        "more_unused": max(0, len(sheet.unused_columns) - UNUSED_SHOWN),
        "form": form,
    }
    return _show(request, site, "uploaded", context)


def _confirm(request: HttpRequest, upload: UploadedList, sheet: Sheet, *, is_consent_declared: bool) -> HttpResponse:
    """Owe the import; the worker carries it out. A second click finds it owed already."""
    if confirm_import(upload, sheet, is_consent_declared=is_consent_declared, now=timezone.now()):
        declared = " Declared that these people have agreed." if is_consent_declared else ""
        log_import(request.user, ADDITION, upload.name, f"Asked for the import.{declared}")
        ring(IMPORT)
    return HttpResponseRedirect(reverse("admin:subscriptions_lists_uploaded", args=[upload.pk]))


def _show_import(request: HttpRequest, site: AdminSite, upload: UploadedList) -> HttpResponse:
    refused = upload.refused_lines.all()[:REFUSALS_SHOWN] if upload.refused else []
    context = {
        "title": _("Import: %(name)s") % {"name": upload.name},
        "upload": upload,
        "words": words_of(upload),
        "percent": percent_of(upload),
        "announcement": announcement_of(upload),
        "shown_refusals": refused,
        "more_refusals": max(0, upload.refused - REFUSALS_SHOWN),
    }
    return _show(request, site, "import", context)


def _progress(request: HttpRequest, pk: int) -> HttpResponse:
    upload = _own_upload(request, pk)
    if upload is None or upload.confirmed_at is None:
        raise Http404
    return JsonResponse(
        {
            "state": "done" if upload.finished_at else "sending",
            "percent": percent_of(upload),
            "isOwed": upload.finished_at is None,
            "hasFailed": bool(upload.refused),
            "announcement": announcement_of(upload),
            "words": words_of(upload),
        }
    )


def _imports_of(user: Any) -> list[tuple[UploadedList, str]]:
    """Their imports under way and of the last day, the newest first, with how far each has come."""
    confirmed = UploadedList.objects.filter(uploaded_by=user, confirmed_at__isnull=False).order_by("-confirmed_at")
    return [(upload, headline_of(upload)) for upload in confirmed.defer("content")[:IMPORTS_SHOWN]]


def _drop(request: HttpRequest, pk: int) -> HttpResponse:
    upload = _own_upload(request, pk)
    if request.method == "POST" and upload is not None and _drop_unconfirmed(upload):
        messages.success(request, _("Nothing was imported, and the file is forgotten."))
    return HttpResponseRedirect(reverse("admin:subscriptions_lists"))


def _drop_unconfirmed(upload: UploadedList) -> bool:
    return UploadedList.objects.filter(pk=upload.pk, confirmed_at__isnull=True).delete()[0] > 0


def _own_upload(request: HttpRequest, pk: int) -> UploadedList | None:
    if not may_import(request.user):
        raise PermissionDenied
    return UploadedList.objects.filter(pk=pk, uploaded_by=request.user).first()


def _gone(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("This file is no longer kept. To import it, upload it again."))
    return HttpResponseRedirect(reverse("admin:subscriptions_lists"))


def _show(request: HttpRequest, site: AdminSite, template: str, context: dict[str, Any]) -> HttpResponse:
    context = {**site.each_context(request), "opts": Subscriber._meta, **context}
    return render(request, f"subscriptions/admin/{template}.html", context)
