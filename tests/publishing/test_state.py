from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from incidents.models import Component, Page
from incidents.rehearsal import rehearsal
from publishing import loading
from publishing.loading import load_state
from tests.make import make_component, make_incident, make_page, utc

NOW = utc(2026, 1, 3, 12)


def in_thread(act) -> threading.Thread:
    def run():
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_a_change_between_two_queries_is_not_seen_and_not_held_up(monkeypatch):
    """The whole state is of one moment, and whoever writes meanwhile does not wait for its reader."""
    make_page(name="before")
    make_component("before")
    held_up = []

    def change():
        with transaction.atomic():
            Page.objects.filter(pk=Page.ONLY).update(name="after", version=99)
            Component.objects.update(name="after")

    read_components = loading._component_rows

    def change_meanwhile(now, zone):
        writer = in_thread(change)
        writer.join(60)
        held_up.append(writer.is_alive())
        return read_components(now, zone)

    monkeypatch.setattr(loading, "_component_rows", change_meanwhile)
    read = load_state(NOW)
    monkeypatch.undo()

    assert (read.name, [component.name for component in read.components]) == ("before", ["before"])
    assert held_up == [False]  # on SQLite it gives up after a while, and has changed nothing
    assert load_state(NOW).version == 99


@pytest.mark.django_db(transaction=True)
def test_a_reader_does_not_wait_for_a_writer():
    make_page(name="before")
    has_written, may_commit = threading.Event(), threading.Event()

    def write():
        with transaction.atomic():
            Page.objects.filter(pk=Page.ONLY).update(name="after")
            has_written.set()
            may_commit.wait(60)

    writer = in_thread(write)
    has_written.wait(60)
    name, is_writing = load_state(NOW).name, writer.is_alive()
    may_commit.set()
    writer.join()

    assert (name, load_state(NOW).name) == ("before", "after")
    assert is_writing, "the reader waited until it was over"


@pytest.mark.django_db(transaction=True)
def test_reading_leaves_the_connection_as_it_was():
    make_page()
    load_state(NOW)

    Page.objects.filter(pk=Page.ONLY).update(name="written afterwards")  # refused if the connection were read-only
    with transaction.atomic():
        Page.objects.locked()
    assert load_state(NOW).name == "written afterwards"
    if connection.vendor == "sqlite":
        assert connection.transaction_mode == "IMMEDIATE"


@pytest.mark.django_db(transaction=True)
def test_an_empty_database_has_a_state_too():
    assert load_state(NOW).notices == ()


@pytest.mark.django_db(transaction=True)
def test_a_rehearsal_sees_what_it_has_written_and_leaves_nothing():
    with rehearsal():
        make_incident("Rehearsed")
        assert [notice.title for notice in load_state(NOW).notices] == ["Rehearsed"]

    assert load_state(NOW).notices == ()
