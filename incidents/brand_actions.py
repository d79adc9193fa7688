"""The verbs for the files of the brand. What else belongs to it are fields of the page (`save_page_part`)."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from incidents import history
from incidents.brand import checksum
from incidents.choices import BrandFileKind
from incidents.models import CSS_TYPE, BrandFile, Page
from incidents.pictures import Picture, read_picture
from incidents.style_sheets import check_style_sheet


def set_picture(
    kind: BrandFileKind, name: str, content: bytes, *, actor: AbstractBaseUser | None, at: dt.datetime | None = None
) -> None:
    """Show a picture as the page's logo or icon. Raises ValidationError for what is no picture that may be shown."""
    _keep(kind, name, read_picture(content), actor, at)


def set_style_sheet(text: str, *, actor: AbstractBaseUser | None, at: dt.datetime | None = None) -> None:
    """Put a style sheet of the page's own after all others. Raises ValidationError for one that reaches out of it."""
    content = check_style_sheet(text).encode()
    _keep(BrandFileKind.STYLE_SHEET, "own.css", Picture(CSS_TYPE, content, 0, 0), actor, at)


@transaction.atomic
def remove_file(kind: BrandFileKind, *, actor: AbstractBaseUser | None, at: dt.datetime | None = None) -> None:
    page = Page.objects.locked()
    before = _fact(kind)
    if before:
        BrandFile.objects.filter(pk=kind).delete()
        _record(page, kind, actor, at or timezone.now(), before)


@transaction.atomic
def _keep(
    kind: BrandFileKind, name: str, file: Picture, actor: AbstractBaseUser | None, at: dt.datetime | None
) -> None:
    page = Page.objects.locked()
    at = at or timezone.now()
    before = _fact(kind)
    BrandFile.objects.update_or_create(
        kind=kind,
        defaults={
            "name": name[-100:],
            "content_type": file.content_type,
            "content": file.content,
            "checksum": checksum(file.content),
            "width": file.width,
            "height": file.height,
            "updated_at": at,
        },
    )
    _record(page, kind, actor, at, before)


def _record(page: Page, kind: BrandFileKind, actor: AbstractBaseUser | None, at: dt.datetime, before: str) -> None:
    history.record(
        page,
        verb="change",
        actor=actor,
        subject=f"{page._meta.verbose_name}: {kind.label}",
        at=at,
        before={"file": before},
        after={"file": _fact(kind)},
    )


def _fact(kind: BrandFileKind) -> str:
    """The file in the audit: its name, and what tells it from another of the same name."""
    file = BrandFile.objects.filter(pk=kind).defer("content").first()
    return f"{file.name} ({file.checksum})" if file else ""
