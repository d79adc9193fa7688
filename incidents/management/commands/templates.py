from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from incidents.models import IncidentTemplate
from incidents.shipped_templates import SHIPPED
from incidents.template_actions import install_shipped


class Command(BaseCommand):
    help = "Lists the prepared texts; with --install, adds those of ours that are not there and changes no other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--install", action="store_true", help="add what comes with the product and is missing")

    def handle(self, *_args: Any, install: bool, **_options: Any) -> None:
        if install:
            added = install_shipped(actor=None)
            self.stdout.write(f"Added: {len(added)}." if added else "Nothing to add.")
        known = set()
        for template in IncidentTemplate.objects.all():
            known.add(template.shipped_as)
            state = "" if template.is_in_use else "  (not in use)"
            self.stdout.write(f"{template.pk:>5}  {template.kind:<11}  {template.name}{state}")
        missing = [prepared.name for key, prepared in SHIPPED.items() if key not in known]
        if missing:
            self.stdout.write(f"Missing of ours, added by --install: {', '.join(missing)}.")
