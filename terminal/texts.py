"""Where the words come from: an option, a file, standard input, or an editor. What was written is never lost."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from incidents.models import Incident
from incidents.times import describe
from terminal.console import Console, misused, refused

SCISSORS = "------------------------ >8 ------------------------"
EDITORS = ("editor", "nano", "vi")
SHOWN_UPDATES = 3


@dataclass(frozen=True)
class Text:
    """`file` is where it lies already; one that an editor wrote is ours, and goes when the text was published.

    `is_typed` says that it is nowhere else: neither in a file of the author's nor in the history of their shell.
    """

    body: str
    file: Path | None = None
    is_ours: bool = False
    is_typed: bool = True

    def keep(self) -> str:
        """Where to find it again, in a sentence, whatever happened; "" when there is nothing to keep."""
        if not self.body.strip():
            self.forget()
            return ""
        file = self.file
        if file is None or self.is_ours:
            try:
                file = file or _new_file()
                file.write_text(self.body + "\n", encoding="utf-8")
            except OSError:  # a full disk: then the terminal is the only place left
                return _("Your text could not be kept in a file. Here it is:") + f"\n\n{self.body}"
        again = _("Your text is kept: run it again with --file %(file)s")
        return again % {"file": shlex.quote(str(file))}

    def keep_if_typed(self) -> str:
        return self.keep() if self.is_typed else ""

    def forget(self) -> None:
        if self.is_ours and self.file:
            self.file.unlink(missing_ok=True)


def read_text(message: Sequence[str], file: str, *, console: Console, notice: Incident | None) -> Text:
    """The text as it was given. On a terminal, and without any, it is asked for in an editor."""
    if message:
        return Text("\n\n".join(message), is_typed=False)
    if file and file != "-":
        return Text(_read(Path(file)), Path(file), is_typed=False)
    if file == "-" or not console.can_ask:
        return Text(_from_standard_input())
    return _edited(notice)


def _read(file: Path) -> str:
    try:
        return above_the_scissors(_decoded(file.read_bytes()))
    except OSError as problem:
        raise misused(_("--file: %(problem)s") % {"problem": problem}) from None


def _from_standard_input() -> str:
    if sys.stdin is None:  # it was closed
        return ""
    return _decoded(sys.stdin.buffer.read()) if hasattr(sys.stdin, "buffer") else sys.stdin.read()


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise misused(_("The text is not UTF-8: save it as UTF-8, or type it.")) from None


def above_the_scissors(text: str) -> str:
    lines = text.splitlines()
    places = [place for place, line in enumerate(lines) if line.strip() == SCISSORS]
    return "\n".join(lines[: places[0]] if places else lines).strip()


def _edited(notice: Incident | None) -> Text:
    file = _new_file()
    file.write_text(f"\n\n{SCISSORS}\n{_below(notice)}", encoding="utf-8")
    command = _editor()
    try:
        status = subprocess.run([*command, str(file)], check=False).returncode
    except OSError as problem:
        file.unlink()
        raise misused(_("The editor cannot be started: %(problem)s. Set EDITOR.") % {"problem": problem}) from None
    try:
        text = Text(above_the_scissors(_decoded(file.read_bytes())), file, is_ours=True)
    except CommandError as problem:
        raise refused(f"{problem} {file}") from None
    if status:
        told = _("%(editor)s ended with status %(status)d: nothing was published.")
        raise refused(f"{told % {'editor': command[0], 'status': status}} {text.keep()}".strip())
    return text


def _editor() -> list[str]:
    asked = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if asked:
        return shlex.split(asked)
    for name in EDITORS:
        if found := shutil.which(name):
            return [found]
    raise misused(_("No editor was found. Set EDITOR, or give the text by --message or --file."))


def _below(notice: Incident | None) -> str:
    """What the author reads while writing. Nothing of it is published."""
    lines = [
        _("Write your text above that line, in Markdown. From the line on everything is left out."),
        _("You will see a preview and be asked before anything is published. An empty text ends it."),
    ]
    if notice:
        lines += ["", _("So far, newest first: %(title)s") % {"title": notice.title}]
        for update in notice.updates.public().order_by("-display_at", "-pk")[:SHOWN_UPDATES]:
            when = describe(update.display_at, notice.zone)
            lines += ["", f"{update.get_status_display()} · {when} · {update.byline}", update.body]
    return "\n".join(lines) + "\n"


def _new_file() -> Path:
    handle, name = tempfile.mkstemp(prefix="statuspage-text-", suffix=".md")
    os.close(handle)
    return Path(name)
