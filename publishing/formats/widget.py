"""/widget.js: a one-line embed for other sites. What it shows is written into it, so it fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.formats.badges import DARK, LIGHT, STATUS_OF_INDICATOR
from publishing.formats.status_api import DESCRIPTIONS
from publishing.state import PageState


def page(state: PageState) -> Iterable[Artefact]:
    """The script. A site that includes it has to allow our host in `script-src`, and nothing else."""
    status = STATUS_OF_INDICATOR[state.indicator]
    shown = {
        "url": f"{state.url}/",
        "text": f"{state.name}: {DESCRIPTIONS[state.indicator]}",
        "notices": [
            {"title": n.title, "status": n.status_label, "url": f"{state.url}{n.path}"} for n in state.open_notices
        ],
        "light": {
            "dot": LIGHT.dots[status],
            "text": LIGHT.text,
            "background": LIGHT.background,
            "border": LIGHT.border,
        },
        "dark": {"dot": DARK.dots[status], "text": DARK.text, "background": DARK.background, "border": DARK.border},
    }
    # "<" cannot end the script of a page that inlines this file.
    data = json.dumps(shown, ensure_ascii=True).replace("<", "\\u003c")
    script = render_to_string("publishing/widget.js", {"data": data})
    yield Artefact("/widget.js", "text/javascript; charset=utf-8", script.encode())
