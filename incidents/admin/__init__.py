"""Django's admin for the facts. Importing this package registers them."""

from __future__ import annotations

from incidents.admin import changes, components, notices, series, templates

__all__ = ["changes", "components", "notices", "series", "templates"]
