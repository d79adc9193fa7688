from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from incidents.actions import open_incident, post_update, publish_draft
from incidents.component_actions import note_past_status, set_component_status
from incidents.models import Component, Incident, IncidentUpdate
from incidents.past import report_past_incident
from incidents.values import UpdateText
from tests.incidents.screens import at, errors, fill, newest, publish, screen
from tests.make import make_component, make_incident, utc

pytestmark = pytest.mark.django_db

BEGAN, ENDED, NOW = utc(2026, 1, 2, 14), utc(2026, 1, 2, 16), utc(2026, 1, 3, 12)
DOWN, SLOW, WELL = "major_outage", "degraded_performance", "operational"


def history(component: Component) -> list[tuple]:
    return list(component.status_changes.order_by("at", "pk").values_list("at", "status"))


def past(components: dict[int, str] | None = None, **fields) -> IncidentUpdate:
    texts = {
        "opening": UpdateText(status="identified", body="Mailings waited.", components=components or {}),
        "closing": UpdateText(status="resolved", body="All are sent.", notify=False),
    }
    times = {"started_at": BEGAN, "ended_at": ENDED, "at": NOW}
    return report_past_incident(**{"title": "Mailings waited", "actor": None, **texts, **times} | fields)


def test_a_past_incident_stands_where_it_was_and_was_published_now():
    mail = make_component()

    notice = past({mail.pk: DOWN}).incident

    assert (notice.started_at, notice.resolved_at, notice.published_at) == (BEGAN, ENDED, NOW)
    assert (notice.status, notice.impact, notice.next_update_by) == ("resolved", "critical", None)
    updates = notice.updates.order_by("display_at").values_list("status", "display_at", "published_at", "notify")
    assert list(updates) == [("identified", BEGAN, NOW, False), ("resolved", ENDED, NOW, False)]


def test_a_past_incident_is_in_the_history_of_its_components_and_not_in_their_present():
    mail = make_component()

    past({mail.pk: DOWN})

    mail.refresh_from_db()
    assert history(mail) == [(BEGAN, DOWN), (ENDED, WELL)]
    assert mail.shown_status == WELL


def test_what_was_worse_at_the_time_stays():
    mail = make_component()
    for moment, status in ((utc(2026, 1, 2, 15), DOWN), (utc(2026, 1, 2, 17), WELL)):
        set_component_status(mail, status, actor=None, at=moment)

    note_past_status(mail, SLOW, BEGAN, ENDED)

    assert history(mail) == [(BEGAN, SLOW), (utc(2026, 1, 2, 15), DOWN), (utc(2026, 1, 2, 17), WELL)]


def test_what_was_better_at_the_time_is_darkened_and_comes_back_after_it():
    mail = make_component()
    set_component_status(mail, SLOW, actor=None, at=utc(2026, 1, 2, 13))
    set_component_status(mail, WELL, actor=None, at=utc(2026, 1, 2, 15))

    note_past_status(mail, DOWN, BEGAN, ENDED)

    assert history(mail) == [(utc(2026, 1, 2, 13), SLOW), (BEGAN, DOWN), (utc(2026, 1, 2, 15), DOWN), (ENDED, WELL)]


def test_an_incident_that_began_yesterday_is_dark_since_yesterday():
    mail = make_component()
    text = UpdateText(status="investigating", body="We forgot to post.", components={mail.pk: DOWN})

    open_incident(title="Down", update=text, actor=None, started_at=BEGAN, at=NOW)

    mail.refresh_from_db()
    assert (history(mail), mail.shown_status) == ([(BEGAN, DOWN)], DOWN)


def test_an_end_that_is_told_late_is_dated_when_it_was():
    mail = make_component()
    incident = make_incident(components={mail.pk: DOWN}, at=BEGAN)

    text = UpdateText(status="resolved", body="Over since four.", display_at=ENDED, components={mail.pk: WELL})
    update = post_update(incident, text, actor=None, at=NOW)

    incident.refresh_from_db()
    assert (incident.resolved_at, incident.updated_at, update.published_at) == (ENDED, NOW, NOW)
    assert history(mail) == [(BEGAN, DOWN), (ENDED, WELL)]


def test_an_update_between_others_leaves_the_notice_where_it_stands():
    mail = make_component()
    incident = make_incident(components={mail.pk: DOWN}, at=BEGAN)
    post_update(incident, UpdateText(status="resolved", body="Over."), actor=None, at=ENDED)

    text = UpdateText(
        status="monitoring", body="We watched it.", display_at=utc(2026, 1, 2, 15), components={mail.pk: SLOW}
    )
    between = post_update(incident, text, actor=None, at=NOW)

    incident.refresh_from_db()
    assert (incident.status, incident.resolved_at, incident.monitoring_at) == ("resolved", ENDED, None)
    assert [u.status for u in incident.updates.all()] == ["resolved", "monitoring", "investigating"]
    assert (between.created_at, between.affected.count()) == (NOW, 0)
    assert history(mail) == [(BEGAN, DOWN), (ENDED, WELL)]


@pytest.mark.parametrize("moment", [utc(2026, 1, 2, 13, 59), utc(2026, 1, 3, 12, 1)])
def test_no_update_tells_of_the_future_or_of_before_the_beginning(moment):
    incident = make_incident(at=BEGAN)

    with pytest.raises(ValidationError) as refused:
        post_update(incident, UpdateText(status="monitoring", body="So.", display_at=moment), actor=None, at=NOW)

    assert list(refused.value.error_dict) == ["display_at"]


def test_a_backdated_draft_keeps_its_moment():
    incident = make_incident(at=BEGAN)
    text = UpdateText(status="monitoring", body="So.", display_at=ENDED)
    draft = post_update(incident, text, actor=None, publish=False, at=NOW)

    publish_draft(draft, actor=None, at=utc(2026, 1, 4))

    draft.refresh_from_db()
    assert (draft.display_at, draft.published_at) == (ENDED, utc(2026, 1, 4))


@pytest.mark.parametrize(
    "times", [{"ended_at": utc(2026, 1, 2, 13)}, {"ended_at": utc(2026, 1, 3, 13)}], ids=["before it began", "to come"]
)
def test_a_past_incident_has_ended_after_it_began_and_before_now(times):
    with pytest.raises(ValidationError) as refused:
        past(**times)

    assert list(refused.value.error_dict) == ["ended_at"]
    assert not Incident.objects.exists()


# The screens

PAST = {
    "title": "Mailings waited",
    "opening": "A disk was full.",
    "closing": "All mailings are sent.",
    **at("started_at", "2026-01-02", "15:00"),
    **at("ended_at", "2026-01-02", "17:00"),
}


def test_staff_report_what_is_over(edward):
    mail = make_component("Mail")

    publish(edward, screen("incident_past"), **PAST, **{f"component-{mail.pk}": DOWN})

    notice = Incident.objects.get()
    assert (notice.started_at, notice.resolved_at, notice.status) == (BEGAN, ENDED, "resolved")
    assert [(u.body, u.notify) for u in notice.updates.all()] == [
        ("All mailings are sent.", False),
        ("A disk was full.", False),
    ]
    assert history(mail) == [(BEGAN, DOWN), (ENDED, WELL)]


def test_a_double_click_reports_once(edward):
    url = screen("incident_past")
    sent = {**fill(edward, url, **PAST), "act": "publish"}

    assert [edward.post(url, sent).status_code for _click in range(2)] == [302, 302]
    assert Incident.objects.count() == 1


def test_a_backdated_update_is_told_to_nobody_unless_asked_for(edward):
    incident = make_incident(at=BEGAN)
    url = screen("incident_post_update", incident.pk)
    typed = {"status": "monitoring", "body": "We watch.", **at("display_at", "2026-01-02", "16:00")}

    publish(edward, url, **typed, notify="on")
    assert (newest(incident).notify, newest(incident).display_at) == (False, utc(2026, 1, 2, 15))
    publish(edward, url, **typed, tell_late="on")
    assert newest(incident).notify is True


def test_the_screen_refuses_a_moment_before_the_beginning(edward):
    incident = make_incident(at=BEGAN)

    refused = publish(
        edward,
        screen("incident_post_update", incident.pk),
        status="monitoring",
        body="So.",
        **at("display_at", "2026-01-02", "14:00"),
    )

    assert errors(refused) == {"display_at": ["This is before the notice began."]}
