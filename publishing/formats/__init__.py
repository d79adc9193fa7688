"""What the public gets, by format: each makes its artefacts from the state of the page and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils.html import format_html, format_html_join

from publishing.artefact import Artefact
from publishing.state import PageState


def make_html(state: PageState) -> Iterable[Artefact]:
    titles = format_html_join("", '<p><a href="{}">{}</a></p>', [(n.path, n.title) for n in state.notices])
    yield _page("/", format_html("<h1>{}</h1>{}", state.name, titles))
    yield _page("/404", "<h1>Not found</h1>")
    for notice in state.notices:
        yield _page(notice.path, format_html("<h1>{}</h1>", notice.title))


def _page(path: str, body: str) -> Artefact:
    return Artefact(path, "text/html; charset=utf-8", f"<!doctype html>{body}".encode())


FORMATS: dict[str, Callable[[PageState], Iterable[Artefact]]] = {"html": make_html}
