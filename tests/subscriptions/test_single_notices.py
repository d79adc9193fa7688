"""Following one notice: from its page, by a mail to who is subscribed already, until some days after its end."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from incidents.actions import post_update
from incidents.values import UpdateText
from subscriptions import consent, retention
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.outbox import LINK
from subscriptions.tasks import drain
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token
from subscriptions.wording import write
from tests.make import make_component, make_incident, make_page, make_subscriber
from tests.render import files

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def follow(notice, email="ann@example.com", **headers):
    return Client().post("/subscribe/", {"email": email, "notice": notice.code}, headers=headers)


def followed(subscriber):
    return list(subscriber.notices.order_by("pk"))


def close(notice, *, days_ago=0):
    at = timezone.now() - days_ago * DAY
    return post_update(notice, UpdateText(status="resolved", body="Done."), actor=None, at=at)


def test_the_page_of_an_open_notice_leads_to_its_form():
    notice, over = make_incident(), make_incident("Over")
    close(over)
    pages = files(timezone.now())
    link = f'href="/subscribe/?notice={notice.code}"'

    assert link in pages[f"/incidents/{notice.code}"].decode()
    assert "?notice=" not in pages[f"/incidents/{over.code}"].decode()
    form = Client().get(f"/subscribe/?notice={notice.code}").content.decode()
    assert f'name="notice" value="{notice.code}"' in form


def test_a_new_address_follows_this_notice_alone():
    notice = make_incident()

    assert follow(notice)["Location"] == "/subscribe/check-mail"

    subscriber = Subscriber.objects.get()
    assert (subscriber.state, subscriber.all_components, followed(subscriber)) == ("pending", False, [notice])
    page = Client().get(f"/subscribe/confirm/{make_token(subscriber, CONFIRM)}").content.decode()
    assert notice.title in page
    assert "Everything on this page" not in page


def test_one_that_waits_for_confirmation_follows_both():
    first, second = make_incident(), make_incident()

    follow(first)
    follow(second)

    assert followed(Subscriber.objects.get()) == [first, second]
    assert Notification.objects.filter(purpose="confirm").count() == 1


def test_who_is_back_follows_nothing_of_before():
    old, new = make_incident(), make_incident()
    subscriber = make_subscriber("ann@example.com", now=timezone.now() - 2 * DAY)
    subscriber.notices.add(old)
    consent.unsubscribe(subscriber, timezone.now() - DAY)

    follow(new)

    assert followed(subscriber) == [new]


@pytest.mark.parametrize("all_components", [True, False])
def test_a_stranger_adds_nothing_to_an_active_subscription_but_its_owner_does_by_one_button(all_components):
    make_page()
    first, second = make_incident(), make_incident("Second")
    subscriber = make_subscriber("ann@example.com", all_components=all_components)
    subscriber.notices.add(first)

    answer = follow(second)

    assert answer.content == follow(second, "unknown@example.com").content
    assert followed(subscriber) == [first]
    offer = Notification.objects.get(purpose="manage")
    links = dict.fromkeys((CONFIRM, MANAGE, UNSUBSCRIBE), "")
    links[MANAGE] = f"http://testserver/subscribe/manage/{make_token(subscriber, MANAGE)}"
    text = write(offer, links, language="en", time_zone="").text
    (link,) = [found for found in LINK.findall(text) if "/manage/" in found]
    page = Client().get(link).content.decode()
    assert f'id="notice-{second.code}" checked' in page

    Client().post(link, {"shown": "1", "scope": "all", "kinds": "incidents", "notices": [first.code, second.code]})
    assert followed(subscriber) == [first, second]


def test_a_follower_hears_of_this_notice_and_of_no_other_to_its_end():
    make_page()
    part = make_component().pk
    notice = make_incident("Followed", components={part: "major_outage"})
    follow(notice)
    subscriber = Subscriber.objects.get()
    consent.confirm(subscriber, timezone.now())
    make_incident("Other", components={part: "major_outage"})
    close(notice)

    drain()

    told = Delivery.objects.filter(notification__update__isnull=False).order_by("pk")
    assert list(told.values_list("notification__update__status", flat=True)) == ["investigating", "resolved"]
    assert set(told.values_list("notification__update__incident", flat=True)) == {notice.pk}


@pytest.mark.parametrize("code", ["nonesuch", "", "%00", "a.b", "é", "x" * 500])
def test_a_notice_that_is_none_leads_to_the_general_form(code):
    page = Client().get(f"/subscribe/?notice={code}")

    assert page.status_code == 200
    assert "is over, or not on this page" in page.content.decode()
    assert '<details class="choosing">' in page.content.decode()


def test_a_draft_or_a_closed_notice_cannot_be_followed_and_what_was_typed_stays():
    draft, closed = make_incident(publish=False), make_incident()
    close(closed)

    for notice in (draft, closed):
        answer = follow(notice)
        assert answer.status_code == 400
        assert 'value="ann@example.com"' in answer.content.decode()
        assert notice.title not in answer.content.decode()
    assert not Subscriber.objects.exists()


def test_a_wrong_address_comes_back_with_its_notice():
    notice = make_incident()

    page = follow(notice, "ann@").content.decode()

    assert f'name="notice" value="{notice.code}"' in page
    assert 'value="ann@"' in page


def test_a_notice_is_followed_until_seven_days_after_its_end_and_a_follower_of_nothing_else_is_erased():
    now = timezone.now()
    recent, old = make_incident(at=now - 10 * DAY), make_incident(at=now - 10 * DAY)
    only_old, both, more = (make_subscriber(all_components=False) for _one in range(3))
    everything = make_subscriber()
    only_old.notices.set([old])
    both.notices.set([recent, old])
    more.notices.set([old])
    more.components.set([make_component()])
    everything.notices.set([old])
    Delivery.objects.update(state="skipped")
    close(old, days_ago=8)
    close(recent, days_ago=6)

    retention.forget(now)

    assert list(Subscriber.objects.order_by("pk")) == [both, more, everything]
    assert [followed(one) for one in (both, more, everything)] == [[recent], [], []]


def test_days_are_counted_from_the_last_end_and_a_reopened_notice_is_followed_on(settings):
    settings.FORGET_NOTICES_AFTER_DAYS = 2
    notice = make_incident(at=timezone.now() - 10 * DAY)
    subscriber = make_subscriber(all_components=False)
    subscriber.notices.set([notice])
    Delivery.objects.update(state="skipped")
    close(notice, days_ago=3)
    post_update(notice, UpdateText(status="investigating", body="Again."), actor=None)

    retention.forget(timezone.now())
    assert followed(subscriber) == [notice]

    close(notice)
    retention.forget(timezone.now() + DAY)
    assert followed(subscriber) == [notice]

    retention.forget(timezone.now() + 3 * DAY)
    assert not Subscriber.objects.exists()


def test_nobody_is_forgotten_who_is_still_to_be_told():
    notice = make_incident(at=timezone.now() - 10 * DAY)
    subscriber = make_subscriber(all_components=False)
    subscriber.notices.set([notice])
    close(notice, days_ago=8)
    assert Delivery.objects.filter(subscriber=subscriber, state="queued").exists()

    retention.forget(timezone.now())

    assert followed(subscriber) == [notice]


def test_the_way_out_in_an_old_mail_stays_good_after_the_address_is_erased():
    subscriber = make_subscriber()
    path = f"/subscribe/unsubscribe/{make_token(subscriber, UNSUBSCRIBE)}"
    subscriber.delete()

    assert [Client().get(path).status_code, Client().post(path).status_code] == [200, 200]
    assert Client().post(path + "x").status_code == 404
