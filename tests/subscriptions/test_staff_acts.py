"""What staff do to subscribers stands in the audit, which holds no address: it outlives an erasure."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents.models import Change
from subscriptions.choices import QuarantineCause
from subscriptions.models import Notification
from subscriptions.quarantine import quarantine
from tests.make import make_incident, make_subscriber

pytestmark = pytest.mark.django_db
SUBSCRIBERS = reverse("admin:subscriptions_subscriber_changelist")


def acts() -> list[str]:
    return list(Change.objects.exclude(verb="sign_in").order_by("pk").values_list("verb", flat=True))


def test_acts_on_subscribers_are_kept_without_their_addresses(admin_client):
    ann, bob = make_subscriber("ann@example.com"), make_subscriber("bob@example.com")
    quarantine([bob.pk], QuarantineCause.UNREACHABLE, "550", now=timezone.now())
    lists = reverse("admin:subscriptions_lists_export")

    admin_client.post(reverse("admin:subscriptions_subscriber_add"), {"endpoint": "c@example.com", "all_components": 1})
    admin_client.post(SUBSCRIBERS, {"action": "unsubscribe", "_selected_action": [ann.pk], "sure": "yes"})
    admin_client.post(SUBSCRIBERS, {"action": "release", "_selected_action": [bob.pk]})
    admin_client.post(lists)
    admin_client.post(reverse("admin:subscriptions_subscriber_delete", args=[ann.pk]), {"post": "yes"})
    admin_client.post(SUBSCRIBERS, {"action": "delete_selected", "_selected_action": [bob.pk], "post": "yes"})

    assert acts() == [
        "invite_subscriber",
        "unsubscribe",
        "release",
        "export_subscribers",
        "erase_subscriber",
        "erase_subscriber",
    ]
    assert "@example.com" not in str(list(Change.objects.exclude(verb="sign_in").values("subject", "before", "after")))
    assert Change.objects.get(verb="unsubscribe").after == {"codes": ann.code}


def test_holding_back_what_is_told_is_an_act_on_its_notice(admin_client):
    incident = make_incident()
    told = Notification.objects.create(purpose="update", update=incident.updates.get())

    for act in ("pause", "resume"):
        admin_client.post(
            reverse(f"admin:subscriptions_notification_{act}", args=[told.pk]), {"reason": "A wrong day."}
        )

    assert acts() == ["open_incident", "pause_telling", "resume_telling"]
    assert Change.objects.get(verb="pause_telling").incident == incident
