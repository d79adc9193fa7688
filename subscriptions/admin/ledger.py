"""What the screens of the ledger have in common: it is written by the worker alone, and steered by publishers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents import history
from incidents.models import Page
from incidents.roles import may_publish, may_write
from incidents.times import describe
from subscriptions.control import retry, to_be_retried
from subscriptions.models import ChannelPause, Delivery, Notification


class LedgerAdmin(admin.ModelAdmin):
    show_full_result_count = False
    ordering = ["-pk"]

    class Media:
        css = {"all": ["subscriptions/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Who may publish may also hold what was published, and try it again."""
        return self.has_view_permission(request) and may_publish(request.user)


def channel_pauses() -> list[str]:
    """What is to be said above every screen of the ledger while a channel pauses."""
    zone = Page.objects.current().zone
    text = _("%(channel)s pauses since %(since)s, and nobody is told by it: %(reason)s")
    return [
        text
        % {
            "channel": pause.get_channel_display(),
            "since": describe(pause.since, zone),
            "reason": pause.reason,
        }
        for pause in ChannelPause.objects.all()
    ]


def retry_for(user: Any, deliveries: QuerySet[Delivery]) -> int:
    """Queue again what failed of `deliveries`, and write into the log of each notification who did it."""
    failed = to_be_retried(deliveries).order_by()
    per_notification = dict(failed.values("notification").annotate(n=Count("pk")).values_list("notification", "n"))
    count = retry(failed, now=timezone.now())
    for notification in Notification.objects.filter(pk__in=per_notification).select_related("update__incident"):
        log_act(
            user,
            notification,
            f"Tried {per_notification[notification.pk]} failed deliveries again.",
            verb="retry_telling",
        )
    return count


def may_see_addresses(user: Any) -> bool:
    """Of whoever was told. Who only reads, to audit, sees how many and what became of it."""
    return may_write(user) or user.has_perm("subscriptions.view_subscriber")


def log_act(user: Any, notification: Notification, act: str, *, verb: str) -> None:
    history.note(
        verb=verb,
        actor=user,
        subject=notification.update.incident.title,
        at=timezone.now(),
        incident=notification.update.incident,
        after={"note": act},
    )
    LogEntry.objects.log_actions(user.pk, [notification], CHANGE, act, single_object=True)
