"""Publishing step by step arrives where rendering everything at once does."""

from __future__ import annotations

import datetime as dt
import random

import pytest
import time_machine

from incidents.actions import edit_notice, post_update, publish_draft
from incidents.choices import NEXT_STATUSES, ComponentStatus, IncidentStatus
from incidents.clock import run_clock
from incidents.component_actions import archive_component, save_page_part, set_component_status
from incidents.corrections import edit_update, redact_update
from incidents.models import Component, Incident, IncidentUpdate, Page
from incidents.past import report_past_incident
from incidents.translation_actions import translate_notice
from incidents.values import LinkTo, NoticeDetails, UpdateText
from publishing import plan
from publishing.generation import live_directory, live_manifest, walk
from publishing.publish import last_failure, publish_if_stale
from tests.make import make_component, make_incident, make_maintenance, make_page, move, utc
from tests.render import everything

pytestmark = pytest.mark.django_db

NOW = utc(2026, 1, 3, 12)


def published(settings) -> dict[str, bytes]:
    live = live_directory(settings.SNAPSHOT_DIR)
    assert live is not None, last_failure()
    return {path: file.read_bytes() for path, entry, file in walk(live) if not entry.retired_at}


def rendered(now) -> dict[str, bytes]:
    return {artefact.path: artefact.body for artefact in everything(now)}


class Staff:
    """Does at random what staff, automation and time do."""

    def __init__(self, seed: int, clock) -> None:
        self.chance = random.Random(seed)
        self.clock = clock
        self.now = NOW

    def act(self) -> str:
        verbs = [self.open, self.schedule, self.post, self.post, self.edit, self.move]
        verbs += [self.draft, self.component, self.wait, self.correct, self.report_past, self.translate]
        rare = [self.rename, self.reorder, self.archive, self.rename_component, self.redact, self.add_language]
        verb = self.chance.choice(rare if self.chance.random() < 0.1 else verbs)
        verb()
        return verb.__name__

    def moment(self, *, days: int = 60) -> dt.datetime:
        return self.now - dt.timedelta(minutes=self.chance.randrange(days * 24 * 60))

    def some_components(self) -> dict[int, str]:
        pks = list(Component.objects.public().order_by("pk").values_list("pk", flat=True))
        chosen = self.chance.sample(pks, min(len(pks), self.chance.choice([0, 2, 2])))
        return {pk: self.chance.choice(ComponentStatus.values) for pk in chosen}

    def some(self, queryset):
        rows = list(queryset.order_by("pk"))
        return self.chance.choice(rows) if rows else None

    def open(self, *, publish=True) -> None:
        links = [LinkTo(one.pk, "caused_by")] if (one := self.some(Incident.objects.all())) else []
        make_incident(
            f"Incident {self.chance.random()}",
            components=self.some_components(),
            started_at=self.moment(),
            details=NoticeDetails(links=links),
            publish=publish,
        )

    def schedule(self) -> None:
        starts = self.now + dt.timedelta(hours=self.chance.randrange(1, 60))
        make_maintenance(starts=starts, ends=starts + dt.timedelta(hours=2), components=self.some_components())

    def post(self) -> None:
        incident = self.some(Incident.objects.public())
        if incident is None:
            return
        text = UpdateText(
            status=self.chance.choice(NEXT_STATUSES[IncidentStatus(incident.status)]),
            body=f"Word {self.chance.random()}",
            components=self.some_components() if incident.is_open else {},
            next_update_by=self.now + dt.timedelta(hours=1),
            display_at=self.chance.choice([None, None, max(incident.started_at, self.moment(days=3))]),
        )
        if text.status != "postmortem" or text.display_at is None:
            post_update(incident, text, actor=None)

    def report_past(self) -> None:
        began, ended = sorted([self.moment(), self.moment()])
        down = UpdateText(status="identified", body="It was down.", components=self.some_components())
        over = UpdateText(status="resolved", body=f"It was over {self.chance.random()}")
        title = f"Past {self.chance.random()}"
        report_past_incident(title=title, started_at=began, ended_at=ended, opening=down, closing=over, actor=None)

    def correct(self) -> None:
        if update := self.some(IncidentUpdate.objects.public()):
            kind = self.chance.choice(["correction", "typo"])
            edit_update(update, f"Edited {self.chance.random()}", kind=kind, why="It was wrong.", actor=None)

    def redact(self) -> None:
        if update := self.some(IncidentUpdate.objects.public()):
            redact_update(update, update.body, actor=None)

    def edit(self) -> None:
        incident = self.some(Incident.objects.public())
        if incident is None:
            return
        other = self.some(Incident.objects.exclude(pk=incident.pk))
        details = NoticeDetails(links=[LinkTo(other.pk, "related")] if other else [])
        title = f"Edited {self.chance.random()}"
        edit_notice(incident, actor=None, title=title, details=details, started_at=self.moment())

    def move(self) -> None:
        maintenance = self.some(Incident.objects.public().filter(status="scheduled"))
        if maintenance is not None:
            starts = self.now + dt.timedelta(days=self.chance.choice([-40, 1, 30]))
            move(maintenance, starts=starts, ends=self.now + dt.timedelta(days=31))

    def draft(self) -> None:
        draft = self.some(IncidentUpdate.objects.drafts())
        if draft is None:
            self.open(publish=False)
        else:
            publish_draft(draft, actor=None)

    def component(self) -> None:
        component = self.some(Component.objects.public())
        set_component_status(component, self.chance.choice(ComponentStatus.values), actor=None)

    def rename_component(self) -> None:
        component = self.some(Component.objects.public())
        component.name = f"Component {self.chance.random()}"
        words = {code: {"name": f"Onderdeel {self.chance.random()}"} for code in Page.objects.current().languages}
        save_page_part(component, actor=None, changed=["name"], translations=words)

    def reorder(self) -> None:
        component = self.some(Component.objects.public())
        component.position = self.chance.randrange(20)
        save_page_part(component, actor=None, changed=["position"])

    def archive(self) -> None:
        idle = Component.objects.public().exclude(notices__incident__in=Incident.objects.public().open())
        if idle.count() > 1:
            archive_component(self.some(idle), actor=None)

    def translate(self) -> None:
        incident, language = self.some(Incident.objects.public()), self.chance.choice(["nl", "de"])
        if incident is None or language not in Page.objects.current().languages:
            return
        update = self.some(incident.updates.public())
        words = f"Woord {self.chance.random()}"
        told = {"title": self.chance.choice([words, ""])}
        updates = {update.pk: {"body": self.chance.choice([words, ""])}}
        translate_notice(incident, language, actor=None, notice=told, updates=updates)

    def add_language(self) -> None:
        page = Page.objects.current()
        page.languages = ["nl", "de"]
        save_page_part(page, actor=None, changed=["languages"])

    def rename(self) -> None:
        page = Page.objects.current()
        page.name = f"Page {self.chance.random()}"
        save_page_part(page, actor=None, changed=["name"])

    def wait(self) -> None:
        self.now += dt.timedelta(minutes=self.chance.choice([10, 70, 600, 3000]))
        self.clock.move_to(self.now)
        run_clock(self.now)


@pytest.mark.parametrize(("seed", "languages"), [(0, []), (1, ["nl"]), (2, ["nl"])])
def test_whatever_happens_the_page_is_as_if_rendered_at_once(settings, seed, languages):
    make_page()
    Page.objects.update(languages=languages)
    for _number in range(4):
        make_component()
    with time_machine.travel(NOW, tick=False) as clock:
        staff = Staff(seed, clock)
        publish_if_stale(staff.now)
        for _step in range(12):
            did = [staff.act() for _act in range(staff.chance.choice([1, 1, 3]))]
            publish_if_stale(staff.now)
            assert last_failure() is None
            then = live_manifest(settings.SNAPSHOT_DIR).generated_at
            assert published(settings) == rendered(then), did


def test_what_a_change_does_not_touch_is_not_rendered_again(settings, monkeypatch):
    make_page()
    old = [make_incident(f"Old {number}", at=utc(2025, number, 1)) for number in range(1, 6)]
    publish_if_stale(NOW)
    seen = []
    monkeypatch.setitem(plan.__dict__, "notice_artefacts", lambda site, notice: seen.append(notice.code) or [])
    monkeypatch.setitem(plan.__dict__, "month_artefacts", lambda site, month: seen.append(month.month) or [])

    post_update(old[2], UpdateText(status="monitoring", body="Better."), actor=None)
    publish_if_stale(NOW)

    assert set(seen) == {old[2].code, (2025, 3)}


def test_a_large_archive_is_done_in_slices_and_news_comes_through_between_them(settings, monkeypatch):
    monkeypatch.setattr(plan, "SLICE_SECONDS", 0)
    make_page()
    for number in range(1, 9):
        make_incident(f"Old {number}", at=utc(2025, number, 1))

    assert publish_if_stale(NOW, finish=False) is True
    assert live_manifest(settings.SNAPSHOT_DIR).is_finished is False
    assert published(settings).keys() < rendered(NOW).keys()
    news = make_incident("News")
    publish_if_stale(NOW, finish=False)
    assert f"/incidents/{news.code}" in published(settings)

    publish_if_stale(NOW)
    assert live_manifest(settings.SNAPSHOT_DIR).is_finished is True
    assert published(settings) == rendered(NOW)


def test_a_first_notice_in_its_place_leaves_nothing_to_be_rendered_again(settings):
    make_page()
    publish_if_stale(NOW)
    make_incident()

    publish_if_stale(NOW, finish=False)

    assert live_manifest(settings.SNAPSHOT_DIR).is_finished is True
    assert published(settings) == rendered(NOW)


@pytest.mark.parametrize("damaged", ["*/*.html", "*/manifest.json"])
def test_a_damaged_archive_is_rendered_anew(settings, damaged):
    make_page()
    codes = [make_incident(f"Incident {number}", at=utc(2025, 1, 1)).code for number in range(30)]
    publish_if_stale(NOW)
    for file in (settings.SNAPSHOT_DIR / "shards").glob(damaged):
        file.write_bytes(b"")
    from publishing.generation import read_branch, read_shard  # noqa: PLC0415

    read_branch.cache_clear()
    read_shard.cache_clear()

    post_update(Incident.objects.get(code=codes[0]), UpdateText(status="resolved", body="Over."), actor=None)
    publish_if_stale(NOW)
    publish_if_stale(NOW, force=True)

    assert published(settings) == rendered(NOW)


def test_a_notice_that_is_taken_out_of_the_database_goes_from_the_page(settings):
    make_page()
    kept, gone = make_incident("Kept"), make_incident("Gone")
    publish_if_stale(NOW)
    post_update(gone, UpdateText(status="resolved", body="Over."), actor=None)
    gone.delete()

    publish_if_stale(NOW)

    assert published(settings) == rendered(NOW)
    assert f"/incidents/{kept.code}" in published(settings)


def test_old_code_renders_the_news_and_leaves_the_rest_to_the_publishing_process(settings, monkeypatch):
    from publishing import publish  # noqa: PLC0415

    make_page()
    incident = make_incident()
    publish_if_stale(NOW)
    with monkeypatch.context() as patch:
        patch.setattr(publish, "code_checksum", lambda: "the release before")
        post_update(incident, UpdateText(status="monitoring", body="By the old code."), actor=None)
        assert publish_if_stale(NOW) is True
        assert b"By the old code." in published(settings)[f"/incidents/{incident.code}"]
        assert publish_if_stale(NOW) is False
        assert live_manifest(settings.SNAPSHOT_DIR).is_finished is False

    assert publish_if_stale(NOW, upgrade=True) is True
    assert live_manifest(settings.SNAPSHOT_DIR).is_finished is True
    assert publish_if_stale(NOW, upgrade=True) is False
