"""What a subscriber fills in. Nothing typed is lost: a refused form comes back as it was sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from incidents.choices import ComponentStatus
from incidents.models import Component, ComponentGroup
from subscriptions.addresses import read_address
from subscriptions.models import Subscriber

ALL = "all"
SOME = "some"


@dataclass(frozen=True)
class Leaf:
    code: str
    name: str
    is_chosen: bool


@dataclass(frozen=True)
class Branch:
    """One group with its components; without a code: the components that are in no group."""

    code: str
    name: str
    is_chosen: bool
    leaves: list[Leaf]


class ChoicesForm(forms.Form):
    """What to hear of: everything, or some components and groups, by their codes."""

    scope = forms.ChoiceField(choices=[(ALL, _("Everything")), (SOME, _("Only what I choose"))], required=False)
    components = forms.MultipleChoiceField(required=False)
    groups = forms.MultipleChoiceField(required=False)

    def __init__(self, data: Any = None, *, subscriber: Subscriber | None = None) -> None:
        chosen = Component.objects.none()
        initial: dict[str, Any] = {"scope": ALL}
        if subscriber is not None:
            chosen = subscriber.components.all()
            initial = {
                "scope": ALL if subscriber.all_components else SOME,
                "components": [component.code for component in chosen],
                "groups": [group.code for group in subscriber.groups.all()],
            }
        super().__init__(data, initial=initial)
        self.known_components = {component.code: component for component in _offered(chosen)}
        self.known_groups = {group.code: group for group in ComponentGroup.objects.all()}
        gone = _("Something you chose is no longer on this page. Please choose again.")
        for field, known in (("components", self.known_components), ("groups", self.known_groups)):
            self.fields[field].choices = [(code, code) for code in known]
            self.fields[field].error_messages["invalid_choice"] = gone

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            return data
        scope = data["scope"] or (SOME if data["components"] or data["groups"] else ALL)
        if scope == SOME and not data["components"] and not data["groups"]:
            raise ValidationError(_("Choose at least one, or everything."), code="nothing_chosen")
        return data | {"scope": scope}

    def choices(self) -> dict[str, Any]:
        """The keywords that the verbs of consent take."""
        return {
            "all_components": self.cleaned_data["scope"] == ALL,
            "components": [self.known_components[code] for code in self.cleaned_data["components"]],
            "groups": [self.known_groups[code] for code in self.cleaned_data["groups"]],
        }

    def choice_errors(self) -> list[str]:
        """What is wrong with the choice, each thing once."""
        found = [
            *self.non_field_errors(),
            *(e for name in ("scope", "components", "groups") for e in self[name].errors),
        ]
        return list(dict.fromkeys(map(str, found)))

    def is_some(self) -> bool:
        return self["scope"].value() == SOME

    def branches(self) -> list[Branch]:
        """What can be chosen, as it stands on the page."""
        chosen = set(self["components"].value() or [])
        chosen_groups = set(self["groups"].value() or [])
        leaves: dict[int | None, list[Leaf]] = {}
        for code, component in self.known_components.items():
            leaves.setdefault(component.group_id, []).append(Leaf(code, component.name, code in chosen))
        branches = [
            Branch(code, group.name, code in chosen_groups, leaves.get(group.pk, []))
            for code, group in self.known_groups.items()
        ]
        loose = leaves.get(None, [])
        return branches + ([Branch("", "", False, loose)] if loose else [])


class SubscribeForm(ChoicesForm):
    email = forms.CharField(error_messages={"required": _("Write your e-mail address here.")})

    def clean_email(self) -> str:
        return read_address(self.cleaned_data["email"]).endpoint


class ManageLinkForm(forms.Form):
    email = SubscribeForm.base_fields["email"]

    def clean_email(self) -> str:
        return read_address(self.cleaned_data["email"]).endpoint


def _offered(chosen: Iterable[Component]) -> Iterable[Component]:
    """What stands on the page now, and what was chosen while it did."""
    hidden = Q(only_show_if_degraded=True, shown_status=ComponentStatus.OPERATIONAL)
    return Component.objects.public().filter(~hidden | Q(pk__in=[component.pk for component in chosen]))
