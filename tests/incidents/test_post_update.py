from __future__ import annotations

import pytest

from incidents.models import Component, Incident, IncidentUpdate
from tests.incidents.screens import at, errors, fill, newest, publish, screen
from tests.make import make_component, make_incident, make_maintenance, utc

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday_evening(time_machine):
    time_machine.move_to(utc(2026, 11, 9, 20, 2), tick=False)


def url(notice: Incident) -> str:
    return screen("incident_post_update", notice.pk)


def test_an_update_moves_the_notice(edward):
    mailings = make_component()
    notice = make_incident(components={mailings.pk: "major_outage"})

    publish(
        edward,
        url(notice),
        status="identified",
        body="Found it.",
        **{f"component-{mailings.pk}": "degraded_performance"},
        **at("next_update_by", "2026-11-09", "21:30"),
    )

    notice.refresh_from_db()
    assert (notice.status, notice.next_update_by) == ("identified", utc(2026, 11, 9, 20, 30))
    assert Component.objects.values_list("shown_status", flat=True).get() == "degraded_performance"


def test_a_component_left_alone_stays_as_the_notice_had_it(edward):
    mailings = make_component()
    notice = make_incident(components={mailings.pk: "major_outage"})

    publish(edward, url(notice), status="identified", body="Found it.")

    assert notice.affected.get().status == "major_outage"
    assert not newest(notice).affected.exists()


def test_resolving_frees_every_component_says_so_and_promises_nothing_more(edward):
    mailings = make_component()
    notice = make_incident(components={mailings.pk: "major_outage"})

    publish(edward, url(notice) + "?status=resolved", body="All is well.", data_outcome="none_lost")

    notice.refresh_from_db()
    update = newest(notice)
    assert (notice.status, notice.data_outcome, notice.next_update_by) == ("resolved", "none_lost", None)
    assert update.next_update_by is None
    assert update.affected.values_list("old_status", "new_status").get() == ("major_outage", "operational")
    assert Component.objects.values_list("shown_status", flat=True).get() == "operational"


def test_only_the_ways_on_are_offered(edward):
    maintenance = make_maintenance(starts=utc(2026, 11, 14, 20), ends=utc(2026, 11, 14, 23))

    form = edward.get(url(maintenance)).context["form"]

    assert [value for value, _label in form["status"].field.choices] == ["scheduled", "in_progress", "verifying"]


def test_a_status_that_is_not_offered_is_refused(edward):
    assert "status" in errors(publish(edward, url(make_incident()), status="completed", body="Done."))


def test_an_empty_update_is_not_published(edward):
    notice = make_incident()

    assert set(errors(publish(edward, url(notice), body="  "))) == {"body"}
    assert notice.updates.count() == 1


def test_the_screen_shows_what_is_out_there(edward):
    page = edward.get(url(make_incident(body="They **wait**."))).content.decode()

    assert "<p>They <strong>wait</strong>.</p>" in page


def test_a_double_click_posts_once(edward):
    notice = make_incident()
    sent = {**fill(edward, url(notice), status="identified", body="Found it."), "act": "publish"}

    answers = [edward.post(url(notice), sent) for _click in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert notice.updates.count() == 2


def test_a_form_that_comes_back_with_other_words_is_not_dropped_without_a_word(edward):
    notice = make_incident()
    sent = {**fill(edward, url(notice), status="identified", body="Found it."), "act": "publish"}
    edward.post(url(notice), sent)

    changed = edward.post(url(notice), {**sent, "body": "Found it, and mended it."})

    assert changed.status_code == 200
    assert changed.context["posted_already"] == newest(notice)
    again = {**sent, "body": "Found it, and mended it.", "form_id": changed.context["form"]["form_id"].value()}
    again["seen"] = changed.context["form"]["seen"].value()
    assert edward.post(url(notice), again).status_code == 302
    assert newest(notice).body == "Found it, and mended it."


def test_a_draft_notice_and_an_unknown_one_have_no_such_screen(edward):
    draft = make_incident(publish=False)

    assert edward.get(url(draft)).status_code == 404
    assert edward.get("/admin/incidents/incident/99999999999999999999/post-update/").status_code == 404


def test_posting_writes_nothing_when_a_verb_refuses(edward):
    notice = make_incident()
    sent = fill(edward, url(notice), status="identified", body="Found it.")
    Incident.objects.filter(pk=notice.pk).update(status="postmortem")

    answer = edward.post(url(notice), {**sent, "act": "publish"})

    assert set(errors(answer)) == {"status"}
    assert IncidentUpdate.objects.count() == 1


def test_the_next_update_is_promised_hourly_once_an_incident_lasts(edward, time_machine):
    notice = make_incident(started_at=utc(2026, 11, 9, 18, 3))

    assert fill(edward, url(notice))["next_update_by_time"] == "21:25"
    time_machine.move_to(utc(2026, 11, 9, 20, 3), tick=False)
    assert fill(edward, url(notice))["next_update_by_time"] == "22:05"
