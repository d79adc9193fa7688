"""What notices are found by: their words as readers see them. Only texts that hold, so nothing that was taken back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape, unescape
from zoneinfo import ZoneInfo

from incidents.models import Effect, IncidentComponent, IncidentUpdate
from publishing.loading import filed_in
from publishing.state import Month, NoticeText

OWN = ("reason_html", "advice_before_html", "advice_during_html", "advice_after_html", "deviations_html")
# Of what our Markdown makes (incidents/text.py), these stand within a line; every other element begins a new one.
_INLINE = re.compile(r'</?(?:a|code|em|strong)\b(?:[^<>"]|"[^"]*")*>')
_BLOCK = re.compile(r'<(?:[^<>"]|"[^"]*")*>')


def load_texts(month: Month, zone: ZoneInfo) -> dict[str, NoticeText]:
    """Those of the notices of a month by code, in four queries however many there are."""
    notices = {pk: (code, own) for pk, code, *own in filed_in(month, zone).values_list("pk", "code", *OWN)}
    said, functions = defaultdict(list), defaultdict(list)
    updates = IncidentUpdate.objects.public().filter(incident__in=list(notices)).order_by("-display_at", "-pk")
    for pk, html in updates.values_list("incident_id", "body_html"):
        said[pk].append(html)
    effects = Effect.objects.filter(incident__in=list(notices)).order_by("position", "pk")
    for pk, function, note in effects.values_list("incident_id", "function", "note"):
        said[pk].append(escape(f"{function}: {note}" if note else function))
    lines = IncidentComponent.objects.filter(incident__in=list(notices)).order_by("pk")
    for pk, code, group, name in lines.values_list("incident_id", "component__code", "group_name", "name"):
        functions[pk].append((code, f"{group} - {name}" if group else name))
    return {code: NoticeText(tuple(functions[pk]), plain([*said[pk], *own])) for pk, (code, own) in notices.items()}


def plain(texts: Iterable[str]) -> str:
    """The words of HTML, one line for each block. What is said again word for word is left out."""
    return "\n".join(dict.fromkeys(line for html in texts for line in _lines(html)))


def _lines(html: str) -> Iterator[str]:
    one_line = html.replace("\n", " ")
    for line in _BLOCK.sub("\n", _INLINE.sub("", one_line)).split("\n"):
        if words := " ".join(unescape(line).split()):
            yield words
