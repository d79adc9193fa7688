from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from subscriptions.addresses import read_address

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize(
    ("typed", "endpoint"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.Lee@Example.COM\n", "Ann.Lee@example.com"),
        ("ann+status@example.com", "ann+status@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BU\u0308CHER.example", "ann@xn--bcher-kva.example"),
        ("ann@ｅｘａｍｐｌｅ.com", "ann@example.com"),
        ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("{ann}_l-e@sub.exa-mple.co", "{ann}_l-e@sub.exa-mple.co"),
        ("ann%0d%0a@example.com", "ann%0d%0a@example.com"),
        ("o'neil/dept=1@example.co.uk", "o'neil/dept=1@example.co.uk"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_is_sent_to_as_typed_with_a_domain_in_ascii(typed, endpoint):
    assert read_address(typed).endpoint == endpoint


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@@example.com",
        "ann@localhost",
        "ann@[127.0.0.1]",
        "ann@example",
        "ann@example..com",
        "ann@-example.com",
        "ann@example.com.",
        "ann@exa mple.com",
        "ann lee@example.com",
        '"ann lee"@example.com',
        "<ann@example.com>",
        "Ann <ann@example.com>",
        "ann@example.com,bob@example.com",
        "ann@example.com;bob@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        "ann\x00@example.com",
        "ann\x7f@example.com",
        "ann@exam\u202eple.com",
        "ann\u200b@example.com",
        "änn@example.com",
        "İ@example.com",
        "ſam@example.com",
        "ı@example.com",
        "аnn@example.com",  # a Cyrillic a
        "ann,@example.com",
        "ann(or bob)@example.com",
        "ann..lee@example.com",
        "mailto:ann@example.com",
        "ann@example.com?bcc=bob@example.com",
        "ann@example.com\u2028Bcc: bob@example.com",
        "ann@127.0.0.1",
        "ann@[IPv6:::1]",
        "ann@ex\u00adample.com",
        "ａnn@example.com",
        "ann＠example.com",
        "ann@straße.example",
        "ann@ex\ufffdample.com",
        "ann@\ud800.example",
        ".ann@example.com",
        "ann.@example.com",
        "a" * 65 + "@example.com",
        "ann@" + ".".join(["a" * 60] * 4) + ".example",
        "ann@" + ".".join(["ü" * 46] * 5) + ".example",
        "a" * 100_000,
    ],
)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(ValidationError):
        read_address(typed)


def test_two_spellings_of_one_mailbox_have_one_key():
    assert read_address("Ann@Bücher.Example").key == read_address("aNN@xn--bcher-KVA.example").key


def test_a_tag_does_not_make_another_mailbox():
    assert read_address("ann+one@example.com").mailbox == read_address("Ann+two@example.com").mailbox
    assert read_address("ann+one@example.com").key != read_address("ann+two@example.com").key
