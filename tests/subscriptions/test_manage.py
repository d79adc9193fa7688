from __future__ import annotations

import pytest
from django.test import Client

from incidents.models import Component
from subscriptions.tokens import MANAGE, make_token
from tests.make import make_component, make_page, make_subscriber

pytestmark = pytest.mark.django_db


def link(subscriber):
    return f"/subscribe/manage/{make_token(subscriber, MANAGE)}"


def test_the_page_shows_what_is_chosen():
    links, images = make_component("Links"), make_component("Images", group="Mail")
    subscriber = make_subscriber(components=[links], groups=[images.group])

    page = Client().get(link(subscriber)).content.decode()

    assert f'id="component-{links.code}" checked' in page
    assert f'id="group-{images.group.code}" checked' in page
    assert f'id="component-{images.code}" checked' not in page
    assert 'id="scope-some" checked' in page


def test_choices_are_changed():
    subscriber, links = make_subscriber(), make_component("Links")

    answer = Client().post(link(subscriber), {"action": "save", "scope": "some", "components": [links.code]})

    subscriber.refresh_from_db()
    assert answer.status_code == 200
    assert 'role="status"' in answer.content.decode()
    assert (subscriber.all_components, list(subscriber.components.all())) == (False, [links])


def test_a_wrong_choice_changes_nothing_and_says_so():
    subscriber = make_subscriber(components=[make_component("Links")])

    answer = Client().post(link(subscriber), {"action": "save", "scope": "some"})

    assert answer.status_code == 400
    assert subscriber.components.count() == 1


def test_a_choice_that_is_hidden_from_the_page_today_is_kept():
    hidden = make_component("Standby", only_show_if_degraded=True, status="major_outage", shown_status="major_outage")
    subscriber = make_subscriber(components=[hidden])
    Component.objects.update(shown_status="operational")

    Client().post(link(subscriber), {"action": "save", "scope": "some", "components": [hidden.code]})

    assert list(subscriber.components.all()) == [hidden]


def test_it_has_a_button_to_stop():
    subscriber = make_subscriber()

    answer = Client().post(link(subscriber), {"action": "unsubscribe"})

    subscriber.refresh_from_db()
    assert (answer.status_code, subscriber.state) == (200, "unsubscribed")


def test_who_left_is_told_so_and_changes_nothing():
    subscriber = make_subscriber(state="unsubscribed")

    answers = [Client().get(link(subscriber)), Client().post(link(subscriber), {"action": "save", "scope": "all"})]

    subscriber.refresh_from_db()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "You are not subscribed" in answers[1].content.decode()
    assert subscriber.state == "unsubscribed"


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_scanners_change_nothing(method):
    subscriber = make_subscriber()

    answer = getattr(Client(), method)(link(subscriber) + "?action=unsubscribe")

    subscriber.refresh_from_db()
    assert subscriber.state == "active"
    assert answer.status_code in (200, 405)


def test_the_number_of_queries_does_not_grow_with_the_choices(django_assert_num_queries):
    make_page()
    make_component(group="Mail")
    path = link(make_subscriber())

    def queries():
        with django_assert_num_queries(9):
            Client().get(path)

    queries()
    for name in ("Mail", "Web", "Web"):
        make_component(group=name)
    queries()
