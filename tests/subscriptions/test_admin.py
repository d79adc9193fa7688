from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from subscriptions.choices import DeliveryState, QuarantineCause
from subscriptions.models import ChannelPause, Delivery, Notification, Subscriber
from subscriptions.quarantine import quarantine
from tests.make import make_component, make_incident, make_page, make_subscriber, utc

pytestmark = pytest.mark.django_db
SUBSCRIBERS = reverse("admin:subscriptions_subscriber_changelist")


def url(model, page, *args):
    return reverse(f"admin:subscriptions_{model}_{page}", args=args)


def add(client, **data):
    return client.post(url("subscriber", "add"), {"endpoint": "ann@example.com", **data})


def unsubscribe_selected(client, *subscribers, **data):
    selected = [subscriber.pk for subscriber in subscribers]
    return client.post(SUBSCRIBERS, {"action": "unsubscribe", "_selected_action": selected, **data})


def make_notification(*states):
    notification = Notification.objects.create(purpose="update", update=make_incident().updates.get())
    for state in states:
        sent_at = notification.created_at if state == DeliveryState.SENT else None
        Delivery.objects.create(notification=notification, subscriber=make_subscriber(), state=state, sent_at=sent_at)
    return notification


def test_an_address_that_staff_enter_is_asked_to_confirm(admin_client):
    links = make_component("Links")

    assert add(admin_client, components=[links.pk]).status_code == 302

    subscriber = Subscriber.objects.get()
    assert (subscriber.state, list(subscriber.components.all())) == ("pending", [links])
    assert Notification.objects.values_list("purpose", flat=True).get() == "confirm"


def test_staff_cannot_change_an_active_subscriber_by_adding_it_again(admin_client):
    subscriber = make_subscriber("ann@example.com")

    answer = add(admin_client, components=[make_component().pk])

    subscriber.refresh_from_db()
    assert answer.status_code == 302
    assert (subscriber.state, subscriber.all_components) == ("active", True)


@pytest.mark.parametrize("data", [{"endpoint": "ann@localhost", "all_components": "on"}, {}])
def test_a_wrong_address_or_no_choice_is_refused_beside_the_field(admin_client, data):
    answer = add(admin_client, **data)

    assert answer.status_code == 200
    assert 'class="errorlist' in answer.content.decode()
    assert not Subscriber.objects.exists()


def test_unsubscribing_is_asked_about_and_then_done(admin_client):
    ann, bob = make_subscriber("ann@example.com"), make_subscriber("bob@example.com")

    question = unsubscribe_selected(admin_client, ann)
    assert "ann@example.com" in question.content.decode()
    assert Subscriber.objects.active().count() == 2

    unsubscribe_selected(admin_client, ann, sure="yes")
    assert list(Subscriber.objects.active()) == [bob]
    assert LogEntry.objects.get().object_id == str(ann.pk)


def test_who_may_only_look_changes_nothing(client):
    subscriber = make_subscriber()
    colleague = User.objects.create_user("colleague", is_staff=True)
    colleague.user_permissions.add(Permission.objects.get(codename="view_subscriber"))
    client.force_login(colleague)

    unsubscribe_selected(client, subscriber, sure="yes")

    assert client.get(url("subscriber", "change", subscriber.pk)).status_code == 200
    assert add(client, all_components="on").status_code == 403
    assert Subscriber.objects.active().count() == 1


def test_a_subscriber_is_shown_and_never_edited(admin_client):
    subscriber = make_subscriber("ann@example.com", components=[make_component("Image server")])
    page = url("subscriber", "change", subscriber.pk)

    shown = admin_client.get(page).content.decode()

    assert "Image server" in shown
    assert 'name="_save"' not in shown
    assert subscriber.link_secret not in shown
    assert admin_client.post(page, {"endpoint": "eve@example.com", "all_components": "on"}).status_code == 403


def test_erasing_a_subscriber_erases_its_deliveries(admin_client):
    subscriber = make_subscriber()

    admin_client.post(url("subscriber", "delete", subscriber.pk), {"post": "yes"})

    assert not Subscriber.objects.exists()
    assert not Delivery.objects.exists()


def test_deliveries_say_what_became_of_each_and_cannot_be_touched(admin_client):
    make_notification(DeliveryState.FAILED)
    delivery = Delivery.objects.get(state=DeliveryState.FAILED)
    Delivery.objects.filter(pk=delivery.pk).update(last_error="550 no such mailbox", attempts=1)

    listed = admin_client.get(url("delivery", "changelist") + "?state__exact=failed").content.decode()
    assert "550 no such mailbox" in listed
    assert "Slow mailings" in listed
    assert admin_client.get(url("delivery", "change", delivery.pk)).status_code == 200
    assert admin_client.post(url("delivery", "delete", delivery.pk), {"post": "yes"}).status_code == 403
    assert (
        "550 no such mailbox" in admin_client.get(url("subscriber", "change", delivery.subscriber_id)).content.decode()
    )


@pytest.mark.parametrize("model", ["subscriber", "delivery", "notification"])
def test_lists_ask_as_often_for_three_rows_as_for_one(admin_client, model, django_assert_max_num_queries):
    make_page()
    counts = []
    for rows in (1, 2):
        for _row in range(rows):
            make_notification("queued")
            make_subscriber(components=[make_component(group="Mail")], groups=[])
        with django_assert_max_num_queries(30) as queries:
            admin_client.get(url(model, "changelist"))
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_searching_finds_an_address(admin_client):
    make_subscriber("ann@example.com")
    make_subscriber("bob@example.com")

    page = admin_client.get(SUBSCRIBERS + "?q=ann@&state__exact=active").content.decode()

    assert "ann@example.com" in page
    assert "bob@example.com" not in page


def test_a_pause_of_the_mail_server_is_said_above_the_deliveries(admin_client):
    now = utc(2013, 11, 9, 20, 0)
    ChannelPause.objects.create(channel="email", since=now, until=now, reason="535 wrong password")

    page = admin_client.get(url("delivery", "changelist")).content.decode()

    assert "535 wrong password" in page
    assert "Saturday 9 November 2013" in page


def test_staff_take_an_address_out_of_quarantine_but_not_who_complained(admin_client):
    ann, ben = make_subscriber(), make_subscriber()
    quarantine([ann.pk], QuarantineCause.UNREACHABLE, "550 5.1.1 unknown", now=timezone.now())
    quarantine([ben.pk], QuarantineCause.COMPLAINT, "abuse", now=timezone.now())

    selected = {"action": "release", "_selected_action": [ann.pk, ben.pk]}
    answer = admin_client.post(SUBSCRIBERS, selected, follow=True).content.decode()

    assert dict(Subscriber.objects.values_list("pk", "state")) == {ann.pk: "active", ben.pk: "quarantined"}
    assert "1 subscriber stands where it stood" in answer
    assert "reported our mail as spam" in answer
    assert LogEntry.objects.get().object_id == str(ann.pk)


def test_a_subscribers_page_says_why_it_is_in_quarantine(admin_client):
    ann = make_subscriber()
    quarantine([ann.pk], QuarantineCause.UNREACHABLE, "550 5.1.1 unknown", now=timezone.now())

    assert "550 5.1.1 unknown" in admin_client.get(url("subscriber", "change", ann.pk)).content.decode()
