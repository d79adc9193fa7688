"""What a subscriber fills in. Nothing typed is lost: a refused form comes back as it was sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from incidents.choices import ComponentStatus
from incidents.languages import offered_languages
from incidents.models import Component, ComponentGroup, Incident, Page, check_zone
from subscriptions import zones
from subscriptions.addresses import read_address
from subscriptions.consent import Preferences
from subscriptions.models import Subscriber

ALL = "all"
SOME = "some"

INCIDENTS = "incidents"
MAINTENANCE = "maintenance"
REMINDERS = "reminders"

EVERY_UPDATE = "every"
START_AND_END = "start-and-end"

# Open notices that are offered to be followed, the newest.
NOTICES_OFFERED = 20


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


@dataclass(frozen=True)
class ZoneChoice:
    page_zone: zones.Zone
    chosen: zones.Zone | None
    regions: list[zones.Region]


class ChoicesForm(forms.Form):
    """What to hear of: everything, or some components and groups, by their codes; kinds, detail, zone and language."""

    scope = forms.ChoiceField(choices=[(ALL, _("Everything")), (SOME, _("Only what I choose"))])
    components = forms.MultipleChoiceField(required=False)
    groups = forms.MultipleChoiceField(required=False)
    notices = forms.MultipleChoiceField(required=False)
    kinds = forms.MultipleChoiceField(
        choices=[
            (INCIDENTS, _("Incidents")),
            (MAINTENANCE, _("Planned maintenance")),
            (REMINDERS, _("A reminder before it begins")),
        ],
        required=False,
    )
    detail = forms.ChoiceField(
        choices=[(EVERY_UPDATE, _("Every update")), (START_AND_END, _("Only the start and the end"))]
    )
    time_zone = forms.CharField(required=False, max_length=64, validators=[check_zone])
    language = forms.ChoiceField()

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        subscriber: Subscriber | None = None,
        notice: Incident | None = None,
        components: Iterable[str] = (),
    ) -> None:
        """`notice` is one that `subscriber` is offered to follow, `components` are those (by their codes) that somebody
        new chose on the page: ticked already."""
        self.known_notices: dict[str, Incident] = {}
        if subscriber is None:
            named = set(components if data is None else data.getlist("components"))
            chosen = [component for component in Component.objects.public() if component.code in named]
            initial = _usual()
            if data is None and chosen:
                initial |= {"scope": SOME, "components": [component.code for component in chosen]}
        else:
            chosen = subscriber.components.all()
            followed = [*subscriber.notices.order_by("-created_at", "-pk"), *([notice] if notice else [])]
            initial = _present(subscriber, chosen, followed)
            newest = Incident.objects.public().open().order_by("-created_at", "-pk")[:NOTICES_OFFERED]
            self.known_notices = {one.code: one for one in (*followed, *newest)}
        super().__init__(None if data is None else _completed(data, initial), initial=initial)
        self.known_components = {component.code: component for component in _offered(chosen)}
        self.known_groups = {group.code: group for group in ComponentGroup.objects.all()}
        gone = _("Something you chose is no longer on this page. Please choose again.")
        known = {"components": self.known_components, "groups": self.known_groups, "notices": self.known_notices}
        for name, offered in known.items():
            self.fields[name].choices = [(code, code) for code in offered]
            self.fields[name].error_messages["invalid_choice"] = gone
        page = Page.objects.current()
        of_the_page = (page.language, *page.languages)
        self.fields["language"].choices = offered_languages(initial["language"], first=of_the_page)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("notices"):
            return data
        if data.get("scope") == SOME and data.get("components") == data.get("groups") == []:
            self.add_error("scope", _("Choose at least one, or everything."))
        if "kinds" in data and not {INCIDENTS, MAINTENANCE} & set(data["kinds"]):
            self.add_error("kinds", _("Choose incidents, maintenance, or both."))
        return data

    def choices(self) -> dict[str, Any]:
        """The keywords that the verbs of consent take, but for single notices."""
        data = self.cleaned_data
        return {
            "all_components": data["scope"] == ALL,
            "components": [self.known_components[code] for code in data["components"]],
            "groups": [self.known_groups[code] for code in data["groups"]],
            "preferences": Preferences(
                hears_incidents=INCIDENTS in data["kinds"],
                hears_maintenance=MAINTENANCE in data["kinds"],
                hears_reminders=REMINDERS in data["kinds"],
                only_start_and_end=data["detail"] == START_AND_END,
                time_zone=data["time_zone"],
            ),
            "language": data["language"],
        }

    def notices_chosen(self) -> list[Incident]:
        return [self.known_notices[code] for code in self.cleaned_data["notices"]]

    def scope_errors(self) -> list[str]:
        """What is wrong with the choice of parts, each thing once."""
        found = [error for name in ("scope", "components", "groups") for error in self[name].errors]
        return list(dict.fromkeys(map(str, found)))

    def is_some(self) -> bool:
        return self["scope"].value() == SOME

    def is_usual(self) -> bool:
        """Whether what most people want is chosen, so that the choices may stay folded."""
        usual = _usual()
        return all(self[name].value() == usual[name] and not self[name].errors for name in usual)

    def branches(self) -> list[Branch]:
        """What can be chosen, as it stands on the page."""
        chosen = set(self["components"].value())
        chosen_groups = set(self["groups"].value())
        leaves: dict[int | None, list[Leaf]] = {}
        for code, component in self.known_components.items():
            leaves.setdefault(component.group_id, []).append(Leaf(code, component.name, code in chosen))
        branches = [
            Branch(code, group.name, code in chosen_groups, leaves.get(group.pk, []))
            for code, group in self.known_groups.items()
        ]
        loose = leaves.get(None, [])
        return branches + ([Branch("", "", False, loose)] if loose else [])

    def notice_leaves(self) -> list[Leaf]:
        chosen = set(self["notices"].value())
        return [Leaf(code, notice.title, code in chosen) for code, notice in self.known_notices.items()]

    def zones(self) -> ZoneChoice:
        """The page's own first, then by regions; and one that is chosen and not among them."""
        page_zone, regions = Page.objects.current().time_zone, zones.regions()
        known = {zone.name for region in regions for zone in region.zones}
        chosen = self["time_zone"].value()
        extra = zones.Zone(chosen) if chosen and chosen not in known | {page_zone} else None
        return ZoneChoice(zones.Zone(page_zone), extra, regions)


class SubscribeForm(ChoicesForm):
    email = forms.CharField(error_messages={"required": _("Write your e-mail address here.")})

    def clean_email(self) -> str:
        return read_address(self.cleaned_data["email"]).endpoint


class AddressForm(forms.Form):
    """An address and nothing else: to be sent a link, or to follow one notice."""

    email = SubscribeForm.base_fields["email"]

    def clean_email(self) -> str:
        return read_address(self.cleaned_data["email"]).endpoint


def _usual() -> dict[str, Any]:
    """What someone hears who chooses nothing."""
    return {
        "scope": ALL,
        "components": [],
        "groups": [],
        "notices": [],
        "kinds": [INCIDENTS, MAINTENANCE, REMINDERS],
        "detail": EVERY_UPDATE,
        "time_zone": "",
        "language": spoken_language(),
    }


def spoken_language() -> str:
    """That of the page which somebody came from."""
    page, spoken = Page.objects.current(), get_language() or ""
    return spoken if page.prefix(spoken) else page.language


def _present(subscriber: Subscriber, components: Iterable[Component], notices: Iterable[Incident]) -> dict[str, Any]:
    kinds = {
        INCIDENTS: subscriber.hears_incidents,
        MAINTENANCE: subscriber.hears_maintenance,
        REMINDERS: subscriber.hears_reminders,
    }
    return {
        "scope": ALL if subscriber.all_components else SOME,
        "components": [component.code for component in components],
        "groups": [group.code for group in subscriber.groups.all()],
        "notices": [notice.code for notice in notices],
        "kinds": [kind for kind, is_heard in kinds.items() if is_heard],
        "detail": START_AND_END if subscriber.only_start_and_end else EVERY_UPDATE,
        "time_zone": subscriber.time_zone,
        "language": subscriber.language,
    }


def _completed(data: QueryDict, initial: dict[str, Any]) -> QueryDict:
    """What was sent, and for what was not asked what holds already.

    Unticked boxes are not sent. So forms that have some say so, with a field "shown".
    """
    data = data.copy()
    if "scope" not in data:
        data["scope"] = SOME if data.get("components") or data.get("groups") else initial["scope"]
    for name in ("detail", "time_zone", "language"):
        data.setdefault(name, initial[name])
    if "shown" not in data:
        data.setlist("kinds", data.getlist("kinds") or initial["kinds"])
        data.setlist("notices", data.getlist("notices") or initial["notices"])
    return data


def _offered(chosen: Iterable[Component]) -> Iterable[Component]:
    """What stands on the page now, and what was chosen while it did."""
    hidden = Q(only_show_if_degraded=True, shown_status=ComponentStatus.OPERATIONAL)
    return Component.objects.public().filter(~hidden | Q(pk__in=[component.pk for component in chosen]))
