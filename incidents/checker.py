"""What a reader would trip over in a notice, said before it is published. It warns and never blocks.

Whatever can be judged by facts (windows, what was left out, other notices) is judged in every language; words only in
English, the language these rules were written for.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from incidents.choices import ACTIVE_MAINTENANCE, CLOSED, IncidentStatus, Outcome, Turnout
from incidents.languages import name_of
from incidents.models import EffectOutcome, Incident, IncidentUpdate, Page
from incidents.outcome import END_IS_NEAR, course_of
from incidents.placeholders import gaps
from incidents.times import clock_change, day_words, describe_window, duration_words, lasting_words
from incidents.translations import find, words_of

SHORT_NOTICE = dt.timedelta(hours=72)

MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

# Abbreviations that change with the season, each with a place where they are used.
SEASONAL_ZONES = {
    "CET": "Europe/Amsterdam",
    "CEST": "Europe/Amsterdam",
    "EET": "Europe/Helsinki",
    "EEST": "Europe/Helsinki",
    "WET": "Europe/Lisbon",
    "WEST": "Europe/Lisbon",
    "GMT": "Europe/London",
    "BST": "Europe/London",
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "MST": "America/Denver",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
}

_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
_DATE = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<month>{_MONTH})\b(?:,?\s+(?P<year>\d{{4}}))?", re.I)
_WEEKDAY_DATE = re.compile(rf"\b(?P<weekday>{'|'.join(WEEKDAYS)}),?\s+(?={_DATE.pattern})", re.I)
_NUMERIC_DATE = re.compile(r"\b\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})\b")
_HALF_DAY = re.compile(
    r"\b(?:1[0-2]|0?[1-9])(?::[0-5]\d)?\s?(?:[ap]m\b|[ap]\.m\.)|\b(?:at|until|from|before|by)\s+midnight\b", re.I
)
_CLOCK = re.compile(r"(?<![\d:.])(?:[01]?\d|2[0-4]):[0-5]\d\b(?!:)")
_ZONE_NEAR = re.compile(r"\b(?:UTC|GMT|Z|[A-Z]{2,4}T|UTC[+-]\d{1,2}(?::\d\d)?|[A-Z][a-z]+/[A-Z][A-Za-z_]+)\b")
_SEASONAL = re.compile(rf"\b(?:{'|'.join(sorted(SEASONAL_ZONES, key=len, reverse=True))})\b")
_VAGUE = re.compile(
    r"\b(?:some|certain|a (?:few|subset of|small number of|limited number of|portion of))\s+(?:of our\s+|our\s+)?"
    r"(?:users|customers|clients|people)\b",
    re.I,
)
_BLAME = re.compile(
    r"\b(?:(?:is|was|are|were) to blame|blame|fault of|through no fault|human error|operator error|"
    r"(?:due to|because of|caused by) (?:a |our |the )?(?:third[- ]party|vendor|supplier|provider|hosting partner))\b",
    re.I,
)
_EMPTY = re.compile(
    r"\b(?:to (?:further )?improve (?:our|the) services?|for your convenience|to serve you better|"
    r"any inconvenience(?: this may cause| caused)?)\b",
    re.I,
)
_PROMISE = re.compile(
    r"\b(?:ETA\b|(?:will|should|expect(?:ed)?(?: it)? to) be (?:fixed|resolved|restored|back|up|solved|working)"
    r"(?: again)? (?:by|in|within|at|before|soon|shortly)|within (?:the )?(?:next )?(?:hour|\d+ (?:minutes|hours)))",
    re.I,
)
_GUESS = re.compile(
    r"\b(?:we (?:think|believe|suspect|assume)|probably|most likely|seems to be caused|appears to be caused)\b", re.I
)


@dataclass(frozen=True)
class Remark:
    """`field` is where it was found, by the name of the form's field; `words` are those that caused it, if any did."""

    field: str
    words: str
    text: str


def check(update: IncidentUpdate, *, now: dt.datetime) -> list[Remark]:
    """All remarks on a notice as it would stand with `update`, the gravest first. Reads; writes nothing."""
    incident = update.incident
    return [
        *_gaps(incident, update),
        *_planning(incident, update, now),
        *_ending(incident, update, now),
        *_left_out(update),
        *_words(incident, update, now),
        *_untranslated(update),
    ]


def _untranslated(update: IncidentUpdate) -> Iterator[Remark]:
    """The least of all remarks: readers get the original, and it can be translated later."""
    words = words_of(update)
    missing = [code for code in Page.objects.current().languages if not find(words, code, "body")]
    if missing and update.body:
        languages = ", ".join(name_of(code) for code in missing)
        yield Remark("body", "", _("Not translated: %(languages)s. It can be added later.") % {"languages": languages})


def _gaps(incident: Incident, update: IncidentUpdate) -> Iterator[Remark]:
    """Placeholders of a template that nobody has filled in."""
    texts = list(_texts(incident, update).items())
    texts += [("effects", text) for line in incident.effects.all() for text in (line.function, line.note)]
    for field, text in texts:
        for gap in gaps(text):
            yield Remark(field, gap, _("is still to be filled in: customers would read it like this."))


def _left_out(update: IncidentUpdate) -> Iterator[Remark]:
    """What readers ask and find no answer to."""
    incident, is_closing = update.incident, update.status in CLOSED
    if update.status == IncidentStatus.CANCELLED:
        return
    if is_closing:
        if incident.data_statement and not (update.data_outcome or incident.data_outcome):
            yield Remark("data_outcome", "", _("The notice said something of data: say how it turned out."))
        return
    if not incident.effects.exists() and (incident.is_scheduled or not incident.affected.exists()):
        yield Remark("effects", "", _("Readers want to know what each function does meanwhile: name the effects."))
    if not incident.data_statement:
        yield Remark("data_statement", "", _("Say something of customers’ data, also that none will be lost."))
    advice = incident.advice_before or incident.advice_during or incident.advice_after
    if incident.is_scheduled and not advice:
        yield Remark("advice_before", "", _("Say what customers should do, or plainly that there is nothing to do."))
    if incident.is_scheduled and not incident.reason:
        yield Remark("reason", "", _("Say why the work is done, and what it makes better."))
    if not incident.is_scheduled and not update.next_update_by:
        yield Remark("next_update_by", "", _("Say when the next update comes: then nobody has to ask."))


def _planning(incident: Incident, update: IncidentUpdate, now: dt.datetime) -> Iterator[Remark]:
    if not incident.work_starts_at or update.status != IncidentStatus.SCHEDULED:
        return
    if incident.work_starts_at < now:
        yield Remark("work_starts_at", "", _("The work starts in the past."))
    elif incident.work_starts_at - now < SHORT_NOTICE:
        yield Remark("work_starts_at", "", _("Customers hear of it less than 72 hours ahead."))
    for other in _overlapping(incident):
        yield Remark("work_starts_at", "", _overlap_words(other))
    if clock_change(incident.work_starts_at, incident.work_ends_at, incident.zone):
        lasts = lasting_words(incident.work_starts_at, incident.work_ends_at, incident.zone)
        yield Remark("work_ends_at", "", _("The work %(lasts)s.") % {"lasts": lasts})


def _overlap_words(other: Incident) -> str:
    if not other.work_starts_at:
        return _("On the same components there is “%(title)s” at that time.") % {"title": other.title}
    window = describe_window(other.work_starts_at, other.work_ends_at, other.zone)
    words = {"title": other.title, "window": window}
    return _("On the same components there is “%(title)s” at that time: %(window)s.") % words


def _ending(incident: Incident, update: IncidentUpdate, now: dt.datetime) -> Iterator[Remark]:
    """What customers read of the planned end, and what is left unsaid when the work did not go by the plan."""
    if not incident.is_scheduled:
        return
    if update.status in ACTIVE_MAINTENANCE and incident.work_ends_at - now <= END_IS_NEAR:
        yield Remark("status", "", _end_words(incident.work_ends_at - now))
    if update.status != IncidentStatus.COMPLETED:
        return
    turnouts = EffectOutcome.objects.of(incident)
    course = course_of(incident, list(incident.updates.public()), [line.turned_out for line in turnouts])
    if course.outcome == Outcome.OVERRAN and not incident.deviations:
        late = duration_words(course.overrun)
        yield Remark("deviations", "", _("By these times the work took %(time)s longer: say why.") % {"time": late})
    for line in turnouts:
        if line.turned_out == Turnout.MORE and not line.note:
            yield Remark("outcomes", line.function, _("was affected more than announced: say what happened."))


def _end_words(left: dt.timedelta) -> str:
    words = {"time": duration_words(abs(left))}
    if left > dt.timedelta():
        return _("The planned end is in %(time)s. If the work takes longer, move the end before it passes.") % words
    return _("The planned end passed %(time)s ago: post the all-clear, or move the end.") % words


def _overlapping(incident: Incident) -> Iterator[Incident]:
    """Other open notices about the same components whose time meets the work of this one."""
    others = Incident.objects.public().open().exclude(pk=incident.pk)
    others = others.filter(affected__component__in=incident.affected.values("component"))
    starts, ends = Coalesce("work_starts_at", "started_at"), F("work_ends_at")
    meets = others.annotate(starts=starts, ends=ends).filter(starts__lt=incident.work_ends_at)
    yield from (meets.filter(ends__gt=incident.work_starts_at) | meets.filter(ends=None)).distinct().order_by("pk")[:3]


def _words(incident: Incident, update: IncidentUpdate, now: dt.datetime) -> Iterator[Remark]:
    about = incident.work_starts_at or now
    for field, text in _texts(incident, update).items():
        for words, remark in [*_times(text, about), *_phrases(text, incident, update)]:
            yield Remark(field, words, remark)


def _texts(incident: Incident, update: IncidentUpdate) -> dict[str, str]:
    """What is written in words, by the form's field."""
    advice = ("advice_before", "advice_during", "advice_after", "reason")
    return {"title": incident.title, "body": update.body, **{name: getattr(incident, name) for name in advice}}


def _times(text: str, about: dt.datetime) -> Iterator[tuple[str, str]]:
    for found in _NUMERIC_DATE.finditer(text):
        yield found[0], _("can be read as two days: write the month by name.")
    for found in _HALF_DAY.finditer(text):
        yield found[0], _("is misread: write 24-hour time with the day, such as 00:00 on Sunday.")
    for found in _CLOCK.finditer(text):
        if not _ZONE_NEAR.search(text[found.end() : found.end() + 40].partition("\n")[0]):
            yield found[0], _("has no time zone behind it.")
    for found in _WEEKDAY_DATE.finditer(text):
        day = _day_of(_DATE.match(text, found.end()), about)
        if day is not None and WEEKDAYS[day.weekday()].lower() != found["weekday"].lower():
            yield (
                text[found.start() : _DATE.match(text, found.end()).end()],
                _("is a %(day)s.") % {"day": day_words(day)},
            )
    for found in _SEASONAL.finditer(text):
        day = _day_before(text, found.start(), about)
        meant = _in_force(found[0], day)
        if meant != found[0]:
            named = {"zone": meant, "day": day_words(day)}
            yield found[0], _("is not in force on %(day)s: clocks show %(zone)s then.") % named


def _phrases(text: str, incident: Incident, update: IncidentUpdate) -> Iterator[tuple[str, str]]:
    rules = [
        (_VAGUE, _("leaves everybody guessing whether they are meant: name the function, region or plan.")),
        (_BLAME, _("blames: say what happened and what you do about it.")),
        (_EMPTY, _("says nothing: name what gets better, or leave it out.")),
    ]
    if update.status not in CLOSED and not incident.is_scheduled:
        rules.append((_PROMISE, _("promises an end that nobody knows: say when the next update comes instead.")))
    if update.status == IncidentStatus.INVESTIGATING:
        rules.append((_GUESS, _("is a guess: name a cause when it is known.")))
    for rule, remark in rules:
        for found in rule.finditer(text):
            yield found[0], remark


def _day_of(found: re.Match[str] | None, about: dt.datetime) -> dt.date | None:
    """The day that a date means; without a year, the nearest one to `about`. None when there is no such day."""
    if found is None:
        return None
    month = next(place for place, name in enumerate(MONTHS, 1) if name[:3].lower() == found["month"][:3].lower())
    years = [int(found["year"])] if found["year"] else [about.year - 1, about.year, about.year + 1]
    days = []
    for year in years:
        try:
            days.append(dt.date(year, month, int(found["day"])))
        except ValueError:
            continue
    return min(days, key=lambda day: abs(day - about.date()), default=None)


def _day_before(text: str, position: int, about: dt.datetime) -> dt.date:
    """The day that was named last before `position`; the notice's own when none was."""
    named = [day for found in _DATE.finditer(text, 0, position) if (day := _day_of(found, about))]
    return named[-1] if named else about.date()


def _in_force(abbreviation: str, day: dt.date) -> str:
    """What clocks show on `day` where `abbreviation` is used for part of the year."""
    noon = dt.datetime.combine(day, dt.time(12), tzinfo=ZoneInfo(SEASONAL_ZONES[abbreviation]))
    return noon.tzname() or abbreviation
