from __future__ import annotations

import base64

import pytest
from django.utils.crypto import salted_hmac

from subscriptions.models import Subscriber
from subscriptions.tokens import CONFIRM, MANAGE, UNSUBSCRIBE, make_token, read_token
from tests.make import make_subscriber

pytestmark = pytest.mark.django_db
PURPOSES = [CONFIRM, MANAGE, UNSUBSCRIBE]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_token_opens_what_it_is_for_and_nothing_else(purpose):
    subscriber = make_subscriber()
    token = make_token(subscriber, purpose)

    assert [read_token(token, other) for other in PURPOSES] == [
        subscriber if other == purpose else None for other in PURPOSES
    ]


def test_a_token_has_a_seal_of_160_bits():
    seal = make_token(make_subscriber(), CONFIRM).partition(".")[2]

    assert len(seal) == 27  # base64 of 20 bytes


def test_any_changed_character_makes_it_void():
    token = make_token(make_subscriber(), UNSUBSCRIBE)

    changed = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token) - 1)]

    assert [read_token(one, UNSUBSCRIBE) for one in changed] == [None] * len(changed)


def test_the_seal_of_one_does_not_open_another():
    ann, bob = make_subscriber(), make_subscriber()
    seal = make_token(ann, MANAGE).partition(".")[2]

    assert read_token(f"{bob.code}.{seal}", MANAGE) is None


@pytest.mark.parametrize("junk", ["", ".", "a.", ".a", "a.b.c", "\x00.abc", "é.abc", "a.é", "x" * 100_000, "%00.%00"])
def test_junk_opens_nothing(junk):
    assert read_token(junk, CONFIRM) is None


def test_a_new_secret_makes_earlier_links_void_except_those_to_leave():
    subscriber = make_subscriber()
    tokens = {purpose: make_token(subscriber, purpose) for purpose in (CONFIRM, MANAGE, UNSUBSCRIBE)}
    Subscriber.objects.update(link_secret="another")

    opened = [purpose for purpose, token in tokens.items() if read_token(token, purpose)]

    assert opened == [UNSUBSCRIBE]


def test_a_token_is_the_one_that_older_mails_carry(settings):
    subscriber = make_subscriber()

    def as_before(purpose: str, secret: str) -> str:
        digest = salted_hmac(
            f"subscriptions.tokens.{purpose}",
            f"{subscriber.code}:{secret}",
            secret=settings.SECRET_KEY,
            algorithm="sha256",
        ).digest()
        return f"{subscriber.code}.{base64.urlsafe_b64encode(digest[:20]).decode().rstrip('=')}"

    assert make_token(subscriber, MANAGE) == as_before("manage", subscriber.link_secret)
    assert make_token(subscriber, UNSUBSCRIBE) == as_before("unsubscribe", "")


def test_links_outlive_a_changed_key_that_is_still_named(settings):
    token = make_token(make_subscriber(), UNSUBSCRIBE)

    settings.SECRET_KEY, old = "a new key that is long enough to be one", settings.SECRET_KEY
    assert read_token(token, UNSUBSCRIBE) is None

    settings.SECRET_KEY_FALLBACKS = [old]
    assert read_token(token, UNSUBSCRIBE) is not None
