"""The rows of a notice: effects per function, and links to other notices. A row left empty is no row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from incidents.choices import EffectLevel, LinkKind
from incidents.forms.fields import LineField
from incidents.models import Incident
from incidents.values import EffectLine, LinkTo

SPARE_EFFECTS = 3
MAX_LINES = 40
OFFERED_NOTICES = 200


class EffectForm(forms.Form):
    function = LineField(
        label=_("Function"),
        required=False,
        widget=forms.TextInput(attrs={"list": "functions", "autocomplete": "off"}),
    )
    level = forms.ChoiceField(label=_("What happens to it"), required=False, choices=[("", "—"), *EffectLevel.choices])
    note = LineField(label=_("Note"), required=False, limit=300)

    def clean(self) -> None:
        function, level, note = (self.cleaned_data.get(name) for name in ("function", "level", "note"))
        if function and not level and "level" not in self.errors:
            self.add_error("level", _("Say what happens to it."))
        if (level or note) and not function and "function" not in self.errors:
            self.add_error("function", _("Say which function, or empty the whole row."))


class LinkForm(forms.Form):
    kind = forms.ChoiceField(label=_("This notice is"), required=False, choices=[("", "—"), *LinkKind.choices])
    target = forms.TypedChoiceField(label=_("that notice"), required=False, coerce=int, empty_value=None)

    def __init__(self, *args: Any, notices: Sequence[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].choices = [("", "—"), *notices]

    def clean(self) -> None:
        kind, target = self.cleaned_data.get("kind"), self.cleaned_data.get("target")
        if target and not kind and "kind" not in self.errors:
            self.add_error("kind", _("Say how the two belong together."))
        if kind and not target and "target" not in self.errors:
            self.add_error("target", _("Choose the other notice."))


EffectRows = forms.formset_factory(
    EffectForm, extra=SPARE_EFFECTS, max_num=MAX_LINES, absolute_max=MAX_LINES + 10, validate_max=True
)
LinkRows = forms.formset_factory(LinkForm, extra=1, max_num=MAX_LINES, absolute_max=MAX_LINES + 10, validate_max=True)


def effect_rows(notice: Incident | None, data: Any, *, prepared: Sequence[dict[str, str]] = ()) -> forms.BaseFormSet:
    """The rows of `notice`. A new one begins with those `prepared`; what comes back is not compared with them."""
    new = prepared if data is None else ()
    rows = list(notice.effects.values("function", "level", "note")) if notice else list(new)
    return EffectRows(data, prefix="effects", initial=rows)


def link_rows(notice: Incident | None, data: Any) -> forms.BaseFormSet:
    rows = list(notice.links_out.values("kind", "target").order_by("pk")) if notice else []
    linked = [row["target"] for row in rows]
    return LinkRows(
        data,
        prefix="links",
        initial=rows,
        form_kwargs={"notices": _offered(notice, linked), "use_required_attribute": False},
    )


def effects_of(rows: forms.BaseFormSet) -> list[EffectLine]:
    return [EffectLine(**row) for row in _filled(rows) if row["function"]]


def links_of(rows: forms.BaseFormSet) -> list[LinkTo]:
    links = [LinkTo(row["target"], row["kind"]) for row in _filled(rows) if row["target"]]
    return list(dict.fromkeys(links))


def _filled(rows: forms.BaseFormSet) -> list[dict[str, Any]]:
    return [row.cleaned_data for row in rows if row.cleaned_data]


def _offered(notice: Incident | None, linked: Sequence[int]) -> list[tuple[int, str]]:
    others = Incident.objects.public().exclude(pk=notice.pk if notice else None)
    newest = others.order_by("-started_at", "-pk")[:OFFERED_NOTICES]
    offered = {other.pk: other for other in newest}
    offered |= {other.pk: other for other in others.filter(pk__in=set(linked) - set(offered))}
    return [(pk, _dated(other)) for pk, other in offered.items()]


def _dated(notice: Incident) -> str:
    day = (notice.work_starts_at or notice.started_at).astimezone(notice.zone)
    return f"{notice.title} ({date_format(day, 'j M Y', use_l10n=False)})"
