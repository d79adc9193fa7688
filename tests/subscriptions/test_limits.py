from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from subscriptions.limits import (
    DAY,
    HOUR,
    MINUTE,
    Grant,
    forget_old_counts,
    network_of,
    renewal,
    spend,
    take,
    take_each,
)
from subscriptions.models import Allowance
from tests.make import utc

NOW = utc(2013, 11, 6, 9, 0)


@pytest.mark.django_db
def test_a_limit_ends_with_its_hour():
    spent = [spend("sign-up", "a", limit=2, per=HOUR, now=NOW + dt.timedelta(minutes=m)) for m in (0, 1, 2, 60)]

    assert spent == [True, True, False, True]


@pytest.mark.django_db
def test_each_has_a_limit_of_its_own():
    assert spend("sign-up", "a", limit=1, per=HOUR, now=NOW)
    assert spend("sign-up", "b", limit=1, per=HOUR, now=NOW)
    assert spend("bad link", "a", limit=1, per=HOUR, now=NOW)


@pytest.mark.django_db
def test_counts_hold_no_address_and_are_forgotten_when_they_ran_out():
    spend("sign-up", "192.0.2.0/24", limit=1, per=HOUR, now=NOW)
    spend("sign-up", "192.0.3.0/24", limit=1, per=DAY, now=NOW)

    forget_old_counts(NOW + HOUR)

    row = Allowance.objects.get()
    assert re.fullmatch("[0-9a-f]{64}", row.key)
    assert row.renews_at == NOW + DAY


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_counted_exactly():
    def one(_number):
        try:
            return spend("sign-up", "a", limit=20, per=HOUR, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(one, range(60))) == 20


@pytest.mark.django_db
def test_of_many_wanted_as_many_are_granted_as_are_left():
    granted = [take("mail", "a", wanted=n, limit=10, per=MINUTE, now=NOW) for n in (4, 4, 4, 4)]

    assert granted == [4, 4, 2, 0]
    assert renewal("mail", "a", limit=10, now=NOW) == NOW + MINUTE
    assert take("mail", "a", wanted=20, limit=10, per=MINUTE, now=NOW + MINUTE) == 10
    assert renewal("mail", "b", limit=10, now=NOW) is None


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 50])
def test_grants_to_many_cost_the_same_as_to_one(count, django_assert_num_queries):
    wanted = {f"domain{n}": 3 for n in range(count)}

    with django_assert_num_queries(5):  # savepoint and its end, open, read, write
        grants = take_each("mail to", wanted, limit=2, per=MINUTE, now=NOW)

    assert set(grants.values()) == {Grant(2, NOW + MINUTE)}


@pytest.mark.django_db(transaction=True)
def test_many_that_take_at_once_never_get_more_than_there_is():
    def some(_number):
        try:
            return take("mail", "a", wanted=7, limit=100, per=HOUR, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(some, range(40))) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        (" 192.0.2.1 ", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("192.0.2.1:8080", "unknown"),
        ("<script>", "unknown"),
    ],
)
def test_a_network_is_a_24_or_a_64(address, network):
    assert network_of(address) == network
