"""What staff are told about the public page."""

from __future__ import annotations

from typing import Any

from django import template

from publishing.publish import behind

register = template.Library()


@register.inclusion_tag("publishing/behind.html")
def page_is_behind() -> dict[str, Any]:
    """A warning when customers read less than staff have posted; nothing otherwise."""
    return {"behind": behind()}
