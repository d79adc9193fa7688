"""A page as it looks on a working day: one incident open, one maintenance ahead, and the past months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser

from incidents.actions import open_incident, post_update, schedule_maintenance
from incidents.choices import DataStatement, EffectLevel, LinkKind
from incidents.demo.place import ZONE, Functions, Staff
from incidents.leads import DAY, HOUR
from incidents.models import Incident
from incidents.times import from_wall_time
from incidents.values import AllClear, EffectLine, LinkTo, NoticeDetails, UpdateText, Window

SATURDAY = 5


@dataclass(frozen=True)
class Said:
    """One update: when, and what of which component."""

    at: dt.datetime
    status: str
    body: str
    components: dict[int, str] = field(default_factory=dict)
    next_update_by: dt.datetime | None = None


def tell_today(functions: Functions, staff: Staff, *, now: dt.datetime) -> None:
    """Post everything around `now`, the oldest first."""
    now = now.replace(second=0, microsecond=0)
    _full_queue(functions, staff, now)
    _no_mailing_left(functions, staff, now)
    _logging_in(functions, staff, now)
    links = _links_to_errors(functions, staff, now)
    _second_redirect_server(functions, staff, now, because=links)
    images = _slow_images(functions, staff, now)
    _new_image_store(functions, staff, now, because=images)
    _late_follow_ups(functions, staff, now)


def next_saturday(now: dt.datetime) -> dt.date:
    """The first Saturday after today."""
    today = now.astimezone(ZoneInfo(ZONE)).date()
    return today + dt.timedelta(days=(SATURDAY - today.weekday() - 1) % 7 + 1)


def _full_queue(functions: Functions, staff: Staff, now: dt.datetime) -> None:
    day = _days_before(now, 271)
    it = functions.sending
    _tell_incident(
        "Mailings left up to two hours late",
        staff.colleague,
        Said(
            _wall(day, 10, 20),
            "investigating",
            "Mailings that are due now wait in a queue that does not get shorter. Small ones leave, large ones do not.",
            {it: "partial_outage"},
        ),
        Said(
            _wall(day, 11, 35),
            "monitoring",
            "One of the four senders had stopped without a word. It runs again, and the queue is being worked off.",
            {it: "degraded_performance"},
        ),
        Said(_wall(day, 13, 10), "resolved", "All mailings that waited have left, the last one two hours late."),
        details=NoticeDetails(
            effects=(EffectLine("Sending mailings", EffectLevel.DELAYED, "Large mailings wait for up to two hours."),),
            advice_during="Nothing. Do not schedule a mailing a second time: it would be sent twice.",
            data_statement=DataStatement.DELAYED_NOT_LOST,
        ),
        started_at=_wall(day, 10, 5),
        data_outcome=DataStatement.NONE_LOST,
    )


def _no_mailing_left(functions: Functions, staff: Staff, now: dt.datetime) -> None:
    day = _days_before(now, 164)
    it = functions.sending
    _tell_incident(
        "No mailing left for half an hour",
        staff.admin,
        Said(
            _wall(day, 15, 12),
            "investigating",
            "No mailing leaves at the moment. Those that are due wait and are not lost. We are looking for the cause.",
            {it: "major_outage"},
        ),
        Said(
            _wall(day, 15, 36),
            "resolved",
            "Mailings leave again, those that waited first. The senders could not look up the addresses of other mail "
            "servers; they now ask two services for these instead of one.",
        ),
        details=NoticeDetails(
            effects=(
                EffectLine("Sending mailings", EffectLevel.UNAVAILABLE, "No mailing leaves."),
                EffectLine("Hyperlink redirects", EffectLevel.UNAFFECTED),
                EffectLine("Images in mail already sent", EffectLevel.UNAFFECTED),
            ),
            advice_during="Nothing. Mailings that wait leave by themselves.",
            data_statement=DataStatement.DELAYED_NOT_LOST,
        ),
        started_at=_wall(day, 15, 4),
        data_outcome=DataStatement.NONE_LOST,
    )


def _logging_in(functions: Functions, staff: Staff, now: dt.datetime) -> None:
    day = _days_before(now, 76)
    it = functions.application
    _tell_incident(
        "Logging in to the application failed at times",
        staff.colleague,
        Said(
            _wall(day, 9, 24),
            "investigating",
            "About one in three attempts to log in ends with an error page. Trying again usually helps.",
            {it: "partial_outage"},
        ),
        Said(
            _wall(day, 9, 51),
            "monitoring",
            "One of the three servers that handle logins kept an outdated certificate; it has been taken out. Logging "
            "in works, with a little less room to spare.",
            {it: "degraded_performance"},
        ),
        Said(_wall(day, 10, 40), "resolved", "The server has its new certificate and is back. Logging in works."),
        details=NoticeDetails(
            effects=(
                EffectLine("The application", EffectLevel.SLOWER, "Logging in may take a second try."),
                EffectLine("Sending mailings", EffectLevel.UNAFFECTED),
            ),
            advice_during="Try again when logging in fails. Scheduled mailings need nothing from you.",
            data_statement=DataStatement.NONE_EXPECTED_LOST,
        ),
        started_at=_wall(day, 9, 12),
        data_outcome=DataStatement.NONE_LOST,
    )


def _links_to_errors(functions: Functions, staff: Staff, now: dt.datetime) -> Incident:
    day = _days_before(now, 47)
    it = functions.redirects
    return _tell_incident(
        "Links in mail already sent led to an error page",
        staff.admin,
        Said(
            _wall(day, 14, 36),
            "investigating",
            "Who clicks on a link in a mail that you sent sees an error page. Sending itself goes on as usual. We are "
            "looking for the cause.",
            {it: "major_outage"},
            next_update_by=_wall(day, 14, 56),
        ),
        Said(
            _wall(day, 14, 52),
            "identified",
            "The server that looks up where a link leads has run out of memory. We are moving the look-ups to another.",
            {it: "major_outage"},
            next_update_by=_wall(day, 15, 12),
        ),
        Said(
            _wall(day, 15, 8),
            "monitoring",
            "Links lead to the right page again, if a little slowly. Clicks from before cannot be repeated for your "
            "readers, but every click has been counted.",
            {it: "degraded_performance"},
        ),
        Said(_wall(day, 15, 47), "resolved", "Links redirect as fast as always. The fault lasted 37 minutes."),
        Said(
            _wall(day + dt.timedelta(days=1), 11, 0),
            "postmortem",
            "**Cause.** A list of blocked links had grown to ten times its size overnight and filled the memory of the "
            "one server that handles redirects.\n\n"
            "**Impact.** For 37 minutes no link in mail already sent worked.\n\n"
            "**Prevention.** The list is limited now, and a second server will take over when the first one fails.",
        ),
        details=NoticeDetails(
            effects=(
                EffectLine("Hyperlink redirects", EffectLevel.UNAVAILABLE, "Links lead to an error page."),
                EffectLine("Sending mailings", EffectLevel.UNAFFECTED, "Mailings leave on time."),
            ),
            advice_during="Hold back mailings whose links matter at once. Mail that has left cannot be changed.",
            data_statement=DataStatement.NOT_YET_KNOWN,
        ),
        started_at=_wall(day, 14, 31),
        data_outcome=DataStatement.NONE_LOST,
    )


def _second_redirect_server(functions: Functions, staff: Staff, now: dt.datetime, *, because: Incident) -> None:
    saturday = next_saturday(now) - dt.timedelta(weeks=5)
    window = Window(
        work_starts_at=_wall(saturday, 22, 0),
        work_ends_at=_wall(saturday, 23, 30),
        avoid_starts_at=_wall(saturday, 21, 0),
        avoid_ends_at=_wall(saturday, 23, 30),
        time_zone=ZONE,
    )
    it = functions.redirects
    _tell_maintenance(
        "A second server for hyperlink redirects",
        window,
        staff.colleague,
        Said(
            _wall(saturday - dt.timedelta(days=5), 11, 0),
            "scheduled",
            "Redirects move to a pair of servers. During the change each link answers slowly once or twice.",
            {it: "under_maintenance"},
        ),
        Said(window.work_starts_at, "in_progress", "The work has begun as planned.", {it: "under_maintenance"}),
        Said(
            _wall(saturday, 23, 8),
            "completed",
            "Both servers are at work, 22 minutes earlier than planned. Each of them was switched off once to see the "
            "other take over: no link failed.",
        ),
        details=NoticeDetails(
            reason="When the one server for redirects failed, every link in mail already sent failed with it. With two "
            "of them, either can fail without anybody noticing.",
            effects=(
                EffectLine("Hyperlink redirects", EffectLevel.SLOWER, "A link may take up to five seconds."),
                EffectLine("Sending mailings", EffectLevel.UNAFFECTED),
                EffectLine("The application", EffectLevel.UNAFFECTED),
            ),
            advice_before="Let no large mailing leave in the hour before the work: most clicks follow at once.",
            advice_during="Nothing.",
            data_statement=DataStatement.NONE_EXPECTED_LOST,
            links=(LinkTo(because.pk, LinkKind.FOLLOW_UP_TO),),
        ),
        all_clear=AllClear(
            actual_started_at=window.work_starts_at,
            actual_ended_at=_wall(saturday, 23, 4),
            data_outcome=DataStatement.NONE_LOST,
        ),
    )


def _slow_images(functions: Functions, staff: Staff, now: dt.datetime) -> Incident:
    day = _days_before(now, 12)
    it = functions.images
    return _tell_incident(
        "Images in mail already sent loaded slowly",
        staff.colleague,
        Said(
            _wall(day, 16, 22),
            "investigating",
            "Images in mail that is opened now take up to twenty seconds to show. Text and links are there at once.",
            {it: "degraded_performance"},
        ),
        Said(
            _wall(day, 16, 58),
            "identified",
            "The store that holds the images is almost full and therefore slow. We are making room.",
            {it: "degraded_performance"},
        ),
        Said(
            _wall(day, 17, 55),
            "resolved",
            "Images show at once again. We made room for some weeks; a larger store will follow.",
        ),
        details=NoticeDetails(
            effects=(
                EffectLine("Images in mail already sent", EffectLevel.SLOWER, "Up to twenty seconds per image."),
                EffectLine("Sending mailings", EffectLevel.UNAFFECTED),
                EffectLine("Hyperlink redirects", EffectLevel.UNAFFECTED),
            ),
            advice_during="Nothing.",
            data_statement=DataStatement.NONE_EXPECTED_LOST,
        ),
        started_at=_wall(day, 16, 10),
        data_outcome=DataStatement.NONE_LOST,
    )


def _new_image_store(functions: Functions, staff: Staff, now: dt.datetime, *, because: Incident) -> None:
    saturday = next_saturday(now)
    sunday = saturday + dt.timedelta(days=1)
    window = Window(
        work_starts_at=_wall(saturday, 21, 0),
        work_ends_at=_wall(sunday, 0, 0),
        avoid_starts_at=_wall(saturday, 18, 0),
        avoid_ends_at=_wall(sunday, 0, 0),
        time_zone=ZONE,
    )
    planned = {
        functions.images: "under_maintenance",
        functions.sending: "under_maintenance",
        functions.application: "under_maintenance",
    }
    _tell_maintenance(
        "Move of all images to a larger store",
        window,
        staff.admin,
        Said(
            _wall(_days_before(now, 2), 10, 30),
            "scheduled",
            "On Saturday evening all images move to a larger and faster store. For that time it can only be read in "
            "part, so that images in mail already sent do not show.",
            planned,
        ),
        details=NoticeDetails(
            reason="The store that holds your images is almost full, which made them slow lately. The new one "
            "has room for the next five years and answers from two places at once.",
            effects=(
                EffectLine(
                    "Images in mail already sent",
                    EffectLevel.UNAVAILABLE,
                    "Mail that is opened during the work shows without images.",
                ),
                EffectLine(
                    "Sending mailings", EffectLevel.DELAYED, "Mailings scheduled within the work are sent after it."
                ),
                EffectLine("The application", EffectLevel.SLOWER, "New images cannot be added."),
                EffectLine("Hyperlink redirects", EffectLevel.UNAFFECTED),
                EffectLine("Follow-up actions", EffectLevel.UNAFFECTED, "They run, and the mail they send has text."),
            ),
            advice_before="Schedule no mailings in the avoid window: your readers would open them without images.",
            advice_during="Nothing. Mailings that you left in the work window wait by themselves.",
            advice_after="Nothing. Images in mail already sent show again, also in mail opened meanwhile.",
            data_statement=DataStatement.NONE_EXPECTED_LOST,
            links=(LinkTo(because.pk, LinkKind.CAUSED_BY),),
            reminders=(3 * DAY, DAY, HOUR),
        ),
    )


def _late_follow_ups(functions: Functions, staff: Staff, now: dt.datetime) -> None:
    it = functions.follow_up
    _tell_incident(
        "Follow-up actions run late",
        staff.admin,
        Said(
            now - dt.timedelta(minutes=52),
            "investigating",
            "Follow-up actions start up to half an hour after the event they follow. Mailings that you schedule "
            "yourself leave on time. We are looking for the cause.",
            {it: "partial_outage"},
            next_update_by=now - dt.timedelta(minutes=32),
        ),
        Said(
            now - dt.timedelta(minutes=33),
            "identified",
            "The queue of follow-up actions is held up by one very large import. We have set that import aside, and "
            "the queue is moving again.",
            {it: "partial_outage"},
            next_update_by=now - dt.timedelta(minutes=10),
        ),
        Said(
            now - dt.timedelta(minutes=12),
            "identified",
            "The delay is down to ten minutes and shrinks. We let the import go on at a quarter of its speed once the "
            "queue is empty.",
            {it: "degraded_performance"},
            next_update_by=now + dt.timedelta(minutes=25),
        ),
        details=NoticeDetails(
            effects=(
                EffectLine("Follow-up actions", EffectLevel.DELAYED, "They run later than you set, in the same order."),
                EffectLine("Sending mailings", EffectLevel.UNAFFECTED),
            ),
            advice_during="Nothing. Do not start follow-up actions a second time by hand: they would run twice.",
            data_statement=DataStatement.DELAYED_NOT_LOST,
        ),
        started_at=now - dt.timedelta(minutes=58),
    )


def _tell_incident(
    title: str,
    actor: AbstractBaseUser,
    first: Said,
    *later: Said,
    details: NoticeDetails,
    started_at: dt.datetime,
    data_outcome: str = "",
) -> Incident:
    opened = open_incident(
        title=title, update=_text(first), actor=actor, details=details, started_at=started_at, at=first.at
    )
    _tell_rest(opened.incident, actor, later, AllClear(data_outcome=data_outcome))
    return opened.incident


def _tell_maintenance(
    title: str,
    window: Window,
    actor: AbstractBaseUser,
    first: Said,
    *later: Said,
    details: NoticeDetails,
    all_clear: AllClear | None = None,
) -> None:
    announced = schedule_maintenance(
        title=title, window=window, update=_text(first), actor=actor, details=details, at=first.at
    )
    _tell_rest(announced.incident, actor, later, all_clear)


def _tell_rest(notice: Incident, actor: AbstractBaseUser, later: Sequence[Said], all_clear: AllClear | None) -> None:
    for said in later:
        closes = said.status in ("resolved", "completed")
        post_update(notice, _text(said), actor=actor, all_clear=all_clear if closes else None, at=said.at)


def _text(said: Said) -> UpdateText:
    return UpdateText(
        status=said.status,
        body=said.body,
        components=said.components,
        notify=False,
        next_update_by=said.next_update_by,
    )


def _days_before(now: dt.datetime, days: int) -> dt.date:
    return now.astimezone(ZoneInfo(ZONE)).date() - dt.timedelta(days=days)


def _wall(day: dt.date, hour: int, minute: int) -> dt.datetime:
    return from_wall_time(dt.datetime.combine(day, dt.time(hour, minute)), ZoneInfo(ZONE))
