"""One question per component: what does this update say of it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from incidents.choices import ComponentStatus
from incidents.models import Component

NO_GROUP = _("Other components")


class ComponentRows(forms.Form):
    """A form of selects, named component-<id>; "" leaves a component as it is."""

    def __init__(
        self,
        *args: Any,
        said: Mapping[int, str] | None = None,
        is_planned: bool = False,
        is_past: bool = False,
        **kwargs: Any,
    ) -> None:
        """`said` is what the notice says by now of its components; a planned notice speaks of times to come.

        Of the past it is not asked what a component shows now.
        """
        super().__init__(*args, prefix="component", **kwargs)
        self.said = said or {}
        self.is_planned = is_planned
        self.is_past = is_past
        self.components = list(
            Component.objects.public().select_related("group").order_by("group__position", "group", "position", "pk")
        )
        for component in self.components:
            self.fields[str(component.pk)] = forms.ChoiceField(
                label=component.name, required=False, choices=self._choices(component)
            )

    def _choices(self, component: Component) -> list[tuple[str, str]]:
        empty = _("Leave as it is")
        if self.is_past or (self.is_planned and component.pk not in self.said):
            empty = _("Not affected")
        return [("", str(empty)), *_in_order(self.is_planned)]

    def chosen(self) -> dict[int, str]:
        return {int(name): status for name, status in self.cleaned_data.items() if status}

    def groups(self) -> Iterator[tuple[str, list[tuple[Component, forms.BoundField, str]]]]:
        """Per group its components, each with its field and what the notice says of it now."""
        rows: dict[str, list[tuple[Component, forms.BoundField, str]]] = {}
        for component in self.components:
            said = self.said.get(component.pk)
            label = str(ComponentStatus(said).label) if said else ""
            group = component.group.name if component.group else ""
            rows.setdefault(group, []).append((component, self[str(component.pk)], label))
        has_groups = any(rows) and len(rows) > 1
        for group, lines in rows.items():
            yield (group or str(NO_GROUP)) if has_groups or group else "", lines


def _in_order(is_planned: bool) -> list[tuple[str, Any]]:
    """The statuses as staff look for them: maintenance comes first where it is what is being planned."""
    maintenance = ComponentStatus.UNDER_MAINTENANCE
    others = [choice for choice in ComponentStatus.choices if choice[0] != maintenance]
    first = [(maintenance.value, maintenance.label)]
    return first + others if is_planned else others + first
