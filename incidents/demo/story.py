"""A true story, told anew: a power failure, the work that was to prevent the next one, and its all-clear."""

from __future__ import annotations

import datetime as dt

from incidents.actions import open_incident, post_update, schedule_maintenance
from incidents.choices import DataStatement, EffectLevel, LinkKind, Turnout
from incidents.demo.place import ZONE, Functions, Staff
from incidents.models import Incident
from incidents.values import AllClear, EffectAnswer, EffectLine, LinkTo, NoticeDetails, UpdateText, Window


def tell_story(functions: Functions, staff: Staff) -> None:
    """Post the incident of October 2013 and the maintenance of November 2013, with their true dates."""
    incident = _power_failure(functions, staff)
    _power_feeds(functions, staff, because=incident)


def _power_failure(functions: Functions, staff: Staff) -> Incident:
    # The source says "last week" on 6 November 2013 and gives neither day nor hours: Wednesday 30 October and the
    # times below are assumed.
    out = functions.all("partial_outage")
    slow = functions.all("degraded_performance")
    first = UpdateText(
        status="investigating",
        body="Since about 09:05 CET a part of our servers cannot be reached. The application answers slowly or not at "
        "all, mailings are held up, and links and images in mail that you sent before may fail to load.\n\n"
        "We are finding out why. You need not do anything: what is due now is kept until it can be sent.",
        components=out,
        notify=False,
        next_update_by=_utc(10, 30, 8, 50),
    )
    incident = open_incident(
        title="Power failure in one server cabinet",
        update=first,
        actor=staff.edward,
        started_at=_utc(10, 30, 8, 5),
        details=NoticeDetails(
            effects=(
                EffectLine("Sending mailings", EffectLevel.DELAYED, "Mailings leave later than scheduled."),
                EffectLine("Follow-up actions", EffectLevel.DELAYED, "They run once the servers are back."),
                EffectLine("Hyperlink redirects", EffectLevel.SLOWER, "Links in mail already sent may time out."),
                EffectLine("Images in mail already sent", EffectLevel.SLOWER, "Images may load late or not at all."),
                EffectLine("The application", EffectLevel.SLOWER, "Pages load slowly or not at all."),
            ),
            advice_during="Nothing. Mailings that are due leave by themselves as soon as they can.",
        ),
        at=_utc(10, 30, 8, 20),
    ).incident
    _post(
        incident,
        staff,
        "identified",
        "One server cabinet in the data centre has lost power, and about a hundred servers in it are down. Engineers "
        "of our hosting partner are on site and are restoring the power.",
        out,
        at=_utc(10, 30, 8, 45),
    )
    _post(
        incident,
        staff,
        "monitoring",
        "The cabinet has power again and all servers are back. Everything works, but slower than you are used to: the "
        "servers are catching up with what was left waiting. Expect this to last through tomorrow.",
        slow,
        at=_utc(10, 30, 11, 40),
    )
    _post(
        incident,
        staff,
        "monitoring",
        "Everything works and is still slower than usual, as we expected for today. No new faults have been seen.",
        slow,
        at=_utc(10, 31, 9, 0),
    )
    _post(
        incident,
        staff,
        "resolved",
        "All functions are as fast as before the power failure. We are sorry for the trouble that it gave you, and "
        "will explain here how it came about.",
        {},
        at=_utc(10, 31, 19, 30),
    )
    _post(
        incident,
        staff,
        "postmortem",
        "**What happened.** Each of our servers has two sources of power behind an automatic transfer switch, which "
        "changes over when one of them fails. During work on the first source the switch itself failed, a technical "
        "error in our hosting partner's installation, and the cabinet was left without either.\n\n"
        "**What follows.** A part that is there to keep the power on must not be able to turn it off. Together with "
        "our partner we are preparing work after which the switch is no longer needed; it will be announced here.",
        {},
        at=_utc(11, 1, 10, 0),
    )
    return incident


def _power_feeds(functions: Functions, staff: Staff, *, because: Incident) -> None:
    window = Window(
        work_starts_at=_utc(11, 9, 20, 0),
        work_ends_at=_utc(11, 9, 23, 0),
        avoid_starts_at=_utc(11, 9, 17, 0),
        avoid_ends_at=_utc(11, 9, 23, 0),
        time_zone=ZONE,
    )
    announcement = UpdateText(
        status="scheduled",
        body="On the evening of Saturday 9 November 2013 all servers are switched off in a controlled way, connected "
        "to both power sources, and started again. While that goes on you cannot use our software.\n\n"
        "Everything is fully at work again from Sunday 10 November 2013, 00:00 CET.",
        components=functions.all("under_maintenance"),
        notify=False,
    )
    details = NoticeDetails(
        byline="Edward Touw Feike Wierda",
        reason="This work is to prevent a repeat of the power failure of Wednesday 30 October 2013. Every server will "
        "be connected to both power sources directly, so that the automatic transfer switch, the part that failed "
        "then, is no longer needed.",
        effects=(
            EffectLine(
                "Sending mailings",
                EffectLevel.DELAYED,
                "No mailing can be sent. Mailings scheduled within the work are sent after it: delayed, not lost.",
            ),
            EffectLine("Follow-up actions", EffectLevel.UNAVAILABLE, "They do not run during the work."),
            EffectLine(
                "Hyperlink redirects", EffectLevel.UNAVAILABLE, "Links in mail that you sent before do not redirect."
            ),
            EffectLine(
                "Images in mail already sent",
                EffectLevel.UNAVAILABLE,
                "Images in mail that you sent before do not show.",
            ),
            EffectLine("The application", EffectLevel.UNAVAILABLE, "Nobody can log in."),
        ),
        advice_before="Schedule no mailings from Saturday 9 November 2013, 18:00 CET, until Sunday 10 November 2013, "
        "00:00 CET: also those that leave before the work would have links and images that do not work.",
        advice_during="Nothing. Mailings that you left in the work window wait and need not be scheduled anew.",
        advice_after="Nothing. Waiting mailings leave by themselves.",
        data_statement=DataStatement.NONE_EXPECTED_LOST,
        links=(LinkTo(because.pk, LinkKind.CAUSED_BY),),
    )
    maintenance = schedule_maintenance(
        title="Work on the power feeds of all servers",
        window=window,
        update=announcement,
        actor=staff.edward,
        details=details,
        at=_utc(11, 6, 9, 0),
    ).incident
    _post(
        maintenance,
        staff,
        "in_progress",
        "The work has begun as planned: the servers are now being switched off in a controlled way. The times of this "
        "notice still hold.",
        functions.all("under_maintenance"),
        at=window.work_starts_at,
    )
    # Of the actual times the source says only that the work was over by then; they are taken as planned.
    _post(
        maintenance,
        staff,
        "completed",
        "The work on the power feeds is done, without incident and with nearly no downtime. Mailings and other tasks "
        "were not delayed. Apart from two short interruptions of the connection there were no negative effects, and "
        "no data was lost.",
        {},
        at=window.work_ends_at,
        all_clear=AllClear(
            actual_started_at=window.work_starts_at,
            actual_ended_at=window.work_ends_at,
            data_outcome=DataStatement.NONE_LOST,
            deviations="Nearly no downtime: the connection was interrupted twice, for a short time each.",
            effects=(
                EffectAnswer("Sending mailings", Turnout.LESS, "No mailing was delayed."),
                EffectAnswer("Follow-up actions", Turnout.LESS, "They ran on, but for the two interruptions."),
                EffectAnswer("Hyperlink redirects", Turnout.LESS, "Two short interruptions."),
                EffectAnswer("Images in mail already sent", Turnout.LESS, "Two short interruptions."),
                EffectAnswer("The application", Turnout.LESS, "Two short interruptions."),
            ),
        ),
    )


def _post(
    notice: Incident,
    staff: Staff,
    status: str,
    body: str,
    components: dict[int, str],
    *,
    at: dt.datetime,
    all_clear: AllClear | None = None,
) -> None:
    text = UpdateText(status=status, body=body, components=components, notify=False)
    post_update(notice, text, actor=staff.edward, all_clear=all_clear, at=at)


def _utc(month: int, day: int, hour: int, minute: int) -> dt.datetime:
    return dt.datetime(2013, month, day, hour, minute, tzinfo=dt.UTC)
