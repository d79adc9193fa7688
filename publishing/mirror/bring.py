"""Making the target hold what a generation holds, by writing what differs and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby

from django.utils import timezone
from django.utils.translation import gettext as _

from publishing.mirror.files import PublicFile
from publishing.mirror.ledger import Ledger
from publishing.mirror.target import Target, TargetProblem

LAST = 9  # the rank of what is removed
# So much is announced and settled at once: what a kill makes the next run write again, at the most.
CHUNK, CHUNKS = 500, 100


@dataclass(frozen=True)
class Outcome:
    written: int
    removed: int
    unchanged: int

    def __str__(self) -> str:
        return _("%(written)d files written, %(removed)d removed, %(unchanged)d unchanged") % asdict(self)


def bring(files: Iterable[PublicFile], target: Target, ledger: Ledger, *, force: bool = False) -> Outcome:
    """Write what is new and changed in the order of ranks, then remove what we once put there and is no more.

    Whenever it ends, by an error or a kill, every page that readers find has all that it links to, and the next call
    continues. With `force`, write everything. Raises TargetProblem.
    """
    ledger.open(timezone.now())
    if force:
        ledger.forget()
    elif ledger.is_new and target.read("index.html") is not None:
        text = _("there is a site there that is no mirror of this page; --force writes over it")
        raise TargetProblem(text)
    wanted = {target.name_of(file): file for file in files}
    changed = [(file.rank, name) for name, file in wanted.items() if ledger.marks.get(name) != file.mark]
    gone = [(LAST, name) for name in ledger.marks if name not in wanted]
    work = sorted(changed + gone)
    size = max(CHUNK, len(work) // CHUNKS)
    for start in range(0, len(work), size):
        _bring_some(work[start : start + size], wanted, target, ledger)
    return Outcome(len(changed), len(gone), len(wanted) - len(changed))


def _bring_some(work: list[tuple[int, str]], wanted: dict[str, PublicFile], target: Target, ledger: Ledger) -> None:
    def do(name: str) -> None:
        if name in wanted:
            _write(target, name, wanted[name])
        else:
            target.remove(name)

    names = [name for _rank, name in work]
    ledger.announce(names, timezone.now())
    pool = ThreadPoolExecutor(target.hands)
    try:
        for _rank, of_rank in groupby(work, key=lambda one: one[0]):
            for _done in pool.map(do, [name for _rank, name in of_rank]):
                ledger.keep(timezone.now())
    finally:
        pool.shutdown(cancel_futures=True)
    ledger.settle({name: wanted[name].mark if name in wanted else None for name in names}, timezone.now())


def _write(target: Target, name: str, file: PublicFile) -> None:
    target.write(
        name,
        file.file.read_bytes(),
        content_type=file.content_type,
        cache_control=file.cache_control,
        modified=file.modified,
    )
