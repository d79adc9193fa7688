from __future__ import annotations

import re
from typing import Any

from django.template.loader import render_to_string

from incidents.languages import own_name
from publishing.artefact import Artefact
from publishing.state import SiteState, path_in

_TAG = re.compile(r"""<[a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_PATH = re.compile(r"""(\s(?:href|src|srcset|action)=["'])(/(?!/)[^"']*)""")
_NOWHERE = ("/404", "/offline")  # shown in the place of other pages, with no address of their own


def document(path: str, template: str, site: SiteState, **context: Any) -> Artefact:
    """One page, rendered without a request: it is the same for everybody.

    `path` and all links are those of the original. They are led below the path of the host, and into the language.
    """
    shown = {"page": site, "brand": site.brand, "path": path, "address": site.address(path)}
    text = render_to_string(template, {**shown, "tongues": _tongues(site, path), **context})
    if site.base_path or site.prefix:
        text = with_links_below(site.base_path, text, prefix=site.prefix)
    return Artefact(path, "text/html; charset=utf-8", text.encode("utf-8", "replace"))


def with_links_below(base_path: str, html: str, *, prefix: str = "") -> str:
    """`html` with every link to a path of this host, also those that staff have written, led below `base_path`.

    Those to what is made in each language are led below its `prefix` too, unless they name a language.
    """

    def lead(tag: re.Match[str]) -> str:
        below = "" if " hreflang=" in tag[0] else prefix
        return _PATH.sub(lambda link: f"{link[1]}{base_path}{path_in(below, link[2])}", tag[0])

    return _TAG.sub(lead, html)


def _tongues(site: SiteState, path: str) -> list[dict[str, Any]]:
    """The same page in each language, the original first; nothing where there is only one."""
    if not site.languages or path in _NOWHERE:
        return []
    codes = (site.original, *site.languages)
    paths = {code: path_in("" if code == site.original else f"/{code}", path) for code in codes}
    return [
        {
            "code": code,
            "name": own_name(code),
            "path": paths[code],
            "address": site.url + paths[code],
            "is_here": code == site.language,
            "is_original": code == site.original,
        }
        for code in codes
    ]
