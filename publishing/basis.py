"""What the live generation is worth to the next one."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace

from incidents.models import Change
from publishing.generation import Manifest
from publishing.state import SiteState

# What these changed shows in the site or in a component itself; every other act is about a notice.
ABOUT_NO_NOTICE = ("add", "change", "set_component_status", "archive_component")


@dataclass(frozen=True)
class Basis:
    """`changed` are the codes of the notices that changed since `live`.

    `look` names what everything is to be rendered with: the code, the site, and the history of facts that it belongs
    to. A live generation of another history (a database restored from a copy, a version that no act accounts for) is
    worth nothing: then the look is a new one, and everything is owed.
    """

    live: Manifest | None
    look: str
    ancestry: str
    changed: frozenset[str]

    @property
    def is_settled(self) -> bool:
        """Nothing is owed but what changed."""
        return self.live is not None and self.live.is_finished and self.live.look == self.look


def find_basis(live: Manifest | None, site: SiteState, version: int, *, code: str, force: bool = False) -> Basis:
    """With `force`, the live generation counts for nothing."""
    changed = _changed(live, version) if live and not force else None
    line = live.look.partition(".")[2] if live and changed is not None else secrets.token_hex(4)
    facts = repr(replace(site, generated_at=site.generated_at.min))
    look = hashlib.sha256(f"{code} {facts}".encode()).hexdigest()[:16]
    return Basis(live, f"{look}.{line}", _ancestry(version), frozenset(changed or ()))


def _changed(live: Manifest, version: int) -> list[str] | None:
    """The notices that changed since `live`; None when it belongs to another history of facts."""
    if live.version > version or live.ancestry != _ancestry(live.version):
        return None
    acts = Change.objects.filter(version__gt=live.version, version__lte=version)
    found = list(acts.values_list("incident__code", "verb"))
    if len(found) != version - live.version:
        return None  # something changed that nobody wrote down
    if any(code is None and verb not in ABOUT_NO_NOTICE for code, verb in found):
        return None  # its notice is gone, and nobody can say which it was
    return [code for code, _verb in found if code]


def _ancestry(version: int) -> str:
    act = Change.objects.filter(version=version).values_list("pk", "at").first()
    return f"{act[0]} {act[1].isoformat()}" if act else ""
