from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import nh3
import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from incidents.text import (
    ATTRIBUTES,
    MAX_BODY,
    MAX_MARKUP,
    MAX_POSTMORTEM,
    SCHEMES,
    TAGS,
    clean_body,
    clean_line,
    render_markdown,
)

pytestmark = pytest.mark.any_database

VECTORS = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](javascript\u200b:alert(1))",
    "[x](javascript:123)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](//evil.example/)",
    "[x](/admin/logout/)",
    "[x](http:evil)",
    '[x](https://a.example/ "t" onmouseover="alert(1)")',
    '[x](https://a.example/" onmouseover="alert(1))',
    "![x](https://a.example/x.png)",
    "![x](javascript:alert(1))",
    "<https://a.example/<script>>",
    "[x]: javascript:alert(1)\n\n[x]",
    "<style>body{display:none}</style>",
    '<p style="position:fixed">x</p>',
    '<form action="https://evil.example"><input name=x><button>Log in</button></form>',
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content=0>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "`<script>alert(1)</script>`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "<details open ontoggle=alert(1)>",
    "<p>" * 30,
]


class Inventory(HTMLParser):
    """What stands in a piece of HTML, and whatever of it is not allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forbidden: list[str] = []
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag, attrs):
        allowed = {*ATTRIBUTES.get(tag, []), *(["rel"] if tag == "a" else [])}
        self.forbidden += [tag] if tag not in TAGS else []
        self.forbidden += [f"{tag} {name}" for name, _value in attrs if name not in allowed]
        if tag == "a":
            self.links.append({name: value or "" for name, value in attrs})

    def handle_comment(self, data):
        self.forbidden.append("comment")

    def handle_decl(self, decl):
        self.forbidden.append("declaration")

    handle_pi = unknown_decl = handle_decl


def inventory(html: str) -> Inventory:
    found = Inventory()
    found.feed(html)
    found.close()
    return found


def assert_harmless(html: str) -> None:
    found = inventory(html)
    assert found.forbidden == []
    for link in found.links:
        target = urlsplit(link.get("href", "https://absent/"))
        assert target.scheme in SCHEMES
        assert target.netloc or target.scheme == "mailto"
        assert "noopener" in link["rel"]


def cleaned_again(html: str) -> str:
    attributes = {tag: set(names) for tag, names in ATTRIBUTES.items()}
    return nh3.clean(
        html, tags=set(TAGS), attributes=attributes, url_schemes=set(SCHEMES), link_rel="noopener nofollow"
    )


@pytest.mark.parametrize("source", VECTORS)
def test_nothing_hostile_comes_through(source):
    html = render_markdown(source)

    assert_harmless(html)
    assert cleaned_again(html) == html


FRAGMENTS = st.sampled_from([*"<>[)*_`&#|-\n \"'", "](", "javascript:", "https://a.example"])
SOUP = st.lists(FRAGMENTS | st.text(max_size=6), max_size=40).map("".join)
HOSTILE_LINES = st.lists(st.sampled_from(VECTORS)).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(SOUP | HOSTILE_LINES)
@example("<a href='https://a.example'\x00>x</a>")
def test_whatever_is_written_only_what_is_allowed_comes_out(source):
    try:
        html = render_markdown(source)
    except ValidationError:
        return
    assert_harmless(html)
    assert cleaned_again(html) == html


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("", ""),
        ("Two\nlines", "<p>Two<br>\nlines</p>"),
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
        ("    indented", "<p>indented</p>"),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>"),
        (
            "[page](https://a.example/x?a=1&b=2)",
            '<p><a href="https://a.example/x?a=1&amp;b=2" rel="noopener nofollow">page</a></p>',
        ),
        ("[us](mailto:us@a.example)", '<p><a href="mailto:us@a.example" rel="noopener nofollow">us</a></p>'),
    ],
)
def test_what_staff_mean_is_what_customers_read(source, html):
    assert render_markdown(source) == html


def test_a_reference_in_one_text_is_unknown_in_the_next():
    render_markdown("[x]: https://a.example\n\n[x]")

    assert render_markdown("[x]") == "<p>[x]</p>"


REFUSED = {
    "a megabyte": "x" * 1_000_000,
    "one character too many": "x" * (MAX_BODY + 1),
    "20,000 brackets": "[" * 20_000,
    "brackets within the length": "[" * (MAX_MARKUP + 1),
    "pictures": "![" * (MAX_MARKUP + 1),
    "half links": "[a](" * (MAX_MARKUP + 1),
    "half tags": "<a " * (MAX_MARKUP + 1),
    "stars": "*a" * (MAX_MARKUP + 1),
    "lines": "\n".join("a" * 1_001),
    "nested quotes": "> " * 1_500,
    "nested lists": "\n".join(" " * 4 * depth + "- x" for depth in range(60)),
    "one line of list markers": "- " * 1_500,
    "deep spaces": " " * 90 + "x\n" + " " * 90 + "y",
    "NUL": "a\x00b",
    "vertical tab": "a\x0bb",
    "escape": "a\x1bb",
    "reversed writing": "a\u202eb",
    "half a surrogate": "a\ud800b",
    "line separator": "a\u2028b",
}


@pytest.mark.parametrize("name", REFUSED)
def test_text_that_costs_too_much_or_cannot_be_shown_is_refused_before_it_is_rendered(name, monkeypatch):
    monkeypatch.setattr("incidents.text.Markdown", None)

    with pytest.raises(ValidationError):
        render_markdown(REFUSED[name])


AT_THE_LIMIT = {
    "length": "x" * MAX_BODY,
    "brackets": "[" * MAX_MARKUP,
    "half links": "[a](" * MAX_MARKUP,
    "half tags": "<a " * MAX_MARKUP,
    "stars": "*a" * MAX_MARKUP,
    "underscores": "_a" * MAX_MARKUP,
    "backticks": "`" * MAX_MARKUP,
    "lines": "\n".join("a" * 900),
    "quotes": "> " * 20 + "x",
    "table": "|a|\n|-|\n" + "|b|\n" * 400,
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_text_at_the_limit_is_rendered(name):
    assert_harmless(render_markdown(AT_THE_LIMIT[name]))


def test_line_ends_and_letters_are_made_equal():
    assert clean_body(" a\r\nb\rc ") == "a\nb\nc"
    assert clean_body("e\u0301") == clean_line("e\u0301") == "é"


@pytest.mark.parametrize("line", ["x" * 201, "a\nb", "a\x00b", "a\u202eb", "a\u2029b"])
def test_a_line_that_is_none_is_refused(line):
    with pytest.raises(ValidationError):
        clean_line(line)


def test_a_post_mortem_may_be_longer_and_then_holds_less_markup():
    long = "word " * 5_900

    assert len(clean_body(long + "[" * 160, limit=MAX_POSTMORTEM)) > 29_000
    with pytest.raises(ValidationError):
        clean_body(long + "[" * 200, limit=MAX_POSTMORTEM)
    with pytest.raises(ValidationError):
        clean_body(long)
