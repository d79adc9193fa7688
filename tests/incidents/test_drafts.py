from __future__ import annotations

import pytest

from incidents.actions import discard_draft, publish_draft
from incidents.models import Incident, IncidentUpdate, Page
from tests.incidents.screens import at, errors, fill, newest, publish, save_draft, screen
from tests.make import make_component, make_incident, utc

pytestmark = pytest.mark.django_db

OPEN = "/admin/incidents/incident/open/"
SCHEDULE = "/admin/incidents/scheduledmaintenance/schedule/"


@pytest.fixture(autouse=True)
def monday_evening(time_machine):
    time_machine.move_to(utc(2026, 11, 9, 20, 2), tick=False)


def draft_url(notice: Incident) -> str:
    return screen("incident_draft", newest(notice).pk)


def test_a_draft_keeps_everything_and_is_public_nowhere(wilma):
    mailings = make_component()

    save_draft(
        wilma,
        OPEN,
        title="Mailings leave late",
        body="They wait.",
        reason="A full disk.",
        **{
            f"component-{mailings.pk}": "major_outage",
            "effects-0-function": "Mailings",
            "effects-0-level": "delayed",
        },
    )

    notice = Incident.objects.get()
    sent = fill(wilma, draft_url(notice))
    assert not Incident.objects.public().exists()
    assert (sent["title"], sent["body"], sent["reason"]) == ("Mailings leave late", "They wait.", "A full disk.")
    assert (sent[f"component-{mailings.pk}"], sent["effects-0-function"]) == ("major_outage", "Mailings")
    assert (sent["effects-0-level"], sent["next_update_by_time"]) == ("delayed", "21:25")


def test_a_draft_needs_no_text_yet(wilma):
    assert save_draft(wilma, OPEN, title="Mailings leave late").status_code == 302


def test_a_draft_is_rewritten_and_then_published_with_its_notice(edward, time_machine):
    save_draft(edward, OPEN, title="Late", body="They wait.")
    notice = Incident.objects.get()
    time_machine.move_to(utc(2026, 11, 9, 20, 10), tick=False)

    save_draft(edward, draft_url(notice), title="Mailings leave late", body="They wait long.")
    publish(edward, draft_url(notice))

    notice.refresh_from_db()
    assert (notice.title, notice.updates.get().body) == ("Mailings leave late", "They wait long.")
    assert notice.published_at == notice.started_at == utc(2026, 11, 9, 20, 10)
    assert Page.objects.current().version == 2


def test_the_draft_of_a_maintenance_keeps_its_window(edward):
    window = {**at("work_starts_at", "2026-11-14", "21:00"), **at("work_ends_at", "2026-11-14", "24:00")}
    save_draft(edward, SCHEDULE, title="Work on the power feeds", body="Soon.", **window)
    notice = Incident.objects.get()

    publish(edward, draft_url(notice), **at("work_ends_at", "2026-11-15", "01:00"))

    notice.refresh_from_db()
    assert (notice.status, notice.work_starts_at) == ("scheduled", utc(2026, 11, 14, 20))
    assert notice.work_ends_at == utc(2026, 11, 15, 0)


def test_an_update_can_wait_as_a_draft(edward):
    notice = make_incident()
    save_draft(edward, screen("incident_post_update", notice.pk), status="resolved", body="Done.")
    assert notice.updates.public().count() == 1

    publish(edward, draft_url(notice))

    notice.refresh_from_db()
    assert notice.status == "resolved"


def test_a_draft_can_be_discarded_with_its_notice(edward):
    draft = make_incident(publish=False).updates.get()
    url = screen("incident_discard", draft.pk)

    assert edward.get(url).status_code == 200
    assert IncidentUpdate.objects.exists()
    edward.post(url)

    assert not Incident.objects.exists()
    assert edward.post(url).status_code == 302


def test_what_is_published_cannot_be_discarded(edward):
    edward.post(screen("incident_discard", make_incident().updates.get().pk))

    assert IncidentUpdate.objects.public().count() == 1


def test_a_draft_that_a_colleague_published_is_not_published_again(edward):
    draft = make_incident(publish=False).updates.get()
    url = screen("incident_draft", draft.pk)
    sent = {**fill(edward, url, body="Mine."), "act": "publish"}
    publish_draft(draft, actor=None)

    answer = edward.post(url, sent)

    assert "__all__" in errors(answer)
    assert answer.context["form"]["body"].value() == "Mine."
    assert IncidentUpdate.objects.get().body == "We are looking into it."


def test_a_draft_that_a_colleague_discarded_gives_the_words_back(edward):
    draft = make_incident(publish=False).updates.get()
    url = screen("incident_draft", draft.pk)
    sent = {**fill(edward, url, body="All my words."), "act": "draft"}
    discard_draft(draft, actor=None)

    answer = edward.post(url, sent)

    assert answer.status_code == 404
    assert "All my words." in answer.content.decode()


def test_a_double_click_publishes_a_draft_once(edward):
    draft = make_incident(publish=False).updates.get()
    url = screen("incident_draft", draft.pk)
    sent = {**fill(edward, url), "act": "publish"}

    assert [edward.post(url, sent).status_code for _click in range(2)] == [302, 302]
    assert Page.objects.current().version == 2
