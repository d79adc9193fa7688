"""The page in the look of its owner: what is published, that mirrors have it, and that everybody can still read it."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from incidents.assets import asset_file
from incidents.brand_actions import set_picture, set_style_sheet
from incidents.choices import BrandFileKind
from incidents.component_actions import save_page_part
from incidents.models import Page
from publishing.formats import page_artefacts
from publishing.loading import load_state
from publishing.state import Mirror
from tests.browser import DARK, DARK_PHONE, FORCED_PHONE, LIGHT, LIGHT_PHONE, flaws, served, wait_for_script
from tests.make import make_component, make_incident, make_maintenance, make_page, utc
from tests.render import everything, files

pytestmark = pytest.mark.django_db

NOW = utc(2026, 5, 2, 12)
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"><path d="M0 0h90v30H0z" fill="#0057b8"/></svg>'


def brand(**fields) -> None:
    """Set `fields` of the page by the verb."""
    page = make_page()
    for name, value in fields.items():
        setattr(page, name, value)
    save_page_part(page, actor=None, changed=list(fields))


@pytest.fixture
def everything_set() -> None:
    brand(
        accent="#b8004f",
        masthead="#ffe600",
        nav_links="Our site https://example.com\nHelp /help",
        footer_links="Call us tel:+31201234567",
        legal_links="Imprint https://example.com/imprint",
        header_text="We send **your mail**.",
        footer_text="Copernica B.V., Amsterdam",
    )
    set_picture(BrandFileKind.LOGO, "a.svg", LOGO, actor=None)
    set_picture(BrandFileKind.LOGO_DARK, "b.svg", LOGO.replace(b"0057b8", b"8fb6ff"), actor=None)
    set_picture(BrandFileKind.ICON, "c.svg", LOGO.replace(b"90", b"30"), actor=None)
    set_style_sheet(".wordmark { letter-spacing: 0.1em }", actor=None)


def linked(html: bytes) -> list[str]:
    """What the page loads from itself, in its order."""
    found = re.findall(rb'<(?:link rel="(?:stylesheet|icon)"[^>]*href|img src|source [^>]*srcset)="([^"]+)"', html)
    return [re.sub(r"\.[0-9a-f]{8}\.", ".", path.decode()) for path in found]


def test_without_a_brand_the_page_is_as_it_was():
    make_page()

    published = files(NOW)

    assert linked(published["/"])[:3] == ["/assets/tokens.css", "/assets/base.css", "/assets/page.css"]
    assert not any("/brand." in path or "/own." in path or "/logo" in path for path in published)
    assert b'href="/">Copernica <span>status</span>' in published["/"]


@pytest.mark.usefixtures("everything_set")
def test_every_page_shows_it_and_every_file_is_there():
    make_incident()
    published = {artefact.path: artefact for artefact in everything(NOW)}
    pages = [artefact for artefact in published.values() if artefact.content_type.startswith("text/html")]

    assert len(pages) >= 5
    for page in pages:
        assert linked(page.body)[:2] == ["/assets/tokens.css", "/assets/brand.css"]
        styles = [path for path in linked(page.body) if path.endswith(".css")]
        assert styles[-1] == "/assets/own.css"
        assert b'alt="Copernica" width="300" height="100"' in page.body
        assert b"<strong>your mail</strong>" in page.body
        assert b'<a href="tel:+31201234567">Call us</a>' in page.body
        for path in re.findall(rb'(?:href|src|srcset)="(/assets/[^"]+)"', page.body):
            assert published[path.decode()].immutable
    brand_files = {path: a for path, a in published.items() if re.match(r"/assets/(logo|tab-icon|own|brand)\b", path)}
    kinds = {artefact.content_type for artefact in brand_files.values()}
    assert kinds == {"image/svg+xml", "text/css; charset=utf-8"}


@pytest.mark.usefixtures("everything_set")
def test_the_colours_are_properties_and_no_status_among_them():
    path = load_state(NOW).brand.colours_path
    css = files(NOW)[path].decode()

    names = set(re.findall(r"--([\w-]+):", css))
    assert (
        re.sub(r"--[\w-]+: [^;]+;", "", css).split()
        == ":root { } @media (prefers-color-scheme: dark) { :root { } }".split()
    )
    assert names == {
        *("link", "focus", "button", "button-hover"),
        *("masthead", "masthead-ink", "masthead-quiet", "masthead-edge", "masthead-link", "masthead-focus"),
    }


@pytest.mark.usefixtures("everything_set")
def test_the_home_page_s_icon_tells_the_state_unless_it_shall_not():
    make_component("Mailings", status="major_outage", shown_status="major_outage")
    icons = [linked(files(NOW)[path]) for path in ("/", "/history")]
    brand(icon_shows_state=False)
    icons += [linked(files(NOW)["/"])]

    assert [next(path for path in paths if "icon" in path) for paths in icons] == [
        "/assets/icon-critical.svg",
        "/assets/tab-icon.svg",
        "/assets/tab-icon.svg",
    ]


def test_no_file_of_a_brand_can_stand_where_one_of_ours_does():
    ours = {file.name.partition(".")[0] for file in asset_file("").iterdir()}

    assert ours.isdisjoint({*BrandFileKind.values, "brand"})


@pytest.mark.usefixtures("everything_set")
def test_a_mirror_below_a_path_has_all_of_it():
    mirror = Mirror("https://copy.example.org/status", "https://status.example.com")
    state = load_state(NOW, mirror=mirror)
    published = {artefact.path: artefact.body for artefact in page_artefacts(state)}

    for path in (
        state.brand.logo.path,
        state.brand.logo_dark.path,
        state.brand.colours_path,
        state.brand.style_sheet_path,
    ):
        assert path in published
        assert f'"/status{path}"'.encode() in published["/"]


def test_one_change_of_the_look_makes_every_file_anew():
    make_page()
    before = load_state(NOW).site
    set_style_sheet("a {}", actor=None)
    changed = load_state(NOW).site
    brand(uses_style_sheet=False)

    assert changed != before
    assert load_state(NOW).site.brand.style_sheet_path == ""
    assert Page.objects.current().version == 3


@pytest.mark.browser
@pytest.mark.usefixtures("everything_set")
def test_a_loud_brand_can_be_read_by_everybody(browser):
    component = make_component("Mailings", group="Mail")
    make_incident(components={component.pk: "partial_outage"})
    make_maintenance(starts=utc(2030, 5, 2, 20), ends=utc(2030, 5, 2, 23))
    found, asked = [], []
    with served(everything(timezone.now())) as address:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        found += flaws(page, "brand", LIGHT, LIGHT_PHONE, DARK, DARK_PHONE, FORCED_PHONE)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineColor")
        # The one for dark screens is changed back for it when it has been loaded.
        wait_for_script(page, "document.images[0].complete && !document.images[0].currentSrc.includes('dark')")
        logo = page.evaluate("(image => [image.currentSrc, image.naturalWidth > 0, image.height])(document.images[0])")

    assert found == []
    assert ring == "rgb(29, 33, 37)"  # the words' colour on the yellow header, not the accent
    assert (logo[0].startswith(f"{address}/assets/logo."), *logo[1:]) == (True, True, 32)
    assert [url for url in asked if not url.startswith(f"{address}/")] == []
