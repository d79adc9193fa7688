"""What a notice's own page shows staff of its subscribers: how far its latest update has come."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from incidents.models import Incident
from subscriptions.choices import Purpose
from subscriptions.models import Notification
from subscriptions.progress import Progress, progress_of

MAY_SEE = "subscriptions.view_notification"


def telling_of(notice: Incident, user: Any) -> SafeString | None:
    """Nothing for who may not see it, and nothing when nobody was to be told."""
    if not user.has_perm(MAY_SEE):
        return None
    update = notice.updates.public().filter(notify=True).order_by("-published_at", "-pk").first()
    if update is None:
        return None
    notification = Notification.objects.filter(update=update, purpose=Purpose.UPDATE).first()
    progress = Progress(None)
    if notification is not None:
        progress = progress_of([notification], timezone.now())[notification.pk]
    context = {
        **progress_context(progress, reverse("admin:subscriptions_notification_of_update", args=[update.pk])),
        "update": update,
        "notification": notification,
        "all_url": reverse("admin:subscriptions_notification_changelist") + f"?update__incident__id__exact={notice.pk}",
    }
    return render_to_string("subscriptions/admin/panel.html", context)


def progress_context(progress: Progress, url: str) -> dict[str, Any]:
    """What the template of a progress bar needs; `url` answers with the same as JSON."""
    return {"progress": progress, "words": progress.words(), "progress_url": url}


def deliveries_url(notification: Notification, state: str = "") -> str:
    """The list of its deliveries, or of those in `state`."""
    url = reverse("admin:subscriptions_delivery_changelist") + f"?notification__id__exact={notification.pk}"
    return f"{url}&state__exact={state}" if state else url
