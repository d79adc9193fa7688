"""Each role at each screen and act: the table in docs/operations.md, "Roles"."""

from __future__ import annotations

import pytest
from django.test import Client

from incidents.actions import open_incident, post_update
from incidents.models import Incident, Page
from incidents.roles import ROLES
from incidents.values import UpdateText
from subscriptions.fanout import open_notifications
from subscriptions.models import Delivery, Notification
from tests.incidents.screens import screen
from tests.make import make_component, make_incident, make_maintenance, make_page, make_role, make_subscriber, utc

pytestmark = pytest.mark.django_db

WRITER, PUBLISHER, ADMINISTRATOR, AUDITOR = "Writer", "Publisher", "Administrator", "Auditor"
ALL = set(ROLES)
WRITE = {WRITER, PUBLISHER, ADMINISTRATOR}
PUBLISH = {PUBLISHER, ADMINISTRATOR}
ADMINISTER = {ADMINISTRATOR}
AUDIT = {AUDITOR, ADMINISTRATOR}

# What each leads to, by (method, address); the ids are those of `things`.
MAY = {
    ("get", "/admin/incidents/incident/"): ALL,
    ("get", "incident_change notice"): ALL,
    ("get", "scheduledmaintenance_change work"): ALL,
    ("get", "/admin/incidents/component/"): ALL,
    ("get", "/admin/incidents/page/1/change/"): ALL,
    ("get", "/admin/incidents/change/"): ALL,
    ("get", "/admin/subscriptions/notification/"): ALL,
    ("get", "/admin/subscriptions/delivery/"): ALL,
    ("get", "incident_open"): WRITE,
    ("get", "scheduledmaintenance_schedule"): WRITE,
    ("get", "incident_post_update notice"): WRITE,
    ("get", "incident_all_clear work"): WRITE,
    ("get", "incident_cancel work"): WRITE,
    ("get", "incident_draft draft"): WRITE,
    ("get", "incident_draft_preview draft"): WRITE,
    ("get", "incident_discard draft"): WRITE,
    ("post", "incident_discard draft"): WRITE,
    ("get", "incident_move work"): PUBLISH,
    ("get", "incident_edit notice"): PUBLISH,
    ("get", "incident_review draft"): PUBLISH,
    ("get", "incident_review_preview draft"): PUBLISH,
    ("post", "incident_unschedule draft"): PUBLISH,
    ("post", "incident_acknowledge urgent"): PUBLISH,
    ("post", "/admin/subscriptions/notification/{told}/pause/"): PUBLISH,
    ("post", "/admin/subscriptions/notification/{told}/retry/"): PUBLISH,
    ("post", "/admin/incidents/page/1/change/"): ADMINISTER,
    ("get", "/admin/incidents/component/add/"): ADMINISTER,
    ("get", "/admin/incidents/componentgroup/add/"): ADMINISTER,
    ("get", "/admin/subscriptions/subscriber/"): ADMINISTER,
    ("get", "/admin/subscriptions/subscriber/lists/"): ADMINISTER,
    ("post", "/admin/subscriptions/subscriber/lists/export/"): ADMINISTER,
    ("get", "/admin/subscriptions/delivery/outbox/"): ADMINISTER,
    ("get", "/admin/auth/user/add/"): ADMINISTER,
    ("get", "/admin/auth/user/"): AUDIT,
    ("get", "/admin/auth/group/"): AUDIT,
    ("post", "/admin/incidents/change/export/"): AUDIT,
    ("post", "/admin/incidents/change/{change}/change/"): set(),
    ("post", "/admin/incidents/change/{change}/delete/"): set(),
    ("post", "/admin/incidents/incident/{notice}/delete/"): set(),
}


@pytest.fixture
def things(db) -> dict[str, int]:
    make_page()
    notice = make_incident(components={make_component().pk: "major_outage"})
    work = make_maintenance(starts=utc(2100, 1, 2, 20), ends=utc(2100, 1, 2, 22))
    draft = post_update(notice, UpdateText("identified", "A disk."), actor=None, publish=False)
    make_page(needs_review=True)
    urgent = open_incident(title="Fire", update=UpdateText("identified", "Fire."), actor=None, urgent_because="Fire.")
    told = open_notifications_of(notice)
    return {
        "notice": notice.pk,
        "work": work.pk,
        "draft": draft.pk,
        "urgent": urgent.incident.urgent_acts.get().pk,
        "told": told.pk,
        "change": notice.changes.first().pk,
    }


def open_notifications_of(notice: Incident) -> Notification:
    open_notifications(utc(2100, 1, 1))
    return Notification.objects.get(update__incident=notice)


def address_of(where: str, things: dict[str, int]) -> str:
    if where.startswith("/"):
        return where.format(**things)
    name, *which = where.split()
    return screen(name, *(things[one] for one in which))


def browser_of(role: str) -> Client:
    client = Client()
    client.force_login(make_role(role))
    return client


@pytest.mark.parametrize(("method", "where"), MAY)
def test_each_role_comes_where_it_may_and_nowhere_else(method, where, things):
    url = address_of(where, things)

    came = {role for role in ROLES if getattr(browser_of(role), method)(url).status_code != 403}

    assert came == MAY[method, where]


@pytest.mark.parametrize("act", ["publish", "draft", "submit", "schedule"])
def test_each_role_composes_as_far_as_it_may(act, things):
    url = screen("incident_open")

    may = {role for role in ROLES if browser_of(role).post(url, {"act": act}).status_code != 403}

    assert may == (PUBLISH if act in ("publish", "schedule") else WRITE)


def test_an_auditor_reads_everything_of_a_notice_and_is_offered_nothing(things):
    auditor = browser_of(AUDITOR)
    version = Page.objects.current().version

    for url in ("/admin/", screen("incident_change", things["notice"])):
        page = auditor.get(url).content.decode()
        assert "A disk." in page
        assert "/draft/" not in page and "/post-update/" not in page and "acknowledge" not in page
    assert Page.objects.current().version == version


def test_an_auditor_sees_what_became_of_deliveries_and_no_address(things):
    reader = make_subscriber("ann@example.com")
    notification = Notification.objects.get(pk=things["told"])
    words = "550 <ann@example.com> unknown"
    delivery = Delivery.objects.create(notification=notification, subscriber=reader, state="failed", last_error=words)
    urls = [
        "/admin/subscriptions/delivery/",
        "/admin/subscriptions/delivery/?q=ann@",
        "/admin/subscriptions/delivery/?last_error__contains=ann@",
        f"/admin/subscriptions/delivery/{delivery.pk}/change/",
        f"/admin/subscriptions/delivery/{delivery.pk}/history/",
        f"/admin/subscriptions/notification/{notification.pk}/change/",
    ]
    auditor, writer = browser_of(AUDITOR), browser_of(WRITER)

    for url in urls:
        assert "ann@example.com" not in auditor.get(url).content.decode(), url
    assert [auditor.get(url).status_code for url in urls] == [200, 200, 400, 403, 403, 200]
    assert "ann@example.com" in writer.get(urls[0]).content.decode()
