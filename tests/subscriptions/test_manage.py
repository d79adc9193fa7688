from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.utils import timezone, translation

from incidents.models import Component
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.tokens import MANAGE, make_token
from subscriptions.wording import write
from tests.make import make_component, make_incident, make_page, make_subscriber

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
        with django_assert_num_queries(12):
            Client().get(path)

    queries()
    for name in ("Mail", "Web", "Web"):
        make_component(group=name)
    queries()


USUAL = {"shown": "1", "scope": "all", "kinds": ["incidents", "maintenance", "reminders"], "detail": "every"}


def save(subscriber, **changes):
    answer = Client().post(link(subscriber), {**USUAL, **changes})
    subscriber.refresh_from_db()
    return answer


def test_kinds_detail_and_zone_are_changed():
    subscriber = make_subscriber()

    answer = save(subscriber, kinds=["incidents"], detail="start-and-end", time_zone="Asia/Tokyo")

    assert answer.status_code == 200
    assert (subscriber.hears_incidents, subscriber.hears_maintenance, subscriber.hears_reminders) == (
        True,
        False,
        False,
    )
    assert (subscriber.only_start_and_end, subscriber.time_zone) == (True, "Asia/Tokyo")
    page = Client().get(link(subscriber)).content.decode()
    assert 'id="kind-incidents" checked' in page
    assert 'id="kind-maintenance" checked' not in page
    assert 'id="detail-start-and-end" checked' in page
    assert '<option value="Asia/Tokyo" selected>' in page


def test_what_a_form_does_not_ask_for_stays_as_it_is():
    subscriber = make_subscriber()
    save(subscriber, kinds=["incidents"], detail="start-and-end", time_zone="Asia/Tokyo")
    before = type(subscriber).objects.values().get()

    Client().post(link(subscriber), {"action": "save"})

    assert type(subscriber).objects.values().get() == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kinds": ["reminders"]}, "kinds-error"),
        ({"kinds": ["fires"]}, "kinds-error"),
        ({"scope": "some"}, "choice-error"),
        ({"detail": "some"}, "detail-error"),
        ({"time_zone": "Mars/Base"}, "zone-error"),
        ({"time_zone": "../../etc/passwd"}, "zone-error"),
        ({"language": "xx"}, "language-error"),
        ({"notices": ["nonesuch"]}, "notices-error"),
    ],
)
def test_what_cannot_be_is_refused_next_to_its_field(change, error):
    make_incident()
    subscriber = make_subscriber()
    before = type(subscriber).objects.values().get()

    answer = save(subscriber, **change)

    assert answer.status_code == 400
    assert f'id="{error}"' in answer.content.decode()
    assert type(subscriber).objects.values().get() == before
    assert not Notification.objects.filter(purpose="choices").exists()


def test_who_follows_single_notices_needs_nothing_else():
    notice, subscriber = make_incident(), make_subscriber()

    assert save(subscriber, scope="some", kinds=[], notices=[notice.code]).status_code == 200

    assert (subscriber.all_components, list(subscriber.notices.all())) == (False, [notice])


def test_open_notices_are_offered_and_drafts_are_not():
    make_incident("Open")
    make_incident("Secret", publish=False)

    page = Client().get(link(make_subscriber())).content.decode()

    assert "<bdi>Open</bdi></label>" in page
    assert "Secret" not in page


def test_the_zone_of_the_page_comes_first_and_a_rare_one_is_kept():
    make_page(time_zone="Europe/Amsterdam")
    subscriber = make_subscriber()
    save(subscriber, time_zone="America/Argentina/Ushuaia")

    page = Client().get(link(subscriber)).content.decode()

    assert page.index('value="Europe/Amsterdam"') < page.index("<optgroup")
    assert page.count('value="Europe/Amsterdam"') == 1
    assert '<option value="America/Argentina/Ushuaia" selected>' in page


def test_a_language_is_asked_for_only_when_there_is_more_than_one(settings, tmp_path):
    path = link(make_subscriber())
    assert '<option value="nl">Nederlands</option>' in Client().get(path).content.decode()

    settings.LOCALE_PATHS = [tmp_path]

    assert 'name="language"' not in Client().get(path).content.decode()


def test_whoever_chooses_a_language_reads_page_and_mails_in_it():
    subscriber = make_subscriber()

    save(subscriber, language="nl")

    page = Client().get(link(Subscriber.objects.get())).content.decode()
    assert '<html lang="nl">' in page
    assert "Uw abonnement" in page
    assert translation.get_language() == "en-gb"


def test_the_address_itself_is_told_what_is_chosen_now():
    links = {"confirm": "c", "manage": "m", "unsubscribe": "u"}
    make_page()
    subscriber, part = make_subscriber(), make_component("Image server")
    save(subscriber)
    assert not Notification.objects.filter(purpose="choices").exists()

    save(subscriber, scope="some", components=[part.code], kinds=["incidents"], detail="start-and-end")

    words = write(Notification.objects.get(purpose="choices"), links, language="en", time_zone="")
    for text in (words.text, words.html):
        assert all(said in text for said in ("Image server", "Incidents", "Only the start and the end"))
    assert "Maintenance" not in words.text


def test_after_three_changes_a_day_one_mail_tells_all_later_ones():
    subscriber = make_subscriber()
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        for number in range(8):
            save(subscriber, detail="start-and-end" if number % 2 == 0 else "every")

    owed = Delivery.objects.filter(notification__purpose="choices").order_by("due_at", "pk")
    assert [delivery.due_at > start for delivery in owed] == [False, False, False, True]
    assert owed.last().due_at == start + dt.timedelta(days=1)


def test_no_link_changes_the_address():
    subscriber = make_subscriber("ann@example.com")

    save(subscriber, email="eve@example.com", endpoint="eve@example.com", state="pending")

    assert (subscriber.endpoint, subscriber.endpoint_key, subscriber.state) == ("ann@example.com",) * 2 + ("active",)
