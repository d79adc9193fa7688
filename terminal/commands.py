"""What `manage.py incident` and `manage.py maintenance` have in common: their arguments, and their ends."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection
from django.utils.translation import gettext as _

from incidents.choices import ComponentStatus, EffectLevel, IncidentKind, LinkKind, Turnout
from terminal.composing import carry_out, database_trouble
from terminal.console import Console, refused
from terminal.showing import show_list, show_notice
from terminal.tasks import Task

ENDS = "Exit status: 0 done; 1 refused; 2 a mistake in the command, or nobody there to be asked; 130 Ctrl-C."
TIMES = (
    "Times are what the page's clocks show, or those of --zone. Write them like one of these:\n"
    "  in 20 min · 21:00 · tomorrow 9:00 · Saturday 21:00 · 9 November 21:00 · 2013-11-09 21:00 · 21:00 UTC\n"
    "  2013-11-09T21:00+01:00 · 20 min ago · now\n"
    "Each is repeated with its weekday, zone and UTC before you are asked."
)


class NoticeCommand(BaseCommand):
    """One kind of notice. What it can do is in its `tasks`."""

    kind: IncidentKind
    tasks: Sequence[Task]
    requires_system_checks: list[str] = []  # in trouble no check may stand in the way

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = ENDS
        acts = parser.add_subparsers(dest="act", required=True, metavar="TASK")
        for task in self.tasks:
            sub = acts.add_parser(
                task.name,
                help=str(task.help),
                description=str(task.help).capitalize() + ".",
                epilog=f"{TIMES}\n\n{ENDS}",
                formatter_class=RawDescriptionHelpFormatter,
            )
            _add_notice(sub, is_given=bool(task.statuses))
            _add_options(sub, task)
            _add_manner(sub, task)
        listing = acts.add_parser("list", help=_("what is open"), epilog=ENDS)
        listing.add_argument("--all", action="store_true", help=_("also what is over: the newest 20"))
        showing = acts.add_parser("show", help=_("one notice, as its readers get it"), epilog=ENDS)
        _add_notice(showing, is_given=True)
        for sub in (listing, showing):
            sub.add_argument("--json", action="store_true", help=_("for scripts"))

    def handle(self, *_args: Any, **options: Any) -> None:
        logging.getLogger("publishing").setLevel(logging.WARNING)  # how long it took is for logs
        refuse_no_database()
        console = Console(self.stdout, self.stderr, is_json=options["json"])
        try:
            if options["act"] == "list":
                show_list(self.kind, options, console)
            elif options["act"] == "show":
                show_notice(self.kind, options, console)
            else:
                carry_out(next(task for task in self.tasks if task.name == options["act"]), options, console)
        except (DatabaseError, InterfaceError) as problem:
            raise refused(database_trouble(problem)) from None


def refuse_no_database() -> None:
    """SQLite would make an empty one where DATA_DIR is wrong."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not name.startswith((":memory:", "file:")) and not Path(name).exists():
        raise refused(_("There is no database at %(name)s. Is DATA_DIR the one of the page?") % {"name": name})


def _add_notice(parser: ArgumentParser, *, is_given: bool) -> None:
    if is_given:
        parser.add_argument(
            "notice",
            nargs="?",
            metavar="NOTICE",
            help=_('its code, the beginning of it, or "latest"; not needed when there is only one'),
        )


def _add_options(parser: ArgumentParser, task: Task) -> None:
    text = parser.add_mutually_exclusive_group()
    text.add_argument(
        "--message", "-m", action="append", default=[], metavar="TEXT", help=_("the text; repeatable: a paragraph each")
    )
    text.add_argument("--file", "-F", default="", metavar="FILE", help=_("the text in a file; - for standard input"))
    for option in task.options:
        help_text = str(option.help)
        if option.choices:
            help_text += ": " + ", ".join(option.choices)
        if option.is_switch:
            parser.add_argument(option.flag, action="store_true", help=help_text)
        else:
            parser.add_argument(option.flag, default="", metavar=_metavar(option.flag), help=help_text)
    if task.says_components:
        statuses = ", ".join(ComponentStatus.values)
        name = "NAME[=STATUS]" if task.spoken_status else "NAME=STATUS"
        parser.add_argument(
            "--component",
            "-c",
            action="append",
            default=[],
            metavar=name,
            help=_('repeatable; name, its beginning, its code, or "all": %(statuses)s') % {"statuses": statuses},
        )
    if task.says_lines:
        parser.add_argument(
            "--effect",
            action="append",
            default=[],
            metavar="FUNCTION=LEVEL[: NOTE]",
            help=_("repeatable; what customers meet: %(levels)s") % {"levels": ", ".join(EffectLevel.values)},
        )
        parser.add_argument(
            "--link",
            action="append",
            default=[],
            metavar="KIND=CODE",
            help=_("repeatable; another notice: %(kinds)s") % {"kinds": ", ".join(LinkKind.values)},
        )
    if task.says_outcomes:
        parser.add_argument(
            "--effect",
            action="append",
            default=[],
            metavar="FUNCTION=OUTCOME[: NOTE]",
            help=_("repeatable; what became of an effect, if not as announced: %(outcomes)s")
            % {"outcomes": ", ".join(Turnout.values)},
        )
    if any(option.flag == "--avoid-from" for option in task.options) and task.statuses:
        parser.add_argument("--no-avoid", action="store_true", help=_("drop the avoid window"))


def _metavar(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_").upper()


def _add_manner(parser: ArgumentParser, task: Task) -> None:
    parser.add_argument("--zone", default="", help=_("in which times are given, such as Europe/Amsterdam"))
    parser.add_argument("--fold", choices=["first", "second"], default="", help=_("of times that clocks show twice"))
    parser.add_argument("--no-notify", action="store_true", help=_("tell no subscriber"))
    parser.add_argument("--as", default="", metavar="USERNAME", help=_("who you are; or STATUSPAGE_USER=USERNAME"))
    parser.add_argument(
        "--urgent", default="", metavar="WHY", help=_("publish without the second person that the page asks for")
    )
    parser.add_argument("--once", default="", metavar="WORD", help=_("post only once, however often this is run"))
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--yes", action="store_true", help=_("publish without asking"))
    how.add_argument("--dry-run", action="store_true", help=_("show the preview and publish nothing"))
    if task.keeps_drafts:
        how.add_argument("--draft", action="store_true", help=_("keep it as a draft"))
    else:
        parser.set_defaults(draft=False)
    parser.add_argument("--json", action="store_true", help=_("for scripts; what is for people goes to standard error"))
