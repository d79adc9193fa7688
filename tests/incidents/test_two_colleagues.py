from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client

from incidents.actions import edit_draft, edit_notice, post_update, publish_draft
from incidents.models import Incident, IncidentUpdate, Page
from incidents.values import NoticeDetails, UpdateText
from tests.incidents.screens import errors, fill, newest, publish, read_form, screen
from tests.make import make_incident, make_page, make_staff

pytestmark = pytest.mark.django_db

TYPED = {"status": "identified", "body": "A full disk.", "notify": None}


def test_the_slower_one_is_told_what_came_meanwhile_and_keeps_the_typing(edward):
    notice = make_incident()
    url = screen("incident_post_update", notice.pk)
    sent = {**fill(edward, url, **TYPED), "act": "publish"}
    anna = make_staff("anna", first_name="Anna")
    theirs = post_update(notice, UpdateText(status="monitoring", body="It **recovers**."), actor=anna)

    told = edward.post(url, sent)

    page = told.content.decode()
    kept = read_form(told).values
    assert told.context["meanwhile"] == [theirs]
    assert "Anna" in page and "<p>It <strong>recovers</strong>.</p>" in page
    assert {name: kept.get(name) for name in TYPED} == TYPED
    assert notice.updates.count() == 2


def test_publishing_again_is_a_second_conscious_click(edward):
    notice = make_incident()
    url = screen("incident_post_update", notice.pk)
    sent = {**fill(edward, url, **TYPED), "act": "publish"}
    post_update(notice, UpdateText(status="monitoring", body="It recovers."), actor=None)

    told = edward.post(url, sent)
    edward.post(url, {**read_form(told).values, "act": "publish"})

    assert newest(notice).body == "A full disk."
    assert notice.updates.count() == 3


def test_an_old_draft_that_is_published_meanwhile_counts_as_news(edward):
    notice = make_incident()
    draft = post_update(notice, UpdateText(status="identified", body="From the drawer."), actor=None, publish=False)
    post_update(notice, UpdateText(status="identified", body="Newer."), actor=None)
    url = screen("incident_post_update", notice.pk)
    sent = {**fill(edward, url, **TYPED), "act": "publish"}
    publish_draft(draft, actor=None)

    told = edward.post(url, sent)

    assert told.context["meanwhile"] == [draft]


def test_a_draft_published_late_is_told_of_what_came_since(edward):
    notice = make_incident()
    draft = post_update(notice, UpdateText(status="identified", body="Mine."), actor=None, publish=False)
    url = screen("incident_draft", draft.pk)
    sent = {**fill(edward, url), "act": "publish"}
    theirs = post_update(notice, UpdateText(status="monitoring", body="It recovers."), actor=None)

    assert edward.post(url, sent).context["meanwhile"] == [theirs]
    draft.refresh_from_db()
    assert draft.is_draft


def test_two_who_rewrite_one_draft_do_not_overwrite_each_other(edward):
    draft = make_incident(publish=False).updates.get()
    url = screen("incident_draft", draft.pk)
    sent = {**fill(edward, url, body="Mine."), "act": "draft"}
    edit_draft(draft, UpdateText(status="investigating", body="Theirs."), actor=None)

    told = edward.post(url, sent)

    assert told.context["meanwhile"] == [draft]
    assert told.context["form"]["body"].value() == "Mine."
    draft.refresh_from_db()
    assert draft.body == "Theirs."
    edward.post(url, {**read_form(told).values, "act": "draft"})
    draft.refresh_from_db()
    assert draft.body == "Mine."


def test_two_who_edit_one_notice_are_told_what_the_other_changed(edward):
    notice = make_incident("Slow mailings")
    url = screen("incident_edit", notice.pk)
    sent = {**fill(edward, url, title="Mailings leave late"), "act": "publish"}
    edit_notice(notice, actor=make_staff("anna"), title="Slow sending", details=NoticeDetails())

    told = edward.post(url, sent)

    page = told.content.decode()
    assert "anna edited the notice" in page and "Slow mailings → Slow sending" in page
    assert Incident.objects.get().title == "Slow sending"
    edward.post(url, {**read_form(told).values, "act": "publish"})
    assert Incident.objects.get().title == "Mailings leave late"


def test_a_notice_opened_by_nobody_else_asks_nothing(edward):
    assert publish(edward, "/admin/incidents/incident/open/", title="Late", body="Text.").status_code == 302


def test_a_form_without_its_hidden_fields_is_told_of_everything(edward):
    notice = make_incident()

    told = edward.post(screen("incident_post_update", notice.pk), {**TYPED, "notify": "", "act": "publish"})

    assert told.context["meanwhile"] == [newest(notice)]
    assert errors(told) == {}


def _all_at_once(clients: list[Client], posts: list[tuple[str, dict[str, str]]]) -> list[int]:
    barrier = Barrier(len(posts))

    def click(client: Client, url: str, sent: dict[str, str]) -> int:
        barrier.wait()
        try:
            return client.post(url, sent).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(posts)) as pool:
        return list(pool.map(lambda pair: click(pair[0], *pair[1]), zip(clients, posts, strict=True)))


@pytest.fixture
def ten_browsers(transactional_db):
    make_page()
    staff = make_staff("edward")
    clients = [Client() for _number in range(10)]
    for client in clients:
        client.force_login(staff)
    return clients


@pytest.mark.django_db(transaction=True)
def test_ten_clicks_at_the_same_instant_post_once(ten_browsers):
    notice = make_incident()
    url = screen("incident_post_update", notice.pk)
    sent = {**fill(ten_browsers[0], url, **TYPED), "act": "publish"}

    answers = _all_at_once(ten_browsers, [(url, sent)] * 10)

    assert set(answers) == {302}
    assert IncidentUpdate.objects.count() == 2
    assert Page.objects.current().version == 3


@pytest.mark.django_db(transaction=True)
def test_ten_clicks_at_the_same_instant_open_one_incident(ten_browsers):
    url = "/admin/incidents/incident/open/"
    sent = {**fill(ten_browsers[0], url, title="Late", body="Text."), "act": "publish"}

    answers = _all_at_once(ten_browsers, [(url, sent)] * 10)

    assert set(answers) == {302}
    assert Incident.objects.count() == IncidentUpdate.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_colleagues_at_the_same_instant_one_posts_and_all_others_are_told(ten_browsers):
    notice = make_incident()
    url = screen("incident_post_update", notice.pk)
    for _round in range(5):
        posts = [(url, {**fill(client, url, **TYPED), "act": "publish"}) for client in ten_browsers[:4]]

        answers = _all_at_once(ten_browsers[:4], posts)

        assert sorted(answers) == [200, 200, 200, 302]
    assert notice.updates.count() == 6
