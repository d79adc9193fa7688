"""Staff's Markdown to HTML that is safe everywhere: page, mail, feed, admin. Rendered once, when written."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

import bleach
import nh3
from django.core.exceptions import ValidationError
from django.utils.html import escape
from django.utils.translation import gettext as _
from markdown import Markdown

# Raise it when the rules below change: text rendered by an older version can then be found and rendered anew.
TEXT_VERSION = 2

MAX_LINE = 200
MAX_BODY = 10_000
# A post-mortem is longer prose. Rendering costs length times markup: so of a longer text the less may be markup.
MAX_POSTMORTEM = 30_000
# Python-Markdown needs quadratic time for many of these (docs/architecture.md, "Text"); no notice has as many.
MAX_LINES = 1_000
MAX_MARKUP = 500
MARKUP = re.compile(r"[\[<`*_&]|!\[")
# … and recursion for these: quote, list and ordered-list markers that open one line.
MAX_NESTING = 20
NESTING = re.compile(r"^(?:[ \t]*(?:>|[-+*][ \t]|\d{1,9}\.[ \t]))+", re.MULTILINE)
MAX_INDENT = re.compile(r"^[ \t]{80}|[ \t]{200}", re.MULTILINE)

TAGS = frozenset("p br hr h3 h4 h5 ul ol li strong em code pre blockquote a table thead tbody tr th td".split())
ATTRIBUTES = {"a": ["href", "title"]}
SCHEMES = frozenset({"http", "https", "mailto"})

# A telephone number, or a tag, in which none is looked for.
PHONE = re.compile(
    r"""(</?[a-z](?:[^<>"']|"[^"]*"|'[^']*')*>)|(?<![\da-z+.:/-])(?:\+|[0٠۰])\d[\d ()/-]{4,24}\d(?![\d:])"""
)

# Cc: control; Cs: lone surrogates; Zl, Zp: line and paragraph separators. Then what reorders the text around it.
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_line(text: str, *, limit: int = MAX_LINE) -> str:
    """One line of plain text, trimmed. Raises ValidationError for line breaks, control characters, excess length."""
    text = text.strip()
    if len(text) > limit:
        raise ValidationError(_too_long(text, limit))
    if any(map(_is_forbidden, text)):
        raise ValidationError(_("Line breaks and control characters cannot stand here: type this line anew."))
    return unicodedata.normalize("NFC", text)


def clean_body(source: str, *, limit: int = MAX_BODY) -> str:
    """Markdown as staff wrote it, with line ends made equal.

    Raises ValidationError, within milliseconds, for text that is too long, too intricate or not showable.
    """
    if len(source) > 2 * limit:
        raise ValidationError(_too_long(source, limit))
    source = source.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(source) > limit:
        raise ValidationError(_too_long(source, limit))
    if any(_is_forbidden(char) for char in source if char not in "\n\t"):
        raise ValidationError(_("The text holds control characters, which cannot be shown: paste it as plain text."))
    if source.count("\n") >= MAX_LINES:
        raise ValidationError(_("Use fewer than %(limit)d lines.") % {"limit": MAX_LINES})
    if len(MARKUP.findall(source)) * max(len(source), MAX_BODY) > MAX_MARKUP * MAX_BODY:
        raise ValidationError(_("The text holds too many formatting characters ([ < ` * _ &): use plainer text."))
    if MAX_INDENT.search(source) or any(len(run.split()) > MAX_NESTING for run in NESTING.findall(source)):
        raise ValidationError(_("Lists, quotes or spaces are nested too deeply: use plainer text."))
    return unicodedata.normalize("NFC", source)


def render_markdown(source: str, *, limit: int = MAX_BODY) -> str:
    """Safe HTML of `source`. Raises ValidationError as `clean_body` does."""
    source = clean_body(source, limit=limit)
    if not source:
        return ""
    renderer = Markdown(extensions=["tables", "sane_lists", "nl2br"], output_format="html")
    renderer.parser.blockprocessors.deregister("code")  # an indented line is a slip of the hand, not code
    try:
        html = renderer.convert(source)
    except RecursionError:
        html = "<p>" + escape(source).replace("\n", "<br>") + "</p>"
    html = bleach.clean(html, tags=TAGS, attributes=ATTRIBUTES, protocols=SCHEMES, strip=True, strip_comments=True)
    if is_from_right_to_left(html):
        html = PHONE.sub(lambda found: found[1] or f'<bdi dir="ltr">{found[0]}</bdi>', html)
    return nh3.clean(
        html,
        tags={*TAGS, "bdi"},  # ours: bleach has let none pass that staff wrote
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()} | {"bdi": {"dir"}},
        attribute_filter=_second_look,
        url_schemes=set(SCHEMES),
        link_rel="noopener nofollow",
    ).strip()


def is_from_right_to_left(text: str) -> bool:
    """Whether some of it is. Groups of digits change places there: "+31 20 520 61 90" would begin with 90."""
    return any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)


def _second_look(_tag: str, name: str, value: str) -> str | None:
    """Keep a link target only when it is absolute and plainly of an allowed scheme.

    bleach takes "javascript:123" for a host with a port; nh3 keeps relative targets, which lead nowhere in a mail.
    """
    if name != "href":
        return value
    try:
        target = urlsplit(value.strip())
    except ValueError:
        return None
    is_mail = target.scheme == "mailto" and "@" in target.path
    is_page = target.scheme in ("http", "https") and bool(target.netloc)
    return value if is_mail or is_page else None


def _is_forbidden(char: str) -> bool:
    return char in BIDI_CONTROLS or unicodedata.category(char) in FORBIDDEN_CATEGORIES


def _too_long(text: str, limit: int) -> str:
    return _("Shorten this text to %(limit)d characters: it has %(length)d.") % {"limit": limit, "length": len(text)}
