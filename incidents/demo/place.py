"""The page of the demo: who works on it, and what customers use."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group

from incidents.brand_actions import set_picture
from incidents.choices import BrandFileKind
from incidents.component_actions import save_page_part
from incidents.models import Component, ComponentGroup, Page
from incidents.roles import PUBLISHER

ADMIN = "admin"
ZONE = "Europe/Amsterdam"
IN_USE_SINCE = dt.date(2013, 1, 1)
SET_UP_AT = dt.datetime(2013, 1, 1, 9, tzinfo=dt.UTC)

INDIGO = "#4b3fa7"
# A planet around its sun.
ORBIT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<circle cx="16" cy="16" r="13" fill="none" stroke="{ink}" stroke-width="2"/>
<circle cx="16" cy="16" r="6" fill="{ink}"/>
<circle cx="25.2" cy="6.8" r="4" fill="{planet}"/>
</svg>
"""


@dataclass(frozen=True)
class Staff:
    admin: AbstractBaseUser
    colleague: AbstractBaseUser
    edward: AbstractBaseUser


@dataclass(frozen=True)
class Functions:
    """What customers use, as component ids."""

    sending: int
    follow_up: int
    redirects: int
    images: int
    application: int

    def all(self, status: str) -> dict[int, str]:
        return dict.fromkeys((self.sending, self.follow_up, self.redirects, self.images, self.application), status)


def make_staff(password: str) -> Staff:
    """Three authors, of whom the admin alone has a password."""
    users = get_user_model().objects
    staff = Staff(
        admin=users.create_superuser(ADMIN, password=password, first_name="Sanne", last_name="de Vries"),
        colleague=users.create_user("joris", first_name="Joris", last_name="Bakker", is_staff=True),
        edward=users.create_user("edward", first_name="Edward Touw Feike", last_name="Wierda", is_staff=True),
    )
    for author in (staff.colleague, staff.edward):
        author.groups.add(Group.objects.get(name=PUBLISHER))
    return staff


def make_place(staff: Staff) -> Functions:
    """Name the page and add its components."""
    page = Page.objects.current()
    page.name = "Copernica"
    page.description = "The state of our e-mail marketing software, and of the mail that you sent with it."
    page.time_zone = ZONE
    page.shows_name = True
    page.accent = INDIGO
    page.footer_links = "Copernica.com https://www.copernica.com"
    page.footer_text = "An example page. What it tells of 2013 is true."
    changed = ["name", "description", "time_zone", "shows_name", "accent", "footer_links", "footer_text"]
    save_page_part(page, actor=staff.admin, changed=changed, at=SET_UP_AT)
    for kind, ink, planet in ((BrandFileKind.LOGO, INDIGO, "#c2410c"), (BrandFileKind.LOGO_DARK, "#b9b2f5", "#f6a66e")):
        drawing = ORBIT.format(ink=ink, planet=planet).encode()
        set_picture(kind, "orbit.svg", drawing, actor=staff.admin, at=SET_UP_AT)
    mailings = _group(staff, "Mailings", 1)
    sent = _group(staff, "Mail already sent", 2)
    return Functions(
        sending=_component(staff, mailings, "Sending mailings", "Mailings leave at the time you chose.", 1),
        follow_up=_component(staff, mailings, "Follow-up actions", "What you set up to happen by itself.", 2),
        redirects=_component(staff, sent, "Hyperlink redirects", "Links in your mail lead where they should.", 3),
        images=_component(staff, sent, "Images in mail already sent", "Pictures show when a mail is opened.", 4),
        application=_component(staff, None, "The application", "Log in, build and schedule mailings.", 5),
    )


def _group(staff: Staff, name: str, position: int) -> ComponentGroup:
    group = ComponentGroup(name=name, position=position)
    save_page_part(group, actor=staff.admin, at=SET_UP_AT)
    return group


def _component(staff: Staff, group: ComponentGroup | None, name: str, description: str, position: int) -> int:
    component = Component(name=name, group=group, description=description, position=position, start_date=IN_USE_SINCE)
    save_page_part(component, actor=staff.admin, at=SET_UP_AT)
    return component.pk
