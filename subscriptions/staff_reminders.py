"""Reminding staff by mail of what waits for them (incidents/staff_reminders.py): owed once each, paid by the sweep.

What is due to one person at the same time is one mail. Just before it leaves it is asked again whether it still waits:
what was settled meanwhile, or has come to a later step, is skipped. So a mail server that was away for a night is
followed by one mail, not by a night's worth of them.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max, Q

from incidents.models import Page
from incidents.roles import PUBLISH
from incidents.staff_reminders import ToDo, to_dos
from subscriptions import ledger, wording
from subscriptions.channels import email
from subscriptions.channels.errors import ChannelDown, ConnectionLost, DeliveryError
from subscriptions.choices import Channel, DeliveryState, StaffWish
from subscriptions.journal import Journal, adopted, journals
from subscriptions.models import StaffDelivery, StaffReminder

logger = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
LET_GO = {"claim": None, "lease_until": None}
# The sweep has more to do: who is not reached in this time is told by the next one.
BUDGET = 10.0
# How soon a mail server that is away is tried again.
AGAIN = dt.timedelta(minutes=1)

Key = tuple[str, int | None, int | None, dt.datetime]


def open_staff_reminders(now: dt.datetime) -> list[StaffReminder]:
    """Owe each reminder whose step has come. Each once, however many call this at the same moment."""
    if not _untold(now):
        return []
    with transaction.atomic():
        # With the page held nobody settles or reminds between this look and the owing.
        Page.objects.locked()
        people = recipients()
        return [_open(to_do, people, now) for to_do in _untold(now)]


def send_staff_reminders(now: dt.datetime) -> int:
    """Send what is owed, one mail to each person; returns how many mails. Any number may run at once."""
    deadline = time.monotonic() + BUDGET
    recover_lost_claims(now)
    due = StaffDelivery.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now)
    people = list(due.order_by("user").values_list("user", flat=True).distinct())
    if not people or ledger.pause_of(Channel.EMAIL, now):
        return 0
    sent = 0
    for user_id in people:
        if time.monotonic() > deadline:
            break
        try:
            sent += _tell(user_id, now)
        except (ChannelDown, ConnectionLost) as problem:
            logger.warning("Staff reminders wait for the mail server: %s", problem)
            break
    return sent


def recover_lost_claims(now: dt.datetime) -> None:
    """Settle what dead senders held: by their journals, which know what was sent, or when the lease is over."""
    for path in journals(_journals()):
        with adopted(path) as orphan:
            if orphan:
                with transaction.atomic():
                    _mark_sent(orphan.claim, orphan.accepted, now)
                    _held(orphan.claim).update(state=DeliveryState.QUEUED, **LET_GO)
    lost = StaffDelivery.objects.filter(state=DeliveryState.SENDING, lease_until__lt=now)
    if lost.exists():  # nearly never: then nobody has to wait for a lock
        lost.update(state=DeliveryState.QUEUED, **LET_GO)


def recipients() -> list[User]:
    """Active staff who may publish, have an address and want any, each with what they chose."""
    may_publish = User.objects.with_perm(PUBLISH, backend=BACKEND)
    wants_none = Q(staff_choice__wants=StaffWish.NONE)
    return list(may_publish.filter(is_staff=True).exclude(email="").exclude(wants_none).select_related("staff_choice"))


def wish_of(user: User) -> str:
    choice = getattr(user, "staff_choice", None)
    return choice.wants if choice else StaffWish.ALL


def _untold(now: dt.datetime) -> list[ToDo]:
    """What is due at `now` and was told neither at this step nor, by a clock that was then set back, at a later one."""
    waiting = to_dos(now)
    if not waiting:
        return []
    told = StaffReminder.objects.filter(
        Q(incident__in={to_do.notice.pk for to_do in waiting if to_do.notice})
        | Q(component__in={to_do.component.pk for to_do in waiting if to_do.component})
    )
    names = ("kind", "incident", "component", "about")
    steps = {tuple(key): step for *key, step in told.values_list(*names).annotate(Max("step"))}
    return [to_do for to_do in waiting if steps.get(_key(to_do), -1) < to_do.step]


def _open(to_do: ToDo, people: Iterable[User], now: dt.datetime) -> StaffReminder:
    reminder = StaffReminder.objects.create(
        kind=to_do.kind,
        incident=to_do.notice,
        component=to_do.component,
        about=to_do.about,
        step=to_do.step,
        created_at=now,
    )
    StaffDelivery.objects.bulk_create(
        StaffDelivery(reminder=reminder, user=user, due_at=now) for user in people if _wants(user, to_do)
    )
    return reminder


def _wants(user: User, to_do: ToDo) -> bool:
    return to_do.is_late or wish_of(user) == StaffWish.ALL


def _tell(user_id: int, now: dt.datetime) -> int:
    """Send one person what waits for them; 1 if there was anything to send. Raises when nobody can be reached."""
    with _claimed(user_id, now) as (journal, rows):
        if not rows:
            return 0
        claim = rows[0].claim
        user = next((user for user in recipients() if user.pk == user_id), None)
        waiting = {_key(to_do): to_do for to_do in to_dos(now) if user and _wants(user, to_do)}
        wanted = [row for row in rows if _is_newest(row.reminder, waiting)]
        _held(claim).exclude(pk__in=[row.pk for row in wanted]).update(state=DeliveryState.SKIPPED, **LET_GO)
        if not wanted or user is None:
            return 0
        news = {_key_of(row.reminder) for row in wanted}
        words = wording.write_to_dos([to_do for key, to_do in waiting.items() if key in news], now=now)
        try:
            mail = email.to_staff(words, address=user.email, number=max(row.pk for row in wanted))
            with closing(email.connect()) as connection:
                for row in wanted:
                    journal.begin(row.pk)
                connection.start(mail)
                connection.finish()
                for row in wanted:
                    journal.accept(row.pk)
        except DeliveryError as problem:
            _put_off(claim, wanted, problem, now)
            if isinstance(problem, (ChannelDown, ConnectionLost)):
                raise
            return 0
        _mark_sent(claim, [row.pk for row in wanted], now)
        return 1


def _is_newest(reminder: StaffReminder, waiting: dict[Key, ToDo]) -> bool:
    to_do = waiting.get(_key_of(reminder))
    return to_do is not None and reminder.step >= to_do.step


@contextmanager
def _claimed(user_id: int, now: dt.datetime) -> Iterator[tuple[Journal, list[StaffDelivery]]]:
    """All that is due to `user_id`, taken from everybody else. Settled by the block; else by who finds the journal."""
    claim = uuid.uuid4()
    journal = Journal(_journals(), claim)
    try:
        queued = StaffDelivery.objects.filter(user=user_id, state=DeliveryState.QUEUED, due_at__lte=now)
        queued.update(
            state=DeliveryState.SENDING, claim=claim, lease_until=now + ledger.LEASE, attempts=F("attempts") + 1
        )
        yield journal, list(_held(claim).select_related("reminder").order_by("pk"))
        if not _held(claim).exists():
            journal.remove()
    finally:
        journal.close()


def _put_off(claim: uuid.UUID, rows: Iterable[StaffDelivery], problem: DeliveryError, now: dt.datetime) -> None:
    held, words = _held(claim), {"last_error": str(problem)[:500], **LET_GO}
    if isinstance(problem, (ChannelDown, ConnectionLost)):
        held.update(state=DeliveryState.QUEUED, due_at=now + AGAIN, **words)
    elif problem.permanent:
        held.update(state=DeliveryState.FAILED, **words)
    else:
        attempts = max(row.attempts for row in rows)
        held.update(state=DeliveryState.QUEUED, due_at=now + ledger.retry_delay(attempts), **words)


def _held(claim: uuid.UUID) -> Any:
    return StaffDelivery.objects.filter(state=DeliveryState.SENDING, claim=claim)


def _mark_sent(claim: uuid.UUID, ids: Iterable[int], now: dt.datetime) -> None:
    """What the mail server accepted is sent, also when the claim was lost meanwhile and it waits to be sent again."""
    ours = Q(state=DeliveryState.SENDING, claim=claim) | Q(state=DeliveryState.QUEUED)
    StaffDelivery.objects.filter(ours, pk__in=list(ids)).update(
        state=DeliveryState.SENT, sent_at=now, last_error="", **LET_GO
    )


def _key(to_do: ToDo) -> Key:
    return to_do.kind, to_do.notice and to_do.notice.pk, to_do.component and to_do.component.pk, to_do.about


def _key_of(reminder: StaffReminder) -> Key:
    return reminder.kind, reminder.incident_id, reminder.component_id, reminder.about


def _journals() -> Any:
    return settings.JOURNAL_DIR / "staff"
