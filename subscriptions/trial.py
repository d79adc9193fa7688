"""A draft sent to whoever writes it: the very mail that subscribers would get, to one address, and into no ledger."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from incidents.models import IncidentUpdate, Page, new_code
from subscriptions.channels import email
from subscriptions.channels.errors import DeliveryError
from subscriptions.choices import Purpose, SubscriberState
from subscriptions.ledger import Claimed
from subscriptions.models import Notification
from subscriptions.previews import NOBODY, correction_of


def prepare(update: IncidentUpdate, address: str) -> Callable[[], str]:
    """Write the mail now, inside the rehearsal of `update`; what is returned sends it and says what came of it."""
    if not address:
        return lambda: _("Nothing was sent: your account has no e-mail address. An administrator sets it under Users.")
    about = {"update": update, "purpose": Purpose.UPDATE}
    if correction := correction_of(update):
        about = {"update": update, "purpose": Purpose.CORRECTION, "revision": correction}
    notification = Notification(pk=0, created_at=timezone.now(), **about)
    message = email.compose(notification, language=Page.objects.current().language, time_zone="", is_test=True)
    # Nobody is subscribed with this code, so the personal links lead nowhere; a new one each time, or a mail program
    # would take the second test for the first one.
    nobody = Claimed(
        pk=0,
        notification_id=0,
        purpose=Purpose.UPDATE,
        subscriber_id=0,
        code=f"{NOBODY}{new_code()}",
        link_secret="",
        endpoint=address,
        state=SubscriberState.ACTIVE,
        language="",
        time_zone="",
        text_revision=None,
    )

    def send() -> str:
        try:
            mail = email.prepare(message, nobody)
            with closing(email.connect()) as connection:
                connection.start(mail)
                answer = connection.finish().decode("utf-8", "replace")
        except DeliveryError as problem:
            return _("Nothing was sent to %(address)s: %(problem)s") % {"address": address, "problem": problem}
        if settings.MAIL_SERVER is None:
            return _("No mail server is set: the test for %(address)s lies in the Outbox.") % {"address": address}
        return _("Sent to %(address)s. The mail server said: %(answer)s") % {"address": address, "answer": answer}

    return send
