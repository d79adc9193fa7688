from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents.actions import post_update
from incidents.choices import ComponentStatus
from incidents.clock import run_clock
from incidents.component_actions import archive_component
from incidents.models import Change, Component, ComponentGroup, Incident, Page
from incidents.values import EffectLine, LinkTo, NoticeDetails, UpdateText
from publishing import publish as publishing_publish
from tests.incidents.screens import screen
from tests.make import make_component, make_incident, make_maintenance, make_staff, utc

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday_evening(time_machine):
    time_machine.move_to(utc(2026, 11, 9, 20, 2), tick=False)


def tasks(client, notice) -> list[str]:
    shown = client.get("/admin/").context
    return [task.label for row in shown["happening"] + shown["upcoming"] if row.notice == notice for task in row.tasks]


def make_week_of_work(**fields):
    return make_maintenance(starts=utc(2026, 11, 14, 20), ends=utc(2026, 11, 14, 23), **fields)


def test_the_first_screen_offers_the_tasks(edward):
    page = edward.get("/admin/").content.decode()

    assert "What do you want to do?" in page
    assert f'href="{screen("incident_open")}"' in page
    assert f'href="{screen("scheduledmaintenance_schedule")}"' in page
    assert "All systems operational" in page


def test_each_open_notice_has_its_tasks(edward):
    incident, maintenance = make_incident(), make_week_of_work()
    closed = make_incident(status="resolved")

    assert tasks(edward, incident) == ["Post update", "Resolve", "Edit notice"]
    assert tasks(edward, maintenance) == ["Post update", "Post the all-clear", "Move it", "Cancel it", "Edit notice"]
    assert tasks(edward, closed) == []


def test_when_the_work_goes_on_the_all_clear_comes_first(edward):
    maintenance = make_week_of_work()
    post_update(maintenance, UpdateText(status="verifying", body="Checking."), actor=None)

    assert tasks(edward, maintenance)[0] == "Post the all-clear"


def test_a_writer_is_not_offered_what_only_publishers_do(wilma):
    incident = make_incident()

    assert tasks(wilma, incident) == ["Post update", "Resolve"]


def test_a_promised_update_that_is_late_is_marked(edward):
    late, on_time = make_incident("Late"), make_incident("On time")
    for notice, minutes in ((late, -1), (on_time, 1)):
        due = timezone.now() + dt.timedelta(minutes=minutes)
        post_update(notice, UpdateText(status="identified", body="More soon.", next_update_by=due), actor=None)

    shown = edward.get("/admin/").context["happening"]

    assert {row.notice.title: row.is_overdue for row in shown} == {"Late": True, "On time": False}


def test_drafts_wait_on_the_first_screen(edward):
    make_incident("Slow login", publish=False)

    page = edward.get("/admin/")

    assert [row.draft.incident.title for row in page.context["drafts"]] == ["Slow login"]
    assert "Review and publish" in page.content.decode()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("degraded_performance", "Minor disruption"),
        ("partial_outage", "Major disruption"),
        ("major_outage", "Critical disruption"),
    ],
)
def test_the_pages_word_is_shown(edward, status, words):
    make_incident(components={make_component().pk: status})

    assert edward.get("/admin/").context["indicator_words"] == words


def test_staff_are_told_when_the_page_is_behind(edward, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(publishing_publish, "load_state", fail)
    make_incident()
    publishing_publish.publish_if_stale()

    page = edward.get("/admin/").content.decode()

    assert "The public page is behind" in page
    assert "no space left on device" in page


def test_a_page_that_is_up_to_date_says_nothing_of_it(edward):
    make_incident()
    publishing_publish.publish_if_stale()

    assert "The public page is behind" not in edward.get("/admin/").content.decode()


def test_a_notices_own_page_shows_facts_timeline_and_audit(edward):
    cause = make_incident("A cabinet lost power", status="resolved")
    details = NoticeDetails(
        reason="So that it does **not** happen again.",
        data_statement="none_expected_lost",
        effects=[EffectLine("Images", "unavailable", "also in mail already sent")],
        links=[LinkTo(cause.pk, "caused_by")],
    )
    notice = make_week_of_work(details=details, actor=make_staff("anna"))
    post_update(notice, UpdateText(status="scheduled", body="In the drawer."), actor=None, publish=False)

    page = edward.get(screen("scheduledmaintenance_change", notice.pk)).content.decode()

    for words in (
        "Saturday 14 November 2026, 21:00 CET (20:00 UTC)",
        "does <strong>not</strong> happen",
        "Images: Unavailable",
        "No data will be lost.",
        "caused by A cabinet lost power",
        "In the drawer.",
        "anna: announced the maintenance",
    ):
        assert words in page, words


def test_there_is_no_bare_form_for_a_notice_and_no_deletion(edward):
    notice = make_incident()

    assert edward.get(screen("incident_add")).url == screen("incident_open")
    assert edward.get(screen("scheduledmaintenance_add")).url == screen("scheduledmaintenance_schedule")
    edward.post(screen("incident_change", notice.pk), {"title": "Mine"})
    assert edward.post(screen("incident_delete", notice.pk), {"post": "yes"}).status_code == 403
    assert Incident.objects.get().title == "Slow mailings"


def test_the_audit_is_read_and_never_written(edward):
    make_incident()
    change = Change.objects.get(verb="open_incident")

    assert edward.get(screen("change_change", change.pk)).status_code == 200
    assert edward.post(screen("change_change", change.pk), {"verb": "mine"}).status_code == 403
    assert edward.post(screen("change_delete", change.pk), {"post": "yes"}).status_code == 403


def test_a_component_is_changed_by_the_verbs(edward):
    mailings = make_component("Mailings")
    sent = {"name": "Sending mailings", "position": "1", "status": "partial_outage"}

    edward.post(screen("component_change", mailings.pk), sent)

    mailings.refresh_from_db()
    assert (mailings.name, mailings.shown_status) == ("Sending mailings", "partial_outage")
    assert Change.objects.filter(version__isnull=False).count() == 2
    assert Page.objects.current().version == 3


def test_a_component_is_added_and_archived_by_the_verbs(edward):
    edward.post(screen("component_add"), {"name": "Mailings", "position": "1"})
    mailings = Component.objects.get()
    action = {"action": "archive", "_selected_action": [mailings.pk]}
    notice = make_incident(components={mailings.pk: "major_outage"})

    edward.post(screen("component_changelist"), action)
    assert Component.objects.public().exists()
    post_update(notice, UpdateText(status="resolved", body="Done."), actor=None)
    edward.post(screen("component_changelist"), action)

    assert not Component.objects.public().exists()
    assert edward.post(screen("component_delete", mailings.pk), {"post": "yes"}).status_code == 403


def test_the_page_is_one_and_its_zone_a_real_one(edward):
    url = edward.get(screen("page_changelist")).url
    sent = {"name": "Copernica", "time_zone": "Mars/Olympus", "language": "en"}

    assert "time_zone" in edward.post(url, sent).context["adminform"].errors
    edward.post(url, {**sent, "time_zone": "Europe/Paris"})

    assert Page.objects.get().time_zone == "Europe/Paris"


def fill_page(count: int) -> None:
    """`count` of everything that lists show."""
    for number in range(count):
        component = make_component(group=f"Group {number}")
        held = {component.pk: ComponentStatus.PARTIAL_OUTAGE}
        notice = make_incident(components=held)
        post_update(notice, UpdateText(status="identified", body="Found."), actor=None)
        post_update(notice, UpdateText(status="monitoring", body="Soon."), actor=None, publish=False)
        make_week_of_work(components=held)


LISTS = ["incident", "scheduledmaintenance", "component", "componentgroup", "change"]


@pytest.mark.parametrize("path", ["admin:index", *(f"admin:incidents_{name}_changelist" for name in LISTS)])
def test_lists_ask_the_database_as_often_for_three_rows_as_for_one(
    edward, django_assert_max_num_queries, path, django_assert_num_queries
):
    fill_page(1)
    edward.get(reverse(path))
    with django_assert_max_num_queries(40) as first:
        edward.get(reverse(path))
    fill_page(2)

    with django_assert_num_queries(len(first)):
        edward.get(reverse(path))


@pytest.mark.parametrize("task", ["post_update", "edit"])
def test_screens_ask_the_database_as_often_for_three_components_as_for_one(
    edward, django_assert_max_num_queries, django_assert_num_queries, task
):
    fill_page(1)
    url = screen(f"incident_{task}", Incident.objects.realtime().first().pk)
    edward.get(url)
    with django_assert_max_num_queries(40) as first:
        edward.get(url)
    fill_page(2)

    with django_assert_num_queries(len(first)):
        edward.get(url)


@pytest.mark.parametrize("query", ["q=%00", "state=%00", "impact__exact=%00", "p=-1", "p=" + "9" * 40, "o=9.9", "e=1"])
def test_a_list_takes_any_query_without_an_error_of_ours(edward, query):
    make_incident()
    for name in LISTS:
        assert edward.get(screen(f"{name}_changelist") + "?" + query).status_code in (200, 302, 400)


def test_groups_count_the_components_on_the_page(edward):
    kept = make_component(group="Sending")
    archive_component(make_component(group="Sending"), actor=None)

    rows = edward.get(screen("componentgroup_changelist")).context["cl"].result_list

    assert [group.on_page for group in rows] == [ComponentGroup.objects.get(components=kept).components.count() - 1]


def test_the_first_screen_shows_what_was_written_as_plain_text(edward):
    make_incident(body="It **waits** & `<script>alert(1)</script>`")

    page = edward.get("/admin/").content.decode()

    assert "It waits &amp; &lt;script&gt;alert(1)&lt;/script&gt;" in page


START, END = utc(2026, 11, 9, 18), utc(2026, 11, 9, 20, 30)


def said_of_the_end(client, notice) -> tuple[str, list[str]]:
    """What the first screen says of a planned end, and what it offers; the notice's own page says the same."""
    (row,) = [row for row in client.get("/admin/").context["happening"] if row.notice == notice]
    own = client.get(reverse("admin:incidents_scheduledmaintenance_change", args=[notice.pk])).context["end"]
    assert row.end == own
    return (own.words, [task.label for task in own.tasks]) if own else ("", [])


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (END - dt.timedelta(minutes=31), ""),
        (END - dt.timedelta(minutes=15), "The planned end is in 15 min."),
        (END + dt.timedelta(minutes=12), "The planned end passed 12 min ago, and customers can read that."),
    ],
)
def test_a_planned_end_is_said_before_it_passes(edward, time_machine, now, words):
    maintenance = make_maintenance(starts=START, ends=END, at=utc(2026, 11, 2))
    run_clock(START)
    time_machine.move_to(now, tick=False)

    assert said_of_the_end(edward, maintenance) == (words, ["Post the all-clear", "move the end"] if words else [])


def test_of_work_that_the_clock_completes_staff_hear_before_it_does(edward, time_machine):
    maintenance = make_maintenance(starts=START, ends=END, completes_by_clock=True, at=utc(2026, 11, 2))
    run_clock(START)
    time_machine.move_to(END - dt.timedelta(minutes=10), tick=False)

    words = "The notice completes by itself in 10 min. If the work is not over by then:"
    assert said_of_the_end(edward, maintenance)[0] == words


def test_a_writer_is_offered_the_all_clear_and_not_the_move(wilma, time_machine):
    maintenance = make_maintenance(starts=START, ends=END, at=utc(2026, 11, 2))
    run_clock(START)
    time_machine.move_to(END, tick=False)

    assert said_of_the_end(wilma, maintenance)[1] == ["Post the all-clear"]
