"""Where a mirror lies."""

from __future__ import annotations

from typing import Protocol

from django.utils.translation import gettext as _

from publishing.mirror.files import PublicFile


class TargetProblem(Exception):
    """The target cannot be read or written; says why in one line."""


class Overtaken(TargetProblem):
    """Somebody else has written there since we looked."""

    def __init__(self) -> None:
        super().__init__(_("another host has just begun to write there"))


class Target(Protocol):
    """Files by name. Every method may raise TargetProblem. `hands` is how many files it takes at a time."""

    hands: int

    def name_of(self, file: PublicFile) -> str:
        """The name under which a reader who asks for the file's path gets it."""

    def read(self, name: str) -> bytes | None:
        """The file's bytes; None when there is no such file."""

    def write(self, name: str, body: bytes, *, content_type: str, cache_control: str, modified: int) -> None:
        """Put it there whole: at no time does a reader get a part of it."""

    def read_tagged(self, name: str) -> tuple[bytes | None, str]:
        """`read`, with a tag that is another one whenever the bytes are; it is empty when there is no such file."""

    def replace(self, tag: str, name: str, body: bytes, *, content_type: str, cache_control: str, modified: int) -> str:
        """`write`, if what is there still has this tag, and return its new one. Raises Overtaken.

        Of several who do so at once, on whatever hosts, one succeeds, where the target can promise that.
        """

    def remove(self, name: str) -> None:
        """Take it away. That it is gone already is no error."""
