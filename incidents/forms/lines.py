"""The rows of a notice: effects per function, and links to other notices. A row left empty is no row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from incidents.choices import EffectLevel, LinkKind
from incidents.forms.fields import LineField, id_or_none
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


@dataclass(frozen=True)
class OfferedNotice:
    """A notice that can be linked to: the group it is listed in, and the ids of the components it affects."""

    pk: int
    label: str
    group: str
    home: str  # its group apart from shared components
    components: frozenset[int]


class NoticeSelect(forms.Select):
    """A list of notices that tells a script what each is about, so that it can bring forward what is shared."""

    def __init__(self, offered: Iterable[OfferedNotice] = (), known: Iterable[int] = ()) -> None:
        super().__init__(attrs={"data-known": " ".join(map(str, known))})
        self.offered = {notice.pk: (place, notice) for place, notice in enumerate(offered)}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if value in self.offered:
            place, notice = self.offered[value]
            components = " ".join(map(str, sorted(notice.components)))
            option["attrs"] |= {"data-place": place, "data-home": notice.home, "data-components": components}
        return option


class LinkForm(forms.Form):
    kind = forms.ChoiceField(label=_("This notice is"), required=False, choices=[("", "—"), *LinkKind.choices])
    target = forms.TypedChoiceField(label=_("that notice"), required=False, coerce=int, empty_value=None)

    def __init__(
        self, *args: Any, notices: Sequence[OfferedNotice] = (), known: Iterable[int] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        groups: dict[str, list[tuple[int, str]]] = {}
        for notice in notices:
            groups.setdefault(notice.group, []).append((notice.pk, notice.label))
        self.fields["target"].widget = NoticeSelect(notices, known)
        self.fields["target"].choices = [("", "—"), *groups.items()]

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
    known = _components(notice, data)
    return LinkRows(
        data,
        prefix="links",
        initial=rows,
        form_kwargs={
            "notices": _offered(notice, linked, known),
            "known": sorted(known),
            "use_required_attribute": False,
        },
    )


def effects_of(rows: forms.BaseFormSet) -> list[EffectLine]:
    return [EffectLine(**row) for row in _filled(rows) if row["function"]]


def links_of(rows: forms.BaseFormSet) -> list[LinkTo]:
    links = [LinkTo(row["target"], row["kind"]) for row in _filled(rows) if row["target"]]
    return list(dict.fromkeys(links))


def _filled(rows: forms.BaseFormSet) -> list[dict[str, Any]]:
    return [row.cleaned_data for row in rows if row.cleaned_data]


def _components(notice: Incident | None, data: Mapping[str, str] | None) -> set[int]:
    """The components that the notice affects, or that were chosen on the form that came in."""
    known = set(notice.affected.values_list("component_id", flat=True)) if notice else set()
    chosen = [name.removeprefix("component-") for name, value in (data or {}).items() if value]
    return known | {pk for pk in map(id_or_none, chosen) if pk is not None}


def _offered(notice: Incident | None, linked: Sequence[int], known: set[int]) -> list[OfferedNotice]:
    """The newest notices: first those on the same components, then what is open, then the others."""
    others = Incident.objects.public().exclude(pk=notice.pk if notice else None).prefetch_related("affected")
    newest = list(others.order_by("-started_at", "-pk")[:OFFERED_NOTICES])
    missing = set(linked) - {other.pk for other in newest}
    found = newest + (list(others.filter(pk__in=missing)) if missing else [])
    shared, still_open, over = str(_("On the same components")), str(_("Open now")), str(_("Earlier"))
    offered = []
    for other in sorted(found, key=lambda other: not other.is_open):  # stable: the newest stay first
        components = frozenset(line.component_id for line in other.affected.all())
        home = still_open if other.is_open else over
        offered.append(OfferedNotice(other.pk, _dated(other), shared if components & known else home, home, components))
    return sorted(offered, key=lambda one: one.group != shared)


def _dated(notice: Incident) -> str:
    day = (notice.work_starts_at or notice.started_at).astimezone(notice.zone)
    return f"{notice.title} ({date_format(day, 'j M Y', use_l10n=False)})"
