"""Paying the debt of the page: what the database says becomes what the public reads."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from incidents.models import Page
from publishing.basis import find_basis
from publishing.boundaries import next_boundary
from publishing.formats import page_artefacts
from publishing.generation import DamagedGeneration, Manifest, live_manifest
from publishing.loading import load_state, one_view
from publishing.plan import Plan
from publishing.pruning import empty_bin, set_aside
from publishing.state import Mirror
from publishing.writing import write_generation

log = logging.getLogger(__name__)

LOCK_PATIENCE = 10.0  # a slice of a large archive may be under way
LOCK_LOOK = 0.01
ROUNDS = 5
# How long a page may lag before staff are told, and how far its clock may be ahead before we doubt it.
LATE = dt.timedelta(seconds=10)


@dataclass(frozen=True)
class Failure:
    """The last attempt to publish failed: why, and since when attempts have been failing."""

    why: str
    since: dt.datetime


@dataclass(frozen=True)
class Behind:
    """The public page shows less than the database holds. `why` may be empty: then nobody has tried."""

    why: str
    since: dt.datetime


_failure: Failure | None = None  # also kept in a file for other processes, if the disk takes it
_logged: tuple[object, ...] = ()  # the kind of failure that the log has heard of


def publish_if_stale(
    now: dt.datetime | None = None, *, upgrade: bool = False, force: bool = False, finish: bool = True
) -> bool:
    """Bring the snapshot up to date; tell whether a new generation went live.

    With `upgrade`, also when other code rendered the live one (for the one publishing process that is restarted with
    each upgrade; otherwise old and new processes would overwrite each other in turn), and old generations are removed;
    with `force`, all is rendered anew. When everything has to be and the archive is large, news is published first;
    `finish` says whether to stay until the rest is done too.
    A render or write that fails leaves the live generation as it is and is kept for `last_failure` and `behind`.
    Raises django.db.Error when the database cannot be read.
    """
    root = settings.SNAPSHOT_DIR
    if not force and not is_owed(root, now, upgrade=upgrade):
        _forget_failure()  # if there was one, another process has mended it
        return False
    published, rounds = False, ROUNDS
    try:
        while rounds:  # someone may post while we render
            with only_publisher(root):
                if not force and not is_owed(root, now, upgrade=upgrade):
                    break
                manifest = write_page(root, now or timezone.now(), upgrade=upgrade, force=force)
                published, force = True, False
            if not (manifest.is_finished or finish):
                break
            rounds -= manifest.is_finished
            if not manifest.is_finished:
                time.sleep(2 * LOCK_LOOK)  # whoever waits for the lock gets it between two slices
        if upgrade:
            prune(root)
    except DatabaseError:
        raise
    except Exception as problem:
        _record_failure(problem, now or timezone.now())
    else:
        _forget_failure()
    return published


def last_failure() -> Failure | None:
    """Why the newest attempt to publish failed, here or in another process; None when it did not."""
    if _failure is not None:
        return _failure
    try:
        kept = json.loads(_failure_file().read_bytes())
        return Failure(why=str(kept["why"]), since=dt.datetime.fromisoformat(kept["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def behind(now: dt.datetime | None = None) -> Behind | None:
    """Whether customers read less than staff have posted, for a banner: one query and two looks at the disk."""
    now = now or timezone.now()
    page, live = Page.objects.current(), live_manifest(settings.SNAPSHOT_DIR)
    if not _is_stale(live, page, now):
        return None
    if failure := last_failure():
        return Behind(why=failure.why, since=failure.since)
    since = page.updated_at if live is None or live.version != page.version else live.stale_at
    return Behind(why="", since=since) if now - since > LATE else None


def is_owed(root: Path, now: dt.datetime | None, *, upgrade: bool, mirror: Mirror | None = None) -> bool:
    """Whether what lives in `root` is not what the database says; with `upgrade`, or was rendered by other code."""
    live = live_manifest(root)
    if live is not None and upgrade and live.code != _code(mirror):
        return True
    if live is not None and not live.is_finished and _may_redo(live, upgrade=upgrade):
        return True
    return _is_stale(live, Page.objects.current(), now or timezone.now())


def _may_redo(live: Manifest | None, *, upgrade: bool) -> bool:
    """Whether this process may render what did not change: not while it runs other code than the publishing one."""
    return upgrade or live is None or live.code == code_checksum()


def _is_stale(live: Manifest | None, page: Page, now: dt.datetime) -> bool:
    """A version behind the live one counts too: the database has been restored from a copy."""
    return live is None or live.version != page.version or live.stale_at <= now or live.generated_at > now + LATE


def write_page(
    root: Path, now: dt.datetime, *, upgrade: bool, force: bool = False, mirror: Mirror | None = None
) -> Manifest:
    """Make one more generation, for home or for `mirror`, live in `root`. Call it as `only_publisher` alone.

    It brings all news; of what is owed otherwise only a part, until the manifest says that it is finished.
    """
    try:
        return _write(root, now, upgrade=upgrade, force=force, mirror=mirror)
    except DamagedGeneration as problem:
        log.error("the live generation cannot be built on: %s", problem)
        return _write(root, now, upgrade=upgrade, force=True, mirror=mirror)


def _write(root: Path, now: dt.datetime, *, upgrade: bool, force: bool, mirror: Mirror | None) -> Manifest:
    began = time.perf_counter()
    code, live = _code(mirror), live_manifest(root)
    # Old code that is still running publishes news, but what it made stays owed by the publishing process.
    owner = code if live is None or upgrade else live.code
    page = Page.objects.current()
    with one_view(), translation.override(page.language):
        state = load_state(now, mirror=mirror, months=())
        basis = find_basis(live, state.site, state.version, code=code, force=force)
        plan = Plan(root, basis, state, redo=_may_redo(live, upgrade=upgrade))
        manifest = write_generation(
            root,
            page_artefacts(plan.state),
            version=state.version,
            generated_at=now,
            stale_at=next_boundary(state),
            code=owner,
            look=basis.look,
            ancestry=basis.ancestry,
            shards=plan.updates(),
            is_finished=lambda: plan.is_finished() and owner == code,
            notes=plan.notes,
        )
    rest = "" if manifest.is_finished else "; the archive is not done yet"
    log.info("published version %d in %d ms%s", state.version, (time.perf_counter() - began) * 1000, rest)
    return manifest


def prune(root: Path) -> None:
    """Remove old generations. Takes the lock itself."""
    with suppress(OSError):  # old ones in the way are no reason to call the new one failed
        with only_publisher(root):
            set_aside(root)
        empty_bin(root)


@contextmanager
def only_publisher(root: Path) -> Iterator[None]:
    """Hold the lock under which one publisher per host writes; the kernel lets go of it when its holder dies."""
    root.mkdir(parents=True, exist_ok=True)
    with open(root / "publish.lock", "ab") as lock:
        patience_ends = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience_ends:
                    raise TimeoutError(_("another process has been publishing for too long")) from None
                time.sleep(LOCK_LOOK)
        yield


def _code(mirror: Mirror | None) -> str:
    return code_checksum() if mirror is None else f"{code_checksum()} {mirror.url} {mirror.home_url}"


@cache
def code_checksum() -> str:
    """Identifies what this process renders with: code, templates, assets, and the address in its links."""
    base = Path(settings.BASE_DIR)
    files = [
        file
        for place in ("publishing", "incidents", "templates/public", "templates/publishing", "static/public", "locale")
        for file in sorted((base / place).rglob("*"))
        if file.is_file() and file.suffix != ".pyc"
    ]
    checksum = hashlib.sha256(settings.PUBLIC_URL.encode())
    for file in files:
        checksum.update(str(file.relative_to(base)).encode() + b"\0" + file.read_bytes())
    return checksum.hexdigest()[:16]


def _failure_file() -> Path:
    return settings.SNAPSHOT_DIR / "publish-error.json"


def _record_failure(problem: Exception, now: dt.datetime) -> None:
    """Keep it for staff. The log hears of each problem once, not at every attempt."""
    global _failure, _logged
    before, why = last_failure(), _in_words(problem)
    kind = (type(problem), getattr(problem, "errno", None))
    if kind != _logged:
        log.error("the public page is behind: %s", why, exc_info=None if isinstance(problem, OSError) else problem)
        _logged = kind
    _failure = Failure(why=why, since=before.since if before else now)
    with suppress(OSError):  # the disk may be the very problem; then this process alone knows
        _failure_file().write_text(json.dumps(asdict(_failure), default=dt.datetime.isoformat))


def _in_words(problem: Exception) -> str:
    if not isinstance(problem, OSError) or not problem.strerror:
        return f"{type(problem).__name__}: {problem}"
    file = str(problem.filename or settings.SNAPSHOT_DIR)
    ours = file.startswith(str(settings.SNAPSHOT_DIR))  # the name of a generation tells nobody anything
    return f"{problem.strerror} ({settings.SNAPSHOT_DIR if ours else file})"


def _forget_failure() -> None:
    global _failure, _logged
    if last_failure() is None:
        return
    log.warning("the public page is up to date again")
    _failure, _logged = None, ()
    with suppress(OSError):
        _failure_file().unlink(missing_ok=True)
