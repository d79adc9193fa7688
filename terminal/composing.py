"""The one flow behind every task: fill in the form, show what would be, ask, carry it out, and lose nothing written."""

from __future__ import annotations

import json
import os
import pwd
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from incidents.checker import Remark, check
from incidents.choices import CLOSED
from incidents.forms.acts import Act
from incidents.forms.compose import DRAFT, OF_THE_PAGE, PREVIEW, PUBLISH, ComposeForm
from incidents.forms.wall_times import WallTimeField
from incidents.models import Incident, IncidentUpdate, Page
from incidents.rehearsal import PreviewPane, preview, rehearsal
from incidents.roles import may_publish, may_write
from incidents.times import describe
from incidents.values import ReviewNeeded, StaleIncident
from terminal.choosing import the_notice, the_user
from terminal.console import INTERRUPTED, Console, misused, refused
from terminal.filling import Data, fill, label_of, problems, told_times
from terminal.outcome import as_json, mail_news, page_news
from terminal.tasks import Task
from terminal.texts import Text, read_text

WIDTH = 78


@dataclass(frozen=True)
class Rehearsed:
    """What would come of it: the texts that readers get, what they would trip over, and how many are told."""

    status: str
    title: str
    components: list[str]
    texts: list[tuple[str, str]]
    reach: list[str]
    remarks: list[tuple[str, Remark]]


def carry_out(task: Task, options: dict[str, Any], console: Console) -> None:
    """Do `task`. Raises CommandError, which says what was refused and where the text is kept."""
    refuse_root()
    purpose = DRAFT if options["draft"] else PUBLISH
    if not (options["yes"] or options["dry_run"] or purpose == DRAFT or console.can_ask):
        raise misused(_("Nobody can be asked here: add --yes to publish, or --dry-run to look. Nothing was published."))
    actor = the_user(options["as"])
    refuse_the_unable(actor, publishes=purpose == PUBLISH and not options["dry_run"])
    notice = the_notice(options["notice"] or "", task.kind, task.statuses) if task.statuses else None
    page = Page.objects.current()
    build = partial(task.form, page_zone=page.zone, needs_review=page.needs_review, notice=notice, purpose=purpose)
    data = fill(task, build(None), options, console=console)
    text = read_text(options["message"], options["file"], console=console, notice=notice)
    with kept(text, data):
        form = build({**data, "body": text.body})
        if not text.body.strip() and text.is_ours:
            raise refused(_("Nothing was written: nothing was published."))
        if not form.is_valid() and form.data.get("left_over"):
            form = build(form.data)  # gaps of an urgent text are asked about once: the remarks below do that here
        if not form.is_valid():
            _refuse(task, form)
        if posted := _posted_before(form):
            _tell_posted_before(form, posted, console)
            text.forget()
            return
        act = task.act(notice)
        rehearsed = _rehearse(task, build(form.data, purpose=PREVIEW), act, actor)
        _show(rehearsed, form, console)
        if options["dry_run"]:
            _answer(console, form, rehearsed, None)
            console.say(" ".join([_("A dry run: nothing was published."), text.keep_if_typed()]).strip())
            return
        if purpose == PUBLISH and not options["yes"] and not console.agrees(str(task.question)):
            raise refused(_("Nothing was published."))
        with refusals(task, form):
            update = act(form, actor, purpose == PUBLISH)
        text.forget()
        _tell(console, form, rehearsed, update)


def refuse_root() -> None:
    """Root would leave files of the page, and locks, that its processes could then no longer write."""
    try:
        owner = Path(settings.DATA_DIR).stat().st_uid
    except OSError:
        return
    if os.geteuid() == 0 and owner != 0:
        told = _(
            "%(directory)s belongs to %(owner)s, and root would leave files there that its processes cannot write. "
            "Run it as that user: sudo -u %(owner)s …"
        )
        raise misused(told % {"directory": settings.DATA_DIR, "owner": _name_of(owner)})


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def refuse_the_unable(actor: Any, *, publishes: bool) -> None:
    if publishes and not may_publish(actor):
        told = _("%(name)s may write drafts, not publish. Add --draft, and a publisher publishes it.")
        raise refused(told % {"name": actor.get_username()} if may_write(actor) else _may_not(actor))
    if not may_write(actor):
        raise refused(_may_not(actor))


def _may_not(actor: Any) -> str:
    return _("%(name)s may not write notices.") % {"name": actor.get_username()}


@contextmanager
def kept(text: Text, data: Data) -> Iterator[None]:
    """Whatever ends the block before the text was published, it is kept, and where is said with the reason."""
    try:
        yield
    except CommandError as problem:
        raise CommandError(f"{problem}\n{text.keep()}".strip(), returncode=problem.returncode) from None
    except (DatabaseError, InterfaceError) as problem:
        raise refused(f"{database_trouble(problem)}\n{text.keep()}".strip()) from None
    except KeyboardInterrupt:
        told = _was_it_published(data)
        raise CommandError(f"{told}\n{text.keep()}".strip(), returncode=INTERRUPTED) from None


def _was_it_published(data: Data) -> str:
    """Ctrl-C may have come before or after the commit: the database knows."""
    try:
        posted = IncidentUpdate.objects.select_related("incident").filter(form_id=data["form_id"]).first()
    except (DatabaseError, InterfaceError):
        return _("Interrupted, and the database does not answer: look whether it was published before you try again.")
    if posted is None:
        return _("Interrupted: nothing was published.")
    return _("Interrupted, but it had been posted already: %(url)s") % {"url": public_url(posted)}


def database_trouble(problem: Exception) -> str:
    told = _("The database says no: %(problem)s. DATABASE_URL or DATA_DIR says which one it is.")
    return told % {"problem": " ".join(str(problem).split())}


@contextmanager
def refusals(task: Task, form: ComposeForm) -> Iterator[None]:
    """Turn what a verb refuses into words."""
    try:
        yield
    except StaleIncident as stale:
        raise refused(_stale_words(stale, form.notice)) from None
    except ReviewNeeded:
        raise refused(_needs_somebody_else(task)) from None
    except ValidationError as problem:
        form.add_problem(problem)
        _refuse(task, form)


def _needs_somebody_else(task: Task) -> str:
    told = _("This page asks for a second person to publish. If it cannot wait, say why: --urgent WHY.")
    draft = _("Otherwise --draft keeps it for a colleague, who publishes it in the admin.")
    return f"{told} {draft}" if task.keeps_drafts else told


def _refuse(task: Task, form: ComposeForm) -> None:
    raise refused("\n  ".join([_("Nothing was published."), *problems(task, form)]))


def _stale_words(stale: StaleIncident, notice: Incident) -> str:
    lines = [_("Nothing was published: somebody posted while you were writing. Read it, then run this again.")]
    for update in stale.meanwhile:
        head = f"{update.get_status_display()} · {describe(update.display_at, notice.zone)} · {update.byline}"
        lines += ["", f"  {head}", *(f"  {line}" for line in update.body.splitlines())]
    return "\n".join([*lines, ""])


def _posted_before(form: ComposeForm) -> IncidentUpdate | None:
    form_id = form.cleaned_data["form_id"]
    return IncidentUpdate.objects.select_related("incident").filter(form_id=form_id).first()


def _tell_posted_before(form: ComposeForm, posted: IncidentUpdate, console: Console) -> None:
    if form.differs_from(posted):
        told = _("Nothing was published: --once named something else before, which stands at %(url)s.")
        raise refused(told % {"url": public_url(posted)})
    console.say(_("Posted before, by the same --once: nothing was posted again."))
    _tell(console, form, None, posted)


def _rehearse(task: Task, form: ComposeForm, act: Act, actor: Any) -> Rehearsed:
    if not form.is_valid():
        _refuse(task, form)
    with refusals(task, form), rehearsal():
        update = act(form, actor, True)
        panes = preview(update)
        remarks = check(update, now=timezone.now())
        components = [f"{line.name}: {line.get_status_display()}" for line in update.incident.affected.all()]
        return Rehearsed(
            status=update.get_status_display(),
            title=update.incident.title,
            components=components,
            texts=list(_texts(panes, is_told=update.notify)),
            reach=[pane.content for pane in panes if pane.kind == "line"],
            remarks=[(label_of(task, form, remark.field), remark) for remark in remarks],
        )


def _texts(panes: list[PreviewPane], *, is_told: bool) -> Iterator[tuple[str, str]]:
    """What readers get as plain text: the mail, if any is sent, and the entry of the feeds."""
    for pane in panes:
        if pane.kind == "text" and is_told:
            yield pane.label, pane.content.strip()
        elif pane.name == "feed":
            yield pane.label, plain(pane.content)


def plain(html: str) -> str:
    """HTML of ours as text: a paragraph, a row and an item begin a line each."""
    html = re.sub(r"\s+", " ", html)
    html = re.sub(r"<li[^>]*>", "\n- ", html)
    html = re.sub(r"<(?:p|h\d|table|ul|ol|blockquote|div|dl)\b[^>]*>", "\n\n", html)
    html = re.sub(r"<(?:br|tr|dt)\b[^>]*>", "\n", html)
    html = re.sub(r"</(?:td|th|dt)>", " ", html)
    lines = [line.strip() for line in unescape(strip_tags(html)).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _show(rehearsed: Rehearsed, form: ComposeForm, console: Console) -> None:
    """The texts first, and what decides last: it stands right above the question."""
    for label, text in rehearsed.texts:
        console.say(f"{f'── {label} ':─<{WIDTH}}\n{text}\n")
    console.say("─" * WIDTH)
    console.say(f"[{rehearsed.status}] {rehearsed.title}")
    for line in [*rehearsed.components, *told_times(form)]:
        console.say(f"  {line}")
    for label, remark in rehearsed.remarks:
        words = f"“{remark.words}” " if remark.words else ""
        console.say(f"! {label}: {words}{remark.text}")
    for line in rehearsed.reach:
        console.say(line)


def _tell(console: Console, form: ComposeForm, rehearsed: Rehearsed | None, update: IncidentUpdate) -> None:
    _answer(console, form, rehearsed, update)
    if update.is_draft:
        console.say(_("Kept as a draft. Nobody sees it before it is published."))
        return
    console.say(_("Published: %(url)s") % {"url": public_url(update)})
    console.say(page_news().words())
    if update.notify:
        console.say(mail_news(update).words())


def _answer(console: Console, form: ComposeForm, rehearsed: Rehearsed | None, update: IncidentUpdate | None) -> None:
    if not console.is_json:
        return
    is_public = update is not None and not update.is_draft
    answer = {
        "published": is_public,
        "notice": _notice_json(update.incident if update else form.notice),
        "update": _update_json(update) if update else None,
        "times": _times_json(form),
        "remarks": [
            {"option": label, "words": remark.words, "text": remark.text}
            for label, remark in (rehearsed.remarks if rehearsed else [])
        ],
        "reach": rehearsed.reach if rehearsed else [],
        "page": as_json(page_news()) if is_public else None,
        "mail": as_json(mail_news(update)) if is_public else None,
    }
    console.answer(json.dumps(answer, ensure_ascii=False, indent=2))


def _times_json(form: ComposeForm) -> dict[str, str | None]:
    """Every time that the form asks for, in UTC."""
    names = [
        name for name, field in form.fields.items() if isinstance(field, WallTimeField) and name not in OF_THE_PAGE
    ]
    given = {name: form.cleaned_data.get(name) for name in names}
    return {name: time.isoformat() if time else None for name, time in given.items()}


def _notice_json(notice: Incident | None) -> dict[str, Any] | None:
    if notice is None:
        return None
    url = f"{settings.PUBLIC_URL}/incidents/{notice.code}" if not notice.is_draft else None
    is_open = notice.status not in CLOSED
    return {"code": notice.code, "title": notice.title, "status": notice.status, "is_open": is_open, "url": url}


def _update_json(update: IncidentUpdate) -> dict[str, Any]:
    published_at = update.published_at.isoformat() if update.published_at else None
    return {"code": update.code, "status": update.status, "published_at": published_at, "notify": update.notify}


def public_url(update: IncidentUpdate) -> str:
    return f"{settings.PUBLIC_URL}/incidents/{update.incident.code}#update-{update.code}"
