"""Who may import whom (docs/architecture.md, "Directions")."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_database

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "incidents": set(),
    "publishing": {"incidents"},
    "subscriptions": {"incidents"},
    "api": {"incidents", "subscriptions"},
    "importers": {"incidents", "subscriptions"},
    "terminal": {"incidents", "publishing", "subscriptions"},
}

# Inside an app, lowest first: a module imports only from rows above its own, or from its own row.
LAYERS = {
    "incidents": [
        {
            "choices",
            "signals",
            "rollup",
            "times",
            "leads",
            "languages",
            "moves",
            "outcome",
            "edits",
            "recurrence",
            "placeholders",
            "assets",
            "cells",
            "text",
            "colours",
            "style_sheets",
            "pictures",
            "page_links",
        },
        {"models"},
        {"brand", "history", "rehearsal", "values", "prepared", "shipped_templates", "translations"},
        {"component_actions", "template_actions", "brand_actions"},
        {"writing"},
        {"actions", "review", "timing", "corrections", "past", "series", "clock", "translation_actions"},
        {"forms", "roles", "audit", "waiting", "staff_reminders", "board", "demo", "checker"},
        {"apps", "admin", "templatetags", "management"},
    ],
    "publishing": [
        {"artefact", "generation", "writing", "pruning", "negotiation", "forward", "live", "merging", "front"},
        {"state"},
        {"notices", "record", "in_language"},
        {"loading", "texts", "boundaries", "days", "uptime", "formats"},
        {"basis", "plan"},
        {"publish"},
        {"receivers", "previews", "mirror"},
        {"apps", "management"},
    ],
    "subscriptions": [
        {"choices", "addresses", "zones"},
        {"models"},
        {"tokens", "limits", "links", "journal", "bell", "outbox", "watermark", "return_path", "quarantine"},
        {"in_language", "matching", "summary", "reminders", "mailboxes", "ledger", "control", "progress"},
        {"wording", "channels", "fanout", "throttle", "senders", "delivery", "restored"},
        {"bounces", "catch_up", "consent", "retention", "staff_reminders"},
        {"sheet", "importing", "person", "erasing"},
        {
            "forms",
            "tasks",
            "receivers",
            "checks",
            "panels",
            "previews",
            "schedules",
            "trial",
            "watch",
            "provider_events",
        },
        {"apps", "admin", "views", "outbox_views", "urls", "middleware", "management"},
    ],
    "api": [],
    "importers": [],
    "terminal": [
        {"console", "spoken_times", "tasks", "outcome"},
        {"choosing", "texts"},
        {"filling"},
        {"composing", "showing"},
        {"commands"},
        {"apps", "management"},
    ],
}


def sources(app: str) -> list[Path]:
    return [path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_apps_import_only_downward(app):
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[app] - {app}

    found = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(app)
        for name in imported_modules(path)
        if name.split(".")[0] in forbidden
    }

    assert found == set()


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_modules_import_only_from_lower_layers_of_their_app(app):
    layer_of = {module: depth for depth, row in enumerate(LAYERS[app]) for module in row}
    found = set()
    for path in sources(app):
        own = path.relative_to(ROOT / app).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        assert own in layer_of, f"{path.relative_to(ROOT)} has no layer: give it one in LAYERS"
        for name in imported_modules(path):
            parts = name.split(".")
            if parts[0] == app and len(parts) > 1 and layer_of.get(parts[1], 0) > layer_of[own]:
                found.add(f"{path.relative_to(ROOT)} imports {name}")

    assert found == set()
