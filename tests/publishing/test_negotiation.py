from __future__ import annotations

import pytest

from publishing.negotiation import has_it, is_unmodified, preferred_encodings

pytestmark = pytest.mark.any_database


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", [""]),
        ("gzip, deflate, br", ["br", "gzip", ""]),
        ("gzip", ["gzip", ""]),
        ("x-gzip", ["gzip", ""]),
        ("GZIP;Q=1", ["gzip", ""]),
        ("br;q=0.5, gzip;q=0.8", ["gzip", "br", ""]),
        ("br;q=0, gzip", ["gzip", ""]),
        ("*", ["br", "gzip", ""]),
        ("*;q=0.1, gzip;q=0", ["br", ""]),
        ("identity, gzip;q=0.5", ["", "gzip"]),
        ("identity;q=0, gzip", ["gzip", ""]),
        ("deflate, zstd", [""]),
        ("gzip;q=rubbish", [""]),
        ("gzip;q=7", ["gzip", ""]),
        (",,;;=,q=", [""]),
        ("gzip," * 10_000, [""]),
    ],
)
def test_the_best_allowed_encoding_comes_first(accept, expected):
    assert list(preferred_encodings(accept)) == expected


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"x", "a"', '"x",W/"a" , "y"', "*", " * ", '"with, comma", "a"'])
def test_a_client_that_names_the_tag_has_it(header):
    assert has_it(header, '"a"')


@pytest.mark.parametrize("header", ["", '"b"', "a", '"a', 'w/"b"', '"xa"', '"*"', '"x",' * 1000 + '"a"'])
def test_a_client_that_does_not_name_the_tag_has_it_not(header):
    assert not has_it(header, '"a"')


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Sun, 10 Nov 2013 05:00:00 GMT", True),
        ("Sun, 10 Nov 2013 05:00:01 GMT", True),
        ("Sun, 10 Nov 2013 04:59:59 GMT", False),
        ("Sunday, 10-Nov-13 05:00:00 GMT", True),
        ("yesterday", False),
        ("", False),
        ("Sun, 99 Nov 2013 05:00:00 GMT", False),
        ("Sun, 10 Nov 99999999 05:00:00 GMT", False),
    ],
)
def test_a_date_tells_whether_the_copy_is_still_good(header, expected):
    assert is_unmodified(header, 1384059600) is expected
