"""A form that cannot be taken comes back with everything typed, and nothing is published on the way."""

from __future__ import annotations

import pytest
from django.test import Client

from incidents.models import Incident, IncidentUpdate
from tests.incidents.screens import fill, publish, read_form, screen
from tests.make import make_component, make_incident, make_page, make_role, make_staff

pytestmark = pytest.mark.django_db

OPEN = "/admin/incidents/incident/open/"
PASSWORD = "correct horse battery"
FROM_HERE = {"HTTP_ORIGIN": "http://testserver"}


def hidden(page: str) -> dict[str, str]:
    """What the form of a page carries along, whatever its id."""
    return read_form_of(page).values


def read_form_of(page: str):
    for known in ('id="login-form"', 'action="/admin/incidents/incident/open/"'):
        page = page.replace(known, 'id="compose"', 1)

    class Page:
        content = page.encode()

    return read_form(Page)


def log_in(client: Client, url: str, page: str, username: str):
    sent = hidden(page) | {"log-in-username": username, "log-in-password": PASSWORD}
    return client.post(url, sent)


@pytest.fixture
def typed(edward):
    """A filled-in form whose login has run out."""
    images = make_component("Images")
    words = {"title": "Images late", "body": "They\nwait <long>.", "reason": "A full disk."}
    rows = {"effects-3-function": "Images", "effects-3-level": "slower", "effects-TOTAL_FORMS": "4"}
    sent = fill(edward, OPEN, **words, **rows, **{f"component-{images.pk}": "major_outage"})
    del sent["csrfmiddlewaretoken"]
    edward.logout()
    return sent


@pytest.mark.parametrize("act", ["publish", "draft", "preview", "trial"])
def test_a_login_that_ran_out_brings_the_form_back_and_publishes_nothing(edward, typed, act):
    url = OPEN + "preview/" if act in ("preview", "trial") else OPEN
    asked = edward.post(url, {**typed, "act": act})

    assert asked.status_code == 403
    assert 'action="/admin/incidents/incident/open/"' in asked.content.decode()
    back = log_in(edward, OPEN, asked.content.decode(), "edward")

    kept = read_form(back).values
    assert back.status_code == 200
    assert {name: kept.get(name) for name in typed} == typed
    assert not Incident.objects.exists()
    assert edward.post(OPEN, {**kept, "act": "publish"}).status_code == 302
    assert Incident.objects.get().effects.get().function == "Images"


def test_a_wrong_password_loses_nothing(edward, typed):
    asked = edward.post(OPEN, {**typed, "act": "publish"}).content.decode()
    wrong = edward.post(OPEN, hidden(asked) | {"log-in-username": "edward", "log-in-password": "no"})

    assert "correct username" in wrong.content.decode()
    back = log_in(edward, OPEN, wrong.content.decode(), "edward")
    assert read_form(back).values["body"] == typed["body"]


def test_the_password_goes_no_further_than_the_login(edward, typed):
    asked = edward.post(OPEN, {**typed, "act": "publish"}).content.decode()

    assert PASSWORD not in log_in(edward, OPEN, asked, "edward").content.decode()


def test_another_who_logs_in_is_told_whose_words_these_are(edward, typed):
    make_staff("anna")
    asked = edward.post(OPEN, {**typed, "act": "publish"}).content.decode()

    back = log_in(edward, OPEN, asked, "anna")

    assert "written by edward, and you are logged in as anna" in back.content.decode()
    assert edward.post(OPEN, {**read_form(back).values, "act": "publish"}).status_code == 302


def test_what_one_wrote_is_not_published_by_another_without_a_look(edward):
    sent = {**fill(edward, OPEN, title="Late", body="They wait."), "act": "publish"}
    edward.force_login(make_staff("anna"))

    back = edward.post(OPEN, sent)

    assert back.context["written_by"] == "edward"
    assert not Incident.objects.exists()


def test_who_may_not_write_gets_the_words_to_take_along(edward, typed):
    make_role("Writer", "vera").groups.clear()
    asked = edward.post(OPEN, {**typed, "act": "publish"}).content.decode()

    refused = log_in(edward, OPEN, asked, "vera")

    assert refused.status_code == 403
    assert refused.context["typed"][:2] == [("Title", "Images late"), ("Text", "They\nwait <long>.")]
    assert ("Effects", "Images\nslower") in refused.context["typed"]


def test_who_may_no_longer_publish_keeps_the_form_and_can_save_it(wilma):
    refused = publish(wilma, OPEN, title="Late", body="They wait.")

    assert refused.status_code == 403
    kept = read_form(refused).values
    assert kept["body"] == "They wait."
    assert wilma.post(OPEN, {**kept, "act": "draft"}).status_code == 302


def test_who_may_not_move_gets_the_words_of_the_move_back(wilma):
    refused = wilma.post(screen("incident_edit", make_incident().pk), {"title": "All my words"})

    assert (refused.status_code, refused.context["typed"]) == (403, [("Title", "All my words")])


@pytest.fixture
def strict():
    """A browser of Edward that is asked for its token, as all are outside of tests."""
    make_page()
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_staff("edward"))
    return client


def test_a_token_grown_old_leads_back_to_the_filled_in_form(strict):
    sent = {**fill(strict, OPEN, title="Late", body="They wait."), "act": "publish"}
    old = sent | {"csrfmiddlewaretoken": "x" * 64}

    refused = strict.post(OPEN, old, **FROM_HERE)

    assert (refused.status_code, Incident.objects.count()) == (403, 0)
    assert ("Text", "They wait.") in refused.context["typed"]
    back = strict.post(OPEN, hidden(refused.content.decode()) | {"act": "return"}, **FROM_HERE)
    assert (back.status_code, read_form(back).values["body"]) == (200, "They wait.")
    assert strict.post(OPEN, {**read_form(back).values, "act": "publish"}, **FROM_HERE).status_code == 302


def test_without_any_cookie_the_login_carries_the_words(strict):
    sent = {**fill(strict, OPEN, title="Late", body="They wait."), "act": "publish"}
    strict.cookies.clear()

    asked = strict.post(OPEN, sent, **FROM_HERE)

    assert asked.status_code == 403
    page = asked.content.decode()
    back = strict.post(OPEN, hidden(page) | {"log-in-username": "edward", "log-in-password": PASSWORD}, **FROM_HERE)
    assert read_form(back).values["body"] == "They wait."
    assert not IncidentUpdate.objects.exists()


@pytest.mark.parametrize("origin", [{}, {"HTTP_ORIGIN": "https://elsewhere.example"}, {"HTTP_ORIGIN": "null"}])
def test_another_page_cannot_fill_in_a_form_here(strict, origin):
    refused = strict.post(OPEN, {"title": "Planted", "body": "Click here.", "act": "return"}, **origin)

    assert refused.status_code == 403
    assert "<form method" not in refused.content.decode().split('id="content"')[1]
    assert refused.context["typed"] == [("Title", "Planted"), ("Text", "Click here.")]


def test_other_forms_without_a_token_are_refused_in_plain_words(strict):
    refused = strict.post("/admin/incidents/page/1/change/", {"name": "Mine"})

    assert refused.status_code == 403
    assert "This form has grown old" in refused.content.decode()


def test_discarding_is_not_done_by_logging_in(client):
    draft = make_incident(publish=False).updates.get()

    answer = client.post(screen("incident_discard", draft.pk), {"act": "return"})

    assert (answer.status_code, answer.url.split("?")[0]) == (302, "/admin/login/")
    assert IncidentUpdate.objects.exists()


def test_a_script_is_told_where_to_go_next(edward):
    sent = {**fill(edward, OPEN, title="Late", body="They wait."), "act": "publish"}

    answer = edward.post(OPEN, sent, headers={"Accept": "application/json"})

    assert answer.json() == {"location": f"/admin/incidents/incident/{Incident.objects.get().pk}/change/"}


def test_a_script_can_ask_who_is_here_and_what_has_arrived(edward):
    here = "/admin/incidents/incident/still-here/"
    sent = fill(edward, OPEN, title="Late", body="They wait.")

    assert edward.get(here, {"form": sent["form_id"]}).json()["hasArrived"] is False
    edward.post(OPEN, {**sent, "act": "publish"})
    told = edward.get(here, {"form": sent["form_id"]}).json()
    assert (told["user"], told["hasArrived"], len(told["token"])) == ("edward", True, 64)
    assert edward.get(here, {"form": "nonsense"}).json()["hasArrived"] is False
    assert Client().get(here).json() == {"user": None}


def test_folded_parts_that_hold_words_come_back_open(edward):
    refused = publish(edward, OPEN, title="", body="Text.", reason="A full disk.", **{"links-0-kind": "related"})

    is_open = {section.title: is_open for section, _fields, _part, is_open in refused.context["form"].shown_sections()}
    folds = ("Customers’ data", "Advice and reason", "Links to other notices", "Advanced")
    assert [is_open[name] for name in folds] == [False, True, True, False]
