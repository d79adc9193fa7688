"""The time zones that subscribers are offered: those that many people live by, not all six hundred names."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

_CITIES = {
    _("Africa"): "Africa/ Abidjan Accra Addis_Ababa Algiers Cairo Casablanca Johannesburg Khartoum Lagos Nairobi Tunis",
    _("America"): (
        "America/ Anchorage Argentina/Buenos_Aires Asuncion Bogota Caracas Chicago Denver Halifax Havana Lima "
        "Los_Angeles Mexico_City Montevideo New_York Nuuk Panama Phoenix Puerto_Rico Santiago Sao_Paulo St_Johns "
        "Tijuana Toronto Vancouver"
    ),
    _("Asia"): (
        "Asia/ Almaty Amman Baghdad Baku Bangkok Beirut Colombo Dhaka Dubai Ho_Chi_Minh Hong_Kong Jakarta Jerusalem "
        "Kabul Karachi Kathmandu Kolkata Kuala_Lumpur Manila Riyadh Seoul Shanghai Singapore Taipei Tashkent Tbilisi "
        "Tehran Tokyo Yangon Yekaterinburg Novosibirsk Vladivostok"
    ),
    _("Atlantic"): "Atlantic/ Azores Canary Cape_Verde Reykjavik",
    _("Australia"): "Australia/ Adelaide Brisbane Darwin Hobart Melbourne Perth Sydney",
    _("Europe"): (
        "Europe/ Amsterdam Athens Belgrade Berlin Brussels Bucharest Budapest Chisinau Copenhagen Dublin Helsinki "
        "Istanbul Kyiv Lisbon Ljubljana London Luxembourg Madrid Malta Minsk Moscow Oslo Paris Prague Riga Rome Sofia "
        "Stockholm Tallinn Vienna Vilnius Warsaw Zagreb Zurich"
    ),
    _("Indian Ocean"): "Indian/ Maldives Mauritius Reunion",
    _("Pacific"): "Pacific/ Apia Auckland Fiji Guam Honolulu Kiritimati Noumea Port_Moresby Tongatapu",
}


@dataclass(frozen=True)
class Zone:
    name: str

    @property
    def city(self) -> str:
        return self.name.rpartition("/")[2].replace("_", " ")


@dataclass(frozen=True)
class Region:
    name: str
    zones: list[Zone]


def regions() -> list[Region]:
    """What is offered, by parts of the world."""
    found = []
    for region, cities in _CITIES.items():
        prefix, *names = cities.split()
        found.append(Region(str(region), sorted((Zone(prefix + name) for name in names), key=lambda zone: zone.city)))
    return found
