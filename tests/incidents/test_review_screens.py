from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from incidents.actions import edit_draft, open_incident, post_update
from incidents.clock import run_clock
from incidents.models import IncidentUpdate, Page, UrgentAct
from incidents.values import UpdateText
from publishing.publish import publish_if_stale
from tests.incidents.screens import at, errors, fill, newest, preview, publish, read_form, save_draft, screen
from tests.make import make_incident, make_maintenance, make_page, make_role, utc

pytestmark = pytest.mark.django_db

OPEN = "/admin/incidents/incident/open/"
TYPED = {"title": "Late", "body": "Mailings wait."}
NINE = at("publish_at", "2026-11-09", "22:00")  # in Amsterdam
NINE_UTC = utc(2026, 11, 9, 21)
PROMISE_NOTHING = at("next_update_by", "", "")


@pytest.fixture(autouse=True)
def monday_evening(time_machine, db):
    time_machine.move_to(utc(2026, 11, 9, 20, 2), tick=False)
    make_page(needs_review=True)


def browser_of(name: str, role: str = "Publisher") -> Client:
    client = Client()
    client.user = make_role(role, name)
    client.force_login(client.user)
    return client


@pytest.fixture
def petra(db):
    return browser_of("petra")


@pytest.fixture
def quentin(db):
    return browser_of("quentin")


def draft_by(author) -> IncidentUpdate:
    return open_incident(
        title="Late", update=UpdateText("investigating", "Mailings wait."), actor=author, publish=False
    )


def send(client: Client, url: str, act: str, **values):
    return client.post(url, {**fill(client, url, **values), "act": act})


def read(client: Client, draft: IncidentUpdate) -> dict[str, str]:
    """What the review screen sends back of how it was read."""
    shown = client.get(screen("incident_review", draft.pk)).context
    return {"since": shown["since"], "seen": shown["seen"]}


def decide(client: Client, draft: IncidentUpdate, act: str, **values):
    return client.post(screen("incident_review", draft.pk), {**read(client, draft), "act": act, **values})


def test_a_publisher_alone_is_offered_to_submit_and_refused_with_everything_kept(petra):
    acts = read_form(petra.get(OPEN)).acts

    told = publish(petra, OPEN, **TYPED)

    assert acts == ["submit", "preview", "draft", "publish"]  # the last one inside "It cannot wait"
    assert "second person" in errors(told)["__all__"][0]
    assert told.context["form"]["body"].value() == "Mailings wait."
    assert not IncidentUpdate.objects.exists()


def test_submitted_by_one_approved_by_another(petra, quentin):
    send(petra, OPEN, "submit", **TYPED)
    draft = IncidentUpdate.objects.get()
    board = quentin.get("/admin/").content.decode()

    decide(quentin, draft, "approve")

    assert "Waits for a colleague to approve it." in board
    assert screen("incident_review", draft.pk) in board
    draft.refresh_from_db()
    assert not draft.is_draft


def test_a_writer_submits_and_does_not_review(wilma, quentin):
    make_page(needs_review=True)
    send(wilma, OPEN, "submit", **TYPED)
    draft = IncidentUpdate.objects.get()

    assert draft.review_asked_at is not None
    assert wilma.get(screen("incident_review", draft.pk)).status_code == 403
    assert wilma.post(screen("incident_unschedule", draft.pk)).status_code == 403


def test_nobody_approves_their_own(petra):
    draft = draft_by(petra.user)

    told = decide(petra, draft, "approve")

    assert "somebody else has to approve it" in told.content.decode()
    assert not IncidentUpdate.objects.public().exists()


def test_what_changed_while_it_was_read_is_read_again(petra, quentin, time_machine):
    draft = draft_by(petra.user)
    sent = {**read(quentin, draft), "act": "approve"}
    time_machine.shift(1)
    edit_draft(draft, UpdateText("investigating", "Something else."), actor=petra.user)

    told = quentin.post(screen("incident_review", draft.pk), sent)

    page = told.content.decode()
    assert "It has changed since you read it" in page and "Something else." in page
    assert not IncidentUpdate.objects.public().exists()


def test_an_approval_that_does_not_say_what_was_read_is_refused(petra, quentin):
    draft = draft_by(petra.user)

    quentin.post(screen("incident_review", draft.pk), {"act": "approve"})

    assert not IncidentUpdate.objects.public().exists()


def test_sent_back_its_author_reads_why_and_customers_never(petra, quentin):
    notice = make_incident_before()
    draft = post_update(notice, UpdateText("identified", "A disk."), actor=petra.user, publish=False)

    decide(quentin, draft, "send_back", note="Which mailings?")

    for url in ("/admin/", screen("incident_change", notice.pk), screen("incident_draft", draft.pk)):
        assert "Which mailings?" in petra.get(url).content.decode(), url
    decide(browser_of("rita"), draft, "approve")
    publish_if_stale()
    assert_nowhere_public("Which mailings?")


def test_a_note_is_needed_to_send_back(petra, quentin):
    told = decide(quentin, draft_by(petra.user), "send_back", note="")

    assert "Say what should change" in told.content.decode()


def test_urgent_needs_a_tick_and_a_reason_and_stays_until_a_colleague_has_looked(petra, quentin):
    ticked = {**TYPED, "is_urgent": "on"}

    assert "urgent_because" in errors(publish(petra, OPEN, **ticked))
    assert "__all__" in errors(publish(petra, OPEN, **TYPED, urgent_because="All is down."))
    assert publish(petra, OPEN, **ticked, urgent_because="All is down.").status_code == 302

    act = UrgentAct.objects.get()
    button = screen("incident_acknowledge", act.pk)
    for url in ("/admin/", screen("incident_change", act.incident_id)):
        assert "All is down." in petra.get(url).content.decode()
        assert button not in petra.get(url).content.decode()
        assert button in quentin.get(url).content.decode()
    petra.post(button)
    assert UrgentAct.objects.get().acknowledged_at is None
    quentin.post(button)
    assert UrgentAct.objects.get().acknowledged_by == "quentin"
    assert "All is down." not in petra.get("/admin/").content.decode()


def test_screens_without_drafts_say_that_urgency_is_the_only_way(petra):
    notice = make_maintenance_before()

    for name in ("incident_move", "incident_edit"):
        url = screen(name, notice.pk)
        told = publish(petra, url, title="Work again", body="Later.", **at("work_ends_at", "2100-01-02", "23:30"))
        assert "this screen has no drafts" in errors(told)["__all__"][0]
        assert read_form(petra.get(url)).acts == ["preview", "publish"]
    urgent = {"title": "Work again", "is_urgent": "on", "urgent_because": "A wrong word."}
    assert publish(petra, screen("incident_edit", notice.pk), **urgent).status_code == 302


@pytest.mark.parametrize("is_published", [True, False])
def test_a_preview_asks_for_nobody_and_leaves_nothing(petra, is_published):
    notice = make_incident_before() if is_published else None
    url = screen("incident_post_update", notice.pk) if notice else OPEN

    shown = preview(petra, url, **TYPED)

    assert len(shown.context["panes"]) >= 2
    assert not UrgentAct.objects.exists()


def test_the_review_screen_shows_what_customers_would_get(petra, quentin):
    draft = draft_by(petra.user)

    shown = quentin.get(screen("incident_review", draft.pk) + "preview/")

    assert len(shown.context["panes"]) >= 2
    draft.refresh_from_db()
    assert draft.is_draft and Page.objects.current().version == 1


def test_a_draft_is_published_at_the_time_that_was_read(petra, quentin):
    make_page(needs_review=False)

    answer = send(petra, OPEN, "schedule", **TYPED, **NINE, **PROMISE_NOTHING)

    draft = IncidentUpdate.objects.get()
    words = "Monday 9 November 2026, 22:00 CET (21:00 UTC)"
    assert (answer.status_code, draft.publish_at, draft.approved_by) == (302, NINE_UTC, "petra")
    for url in ("/admin/", screen("incident_change", draft.incident_id)):
        assert f"Will be published at {words}. Approved by petra." in quentin.get(url).content.decode()
    sent = fill(petra, screen("incident_draft", draft.pk))
    assert (sent["publish_at_date"], sent["publish_at_time"]) == ("2026-11-09", "22:00")


def test_a_colleague_approves_the_proposed_time(petra, quentin):
    send(petra, OPEN, "submit", **TYPED, **NINE, **PROMISE_NOTHING)
    draft = IncidentUpdate.objects.get()

    decide(quentin, draft, "approve_later")

    draft.refresh_from_db()
    assert (draft.publish_at, draft.approved_by, draft.was_reviewed) == (NINE_UTC, "quentin", True)


@pytest.mark.parametrize("act", ["schedule", "draft", "publish"])
def test_a_time_that_makes_no_sense_is_refused_beside_it(petra, act):
    make_page(needs_review=False)
    past = at("publish_at", "2026-11-09", "21:00")
    wrong = {"schedule": past, "draft": past, "publish": NINE}[act]

    assert set(errors(send(petra, OPEN, act, **TYPED, **wrong, **PROMISE_NOTHING))) == {"publish_at"}


def test_the_hour_that_comes_twice_is_asked_about_in_the_pages_zone(petra):
    make_page(needs_review=False)
    twice = at("publish_at", "2027-10-31", "02:30")

    told = send(petra, OPEN, "schedule", **TYPED, **twice, **PROMISE_NOTHING)
    send(petra, OPEN, "schedule", **TYPED, **{**twice, "publish_at_which": "second"}, **PROMISE_NOTHING)

    assert "comes twice" in errors(told)["publish_at"][0]
    assert IncidentUpdate.objects.get().publish_at == utc(2027, 10, 31, 1, 30)


def test_the_time_is_on_the_pages_clock_whatever_zone_the_work_is_written_in(petra):
    make_page(needs_review=False)
    window = {**at("work_starts_at", "2026-11-14", "21:00"), **at("work_ends_at", "2026-11-14", "23:00")}
    url = "/admin/incidents/scheduledmaintenance/schedule/"

    send(petra, url, "schedule", title="Work", body="Soon.", time_zone="Asia/Tokyo", **window, **NINE)

    draft = IncidentUpdate.objects.select_related("incident").get()
    assert (draft.publish_at, draft.incident.work_starts_at) == (NINE_UTC, utc(2026, 11, 14, 12))


def test_a_double_click_schedules_once(petra):
    make_page(needs_review=False)
    sent = {**fill(petra, OPEN, **TYPED, **NINE, **PROMISE_NOTHING), "act": "schedule"}

    assert [petra.post(OPEN, sent).status_code for _click in range(2)] == [302, 302]
    assert IncidentUpdate.objects.count() == 1


def test_a_scheduled_draft_can_be_called_off_or_published_now(petra):
    make_page(needs_review=False)
    for _one in range(2):
        send(petra, OPEN, "schedule", **TYPED, **NINE, **PROMISE_NOTHING)
    called_off, now = IncidentUpdate.objects.order_by("pk")

    petra.post(screen("incident_unschedule", called_off.pk))
    assert publish(petra, screen("incident_draft", now.pk)).status_code == 302

    called_off.refresh_from_db()
    assert (called_off.publish_at, called_off.is_draft) == (None, True)
    assert newest(now.incident).published_at == utc(2026, 11, 9, 20, 2)


def test_what_missed_its_time_is_told_on_the_first_screen(petra):
    make_page(needs_review=False)
    notice = make_incident()
    send(petra, screen("incident_post_update", notice.pk), "schedule", body="So.", **NINE, **PROMISE_NOTHING)
    draft = newest(notice)
    post_update(notice, UpdateText("monitoring", "Better."), actor=petra.user)
    run_clock(NINE_UTC)

    board = petra.get("/admin/").content.decode()
    assert "Not published at Monday 9 November 2026, 22:00 CET (21:00 UTC): a colleague posted" in board
    petra.post(screen("incident_unschedule", draft.pk))
    assert "Not published at" not in petra.get("/admin/").content.decode()


def test_nothing_of_a_scheduled_draft_is_public(petra, data_dirs):
    make_page(needs_review=False)
    notice = make_incident()
    publish_if_stale()
    save_draft(petra, screen("incident_post_update", notice.pk), body="A secret word.", **NINE, **PROMISE_NOTHING)
    send(petra, OPEN, "schedule", title="A secret title", body="A secret word.", **NINE, **PROMISE_NOTHING)

    publish_if_stale(force=True)

    assert_nowhere_public("secret")


@pytest.mark.parametrize("url", ["/admin/", "notice"])
def test_more_drafts_ask_the_database_nothing_more(petra, url, django_assert_max_num_queries):
    make_page(needs_review=False)
    notice = make_incident()
    make_page(needs_review=True)
    url = screen("incident_change", notice.pk) if url == "notice" else url
    counted = []
    for _more in range(2):
        post_update(notice, UpdateText("identified", "So.", publish_at=NINE_UTC), actor=petra.user, publish=False)
        post_update(notice, UpdateText("identified", "So."), actor=petra.user, urgent_because="x")
        petra.get(url)
        with django_assert_max_num_queries(100) as queries:
            petra.get(url)
        counted.append(len(queries))

    assert counted[0] == counted[1]


def make_incident_before():
    make_page(needs_review=False)
    notice = make_incident()
    make_page(needs_review=True)
    return notice


def make_maintenance_before():
    make_page(needs_review=False)
    notice = make_maintenance(starts=utc(2100, 1, 2, 20), ends=utc(2100, 1, 2, 22))
    make_page(needs_review=True)
    return notice


def assert_nowhere_public(words: str) -> None:
    files = [file for file in (settings.SNAPSHOT_DIR / "current").resolve().rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if words.encode() in file.read_bytes()] == []
