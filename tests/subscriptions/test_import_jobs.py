"""Imports as a debt: owed by a click, carried out by the worker, whatever befalls it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ

from subscriptions import importing, tasks, watch
from subscriptions.bell import IMPORT, ring
from subscriptions.importing import jobs, read_sheet
from subscriptions.models import Delivery, RefusedLine, Subscriber, UploadedList
from subscriptions.restored import hold_back
from tests.make import make_page, make_staff
from tests.servers import wait_for
from tests.sink import Sink
from tests.subscriptions.faults import killed_at, start
from tests.subscriptions.test_statement_faults import FailingStatement

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


def owe(text: str, *, is_consent_declared: bool = False, at: dt.datetime | None = None) -> UploadedList:
    """A list that a member of the staff has sent and confirmed."""
    make_page()
    upload = UploadedList.objects.create(uploaded_by=make_staff(), name="list.csv", content=text.encode())
    now = at or timezone.now()
    sheet = read_sheet(text.encode(), now=now)
    assert importing.confirm_import(upload, sheet, is_consent_declared=is_consent_declared, now=now)
    upload.refresh_from_db()
    return upload


def addresses(count: int) -> str:
    return "address\n" + "".join(f"reader{number}@host{number}.example.com\n" for number in range(count))


def result(upload: UploadedList) -> tuple[int, int, int, int, int]:
    upload.refresh_from_db()
    return upload.new, upload.updated, upload.unchanged, upload.refused, upload.asked


def test_what_is_refused_is_kept_with_its_line_and_why(monkeypatch):
    monkeypatch.setattr(jobs, "SLICE", 2)
    rows = [
        "address,language",
        "bad,",
        "ann@example.com,en",
        "ann@example.com,en",
        "ben@example.com,xx",
        "cleo@example.com,",
    ]
    upload = owe("\n".join(rows))

    tasks.import_lists()

    assert result(upload) == (2, 0, 0, 3, 2)
    assert list(RefusedLine.objects.values_list("line", "value")) == [(2, "bad"), (4, "ann@example.com"), (5, "xx")]
    assert RefusedLine.objects.get(line=4).reason == "This address stands in line 3 already."


def test_a_second_import_of_the_same_file_changes_nothing():
    owe(addresses(3))
    tasks.import_lists()
    again = owe(addresses(3))
    tasks.import_lists()

    assert result(again) == (0, 0, 3, 0, 0)
    assert Delivery.objects.count() == 3


def test_out_of_time_it_lets_go_and_rings_for_its_successor(monkeypatch):
    monkeypatch.setattr(jobs, "SLICE", 2)
    upload = owe(addresses(5))

    assert tasks.import_lists(budget=0) == "out of time"
    assert (result(upload)[0], upload.lease_until) == (2, None)
    assert IMPORT in [waiting.func() for waiting in OrmQ.objects.all()]
    tasks.import_lists()

    assert result(upload) == (5, 0, 0, 0, 5)
    due = list(Delivery.objects.order_by("pk").values_list("due_at", flat=True))
    assert due == [upload.confirmed_at + dt.timedelta(seconds=number / 20) for number in range(5)]


@pytest.mark.django_db(transaction=True)
def test_each_statement_may_fail_and_each_line_is_carried_out_once(monkeypatch):
    monkeypatch.setattr(jobs, "SLICE", 2)
    upload = owe(addresses(5))
    failures = 0
    while not upload.finished_at:
        failures += 1
        UploadedList.objects.update(lease_until=None)
        with suppress(OperationalError), connection.execute_wrapper(FailingStatement(failures)):
            importing.carry_on(importing.take_import(timezone.now()), deadline=0, after_each=lambda: None)
        upload.refresh_from_db()

    assert failures > 10
    assert result(upload) == (5, 0, 0, 0, 5)
    assert sorted(Delivery.objects.values_list("subscriber", flat=True)) == sorted(
        Subscriber.objects.values_list("pk", flat=True)
    )
    assert LogEntry.objects.count() == 1


def test_nobody_takes_what_another_carries_out_until_its_lease_is_over():
    upload = owe(addresses(1))
    now = timezone.now()

    assert importing.take_import(now) == upload
    assert importing.take_import(now) is None
    assert importing.take_import(now + 2 * MINUTE) == upload


def test_who_comes_late_changes_nothing():
    owe(addresses(2))
    late = importing.take_import(timezone.now())
    UploadedList.objects.update(lease_until=None)
    tasks.import_lists()

    importing.carry_on(late, deadline=0, after_each=lambda: None)

    assert (Subscriber.objects.count(), Delivery.objects.count()) == (2, 2)


def test_one_list_that_cannot_be_imported_holds_up_no_other(monkeypatch):
    broken, good = owe(addresses(1)), owe(addresses(2))
    really = importing.carry_on
    monkeypatch.setattr(
        importing, "carry_on", lambda upload, **how: 1 / 0 if upload.pk == broken.pk else really(upload, **how)
    )

    tasks.import_lists()

    assert (result(good)[0], result(broken)[0]) == (2, 0)


def test_nobody_becomes_active_by_a_list_for_which_nobody_has_given_their_word():
    """As after an erasure: when it was confirmed, none of its rows would have become active."""
    upload = owe("address,confirmed_at\nann@example.com,2013-11-09\n", is_consent_declared=True)
    UploadedList.objects.update(is_consent_declared=False)

    tasks.import_lists()

    assert result(upload) == (0, 0, 0, 1, 0)
    assert RefusedLine.objects.get().reason == "Nobody has declared that this person agreed."
    assert not Subscriber.objects.exists()


def test_the_sweep_rings_for_a_lost_bell_and_removes_what_is_over():
    day = dt.timedelta(days=1)
    owed = owe(addresses(1))
    UploadedList.objects.create(
        uploaded_by=make_staff(), name="old.csv", content=b"x", uploaded_at=timezone.now() - day
    )
    long_owed = owe(addresses(1))
    UploadedList.objects.filter(pk=long_owed.pk).update(
        uploaded_at=timezone.now() - 3 * day, lease_until=timezone.now() + MINUTE
    )

    tasks.sweep()

    assert [waiting.func() for waiting in OrmQ.objects.all()] == [IMPORT]
    assert list(UploadedList.objects.order_by("pk")) == [owed, long_owed]

    tasks.import_lists()
    UploadedList.objects.filter(pk=owed.pk).update(finished_at=timezone.now() - day)
    tasks.sweep()
    assert list(UploadedList.objects.all()) == [long_owed]


def test_a_worker_that_leaves_an_import_lying_is_stuck():
    now = timezone.now()
    owe(addresses(1), at=now - dt.timedelta(seconds=31))

    assert watch.is_stuck(now)
    UploadedList.objects.update(finished_at=now)
    assert not watch.is_stuck(now)


def test_a_database_from_a_copy_asks_staff_again():
    upload = owe(addresses(3))
    importing.take_import(timezone.now())

    hold_back(timezone.now())

    upload.refresh_from_db()
    assert (upload.confirmed_at, upload.cursor, upload.lease_until) == (None, 0, None)
    tasks.import_lists()
    assert not Subscriber.objects.exists()


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("without_snapshot")
def test_a_worker_killed_amid_an_import_is_followed_by_one_that_goes_on(tmp_path):
    upload = owe(addresses(4_000))

    def cursor() -> int:
        return UploadedList.objects.values_list("cursor", flat=True).get()

    with Sink() as sink:
        begin = partial(start, "qcluster", data_dir=tmp_path / "data", mail=sink.url)
        third_slice = "UPDATE ON subscriptions_uploadedlist FOR EACH ROW WHEN (NEW.cursor > 1100)"
        with begin() as product, killed_at(third_slice, product):
            ring(IMPORT)
            wait_for(cursor, what="the first slice")
        assert 0 < cursor() < upload.last_line
        UploadedList.objects.update(lease_until=timezone.now())  # instead of a minute
        with begin():
            ring(IMPORT)
            wait_for(lambda: cursor() == upload.last_line, what="the last line")

    assert result(upload) == (4_000, 0, 0, 0, 4_000)
    asked = Counter(Delivery.objects.values_list("subscriber", flat=True))
    assert (len(asked), set(asked.values())) == (4_000, {1})
