"""Prepared texts in the admin. What the forms say goes through the verbs, rows and all."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents import template_actions
from incidents.admin.access import guarded_by
from incidents.board import notice_url, start_url
from incidents.choices import TEMPLATE_STATUSES, DataStatement, IncidentStatus, TemplateKind
from incidents.forms.fields import LineField, MarkdownField
from incidents.forms.notices import DATA_AHEAD, DATA_AT_OPENING, DATA_AT_THE_END
from incidents.models import Component, Incident, IncidentTemplate, TemplateComponent, TemplateEffect
from incidents.placeholders import KNOWN
from incidents.prepared import FIELDS, Prepared, prepared_from
from incidents.roles import may_change_templates
from incidents.values import NOTICE_TEXTS, EffectLine

TEXT_ROWS = {"body": 9, **dict.fromkeys(NOTICE_TEXTS, 3)}
ABOUT_KINDS = {
    TemplateKind.INCIDENT: gettext_lazy("Begins the screen “Open an incident”."),
    TemplateKind.MAINTENANCE: gettext_lazy("Begins the screen “Schedule maintenance”."),
    TemplateKind.UPDATE: gettext_lazy("Begins an update, an all-clear, a cancellation or a move."),
}
DATA_CHOICES = {
    TemplateKind.INCIDENT: DATA_AT_OPENING,
    TemplateKind.MAINTENANCE: DATA_AHEAD,
    TemplateKind.UPDATE: DATA_AT_THE_END,
}
SAYS = {
    TemplateKind.INCIDENT: ("title", "status", "body", "next_update_minutes", "notify"),
    TemplateKind.MAINTENANCE: ("title", "body", "notify"),
    TemplateKind.UPDATE: ("status", "body", "next_update_minutes", "notify", "data_statement"),
}
BESIDES = ("data_statement", "advice_before", "advice_during", "advice_after", "reason")
LENGTHS = ("work_minutes", "avoid_before_minutes", "avoid_after_minutes")


class TemplateForm(ModelForm):
    """The fields of one kind of template; the kind itself is settled before the form is shown."""

    kind = TemplateKind.INCIDENT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = TemplateKind(self.instance.kind or self.kind)
        self.instance.kind = kind
        if "status" in self.fields:
            statuses = [(s.value, s.label) for s in IncidentStatus if s in TEMPLATE_STATUSES[kind]]
            self.fields["status"] = forms.ChoiceField(
                label=_("Status"),
                required=False,
                choices=[("", _("As the screen has it")), *statuses],
                help_text=self._about_status(kind),
            )
        if "data_statement" in self.fields:
            ours = dict(DATA_CHOICES[kind])
            choices = [(value, label) for value, label in DataStatement.choices if value in ours]
            self.fields["data_statement"] = forms.ChoiceField(
                label=_("Customers’ data"), required=False, choices=[("", _("Say nothing of it")), *choices]
            )

    @staticmethod
    def _about_status(kind: TemplateKind) -> str:
        if kind != TemplateKind.UPDATE:
            return ""
        return _("It is offered where an update may carry this status: “Completed” in an all-clear, for example.")

    def clean(self) -> None:
        super().clean()
        others = IncidentTemplate.objects.filter(kind=self.instance.kind, name=self.cleaned_data.get("name", ""))
        if others.exclude(pk=self.instance.pk).exists():
            self.add_error("name", _("There is a template of this name already."))


class TemplateRows(admin.StackedInline):
    """Rows that whoever may change the template may change with it. Stacked: Django labels no cell of a table."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("incidents.view_incidenttemplate")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change_templates(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change_templates(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change_templates(request.user)


class EffectRows(TemplateRows):
    model = TemplateEffect
    fields = (("function", "level", "note"),)
    extra = 2
    max_num = 40

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in ("function", "note"):
            return _line(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class ComponentRows(TemplateRows):
    model = TemplateComponent
    fields = (("component", "status"),)
    extra = 2

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(
            db_field, request, **{**kwargs, "queryset": Component.objects.public().order_by("position", "pk")}
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "component" and hasattr(field.widget, "can_add_related"):
            for act in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{act}_related", False)
        return field


@admin.register(IncidentTemplate)
class IncidentTemplateAdmin(admin.ModelAdmin):
    form = TemplateForm
    change_form_template = "admin/incidents/template_form.html"
    list_display = ("name", "kind", "status_word", "is_in_use", "uses", "position", "begin")
    list_filter = ("kind", "is_in_use")
    search_fields = ("name", "title", "body")
    actions = ("put_in_use", "take_out_of_use", "duplicate")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("from-notice/<int:pk>/", save_notice_as_template, name="incidents_incidenttemplate_from_notice"),
            *super().get_urls(),
        ]

    def get_inlines(self, request: HttpRequest, obj: IncidentTemplate | None) -> list[type]:
        return [ComponentRows] if self._kind(request, obj) == TemplateKind.UPDATE else [ComponentRows, EffectRows]

    def get_fieldsets(self, request: HttpRequest, obj: IncidentTemplate | None = None) -> list[tuple[Any, dict]]:
        kind = self._kind(request, obj)
        sets = [
            (None, {"fields": ("name", "position", "is_in_use"), "description": ABOUT_KINDS[kind]}),
            (_("What it says"), {"fields": SAYS[kind]}),
        ]
        if kind == TemplateKind.MAINTENANCE:
            about = _("The end of the work and the avoid window then follow from the start, where nobody types them.")
            sets.append((_("How long it takes"), {"fields": LENGTHS, "description": about}))
        if kind != TemplateKind.UPDATE:
            sets.append((_("Data, advice and reason"), {"fields": BESIDES}))
        return sets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"kind": self._kind(request, obj)})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in TEXT_ROWS:
            return MarkdownField(label=capfirst(db_field.verbose_name), required=False, rows=TEXT_ROWS[db_field.name])
        if db_field.name in ("name", "title"):
            return _line(db_field)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str]:
        return {}  # nothing but the kind is taken from the address

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if request.GET.get("kind") in TemplateKind.values or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        kinds = [(kind.value, kind.label, ABOUT_KINDS[kind]) for kind in TemplateKind]
        context = {**self.admin_site.each_context(request), "title": _("What is it to begin?"), "kinds": kinds}
        return render(request, "admin/incidents/template_kind.html", context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        known = [(f"(({name}))", words) for name, words in KNOWN.items()]
        extra = {"known": known, "start_url": "", **(extra_context or {})}
        template = self.get_object(request, object_id) if object_id else None
        if template:
            kind = TemplateKind(template.kind)
            extra |= {"title": f"{kind.label}: {template.name}", "subtitle": None, "start_url": start_url(template)}
        try:
            return super().changeform_view(request, object_id, form_url, extra)
        except ValidationError as problem:
            # A colleague deleted it, or took its name, after the form was checked.
            messages.error(request, " ".join(problem.messages))
            return HttpResponseRedirect(reverse("admin:incidents_incidenttemplate_changelist"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: IncidentTemplate, form: ModelForm, change: bool) -> None:
        """Nothing yet: the verb writes the template and its rows at once, in `save_related`."""

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        template = form.instance
        components, effects = self._rows(formsets)
        saved = template_actions.save_template(
            Prepared(
                **{name: getattr(template, name) for name in FIELDS},
                effects=[EffectLine(row["function"], row["level"], row["note"]) for row in effects],
                components={row["component"].pk: row["status"] for row in components},
            ),
            actor=request.user,
            template=template if change else None,
            position=template.position,
            is_in_use=template.is_in_use,
        )
        template.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: IncidentTemplate) -> None:
        template_actions.delete_template(obj, actor=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for template in queryset:
            template_actions.delete_template(template, actor=request.user)

    # Our own audit holds what was done; Django's log would say it again.
    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return []

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None: ...

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None: ...

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None: ...

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        template = self.get_object(request, object_id)
        about = urlencode({"q": template.name}) if template else ""
        return HttpResponseRedirect(f"{reverse('admin:incidents_change_changelist')}?{about}")

    @admin.action(description=gettext_lazy("Offer on the screens"), permissions=["change"])
    def put_in_use(self, request: HttpRequest, chosen: QuerySet) -> None:
        for template in chosen:
            template_actions.use_template(template, True, actor=request.user)

    @admin.action(description=gettext_lazy("Offer no longer"), permissions=["change"])
    def take_out_of_use(self, request: HttpRequest, chosen: QuerySet) -> None:
        for template in chosen:
            template_actions.use_template(template, False, actor=request.user)

    @admin.action(description=gettext_lazy("Duplicate"), permissions=["add"])
    def duplicate(self, request: HttpRequest, chosen: QuerySet) -> HttpResponse | None:
        copies = [template_actions.duplicate_template(template, actor=request.user) for template in chosen]
        messages.success(request, _("Copied. A copy is offered once you put it in use."))
        if len(copies) == 1:
            return HttpResponseRedirect(_change_url(copies[0]))
        return None

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_word(self, template: IncidentTemplate) -> str:
        return template.get_status_display() if template.status else "–"

    @admin.display(description=gettext_lazy("begin"), empty_value="")
    def begin(self, template: IncidentTemplate) -> str:
        url = start_url(template) if template.is_in_use else ""
        return format_html('<a href="{}">{}</a>', url, _("Begin with it")) if url else ""

    def _kind(self, request: HttpRequest, obj: IncidentTemplate | None) -> TemplateKind:
        kind = obj.kind if obj else request.GET.get("kind", "")
        return TemplateKind(kind) if kind in TemplateKind.values else TemplateKind.INCIDENT

    @staticmethod
    def _rows(formsets: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of components and of effects that are to stay, as typed."""
        rows: dict[type, list[dict[str, Any]]] = {TemplateComponent: [], TemplateEffect: []}
        for formset in formsets:
            for form in formset.forms:
                is_row = form.cleaned_data and (form.instance.pk or form.has_changed())
                if is_row and not form.cleaned_data.get("DELETE"):
                    rows[formset.model].append(form.cleaned_data)
        return rows[TemplateComponent], rows[TemplateEffect]


class NameForm(forms.Form):
    name = LineField(label=gettext_lazy("Name of the template"), limit=template_actions.NAME_LENGTH)


@guarded_by(may_change_templates)
def save_notice_as_template(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Incident, pk=pk)
    form = NameForm(request.POST or None, initial={"name": notice.title[: template_actions.NAME_LENGTH]})
    if request.method == "POST" and form.is_valid():
        try:
            prepared = prepared_from(notice, name=form.cleaned_data["name"])
            template = template_actions.save_template(prepared, actor=request.user)
        except ValidationError as problem:
            for name, words in problem.message_dict.items():
                form.add_error(name if name in form.fields else None, words)
        else:
            messages.success(request, _("Kept. Now put ((so)) in the place of whatever differs each time."))
            return HttpResponseRedirect(_change_url(template))
    context = {
        **admin.site.each_context(request),
        "title": _("Save as a template"),
        "form": form,
        "notice": notice,
        "notice_url": notice_url(notice),
    }
    return render(request, "admin/incidents/template_from_notice.html", context)


def _change_url(template: IncidentTemplate) -> str:
    return reverse("admin:incidents_incidenttemplate_change", args=[template.pk])


def _line(db_field: Any) -> LineField:
    return LineField(
        label=capfirst(db_field.verbose_name),
        required=not db_field.blank,
        limit=db_field.max_length,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
