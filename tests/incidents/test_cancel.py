from __future__ import annotations

import pytest

from incidents.actions import post_update
from incidents.values import UpdateText
from tests.incidents.screens import errors, fill, publish, screen
from tests.make import make_incident, make_maintenance, utc

pytestmark = pytest.mark.django_db


@pytest.fixture
def maintenance(edward):
    return make_maintenance(starts=utc(2026, 11, 14, 20), ends=utc(2026, 11, 14, 23))


def test_cancelling_asks_for_a_word_to_customers(edward, maintenance):
    url = screen("incident_cancel", maintenance.pk)

    assert set(errors(publish(edward, url, body=""))) == {"body"}
    publish(edward, url, body="The parts have not arrived.")

    maintenance.refresh_from_db()
    assert (maintenance.status, maintenance.updates.count()) == ("cancelled", 2)


def test_an_incident_cannot_be_cancelled(edward):
    assert edward.get(screen("incident_cancel", make_incident().pk)).status_code == 404


def test_cancelling_what_a_colleague_has_cancelled_tells_of_it_and_keeps_the_words(edward, maintenance):
    url = screen("incident_cancel", maintenance.pk)
    sent = {**fill(edward, url, body="The parts have not arrived."), "act": "publish"}
    theirs = post_update(maintenance, UpdateText(status="cancelled", body="Not needed."), actor=None)

    told = edward.post(url, sent)

    assert told.context["meanwhile"] == [theirs]
    assert told.context["form"]["body"].value() == "The parts have not arrived."
    assert edward.post(url, {**sent, "seen": told.context["form"]["seen"].value()}).status_code == 302
    assert maintenance.updates.count() == 3
