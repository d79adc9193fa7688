from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from incidents.models import Incident, Page
from incidents.roles import ensure_roles
from tests.incidents.screens import fill, publish, read_form, save_draft, screen
from tests.make import make_incident, make_page, make_role, make_staff

pytestmark = pytest.mark.django_db

OPEN = "/admin/incidents/incident/open/"


def browser_of(role: str) -> Client:
    client = Client()
    client.force_login(make_role(role))
    return client


def test_a_writer_drafts_and_does_not_publish(wilma):
    sent = fill(wilma, OPEN, title="Late", body="They wait.")

    assert read_form(wilma.get(OPEN)).acts == ["preview", "draft"]
    assert wilma.post(OPEN, {**sent, "act": "publish"}).status_code == 403
    assert wilma.post(OPEN, {**sent, "act": "nonsense"}).status_code == 403
    assert not Incident.objects.exists()
    assert save_draft(wilma, OPEN, title="Late", body="They wait.").status_code == 302


def test_a_writer_neither_publishes_a_draft_nor_edits_what_is_public(wilma):
    draft = make_incident(publish=False).updates.get()
    notice = make_incident("Public")

    assert publish(wilma, screen("incident_draft", draft.pk)).status_code == 403
    for url in (screen("incident_edit", notice.pk), screen("incident_edit", notice.pk) + "preview/"):
        assert (wilma.get(url).status_code, wilma.post(url).status_code) == (403, 403)
    assert Page.objects.current().version == 2


def test_a_publisher_publishes_and_does_not_administer():
    petra = browser_of("Publisher")

    assert publish(petra, OPEN, title="Late", body="They wait.").status_code == 302
    assert Incident.objects.public().exists()
    assert petra.post("/admin/incidents/page/1/change/", {"name": "Mine"}).status_code == 403
    assert petra.get("/admin/incidents/component/add/").status_code == 403
    assert petra.get("/admin/auth/user/").status_code == 403


def test_an_administrator_keeps_page_components_subscribers_and_users():
    make_page()
    anna = browser_of("Administrator")

    for url in (
        "/admin/incidents/page/1/change/",
        "/admin/incidents/component/add/",
        "/admin/auth/user/add/",
    ):
        assert anna.get(url).status_code == 200, url
    assert User.objects.get(username__startswith="administrator").has_perm("subscriptions.change_subscriber")


def test_an_administrator_cannot_become_more_than_that():
    anna = browser_of("Administrator")
    boss, self = make_staff("boss"), User.objects.get(username__startswith="administrator")
    fields = {"username": self.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    joined = {f"{name}_{n}": "" for name in ("last_login", "date_joined") for n in range(2)}
    joined |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    assert anna.post(f"/admin/auth/user/{self.pk}/change/", {**fields, **joined}).status_code == 302

    self.refresh_from_db()
    assert not self.is_superuser
    assert anna.post(f"/admin/auth/user/{boss.pk}/change/", {**fields, **joined}).status_code == 403
    assert anna.get(f"/admin/auth/user/{boss.pk}/password/").status_code == 403


def test_staff_without_a_role_may_look_at_nothing(client):
    client.force_login(User.objects.create_user("nobody", is_staff=True))

    assert client.get(OPEN).status_code == 403
    assert client.post(OPEN, {"act": "draft"}).status_code == 403
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("path", [OPEN, OPEN + "preview/", "/admin/incidents/incident/1/post-update/"])
def test_strangers_are_sent_to_the_login_and_come_back(client, path):
    assert client.get(path).url == f"/admin/login/?next={path}"
    assert "login-form" in client.post(path).content.decode()


def test_the_groups_are_made_again_when_missing_and_keep_what_was_added():
    Group.objects.get(name="Publisher").delete()
    writer = Group.objects.get(name="Writer")
    before = writer.permissions.count()

    ensure_roles()
    ensure_roles()

    assert Group.objects.get(name="Publisher").permissions.count() == before + 4
    assert writer.permissions.count() == before
