"""The page, its groups and its components. Every save goes through the verbs."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents import component_actions
from incidents.admin.compose import PREVIEW_CSP
from incidents.forms.brand import PAGE_FIELDS, SECTIONS, BrandForm
from incidents.forms.fields import LeadsField, LineField, ZoneField, zone_names
from incidents.forms.tongues import name_in, text_field, texts_of
from incidents.languages import name_of, offered_languages
from incidents.models import Component, ComponentGroup, Page
from incidents.rehearsal import preview_look, rehearsal
from incidents.translations import PART_FIELDS, find, words_of

# Its page has style sheets written into it that nobody serves yet.
LOOK_CSP = {**PREVIEW_CSP, "style-src": [SELF, UNSAFE_INLINE, "data:"]}


class PageForm(BrandForm):
    name = LineField(label=gettext_lazy("Name"), limit=100)
    description = LineField(label=gettext_lazy("Description"), limit=300, required=False)
    time_zone = ZoneField(
        label=gettext_lazy("Time zone"), help_text=gettext_lazy("Times without a zone of their own are shown in it.")
    )
    support_url = forms.URLField(label=gettext_lazy("Support address"), required=False, assume_scheme="https")
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), help_text=gettext_lazy("The one that you write notices in.")
    )
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Further languages"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "The page is shown in these too, each at an address of its own, such as /nl. Notices can be translated; "
            "where they are not, the original is shown. A change renders the whole page anew."
        ),
    )
    reminders = LeadsField(
        label=gettext_lazy("Reminders of maintenance"),
        help_text=gettext_lazy(
            "How long before the work subscribers are reminded, such as: 7 days, 24 hours, 1 hour. Empty: not at all. "
            "A new maintenance begins with these; those that exist keep their own."
        ),
    )

    class Meta:
        model = Page
        fields = (
            *("name", "description", "time_zone", "language", "languages"),
            *("support_url", "reminders", "needs_review"),
            *PAGE_FIELDS,
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = offered_languages(self.instance.language)
        # One that was chosen and is no longer offered can still be taken off.
        self.fields["languages"].choices = offered_languages(self.instance.language, first=self.instance.languages)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        kept = [code for code in self.cleaned_data.get("languages", ()) if code != self.cleaned_data.get("language")]
        self.cleaned_data["languages"] = kept
        return cleaned


class NamedForm(ModelForm):
    name = LineField(label=gettext_lazy("Name"), limit=100)
    description = LineField(label=gettext_lazy("Description"), limit=300, required=False)

    def translations(self) -> dict[str, dict[str, str]] | None:
        return texts_of(self, PART_FIELDS)


class PartAdmin(admin.ModelAdmin):
    """A part of the page: saved by a verb, never deleted."""

    change_form_template = "admin/incidents/part.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if change and not form.changed_data:
            return
        translations = form.translations() if isinstance(form, NamedForm) else None
        own = {field.name for field in obj._meta.fields}
        changed = [name for name in form.changed_data if name in own] if change else None
        component_actions.save_page_part(obj, actor=request.user, changed=changed, translations=translations)


class NamedAdmin(PartAdmin):
    """A part whose name and description can be translated: its form has fields for each further language."""

    form = NamedForm

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        words = words_of(obj) if obj else ()
        fields: dict[str, forms.Field] = {}
        for language in Page.objects.current().languages:
            for name in PART_FIELDS:
                label = str(NamedForm.base_fields[name].label)
                label = _("%(label)s, in %(language)s") % {"label": label, "language": name_of(language)}
                field = text_field(name, label, language)
                field.initial = known.text if (known := find(words, language, name)) else ""
                fields[name_in(name, language)] = field
        form = type("TranslatedForm", (NamedForm,), fields)
        return super().get_form(request, obj, change=change, **{"form": form, **kwargs})

    def translated_fields(self) -> list[str]:
        return [name_in(name, code) for code in Page.objects.current().languages for name in PART_FIELDS]


@admin.register(Page)
class PageAdmin(PartAdmin):
    form = PageForm
    change_form_template = "admin/incidents/page_form.html"
    readonly_fields = ("address",)
    fieldsets = (
        (
            gettext_lazy("Name and language"),
            {"fields": ("name", "description", "address", "language", "languages", "time_zone", "support_url")},
        ),
        *SECTIONS,
        (gettext_lazy("Notices"), {"fields": ("reminders", "needs_review")}),
    )

    @admin.display(description=gettext_lazy("Address"))
    def address(self, page: Page) -> str:
        return format_html(
            '<a href="{0}/">{0}</a><br><span class="help">{1}</span>',
            settings.PUBLIC_URL,
            _("Set on the server, as PUBLIC_URL. docs/operations.md has the steps to a domain of your own."),
        )

    def get_urls(self) -> list[URLPattern]:
        preview = path("preview/", self.admin_site.admin_view(self.preview), name="incidents_page_preview")
        return [preview, *super().get_urls()]

    @method_decorator(csp_replace(LOOK_CSP))
    def preview(self, request: HttpRequest) -> HttpResponse:
        """The page as it would look. What the form says is saved in a transaction that is then rolled back."""
        page = Page.objects.current()
        if not self.has_change_permission(request, page):
            raise PermissionDenied
        context: dict[str, Any] = {"screen_path": reverse("admin:incidents_page_change", args=[page.pk])}
        if request.method == "POST":
            form = PageForm(request.POST, request.FILES, instance=page)
            context["form"] = form
            if form.is_valid():
                with rehearsal():
                    form.act(request.user)
                    context["panes"] = preview_look()
        return render(request, "admin/incidents/preview.html", context)

    def save_model(self, request: HttpRequest, obj: Page, form: PageForm, change: bool) -> None:
        form.act(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        page = Page.objects.current()
        return HttpResponseRedirect(reverse("admin:incidents_page_change", args=[page.pk]))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        Page.objects.current()
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "zones": zone_names()})


@admin.register(ComponentGroup)
class ComponentGroupAdmin(NamedAdmin):
    list_display = ("name", "component_count", "position")
    search_fields = ("name",)
    actions = None

    def get_fields(self, request: HttpRequest, obj: ComponentGroup | None = None) -> list[str]:
        return ["name", "description", *self.translated_fields(), "position"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        on_page = Q(components__archived_at=None)
        return super().get_queryset(request).annotate(on_page=Count("components", filter=on_page))

    @admin.display(description=gettext_lazy("components"), ordering="on_page")
    def component_count(self, group: ComponentGroup) -> int:
        return group.on_page  # type: ignore[attr-defined]


class OnPageFilter(admin.SimpleListFilter):
    title = gettext_lazy("place")
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("archived", _("Archived"))]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": _("On the page")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.exclude(archived_at=None) if self.value() == "archived" else queryset.public()


@admin.register(Component)
class ComponentAdmin(NamedAdmin):
    list_display = ("name", "group", "shown", "status", "position")
    list_filter = (OnPageFilter, "group")
    list_select_related = ("group",)
    search_fields = ("name",)
    actions = ("archive",)
    ordering = ("group__position", "group", "position", "pk")

    def get_fields(self, request: HttpRequest, obj: Component | None = None) -> list[str]:
        fields = ["name", "group", "description", *self.translated_fields()]
        fields += ["position", "start_date", "only_show_if_degraded"]
        return ["status", *fields] if obj else fields

    def save_model(self, request: HttpRequest, obj: Component, form: ModelForm, change: bool) -> None:
        if change and "status" in form.changed_data:
            component_actions.set_component_status(obj, obj.status, actor=request.user)
            form.changed_data.remove("status")
        super().save_model(request, obj, form, change)

    @admin.action(description=gettext_lazy("Archive: take off the page, keep in old notices"), permissions=["change"])
    def archive(self, request: HttpRequest, chosen: QuerySet) -> None:
        for component in chosen.public():
            try:
                component_actions.archive_component(component, actor=request.user)
            except ValidationError as problem:
                messages.error(request, f"{component}: {' '.join(problem.messages)}")
            else:
                messages.success(request, _("%(name)s is archived.") % {"name": component})

    @admin.display(description=gettext_lazy("shown now"), ordering="shown_status")
    def shown(self, component: Component) -> str:
        return format_html(
            '<span class="status status-{}">{}</span>', component.shown_status, component.get_shown_status_display()
        )
