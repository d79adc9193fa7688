"""How the page looks, in the colours, pictures and words of its owner: what page, forms and mails show of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.utils.functional import SimpleLazyObject

from incidents.choices import BrandFileKind
from incidents.colours import dark_accent, dark_masthead, ink_on, not_pure
from incidents.models import CSS_TYPE, BrandFile, Page
from incidents.page_links import PageLink, read_links

MAX_HEADER, MAX_FOOTER = 300, 1_000


@dataclass(frozen=True)
class BrandPicture:
    path: str
    content_type: str
    width: int
    height: int


@dataclass(frozen=True)
class Brand:
    """Small, as every file of the page depends on it. Files are named by paths that hold their checksums."""

    accent: str = ""
    accent_dark: str = ""
    masthead: str = ""
    masthead_dark: str = ""
    logo: BrandPicture | None = None
    logo_dark: BrandPicture | None = None
    shows_name: bool = False
    icon: BrandPicture | None = None
    icon_shows_state: bool = True
    style_sheet_path: str = ""
    nav_links: tuple[PageLink, ...] = ()
    footer_links: tuple[PageLink, ...] = ()
    legal_links: tuple[PageLink, ...] = ()
    header_html: str = ""
    footer_html: str = ""
    footer_text: str = ""

    @property
    def colours(self) -> str:
        """The style sheet that sets the colours, and nothing else; empty where none is chosen."""
        light = _colours(self.accent, self.masthead)
        if not light:
            return ""
        dark = _colours(self.accent_dark, self.masthead_dark)
        return f":root {{\n{light}}}\n\n@media (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"

    @property
    def colours_path(self) -> str:
        return f"/assets/brand.{checksum(self.colours.encode())}.css" if self.colours else ""


@dataclass(frozen=True)
class AssetFile:
    path: str
    content_type: str
    content: bytes


def load_brand(page: Page) -> Brand:
    files = {file.kind: file for file in BrandFile.objects.defer("content")}
    style_sheet = files.get(BrandFileKind.STYLE_SHEET)
    return Brand(
        accent=not_pure(page.accent),
        accent_dark=not_pure(page.accent_dark or (page.accent and dark_accent(page.accent))),
        masthead=page.masthead,
        masthead_dark=page.masthead_dark or (page.masthead and dark_masthead(page.masthead)),
        logo=_picture(files.get(BrandFileKind.LOGO)),
        logo_dark=_picture(files.get(BrandFileKind.LOGO_DARK)),
        shows_name=page.shows_name,
        icon=_picture(files.get(BrandFileKind.ICON)),
        icon_shows_state=page.icon_shows_state,
        style_sheet_path=style_sheet.path if style_sheet and page.uses_style_sheet else "",
        nav_links=read_links(page.nav_links),
        footer_links=read_links(page.footer_links),
        legal_links=read_links(page.legal_links),
        header_html=page.header_html,
        footer_html=page.footer_html,
        footer_text=page.footer_text,
    )


def load_brand_files(brand: Brand) -> tuple[AssetFile, ...]:
    """The files that `brand` names, and its colours as a file."""
    files = [
        AssetFile(file.path, file.content_type, bytes(file.content)) for file in BrandFile.objects.order_by("kind")
    ]
    if brand.colours:
        files.append(AssetFile(brand.colours_path, CSS_TYPE, brand.colours.encode()))
    return tuple(files)


def for_templates(_request: object) -> dict[str, SimpleLazyObject]:
    """For the pages that Django shows by itself when something is not found or refused; asked for there alone."""
    return {
        "brand": SimpleLazyObject(lambda: load_brand(Page.objects.current())),
        "status_page": SimpleLazyObject(Page.objects.current),
    }


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def _picture(file: BrandFile | None) -> BrandPicture | None:
    return BrandPicture(file.path, file.content_type, file.width, file.height) if file else None


def _colours(accent: str, masthead: str) -> str:
    values = {}
    if accent:
        values |= {"link": accent, "focus": accent, "button": accent, "button-hover": "var(--ink)"}
    if masthead:
        ink = ink_on(masthead)
        values |= {"masthead": masthead} | {
            f"masthead-{name}": ink for name in ("ink", "quiet", "edge", "link", "focus")
        }
    return "".join(f"  --{name}: {value};\n" for name, value in values.items())
