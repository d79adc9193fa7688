"""What receivers, their programs and their filters ask of a mail: each rule by name, and what a mail breaks of it.

`findings(raw, …)` reads the bytes as they leave. It knows nothing of how they were made.
"""

from __future__ import annotations

import base64
import email
import email.policy
import quopri
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr, parsedate_to_datetime
from functools import cached_property
from html.parser import HTMLParser
from urllib.parse import urlsplit

REQUIRED = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted")
OF_THREADS = ("In-Reply-To", "References")
OF_LISTS = ("List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Archive", "Archived-At")
OF_NOTICES = (*OF_THREADS, *OF_LISTS, "Feedback-ID")
KNOWN = {*REQUIRED, *OF_NOTICES, "X-Auto-Response-Suppress"}

ENCODED_WORD = re.compile(r"=\?([\w-]+)\?([QBqb])\?([!->@-~]*)\?=")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
MESSAGE_ID = re.compile(rf"<{ATOM}(?:\.{ATOM})*@(?:{ATOM}(?:\.{ATOM})*|\[[!-Z^-~]*\])>")
URL = re.compile(r"https?://[^\s<>\"]+")
# "Saturday 2 May 2026, 22:00 CEST (20:00 UTC)", or less of it.
TIME = re.compile(r"(?:\w+ \d{1,2} \w+ \d{4}, )?\d\d:\d\d [A-Z]{3,5}(?: \((?:\d+ \w+ )?\d\d:\d\d UTC\))?")
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
VOID = {"meta", "br", "hr", "img", "input", "link", "base", "col", "wbr"}
LOADS = {"img", "link", "script", "iframe", "object", "embed", "form", "svg", "video", "audio", "base", "input"}

Rule = Callable[["Mail"], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    RULES[check.__name__.replace("_", " ")] = check
    return check


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    text: str = ""


class Document(HTMLParser):
    """Elements in order, and what can be read; `preview` is what mail programs show before a mail is opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.styles: list[str] = []
        self.preview = self.seen = ""
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(e.tag for e in self._open))
        self.elements.append(element)
        self.styles.append(element.attributes.get("style", ""))
        self.seen += " " if tag not in ("a", "strong", "em", "code", "b", "i") else ""
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data
        if any(element.tag == "style" for element in self._open):
            self.styles.append(data)
        elif any("preview" in element.attributes.get("class", "").split() for element in self._open):
            self.preview += data.strip()
        elif any(element.tag == "body" for element in self._open):
            self.seen += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    @property
    def links(self) -> list[str]:
        return [element.attributes["href"] for element in self.all("a") if "href" in element.attributes]


@dataclass
class Mail:
    """`written` is all that staff wrote: links to what they named, and to nothing else, may lead elsewhere."""

    raw: bytes
    recipient: str
    public_url: str
    sender: str
    is_notice: bool
    written: str = ""

    @cached_property
    def message(self) -> email.message.EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @cached_property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")

    @cached_property
    def fields(self) -> list[tuple[str, str]]:
        """Names and unfolded values."""
        lines = [line.replace("\r\n", "") for line in re.split(r"\r\n(?![ \t])", self.head)]
        return [(name, value.strip()) for name, _colon, value in (line.partition(":") for line in lines)]

    def value(self, name: str) -> str:
        return dict(self.fields).get(name, "")

    @property
    def host(self) -> str:
        return urlsplit(self.public_url).hostname or ""

    def body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else part.get_content().replace("\r\n", "\n")

    @cached_property
    def text(self) -> str:
        return self.body("plain")

    @cached_property
    def html(self) -> str:
        return self.body("html")

    @cached_property
    def document(self) -> Document:
        return Document(self.html)

    @property
    def is_cut(self) -> bool:
        return "This notice is too long for a mail" in self.html

    def is_ours(self, link: str) -> bool:
        return link.startswith(f"{self.public_url}/") or link == self.public_url


def findings(mail: Mail) -> list[str]:
    return [f"{name}: {found}" for name, check in RULES.items() for found in check(mail)]


# The bytes (RFC 5322, RFC 5321)


@rule
def lines_end_in_crlf(mail: Mail) -> Iterator[str]:
    rest = mail.raw.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest or not mail.raw.endswith(b"\r\n"):
        yield "a bare CR or LF, or no end of the last line"


@rule
def no_line_is_longer_than_998(mail: Mail) -> Iterator[str]:
    yield from (repr(line[:60]) for line in mail.raw.split(b"\r\n") if len(line) > 998)


@rule
def lines_of_the_head_are_folded_at_78(mail: Mail) -> Iterator[str]:
    for line in mail.head.split("\r\n"):
        unfoldable = re.sub(r"^[\w-]+: ?| ", "", line, count=1)
        if len(line) > 78 and " " in unfoldable:
            yield line


@rule
def lines_of_the_bodies_have_76_at_most(mail: Mail) -> Iterator[str]:
    yield from (repr(line) for line in mail.raw.partition(b"\r\n\r\n")[2].split(b"\r\n") if len(line) > 76)


@rule
def no_line_is_changed_on_its_way(mail: Mail) -> Iterator[str]:
    """Mailbox files quote "From ", relays trim spaces and stop at a dot: each breaks a signature."""
    for line in mail.raw.partition(b"\r\n\r\n")[2].split(b"\r\n"):
        if line.startswith(b"From ") or line == b"." or line != line.rstrip(b" \t"):
            yield repr(line)


@rule
def bodies_are_seven_bit_and_hold_no_control_characters(mail: Mail) -> Iterator[str]:
    body = mail.raw.partition(b"\r\n\r\n")[2]
    yield from (hex(byte) for byte in set(body) if byte > 126 or (byte < 32 and byte not in (10, 13)))


# The head


@rule
def each_field_is_a_name_a_colon_and_a_value(mail: Mail) -> Iterator[str]:
    for line in mail.head.split("\r\n"):
        if not re.fullmatch(r"[!-9;-~]+:[ \t]?\S.*|[ \t]+\S.*", line):
            yield repr(line)


@rule
def no_field_comes_twice(mail: Mail) -> Iterator[str]:
    yield from (name for name, count in Counter(name.lower() for name, _v in mail.fields).items() if count > 1)


@rule
def nothing_is_missing_and_nothing_unknown(mail: Mail) -> Iterator[str]:
    names = {name for name, _value in mail.fields}
    wanted = {*REQUIRED, *(OF_NOTICES if mail.is_notice else ())}
    yield from (f"missing: {name}" for name in wanted - names)
    yield from (f"unknown: {name}" for name in names - KNOWN)


@rule
def a_personal_mail_is_no_list_mail(mail: Mail) -> Iterator[str]:
    yield from (name for name, _value in mail.fields if not mail.is_notice and name in OF_NOTICES)


@rule
def heads_are_ascii_but_for_an_address_that_is_not(mail: Mail) -> Iterator[str]:
    for name, value in mail.fields:
        if name == "To" and not mail.recipient.isascii():  # RFC 6532
            if value != unicodedata.normalize("NFC", value) or "\ufffd" in value:
                yield "the address is no normalised UTF-8"
        elif not value.isascii() or not value.isprintable():
            yield name


@rule
def encoded_words_are_well_formed(mail: Mail) -> Iterator[str]:
    for name, value in mail.fields:
        for word in re.findall(r"\S*=\?\S*", value):
            match = ENCODED_WORD.fullmatch(word)
            if not match or len(word) > 75:
                yield f"{name}: {word}"
                continue
            coded = match[3].encode()
            data = base64.b64decode(coded) if match[2] in "Bb" else quopri.decodestring(coded, header=True)
            try:  # each by itself: a character is not divided between two
                data.decode(match[1])
            except (UnicodeError, LookupError):
                yield f"{name}: {word} is no {match[1]}"


@rule
def it_is_from_one_mailbox_with_a_name(mail: Mail) -> Iterator[str]:
    addresses = mail.message["From"].addresses
    if [address.addr_spec for address in addresses] != [mail.sender] or not addresses[0].display_name.strip():
        yield mail.value("From")


@rule
def it_is_to_one_recipient(mail: Mail) -> Iterator[str]:
    if mail.value("To") != mail.recipient or parseaddr(mail.value("To"))[1] != mail.recipient:
        yield mail.value("To")


@rule
def the_subject_is_one_line_that_turns_nothing_around(mail: Mail) -> Iterator[str]:
    subject = str(mail.message["Subject"])
    if not subject.strip() or any(char in BIDI or unicodedata.category(char) in UNSEEN for char in subject):
        yield repr(subject)


@rule
def the_date_has_a_zone(mail: Mail) -> Iterator[str]:
    try:
        if parsedate_to_datetime(mail.value("Date")).tzinfo is None:
            yield mail.value("Date")
    except ValueError:
        yield mail.value("Date")


@rule
def the_message_id_is_in_our_domain(mail: Mail) -> Iterator[str]:
    found = mail.value("Message-ID")
    if not MESSAGE_ID.fullmatch(found) or not found.rstrip(">").endswith(f"@{mail.host}"):
        yield found


@rule
def references_lead_to_what_it_replies_to(mail: Mail) -> Iterator[str]:
    chain = mail.value("References").split()
    bad = [one for one in chain if not MESSAGE_ID.fullmatch(one) or not one.endswith(f"@{mail.host}>")]
    if bad or len(chain) != len(set(chain)) or chain[-1:] != mail.value("In-Reply-To").split():
        yield f"{mail.value('In-Reply-To')} after {chain}"
    if mail.value("Message-ID") in chain:
        yield "it refers to itself"


@rule
def it_says_that_a_machine_wrote_it(mail: Mail) -> Iterator[str]:
    if mail.value("Auto-Submitted") != "auto-generated":  # RFC 3834
        yield mail.value("Auto-Submitted")


# Lists (RFC 2919, 2369, 8058, 5064)


@rule
def the_list_has_an_id_in_our_domain(mail: Mail) -> Iterator[str]:
    found = mail.value("List-Id")
    if mail.is_notice and not re.search(rf"<[\w-]+(\.[\w-]+)*\.{re.escape(mail.host)}>$|^$", found):
        yield found
    if len(found.rpartition("<")[2]) > 256:
        yield "longer than 255 characters"


@rule
def one_click_and_its_address_come_together(mail: Mail) -> Iterator[str]:
    link, post = mail.value("List-Unsubscribe"), mail.value("List-Unsubscribe-Post")
    if bool(link) != bool(post) or post not in ("", "List-Unsubscribe=One-Click"):
        yield f"{link} {post}"
    if link and not re.fullmatch(r"<https://[^<>,\s]+>", link):
        yield link
    if link and link.strip("<>") not in mail.document.links:
        yield "the mail shows another address than its head"


@rule
def addresses_in_the_head_are_ours(mail: Mail) -> Iterator[str]:
    for name in OF_LISTS:
        for link in URL.findall(mail.value(name)):
            if not mail.is_ours(link):
                yield f"{name}: {link}"


@rule
def feedback_is_counted_by_sender_and_by_nobody_else(mail: Mail) -> Iterator[str]:
    found = mail.value("Feedback-ID")
    parts = found.split(":")
    if found and (len(parts) > 4 or not re.fullmatch(r"\w{5,15}", parts[-1])):
        yield found
    code = mail.value("Message-ID").partition("@")[0].rpartition(".")[2]
    if found and (code in found or mail.recipient.partition("@")[0] in parts):
        yield f"{found} names its reader"


# The parts (RFC 2045, 2046)


@rule
def parts_are_text_then_html(mail: Mail) -> Iterator[str]:
    kinds = [part.get_content_type() for part in mail.message.walk()]
    if kinds != ["multipart/alternative", "text/plain", "text/html"] or mail.value("MIME-Version") != "1.0":
        yield str(kinds)


@rule
def parts_are_utf_8_that_can_be_decoded(mail: Mail) -> Iterator[str]:
    for part in mail.message.walk():
        yield from (str(defect) for defect in part.defects)
        for name, value in part.items():
            if name != "To" or mail.recipient.isascii():  # the parser knows RFC 6532 no better
                yield from (f"{name}: {defect}" for defect in value.defects)
        if part.is_multipart():
            continue
        if part.get_content_charset() != "utf-8" or part["Content-Transfer-Encoding"] != "quoted-printable":
            yield str(part.items())
        try:
            part.get_payload(decode=True).decode("utf-8")
        except UnicodeError as problem:
            yield str(problem)


# The words


@rule
def nothing_is_left_of_how_it_was_made(mail: Mail) -> Iterator[str]:
    for found in re.findall(r"slot[0-9a-f]{16}|%\(\w+\)s|\{%|&(?:amp|lt|gt|quot|#\d+);", mail.text):
        if found not in mail.written:
            yield found


@rule
def the_text_begins_with_what_the_subject_says(mail: Mail) -> Iterator[str]:
    first = mail.text.partition("\n")[0]
    if mail.is_notice and not str(mail.message["Subject"]).startswith(first):
        yield first


@rule
def the_text_is_tidy(mail: Mail) -> Iterator[str]:
    if re.search(r"\n\n\n", mail.text) or not mail.text.endswith("\n") or mail.text.startswith("\n"):
        yield "empty lines"
    yield from (repr(line) for line in mail.text.split("\n") if line != line.rstrip(" ") and line != "-- ")


@rule
def both_bodies_say_the_same(mail: Mail) -> Iterator[str]:
    if mail.is_cut:
        return
    html, text = _words(mail.document.seen), _words(mail.text)
    # Tags that staff wrote into a text are shown as they are in the one and fall out of the other.
    tidied = _words(re.sub(r"<script.*?</script>|</?[a-z][^>\n]*>", " ", mail.text, flags=re.IGNORECASE | re.DOTALL))
    yield from (f"only the text says {word}" for word in tidied - html)
    yield from (f"only the HTML says {word}" for word in html - text)


@rule
def both_bodies_name_the_same_times(mail: Mail) -> Iterator[str]:
    times = [Counter(TIME.findall(" ".join(body.split()))) for body in (mail.text, mail.document.seen)]
    if times[0] != times[1] and not mail.is_cut:
        yield f"{(times[0] - times[1])} / {(times[1] - times[0])}"


@rule
def both_bodies_lead_to_the_same_places(mail: Mail) -> Iterator[str]:
    text = {link.rstrip("/") for link in URL.findall(mail.text) if mail.is_ours(link)} | {mail.public_url}
    html = {link.rstrip("/") for link in mail.document.links if mail.is_ours(link)} | {mail.public_url}
    yield from sorted(text ^ html)


@rule
def links_lead_to_us_unless_staff_wrote_them(mail: Mail) -> Iterator[str]:
    for link in {*mail.document.links, *URL.findall(mail.text)}:
        if not mail.is_ours(link) and link.removeprefix("mailto:").rstrip(").") not in mail.written:
            yield link


@rule
def no_link_counts_who_follows_it(mail: Mail) -> Iterator[str]:
    for link in filter(mail.is_ours, mail.document.links):
        if urlsplit(link).query or "utm_" in link:
            yield link


# The HTML


@rule
def the_html_is_short_enough_for_gmail(mail: Mail) -> Iterator[str]:
    if len(mail.html.encode()) > 100_000:
        yield f"{len(mail.html.encode())} bytes"
    if any(len(style.encode()) > 8_192 for style in mail.document.styles):
        yield "a style sheet too long"


@rule
def the_html_says_its_language_and_its_encoding(mail: Mail) -> Iterator[str]:
    document = mail.document
    roots = [*document.all("html"), *(e for e in document.all("div") if e.attributes.get("role") == "article")]
    if len(roots) != 2 or not all(e.attributes.get("lang") for e in roots):
        yield "no lang"
    if not mail.html.lstrip().lower().startswith("<!doctype html>"):
        yield "no doctype"
    if "utf-8" not in [e.attributes.get("charset") for e in document.all("meta")]:
        yield "no charset"


@rule
def the_html_loads_and_runs_nothing(mail: Mail) -> Iterator[str]:
    yield from (element.tag for element in mail.document.all(*LOADS))
    for element in mail.document.elements:
        yield from (
            f"{element.tag} {name}"
            for name in element.attributes
            if name.startswith("on") or name in ("src", "srcset", "background", "ping")
        )
        if element.attributes.get("href", "").lower().startswith(("javascript:", "data:", "vbscript:")):
            yield element.attributes["href"]
    yield from (style for style in mail.document.styles if re.search(r"url\(|@import|expression\(", style))


@rule
def the_html_has_one_title_and_one_first_heading(mail: Mail) -> Iterator[str]:
    titles, first = mail.document.all("title"), mail.document.all("h1")
    if [title.text.strip() for title in titles] != [str(mail.message["Subject"]).strip()] or len(first) != 1:
        yield f"{[title.text for title in titles]} {len(first)}"


@rule
def our_tables_are_for_the_eye_alone(mail: Mail) -> Iterator[str]:
    for table in mail.document.all("table"):
        if table.attributes.get("class") and table.attributes.get("role") != "presentation":
            yield str(table.attributes)


@rule
def the_preview_says_more_than_the_subject(mail: Mail) -> Iterator[str]:
    preview = mail.document.preview
    length = sum(not unicodedata.combining(char) for char in preview)
    if not 10 <= length <= 160 or preview in str(mail.message["Subject"]):
        yield repr(preview)


@rule
def no_colour_is_pure(mail: Mail) -> Iterator[str]:
    """Programs that turn a mail dark exchange pure black and white first, and often one without the other."""
    colours = [*mail.document.styles, *(element.attributes.get("bgcolor", "") for element in mail.document.elements)]
    yield from re.findall(r"#(?:fff|000){1,2}\b|\b(?:white|black)\b", " ".join(colours))


@rule
def who_sets_a_background_sets_the_letters_on_it(mail: Mail) -> Iterator[str]:
    for element in mail.document.all("td", "span", "a"):
        style = element.attributes.get("style", "")
        if "background-color" in style and not re.search(r"(?<!-)color:", style) and element.text.strip():
            yield f"{element.tag} {element.attributes.get('class')}"


def _words(text: str) -> set[str]:
    """What it says but for addresses and for what labels a text that stands by itself in HTML."""
    return {word.casefold() for word in re.findall(r"[^\W_]+", URL.sub(" ", text))} - {"the", "update"}
