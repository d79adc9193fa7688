"""Named gaps in prepared texts, written ((so)). They are replaced as plain text and never evaluated.

Two round brackets mean nothing to Markdown, to Django and to other template languages. What stands in `backticks` is
left alone, so that code can be shown to readers as it is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from incidents.times import describe

# A stretch of code, or a name in its brackets. A code span begins and ends on one line: beyond that it is rare, and a
# stray backtick must not hide a gap three paragraphs below.
_MARK = re.compile(
    r"(?<![`\\])(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)"
    r"|\(\((?P<name>[^\W\d_][^()\n]{0,99})\)\)"
)

UTC = ZoneInfo("UTC")

# What is filled in by itself, and from what. Times are those of the form, in the notice's zone.
KNOWN = {
    "functions": gettext_lazy("the names of the components that the notice concerns"),
    "title": gettext_lazy("the title of the notice"),
    "page": gettext_lazy("the name of the page"),
    "support": gettext_lazy("the support address of the page"),
    "started": gettext_lazy("when the incident started"),
    "next update": gettext_lazy("when the next update comes"),
    "work starts": gettext_lazy("when the work starts, as planned"),
    "work ends": gettext_lazy("when the work ends, as planned"),
    "avoid from": gettext_lazy("when the avoid window begins"),
    "avoid until": gettext_lazy("when the avoid window ends"),
    "work began": gettext_lazy("when the work began, in an all-clear"),
    "work ended": gettext_lazy("when the work ended, in an all-clear"),
}
TIMES = {
    "started": "started_at",
    "next update": "next_update_by",
    "work starts": "work_starts_at",
    "work ends": "work_ends_at",
    "avoid from": "avoid_starts_at",
    "avoid until": "avoid_ends_at",
    "work began": "actual_started_at",
    "work ended": "actual_ended_at",
}


@dataclass(frozen=True)
class Facts:
    """What can be filled in. `times` are instants by their field's name (`work_starts_at`, …), shown in `zone`."""

    page: str = ""
    support: str = ""
    title: str = ""
    functions: Sequence[str] = ()
    times: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    zone: ZoneInfo = UTC

    def words(self) -> dict[str, str]:
        """What stands for each placeholder; one whose fact is missing is not among them."""
        found = {
            "page": self.page,
            "support": self.support,
            "title": self.title,
            "functions": listed(self.functions),
        }
        for name, field_name in TIMES.items():
            moment = self.times.get(field_name)
            found[name] = describe(moment, self.zone) if moment else ""
        return {name: words for name, words in found.items() if words}


def fill(text: str, words: Mapping[str, str], *, limit: int) -> str:
    """`text` with what is known in its gaps, in one pass: a value that holds brackets itself is not looked at again.

    A gap stays when its value would make the text longer than `limit`.
    """
    spare = limit - len(text)

    def replace(found: re.Match[str]) -> str:
        nonlocal spare
        value = words.get(_plain(found["name"])) if found["name"] else None
        if value is None or len(value) - len(found[0]) > spare:
            return found[0]
        spare -= len(value) - len(found[0])
        return value

    return _MARK.sub(replace, text)


def gaps(text: str) -> list[str]:
    """The placeholders left in `text`, as they are written there, each once."""
    return list(dict.fromkeys(found[0] for found in _MARK.finditer(text) if found["name"]))


def is_known(gap: str) -> bool:
    """Whether a gap, written with its brackets, is one that is filled in by itself."""
    return _plain(gap[2:-2]) in KNOWN


def listed(names: Sequence[str]) -> str:
    """ "Images", "Images and Mailings", "Images, Links and Mailings"."""
    if len(names) < 2:
        return "".join(names)
    return _("%(first)s and %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}


def _plain(name: str) -> str:
    return " ".join(name.lower().split())
