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
        ("Jürgen@Bücher.example", "Jürgen@xn--bcher-kva.example"),
        ("Ju\u0308rgen@example.com", "Jürgen@example.com"),
        ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"),
        ("анна.петрова+статус@example.com", "анна.петрова+статус@example.com"),
        ("ann.北京@example.com", "ann.北京@example.com"),
        ("हिन्दी१@example.com", "हिन्दी१@example.com"),
        ("דנה@example.com", "דנה@example.com"),
        ("straße@example.com", "straße@example.com"),
        ("ü" * 32 + "@example.com", "ü" * 32 + "@example.com"),
    ],
)
def test_an_address_is_sent_to_as_typed_with_a_domain_in_ascii(typed, endpoint):
    address = read_address(typed)

    assert address.endpoint == endpoint
    assert read_address(address.endpoint) == address
    assert read_address(address.key).key == address.key


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
        "ſam@example.com",
        "ﬁnn@example.com",
        "x\u2460@example.com",
        "\u0308nn@example.com",
        "ann.\u0308@example.com",
        "ann☃@example.com",
        "änn\u00a0lee@example.com",
        "ä\u202enn@example.com",
        "ä\u200dnn@example.com",
        "ä\x00@example.com",
        "ä..b@example.com",
        "ä<b@example.com",
        "ä b@example.com",
        "αnn@example.com",  # a Greek alpha
        "ü" * 33 + "@example.com",
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


def test_spellings_beyond_ascii_have_one_key_and_no_key_is_somebody_else_s():
    one = {
        read_address(typed).key for typed in ("JÜRGEN@example.com", "jürgen@Example.com", "ju\u0308rgen@example.com")
    }
    others = [read_address(f"{name}@example.com").key for name in ("jurgen", "strasse", "straße", "i", "ı", "İ")]

    assert one == {"jürgen@example.com"}
    assert len({*one, *others}) == 7


def test_a_tag_does_not_make_another_mailbox():
    assert read_address("ann+one@example.com").mailbox == read_address("Ann+two@example.com").mailbox
    assert read_address("ann+one@example.com").key != read_address("ann+two@example.com").key
