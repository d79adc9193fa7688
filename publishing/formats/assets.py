"""Style sheets, scripts and pictures of the public pages."""

from __future__ import annotations

from collections.abc import Iterator

from incidents.assets import asset_body, asset_file, asset_path
from publishing.artefact import Artefact
from publishing.state import PageState

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


def page(state: PageState) -> Iterator[Artefact]:
    """Each file of static/public and of the brand, under a path that holds its checksum."""
    for file in sorted(asset_file("").iterdir()):
        if file.suffix in CONTENT_TYPES:
            yield Artefact(asset_path(file.name), CONTENT_TYPES[file.suffix], asset_body(file.name), immutable=True)
    for asset in state.brand_files:
        yield Artefact(asset.path, asset.content_type, asset.content, immutable=True)
