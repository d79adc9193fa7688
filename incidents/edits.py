"""What differs between an earlier text and the one that replaced it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"\S+|\s+")
MARKS = re.compile(r"\*\*|`|^#+[ ]", re.MULTILINE)
LINE = re.compile(r".*\n|.+")

# Comparing costs the square of this: a longer text is compared line by line.
MAX_WORDS = 600
# Of two texts that have less in common nobody wants to see the words that happen to stand in both.
ALIKE = 0.4


@dataclass(frozen=True)
class Piece:
    """A stretch of text. `kind` is "same", "gone" (the earlier text alone had it) or "new"."""

    kind: str
    text: str


@lru_cache(maxsize=512)
def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Both texts (Markdown) in one, in order of reading, without the marks of emphasis and headings."""
    before, after = MARKS.sub("", before), MARKS.sub("", after)
    rule = WORD if max(len(before.split()), len(after.split())) <= MAX_WORDS else LINE
    old, new = rule.findall(before), rule.findall(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=True)
    kept = sum(bool(word.strip()) for block in matcher.get_matching_blocks() for word in old[block.a :][: block.size])
    if 2 * kept < ALIKE * sum(bool(word.strip()) for word in [*old, *new]):
        whole = (Piece("gone", before), Piece("same", "\n"), Piece("new", after))
        return tuple(piece for piece in whole if piece.text and ((before and after) or piece.kind != "same"))
    found = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(old[i1:i2])))
            continue
        found += [
            Piece(kind, text) for kind, text in (("gone", "".join(old[i1:i2])), ("new", "".join(new[j1:j2]))) if text
        ]
    return tuple(found)
