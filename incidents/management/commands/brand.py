"""The look of the page from a terminal: what is set, and a way out when a style sheet has hidden the page."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from incidents.component_actions import save_page_part
from incidents.models import BrandFile, Page


class Command(BaseCommand):
    help = "Tell which colours and files the page has of its own, and switch its own style sheet off or on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--style-sheet", choices=["on", "off"], help="use the page's own style sheet, or do not")

    def handle(self, *args: Any, **options: Any) -> None:
        page = Page.objects.current()
        if wanted := options["style_sheet"]:
            page.uses_style_sheet = wanted == "on"
            save_page_part(page, actor=None, changed=["uses_style_sheet"])
        for name in ("accent", "accent_dark", "masthead", "masthead_dark"):
            self.stdout.write(f"{page._meta.get_field(name).verbose_name}: {getattr(page, name) or '–'}")
        for file in BrandFile.objects.order_by("kind"):
            self.stdout.write(f"{file.get_kind_display()}: {file.name}, {len(file.content)} bytes, {file.path}")
        self.stdout.write(f"The page's own style sheet is {'on' if page.uses_style_sheet else 'off'}.")
