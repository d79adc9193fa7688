"""A look of the page's own: what is taken, what is refused and why, and that nothing typed is lost."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from incidents import colours
from incidents.brand import load_brand
from incidents.brand_actions import remove_file, set_picture, set_style_sheet
from incidents.choices import BrandFileKind
from incidents.component_actions import save_page_part
from incidents.models import BrandFile, Change, Page
from incidents.page_links import read_links
from incidents.pictures import MAX_PICTURE, read_picture
from incidents.style_sheets import MAX_STYLE_SHEET, check_style_sheet
from tests.make import make_page, make_role, make_staff

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parent.parent.parent
FORM = "/admin/incidents/page/1/change/"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 30 10">{}</svg>'
LOGO = SVG.format('<defs><path id="a" d="M0 0h9"/></defs><use href="#a" fill="url(#b)"/>').encode()


def png(width: int = 40, height: int = 20, *chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\0" * width for _row in range(height)))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def webp(kind: bytes, body: bytes) -> bytes:
    content = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(content)) + content


def refusal(check, *arguments) -> str:
    with pytest.raises(ValidationError) as refused:
        check(*arguments)
    return "\n".join(refused.value.messages)


def typed(**fields) -> dict:
    """The form of the page as it opens, with `fields` filled in."""
    page = make_page()
    return {
        "name": page.name,
        "time_zone": page.time_zone,
        "language": page.language,
        "reminders": "1 day",
        "icon_shows_state": "on",
        "uses_style_sheet": "on",
        **fields,
    }


# Colours


def test_contrast_is_that_of_wcag():
    assert round(colours.contrast("#000000", "#ffffff"), 2) == 21
    assert round(colours.contrast("#ffffff", "#767676"), 2) == 4.54
    assert colours.contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_checked_against_everything_that_words_stand_on(scheme):
    light, dark = (ROOT / "static/public/tokens.css").read_text().split("@media")
    grounds = re.findall(r"--(?:paper|card|\w+-wash): (#\w+)", light if scheme == "light" else dark)
    mail = (ROOT / "templates/subscriptions/mail/base.html").read_text()
    mail_ground = re.search(r"\.card, \.inner, \.footer { background-color: (#\w+)", mail)[1]

    checked = colours.LIGHT_GROUNDS if scheme == "light" else colours.DARK_GROUNDS

    assert len(grounds) == 7
    assert set(grounds) <= set(checked)
    assert scheme == "light" or mail_ground in checked


def test_a_faint_colour_is_refused_with_the_nearest_that_is_not():
    said = refusal(lambda: colours.check_accent("#ffcc00", is_dark=False))
    nearest = said[-7:]

    assert said.startswith("Words in #ffcc00 cannot be read on the light page: the contrast is 1.2:1, and 4.5:1 is")
    colours.check_accent(nearest, is_dark=False)
    # It is the nearest: one step lighter fails.
    lightness, chroma, hue = colours._to_oklch("#ffcc00")
    found = colours._to_oklch(nearest)[0]
    lighter = colours._from_oklch(found + 0.01, chroma, hue)
    assert 0 < found < lightness
    assert "cannot be read" in refusal(lambda: colours.check_accent(lighter, is_dark=False))


def test_any_colour_has_a_dark_one_and_any_header_words():
    for digits in range(0, 0x1000, 7):
        colour = colours.read_colour(f"{digits:03x}")

        colours.check_accent(colours.dark_accent(colour), is_dark=True)
        for ground in (colour, colours.dark_masthead(colour)):
            assert colours.contrast(colours.ink_on(ground), ground) >= 4.5


def test_a_colour_survives_the_way_to_oklch_and_back():
    for colour in ("#000000", "#ffffff", "#0057b8", "#ff0000", "#00ff00", "#7a1fa2", "#808080"):
        assert colours._from_oklch(*colours._to_oklch(colour)) == colour


# Pictures


def test_pictures_are_known_by_what_they_hold():
    lossy = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 60, 20) + b"\0" * 8
    lossless = b"\x2f" + (59 | 19 << 14).to_bytes(4, "little") + b"\0" * 9
    extended = b"\0\0\0\0" + (59).to_bytes(3, "little") + (19).to_bytes(3, "little")

    read = [
        read_picture(content)
        for content in (LOGO, png(), webp(b"VP8 ", lossy), webp(b"VP8L", lossless), webp(b"VP8X", extended))
    ]

    assert [(picture.content_type, picture.width, picture.height) for picture in read] == [
        ("image/svg+xml", 300, 100),
        ("image/png", 40, 20),
        *[("image/webp", 60, 20)] * 3,
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<!doctype html><script>alert(1)</script>", "Line 1: the file is damaged"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "this is no SVG"),
        (b"GIF89a", "This is no SVG, PNG or WebP picture."),
        (b"", "This is no SVG"),
        (png()[:-3], "This PNG picture is damaged."),
        (png() + b"<script>", "This PNG picture is damaged."),
        (png(5000, 1), "sides of 1 to 4000 pixels"),
        (png(1, 1, (b"acTL", b"\0" * 8)), "This picture moves."),
        (webp(b"VP8X", b"\2" + b"\0" * 11), "This picture moves."),
        (webp(b"ALPH", b"\0" * 20), "This WebP picture is damaged."),
        (LOGO + b" " * MAX_PICTURE, f"may have {MAX_PICTURE} bytes"),
        (SVG.format("\n<script>alert(1)</script>").encode(), "Line 2: <script> cannot be"),
        (SVG.format("<SCRIPT/>").encode(), "<SCRIPT> cannot be"),
        (SVG.format("<script xmlns='http://www.w3.org/1999/xhtml'/>").encode(), "<script> cannot be"),
        (SVG.format("<foreignObject/>").encode(), "<foreignObject> cannot be"),
        (SVG.format("<image href='x.png'/>").encode(), "<image> cannot be"),
        (SVG.format("<a href='#x'/>").encode(), "<a> cannot be"),
        (SVG.format("<animate attributeName='href' to='javascript:1'/>").encode(), "<animate> cannot be"),
        (SVG.format("\n\n<path onclick='x()'/>").encode(), "Line 3: onclick runs a program"),
        (SVG.format("<path ONLOAD='x()'/>").encode(), "ONLOAD runs a program"),
        (SVG.format("<use href='https://evil.example/a#b'/>").encode(), "href leads out of the file, to https://evil"),
        (SVG.format("<use xlink:href='data:image/svg+xml,x'/>").encode(), "href leads out of the file"),
        (SVG.format("<g xml:base='https://evil.example/'/>").encode(), "base leads out of the file"),
        (SVG.format("<path fill='url(https://evil.example/a#b)'/>").encode(), "fill: an address leads out"),
        (SVG.format("<path style='fill: u\\72l(//evil.example/)'/>").encode(), "style: an address leads out"),
        (SVG.format("<style>\n@import 'https://evil.example/a.css'</style>").encode(), "Line 2: @import loads"),
        (SVG.format("<use href='#a'/>" * 21).encode(), "more than 20 <use>"),
        (SVG.format("<g>" * 60 + "</g>" * 60).encode(), "too many parts"),
        (b"<?xml-stylesheet href='a.css'?>" + LOGO, "the instruction xml-stylesheet"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?>" + LOGO, "not in UTF-8"),
        (LOGO.decode().encode("utf-16"), "This is no SVG"),
        (b"<!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>" + LOGO, "a DOCTYPE"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "needs a viewBox"),
        (LOGO.replace(b"0 0 30 10", b"0 0 inf 1"), "needs a viewBox"),
        (LOGO.replace(b"0 0 30 10", b"0 0 nan 1"), "needs a viewBox"),
        (LOGO.replace(b"0 0 30 10", b"0 0 1e-300 1"), "sides of 1 to 4000 pixels"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">', "the file is damaged"),
    ],
)
def test_what_could_do_more_than_draw_is_refused_and_where(content, why):
    assert why in refusal(read_picture, content)


def test_what_a_drawing_program_notes_for_itself_is_no_reason_to_refuse():
    notes = '<metadata><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:resource="https://a.example"/>'
    style = "<style>.a { fill: #123 } @media (prefers-color-scheme: dark) { .a { fill: #eee } }</style>"

    assert read_picture(SVG.format(f"{notes}</metadata>{style}").encode()).width == 300


# Style sheets


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a{}\n@import 'https://evil.example/a.css';", "Line 2: @import"),
        ("@IM\\port url(a.css);", "Line 1: @import"),
        ("a { background: url(https://evil.example/a) }", "Line 1: an address leads out"),
        ("a { background: url( '//evil.example/a' ) }", "Line 1: an address leads out"),
        ("a { background: url(/a.png) }", "Line 1: an address leads out"),
        ("a { background: \\75rl(//evil.example/a) }", "Line 1: an address leads out"),
        ("a { background: url(data:text/html,x) }", "Line 1: an address leads out"),
        ("@media print {\n a { b: image-set('//evil.example/a' 1x) }}", "Line 2: an address leads out"),
        ("a { b: image-set(var(--a) 1x) }", "Line 1: var() cannot stand in an address"),
        ("@font-face { src: url(//evil.example/f) }", "Line 1: an address leads out"),
        ("a { width: expression(alert(1)) }", "Line 1: expression() is a program"),
        ("a { behavior: none }", "Line 1: behavior runs a program"),
        ("a { color: red }}", "Line 1: this cannot be read as CSS"),
        ("a { b: url(x y) }", "Line 1: this cannot be read as CSS"),
        ("a { z-index: " + "9" * 5000 + " }", "a number that is too long"),
        ("a {}\n" + "(" * 40_000, "Line 2: blocks and brackets are nested too deeply"),
        ("/*" + "x" * MAX_STYLE_SHEET + "*/", "may have 50000 bytes"),
    ],
)
def test_a_style_sheet_that_reaches_out_is_refused_with_its_line(text, why):
    assert why in refusal(check_style_sheet, text)


def test_a_style_sheet_that_stays_is_taken_as_it_is():
    picture = "image-set(url(data:image/png,x) type('image/png'))"
    text = f"@media print {{ a::before {{ content: 'https://x' }} }}\nb {{ mask: url(#m); c: {picture} }}"

    assert check_style_sheet(text.replace("\n", "\r\n")) == text


# Links


def test_links_are_words_and_an_address():
    links = read_links(
        "Our site https://example.com/a\n\n Write to us  mailto:a@example.com\nCall tel:+31-20\nLegal /legal"
    )

    assert [(link.words, link.address, link.is_elsewhere) for link in links] == [
        ("Our site", "https://example.com/a", True),
        ("Write to us", "mailto:a@example.com", False),
        ("Call", "tel:+31-20", False),
        ("Legal", "/legal", False),
    ]


@pytest.mark.parametrize(
    "line",
    ["a http://x.example", "a javascript:alert(1)", "a //x.example", "a /\\x.example", "a https:", "a b", "a mailto:b",
     "https://x.example", "a https://x.example\\@y", "a tel:", "w" * 41 + " /a", "a\x00 /b", "a\u202e /b"],
)  # fmt: skip
def test_a_link_that_leads_astray_is_refused_with_its_line(line):
    assert refusal(read_links, f"Good /good\n{line}").startswith("Line 2: ")


def test_there_are_eight_links_at_most():
    assert len(read_links("a /a\n" * 8)) == 8
    assert refusal(read_links, "a /a\n" * 9) == "Use at most 8 links."


# Verbs


def test_a_picture_is_kept_told_and_owed():
    page = Page.objects.current()
    set_picture(BrandFileKind.LOGO, "logo.svg", LOGO, actor=None)
    set_picture(BrandFileKind.LOGO, "new.png", png(), actor=make_staff())
    remove_file(BrandFileKind.LOGO, actor=None)
    remove_file(BrandFileKind.LOGO, actor=None)

    changes = list(Change.objects.order_by("pk").values_list("subject", "version", "before", "after"))
    assert [(subject, version - page.version) for subject, version, _before, _after in changes] == [
        ("page: Logo", 1),
        ("page: Logo", 2),
        ("page: Logo", 3),
    ]
    assert re.fullmatch(r"logo\.svg \([0-9a-f]{8}\)", changes[1][2]["file"])
    assert changes[1][3]["file"].startswith("new.png (")
    assert not BrandFile.objects.exists()


def test_limits_hold_whoever_calls():
    page = make_page(accent="#ffcc00")
    with pytest.raises(ValidationError):
        save_page_part(page, actor=None, changed=["accent"])
    page = make_page(accent="", nav_links="no address")
    with pytest.raises(ValidationError):
        save_page_part(page, actor=None, changed=["nav_links"])
    page = make_page(nav_links="", header_text="x" * 301)
    with pytest.raises(ValidationError):
        save_page_part(page, actor=None, changed=["header_text"])
    with pytest.raises(ValidationError):
        set_style_sheet("@import 'a'", actor=None)


def test_texts_are_made_into_html_when_they_are_saved():
    page = make_page(header_text="**Bold** <script>x</script>", footer_text="[a](https://b.example)", accent="#0057B8")
    save_page_part(page, actor=None, changed=["header_text", "footer_text", "accent"])

    brand = load_brand(Page.objects.current())
    assert brand.header_html == "<p><strong>Bold</strong> x</p>"
    assert 'href="https://b.example"' in brand.footer_html
    assert brand.accent == "#0057b8"
    assert colours.contrast(brand.accent_dark, "#15171a") >= 4.5


def test_the_style_sheet_can_be_switched_off_from_a_terminal():
    make_page()
    set_style_sheet("main { display: none }", actor=None)
    said = io.StringIO()

    call_command("brand", "--style-sheet", "off", stdout=said)

    assert load_brand(Page.objects.current()).style_sheet_path == ""
    assert "The page's own style sheet is off." in said.getvalue()
    assert BrandFile.objects.filter(kind=BrandFileKind.STYLE_SHEET).exists()


# The form


def test_everything_is_set_in_one_form(client):
    client.force_login(make_staff())
    form = typed(
        accent="0057B8",
        masthead="#123",
        nav_links="Our site https://example.com",
        legal_links="Imprint /imprint",
        header_text="Hello",
        logo=SimpleUploadedFile("a.html", LOGO),
        icon=SimpleUploadedFile("i.png", png()),
        style_sheet_file=SimpleUploadedFile("a.css", b"a { color: red }"),
    )

    response = client.post(FORM, form)

    assert response.status_code == 302
    brand = load_brand(Page.objects.current())
    assert (brand.accent, brand.masthead, brand.nav_links[0].words) == ("#0057b8", "#112233", "Our site")
    assert (brand.logo.path.rpartition(".")[2], brand.icon.content_type) == ("svg", "image/png")
    assert brand.style_sheet_path.startswith("/assets/own.")
    shown = client.get(FORM).content.decode()
    assert brand.logo.path in shown
    assert "a { color: red }" in shown


def test_nothing_that_was_fine_is_lost_when_something_is_not(client):
    client.force_login(make_staff())
    form = typed(
        accent="#ffcc00",
        nav_links="Our site https://example.com",
        logo=SimpleUploadedFile("a.svg", LOGO),
        logo_dark=SimpleUploadedFile("b.svg", b"<svg/>"),
        style_sheet_file=SimpleUploadedFile("a.css", b"a { color: blue }"),
    )
    refused = client.post(FORM, form).content.decode()

    assert "The nearest colour that has it is #" in refused
    assert "this is no SVG" in refused
    assert "Our site https://example.com" in refused
    assert "a { color: blue }" in refused
    assert 'name="logo_dark-kept"' not in refused
    kept = re.search(r'name="logo-kept" value="([^"]+)"', refused)[1]
    again = typed(accent="#0057b8", style_sheet="a { color: blue }") | {"logo-kept": kept}

    assert client.post(FORM, again).status_code == 302
    assert bytes(BrandFile.objects.get(kind="logo").content) == LOGO
    assert BrandFile.objects.get(kind="logo").name == "a.svg"


def test_what_is_carried_along_is_looked_at_again(client):
    client.force_login(make_staff())
    for kept in ("PHNjcmlwdC8+ a.svg", "no base64 a.svg", "a", "=", "\x00 \x00"):
        client.post(FORM, typed() | {"logo-kept": kept})

    assert not BrandFile.objects.exists()


def test_a_picture_goes_when_it_is_unticked_and_a_style_sheet_when_it_is_emptied(client):
    client.force_login(make_staff())
    set_picture(BrandFileKind.LOGO, "a.svg", LOGO, actor=None)
    set_style_sheet("a {}", actor=None)

    client.post(FORM, typed(**{"logo-clear": "on", "style_sheet": ""}))

    assert not BrandFile.objects.exists()


def test_a_form_that_changed_nothing_publishes_nothing(client):
    client.force_login(make_staff())
    set_picture(BrandFileKind.LOGO, "a.svg", LOGO, actor=None)
    set_style_sheet("a {}\nb {}", actor=None)
    form = typed(style_sheet="a {}\r\nb {}", reminders="24 hours, 1 hour")
    before = Page.objects.current().version

    client.post(FORM, form)

    assert Page.objects.current().version == before


def test_a_preview_shows_page_and_mail_and_keeps_nothing(client):
    client.force_login(make_staff())
    form = typed(accent="#0057b8", masthead="#7a1fa2", logo=SimpleUploadedFile("a.svg", LOGO), legal_links="Law /law")
    version = Page.objects.current().version

    response = client.post("/admin/incidents/page/preview/", form)

    shown = response.content.decode()
    assert shown.count("data:image/svg+xml;base64,") == 2
    assert "Page on dark" in shown
    assert "background-color: #0057b8" in shown
    assert "script-src 'none'" in response["Content-Security-Policy"]
    assert Page.objects.current().version == version
    assert not BrandFile.objects.exists()
    assert "cannot be read" in client.post("/admin/incidents/page/preview/", typed(accent="#ff0")).content.decode()


def test_who_may_not_change_the_page_previews_nothing(client):
    client.force_login(make_role("Publisher"))

    assert client.post("/admin/incidents/page/preview/", typed()).status_code == 403
    assert client.get(FORM).status_code == 200


def test_the_admin_never_loads_the_page_s_own_style_sheet(client):
    client.force_login(make_staff())
    set_style_sheet("* { display: none }", actor=None)
    path = load_brand(Page.objects.current()).style_sheet_path

    assert path not in client.get(FORM).content.decode()
    assert path in client.get("/subscribe/nothing-here").content.decode()
