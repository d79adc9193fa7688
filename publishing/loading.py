"""Reading the facts into the values of `publishing.state`. What is read for a page never grows with the archive."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from incidents.brand import load_brand, load_brand_files
from incidents.choices import CLOSED, OPEN, IncidentKind, IncidentStatus
from incidents.models import (
    Component,
    ComponentGroup,
    Incident,
    IncidentComponent,
    IncidentUpdate,
    Page,
    StatusChange,
    filed_at,
)
from incidents.rollup import IMPACT_RANK, incident_impact
from incidents.times import starts_at
from incidents.translations import Words, names_in, words_by
from publishing.days import year_begins
from publishing.notices import load_notices, newest_first
from publishing.record import load_record
from publishing.state import (
    HISTORY_DAYS,
    RECENT_DAYS,
    RECENT_PER_DAY,
    RECENT_POSTMORTEMS,
    ComponentPast,
    ComponentState,
    GroupState,
    Mirror,
    Month,
    NoticeState,
    PageState,
    PastNotice,
    RecentDay,
    RecentPostmortem,
    SiteState,
    TraceState,
)

NEWEST = 50  # of each kind: the public API lists as many
LATEST = 25  # by their last word: as many entries has a feed

LASTING = tuple(status for status in OPEN if status != IncidentStatus.SCHEDULED)

TRACE_COLUMNS = ("filed_at", "pk", "code", "title", "actual_started_at", "resolved_at")

Months = tuple[tuple[Month, int], ...]


def load_state(now: dt.datetime, *, mirror: Mirror | None = None, months: Months | None = None) -> PageState:
    """Read what the page-level files need as of `now`, at home or on `mirror`, in one consistent view of the database.

    Counting all `months` costs a look at every notice; whoever knows them already says so.
    """
    Page.objects.current()  # creates it in an empty database, which a reader cannot
    with one_view():
        return _load(now, mirror, months)


@contextmanager
def one_view() -> Iterator[None]:
    """A transaction in which every query sees the same moment, and which keeps no writer waiting.

    Inside another transaction (a rehearsal) it is that transaction's view.
    """
    connection = transaction.get_connection()
    if connection.in_atomic_block:
        yield
        return
    mode = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite":
        connection.transaction_mode = "DEFERRED"  # IMMEDIATE would take the one write lock
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        if connection.vendor == "sqlite":
            connection.transaction_mode = mode


def load_component_past(code: str, site: SiteState, current: Iterable[NoticeState]) -> ComponentPast:
    """What is told of one component beside how it is now. `current` are the notices of the page."""
    now = site.generated_at
    since = starts_at(year_begins(now.astimezone(site.zone).date()), site.zone)
    notices = load_component_notices(code, current)
    return ComponentPast(tuple(notices), _changes_since(since, code, now), _traces_of(code, since))


def load_component_notices(code: str, current: Iterable[NoticeState]) -> list[NoticeState]:
    """What is told of one component: its open notices and the newest of each kind, and those for everybody.

    `current` are the notices of the page. What concerns everybody is taken from them alone.
    """
    lines = IncidentComponent.objects.filter(component__code=code, incident__published_at__isnull=False)
    newest = lines.order_by("-incident_id").values_list("incident_id", flat=True)
    ids = {
        *newest.filter(incident__in=list(Incident.objects.public().open().values_list("pk", flat=True))),
        *newest[:LATEST],
        *newest.filter(incident__kind=IncidentKind.SCHEDULED)[:LATEST],
    }
    at_hand = [notice for notice in current if notice.pk in ids or notice.concerns_everybody]
    missing = ids - {notice.pk for notice in at_hand}
    return sorted(at_hand + (load_notices(pk__in=missing) if missing else []), key=newest_first, reverse=True)


def _changes_since(since: dt.datetime, code: str, now: dt.datetime) -> tuple[tuple[dt.datetime, str], ...]:
    """What one component showed from `since` on, beginning with what it showed then."""
    own = StatusChange.objects.filter(component__code=code).values_list("at", "status")
    before = own.filter(at__lt=since).order_by("-at", "-pk")[:1]
    return (*before, *own.filter(at__gte=since, at__lte=now).order_by("at", "pk"))


def _traces_of(code: str, since: dt.datetime) -> tuple[TraceState, ...]:
    about = filed().filter(affected__component__code=code).order_by().values_list(*TRACE_COLUMNS)
    found = [row for lasted in _lasted_since(since) for row in about.filter(**lasted)]
    titles = words_by("incident", incident__in=[row[1] for row in found], field="title")
    return tuple(_trace(*row, translations=titles[row[1]]) for row in sorted(found, reverse=True))


def _past(notices: QuerySet[Incident]) -> tuple[PastNotice, ...]:
    words = IncidentUpdate.objects.public().filter(incident=OuterRef("pk")).order_by("-display_at", "-pk")
    words = words.exclude(status=IncidentStatus.POSTMORTEM)  # a list tells how it ended, and links to the long text
    rows = notices.order_by("-filed_at", "-pk").annotate(
        latest_html=Subquery(words.values("body_html")[:1]),
        latest_pk=Subquery(words.values("pk")[:1]),
    )
    unread = ("zone", "translations", "title_lang", "latest_lang")
    names = [name for name in PastNotice.__dataclass_fields__ if name not in unread]
    found = list(rows.values(*names, "pk", "latest_pk", "time_zone", "impact_override"))
    _weigh_going_on(found)
    titles = words_by("incident", incident__in=[row["pk"] for row in found], field="title")
    texts = words_by("update", update__in=[row["latest_pk"] for row in found], field="body")
    return tuple(
        PastNotice(
            **{name: row[name] for name in names},
            zone=ZoneInfo(row["time_zone"]),
            translations=titles[row["pk"]] + texts[row["latest_pk"]],
        )
        for row in found
    )


def _weigh_going_on(rows: list[dict[str, Any]]) -> None:
    """Sets for incidents that go on what they weigh now, as `NoticeState.impact_shown` has it."""
    going_on = {row["pk"]: row for row in rows if row["kind"] == IncidentKind.REALTIME and row["status"] in LASTING}
    shown = defaultdict(list)
    for pk, status in IncidentComponent.objects.filter(incident__in=going_on).values_list("incident", "status"):
        shown[pk].append(status)
    for pk, row in going_on.items():
        row["impact"] = incident_impact(shown[pk], override=row["impact_override"])


def load_month(month: Month, zone: ZoneInfo) -> tuple[PastNotice, ...]:
    """The notices of a month, newest first."""
    return _past(filed_in(month, zone))


def filed_in(month: Month, zone: ZoneInfo) -> QuerySet[Incident]:
    year, number = month
    following = dt.date(year + number // 12, number % 12 + 1, 1)
    since, until = starts_at(dt.date(year, number, 1), zone), starts_at(following, zone)
    return filed().filter(filed_at__gte=since, filed_at__lt=until)


def count_months(zone: ZoneInfo) -> Months:
    moments = filed().order_by().values_list("filed_at", flat=True)
    counted: Counter[Month] = Counter()
    for moment in moments.iterator(chunk_size=5000):
        local = moment.astimezone(zone)
        counted[local.year, local.month] += 1
    return tuple(sorted(counted.items(), reverse=True))


def filed() -> QuerySet[Incident]:
    """Public notices with `filed_at`, the moment under which each is filed. There is an index for it."""
    return Incident.objects.public().annotate(filed_at=filed_at())


def _load(now: dt.datetime, mirror: Mirror | None, months: Months | None) -> PageState:
    page = Page.objects.get(pk=Page.ONLY)
    site = load_site(page, now, mirror=mirror)
    rows = _component_rows(now, site.zone)
    changes = _changes(now, site.zone)
    words, group_words = words_by("component"), words_by("group")
    components = tuple(_component(row, changes[row.pk], words[row.pk]) for row in rows if row.archived_at is None)
    archived = tuple(_component(row, changes[row.pk], words[row.pk]) for row in rows if row.archived_at is not None)
    groups = tuple(
        GroupState(
            code=row.code,
            name=row.name,
            description=row.description,
            position=row.position,
            created_at=row.created_at,
            updated_at=row.updated_at,
            components=tuple(c for c in components if c.group_code == row.code),
            translations=group_words[row.pk],
        )
        for row in ComponentGroup.objects.all()
    )
    today = now.astimezone(site.zone).date()
    return PageState(
        **vars(site),
        version=page.version,
        updated_at=page.updated_at,
        components=components,
        archived=archived,
        groups=tuple(group for group in groups if group.components),
        notices=tuple(load_notices(pk__in=_current_ids())),
        recent=_recent_days(today, site.zone),
        postmortems=_postmortems(today, site.zone),
        traces=_traces(_history_begins(now, site.zone)),
        months=count_months(site.zone) if months is None else months,
        record=load_record(today, site.zone),
        brand_files=load_brand_files(site.brand),
    )


def load_site(page: Page, now: dt.datetime, *, mirror: Mirror | None = None) -> SiteState:
    return SiteState(
        code=page.code,
        name=page.name,
        description=page.description,
        language=page.language,
        original=page.language,
        languages=tuple(code for code in page.languages if code != page.language),
        names=tuple((name, code, told) for code in page.languages for name, told in names_in(code).items()),
        support_url=page.support_url,
        brand=load_brand(page),
        url=mirror.url if mirror else settings.PUBLIC_URL,
        home_url=settings.PUBLIC_URL,
        mirror=mirror,
        zone=page.zone,
        generated_at=now,
    )


def _current_ids() -> set[int]:
    public = Incident.objects.public()
    return {
        *public.open().values_list("pk", flat=True),
        *public.realtime().order_by("-created_at", "-pk").values_list("pk", flat=True)[:NEWEST],
        *public.scheduled().order_by("-work_starts_at", "-pk").values_list("pk", flat=True)[:NEWEST],
        *_latest_ids(),
    }


def _latest_ids() -> set[int]:
    """The notices that were heard of last; more than LATEST where several were heard of in the same moment."""
    words = IncidentUpdate.objects.public().order_by("-display_at").values_list("incident_id", "display_at")
    heard: dict[int, dt.datetime] = {}
    for incident_id, at in [*words[: LATEST * 20]]:
        if len(heard) >= LATEST and at < min(heard.values()):
            break
        heard.setdefault(incident_id, at)
    return set(heard)


def _history_begins(now: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return starts_at(now.astimezone(zone).date() - dt.timedelta(days=HISTORY_DAYS), zone)


def _component_rows(now: dt.datetime, zone: ZoneInfo) -> list[Component]:
    own = StatusChange.objects.filter(component=OuterRef("pk"))
    before = own.filter(at__lt=_history_begins(now, zone)).order_by("-at", "-pk")
    return list(
        Component.objects.select_related("group").annotate(
            first_change_at=Subquery(own.filter(at__lte=now).order_by("at", "pk").values("at")[:1]),
            before_at=Subquery(before.values("at")[:1]),
            before_status=Subquery(before.values("status")[:1]),
        )
    )


def _changes(now: dt.datetime, zone: ZoneInfo) -> dict[int, list[tuple[dt.datetime, str]]]:
    recent = StatusChange.objects.filter(at__gte=_history_begins(now, zone), at__lte=now).order_by("at", "pk")
    changes = defaultdict(list)
    for component_id, at, status in recent.values_list("component_id", "at", "status"):
        changes[component_id].append((at, status))
    return changes


def _recent_days(today: dt.date, zone: ZoneInfo) -> tuple[RecentDay, ...]:
    first, following = today - dt.timedelta(days=RECENT_DAYS - 1), today + dt.timedelta(days=1)
    lately = filed().filter(filed_at__gte=starts_at(first, zone), filed_at__lt=starts_at(following, zone))
    rows = lately.order_by("-filed_at", "-pk").values_list("filed_at", "pk", "impact", "status")
    days = defaultdict(list)
    for at, pk, impact, status in rows:
        if status in CLOSED:  # asked of the database, it would take the index of the status
            days[at.astimezone(zone).date()].append((IMPACT_RANK[impact], pk))
    gravest = [pk for of_day in days.values() for _rank, pk in _gravest(of_day)]
    notices = defaultdict(list)
    for notice in _past(filed().filter(pk__in=gravest)):
        notices[notice.at.astimezone(zone).date()].append(notice)
    return tuple(RecentDay(day, tuple(notices[day]), len(of_day)) for day, of_day in days.items())


def _postmortems(today: dt.date, zone: ZoneInfo) -> tuple[RecentPostmortem, ...]:
    since = starts_at(today - dt.timedelta(days=RECENT_DAYS - 1), zone)
    # By the index of the time; there are few of the status among them.
    published = IncidentUpdate.objects.public().filter(display_at__gte=since, status=IncidentStatus.POSTMORTEM)
    columns = ("incident__code", "incident__title", "code", "incident__time_zone", "display_at", "incident_id")
    rows = list(published.order_by("-display_at", "-pk").values_list(*columns))
    titles = words_by("incident", incident__in=[row[-1] for row in rows], field="title")
    newest: dict[str, RecentPostmortem] = {}
    for code, title, update_code, zone_name, at, pk in rows:
        newest.setdefault(code, RecentPostmortem(code, title, update_code, ZoneInfo(zone_name), at, titles[pk]))
    return tuple(newest.values())[:RECENT_POSTMORTEMS]


def _gravest(rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted(rows, key=lambda row: row[0], reverse=True)[:RECENT_PER_DAY]  # of equals the first, the newest


def _traces(since: dt.datetime) -> dict[str, tuple[TraceState, ...]]:
    rows = filed().order_by().values_list(*TRACE_COLUMNS)
    found = [row for lasted in _lasted_since(since) for row in rows.filter(**lasted)]
    lines = IncidentComponent.objects.filter(incident__in=[row[1] for row in found]).order_by()
    named = defaultdict(list)
    for incident_id, code in lines.values_list("incident_id", "component__code"):
        named[incident_id].append(code)
    titles = words_by("incident", incident__in=[row[1] for row in found], field="title")
    traces = defaultdict(list)
    for row in sorted(found, reverse=True):
        for component in named[row[1]]:
            traces[component].append(_trace(*row, translations=titles[row[1]]))
    return {component: tuple(those) for component, those in traces.items()}


def _lasted_since(since: dt.datetime) -> tuple[dict[str, Any], ...]:
    """How notices are found that were not over before: one after the other, for with both at once no index is used."""
    return {"resolved_at__gte": since}, {"status__in": LASTING}


def _trace(
    filed_at: dt.datetime,
    _pk: int,
    code: str,
    title: str,
    actual_started_at: dt.datetime | None,
    resolved_at: dt.datetime | None,
    *,
    translations: tuple[Words, ...],
) -> TraceState:
    return TraceState(code, title, actual_started_at or filed_at, resolved_at, translations)


def _component(
    row: Component, changes: Iterable[tuple[dt.datetime, str]], translations: tuple[Words, ...]
) -> ComponentState:
    before = [(row.before_at, row.before_status)] if row.before_at else []  # type: ignore[attr-defined]
    return ComponentState(
        code=row.code,
        name=row.name,
        description=row.description,
        status=row.shown_status,
        group_code=row.group.code if row.group else "",
        group_name=row.group.name if row.group else "",
        position=row.position,
        showcase=row.showcase,
        only_show_if_degraded=row.only_show_if_degraded,
        start_date=row.start_date,
        created_at=row.created_at,
        updated_at=row.updated_at,
        first_change_at=row.first_change_at,  # type: ignore[attr-defined]
        changes=(*before, *changes),
        translations=translations,
    )
