"""The staff's screens of what subscribers are told: to be seen by writers, and steered by publishers."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from subscriptions.models import Delivery, Notification
from tests.incidents.screens import screen
from tests.make import make_incident, make_page, make_role, make_staff, make_subscriber
from tests.subscriptions.test_progress import make_notification

pytestmark = pytest.mark.django_db


def page(name: str, *args: int) -> str:
    return reverse(f"admin:subscriptions_notification_{name}", args=args)


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(make_role(role))
    return client


def test_the_list_shows_how_far_each_has_come(admin_client):
    make_notification(*["sent"] * 3, *["queued"] * 2, "failed")

    (row,) = admin_client.get(page("changelist")).context["cl"].result_list

    assert (row.progress.count("sent"), row.progress.waiting, row.progress.count("failed")) == (3, 2, 1)


def test_the_page_is_complete_without_scripts(admin_client):
    shown = admin_client.get(page("change", make_notification("sent", "queued", "failed").pk)).content.decode()

    assert "Being sent: 2 of 3." in shown
    assert '<progress max="100" value="66"' in shown
    assert "550 no such mailbox" in shown


def test_polling_answers_with_the_same_words(admin_client):
    notification = make_notification("sent", "queued")

    answer = admin_client.get(page("progress", notification.pk)).json()

    assert (answer["state"], answer["percent"], answer["isOwed"]) == ("sending", 50, True)
    assert answer["words"]["headline"] == "Being sent: 1 of 2."
    assert answer["announcement"] == "50% done"


def test_a_notice_shows_its_latest_update_being_told(admin_client):
    make_page()
    notice = make_incident(actor=make_staff())
    update = notice.updates.get()
    shown = admin_client.get(screen("incident_change", notice.pk)).content.decode()
    assert "Waiting for the worker to begin." in shown
    assert admin_client.get(page("of_update", update.pk)).json()["isOwed"]

    make_notification("sent", update=update)

    assert "Done: 1 of 1." in admin_client.get(screen("incident_change", notice.pk)).content.decode()
    assert not admin_client.get(page("of_update", update.pk)).json()["isOwed"]


def test_a_notice_that_told_nobody_shows_no_progress(admin_client):
    notice = make_incident(notify=False)

    assert "progress.js" not in admin_client.get(screen("incident_change", notice.pk)).content.decode()
    assert admin_client.get(page("of_update", notice.updates.get().pk)).status_code == 404


def test_a_publisher_pauses_with_a_reason_and_lets_it_go_on():
    make_page()
    petra, notification = client_of("Publisher"), make_notification("queued")

    refused = petra.post(page("pause", notification.pk), {"reason": " "})
    assert "Say why" in refused.content.decode()
    petra.post(page("pause", notification.pk), {"reason": "a wrong date"})

    notification.refresh_from_db()
    assert notification.pause_reason == "a wrong date"
    for where in (page("changelist"), page("change", notification.pk)):
        assert "Paused" in petra.get(where).content.decode()
    assert "a wrong date" in petra.get(screen("incident_change", notification.update.incident_id)).content.decode()

    petra.post(page("resume", notification.pk))
    notification.refresh_from_db()
    assert notification.paused_at is None
    assert list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True)) == [
        "Paused: a wrong date",
        "Resumed.",
    ]


def test_all_that_failed_is_tried_again_after_a_question():
    make_page()
    petra, notification = client_of("Publisher"), make_notification("failed", "failed", "sent")
    other = make_notification("failed")

    question = petra.get(page("retry", notification.pk)).content.decode()
    assert "2 deliveries that have failed" in question
    assert Delivery.objects.filter(state="failed").count() == 3
    petra.post(page("retry", notification.pk), {"sure": "yes"})

    assert Delivery.objects.get(state="failed").notification == other
    assert LogEntry.objects.get().get_change_message() == "Tried 2 failed deliveries again."


def test_selected_failures_are_tried_again_after_a_question():
    make_page()
    petra, notification = client_of("Publisher"), make_notification("failed", "failed", "sent")
    failed = Delivery.objects.filter(state="failed").first()
    selected = {"action": "try_again", "_selected_action": [failed.pk]}
    deliveries = reverse("admin:subscriptions_delivery_changelist")

    assert "550 no such mailbox" in petra.post(deliveries, selected).content.decode()
    petra.post(deliveries, {**selected, "sure": "yes"})

    failed.refresh_from_db()
    assert failed.state == "queued"
    assert LogEntry.objects.get().object_id == str(notification.pk)


def test_failures_are_found_by_what_the_server_said(admin_client):
    make_page()
    notification = make_notification("failed", "sent")
    make_notification("failed")
    found = reverse("admin:subscriptions_delivery_changelist")
    found += f"?notification__id__exact={notification.pk}&state__exact=failed"

    listed = admin_client.get(f"{found}&q=mailbox").context["cl"].result_list

    assert [delivery.notification_id for delivery in listed] == [notification.pk]
    assert not admin_client.get(f"{found}&q=greylisted").context["cl"].result_list


def test_a_writer_sees_and_does_not_steer():
    make_page()
    wilma, notification = client_of("Writer"), make_notification("queued", "failed")

    shown = wilma.get(page("change", notification.pk))
    assert shown.status_code == 200
    assert "Pause it" not in shown.content.decode()
    assert wilma.get(page("progress", notification.pk)).status_code == 200
    assert wilma.post(page("pause", notification.pk), {"reason": "x"}).status_code == 403
    assert wilma.post(page("resume", notification.pk)).status_code == 403
    assert wilma.post(page("retry", notification.pk)).status_code == 403
    selected = {"action": "try_again", "_selected_action": list(Delivery.objects.values_list("pk", flat=True))}
    wilma.post(reverse("admin:subscriptions_delivery_changelist"), {**selected, "sure": "yes"})
    assert Delivery.objects.filter(state="failed").count() == 1


def test_who_has_no_role_sees_nothing(client):
    notification = make_notification("queued")
    user = make_role("Writer")
    user.groups.clear()
    client.force_login(user)

    for where in ("change", "progress", "pause", "retry"):
        assert client.get(page(where, notification.pk)).status_code == 403
    assert client.get(page("of_update", notification.update_id)).status_code == 403


def test_personal_words_have_no_page(admin_client):
    make_subscriber()
    personal = Notification.objects.get(purpose="confirm")

    assert admin_client.get(page("change", personal.pk)).status_code == 404
