from __future__ import annotations

import pytest
from django.utils import timezone

from subscriptions.consent import change_choices, request_manage_link
from subscriptions.erasing import erase
from subscriptions.models import Allowance
from tests.make import make_component, make_page, make_subscriber

pytestmark = pytest.mark.django_db


def test_every_counter_that_is_kept_of_a_person_is_forgotten(data_dirs):
    make_page()
    ann = make_subscriber("ann@example.com")
    request_manage_link("ann@example.com", now=timezone.now())
    change_choices(ann, all_components=False, components=[make_component()], now=timezone.now())
    assert Allowance.objects.count() == 3

    assert erase(ann).counters == 3
    assert not Allowance.objects.exists()
