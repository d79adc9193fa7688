from __future__ import annotations

import re
from typing import Any

from django.template.loader import render_to_string

from publishing.artefact import Artefact
from publishing.state import SiteState

_TAG = re.compile(r"""<[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_PATH = re.compile(r"""(\s(?:href|src|srcset|action)=["'])(?=/(?!/))""")


def document(path: str, template: str, site: SiteState, **context: Any) -> Artefact:
    """One page, rendered without a request: it is the same for everybody."""
    text = render_to_string(template, {"page": site, "brand": site.brand, "path": path, **context})
    if site.base_path:
        text = with_links_below(site.base_path, text)
    return Artefact(path, "text/html; charset=utf-8", text.encode("utf-8", "replace"))


def with_links_below(base_path: str, html: str) -> str:
    """`html` with every link to a path of this host, also those that staff have written, led below `base_path`."""
    return _TAG.sub(lambda tag: _PATH.sub(lambda start: start[1] + base_path, tag[0]), html)
