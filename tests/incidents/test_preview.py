from __future__ import annotations

import pytest
from django.apps import apps

from incidents.models import Incident, IncidentUpdate
from incidents.rehearsal import PreviewPane
from incidents.signals import page_changed, preview_requested
from tests.incidents.screens import at, fill, preview, screen
from tests.make import make_component, make_incident, make_maintenance, utc

pytestmark = pytest.mark.django_db

OPEN = "/admin/incidents/incident/open/"


@pytest.fixture(autouse=True)
def monday_evening(time_machine):
    time_machine.move_to(utc(2026, 11, 9, 20, 2), tick=False)


@pytest.fixture
def panes():
    """What receivers answer: one pane of each kind, made from the update as it would be."""

    def answer(update, **_signal):
        return [
            PreviewPane("line", "Subscribers", "line", f"{update.get_status_display()} goes to 3 subscribers"),
            PreviewPane("page", "Page", "html", f"<!doctype html><style>p{{color:red}}</style>{update.body_html}"),
            PreviewPane("mail-text", "Mail as plain text", "text", f"Subject: {update.incident.title} <&>"),
        ]

    preview_requested.connect(answer)
    yield
    preview_requested.disconnect(answer)


def rows() -> dict[str, list]:
    """Every row of every table of ours."""
    ours = [model for name in ("incidents", "subscriptions") for model in apps.get_app_config(name).get_models()]
    return {model._meta.label: list(model.objects.order_by("pk").values()) for model in ours}


def test_a_preview_shows_the_panes_and_writes_nothing(edward, panes):
    mailings = make_component()
    notice = make_incident()
    before = rows()

    for url in (OPEN, screen("incident_post_update", notice.pk)):
        answer = preview(
            edward, url, title="Late", body="They **wait**.", **{f"component-{mailings.pk}": "major_outage"}
        )
        page = answer.content.decode()
        assert "Investigating goes to 3 subscribers" in page
        assert "&lt;p&gt;They &lt;strong&gt;wait&lt;/strong&gt;.&lt;/p&gt;" in page
        assert "&lt;&amp;&gt;" in page

    assert rows() == before


@pytest.mark.django_db(transaction=True)
def test_a_preview_rings_nobody(edward):
    rung = []
    page_changed.connect(lambda **signal: rung.append(signal), weak=False, dispatch_uid="test")

    preview(edward, OPEN, title="Late", body="They wait.")

    page_changed.disconnect(dispatch_uid="test")
    assert rung == []


def test_the_form_can_still_be_published_after_a_preview(edward, panes):
    sent = fill(edward, OPEN, title="Late", body="They wait.")
    edward.post(OPEN + "preview/", {**sent, "act": "preview"})

    assert edward.post(OPEN, {**sent, "act": "publish"}).status_code == 302
    assert Incident.objects.public().count() == 1


@pytest.mark.parametrize("task", ["all_clear", "cancel", "edit", "post_update"])
def test_every_task_has_a_preview(edward, panes, task):
    notice = make_maintenance(starts=utc(2026, 11, 9, 19), ends=utc(2026, 11, 9, 20))
    before = rows()

    answer = preview(edward, screen(f"incident_{task}", notice.pk), body="All is well.", data_outcome="none_lost")

    assert "page" in {pane.name for pane in answer.context["panes"]}
    assert rows() == before


def test_an_edit_is_previewed_as_page_alone_since_nobody_is_told(edward, panes):
    answer = preview(edward, screen("incident_edit", make_incident().pk), title="Another title")

    assert {pane.name for pane in answer.context["panes"]} == {"page"}
    assert answer.context["lines"] == []


def test_a_draft_is_previewed_as_it_is_being_written(edward, panes):
    draft = make_incident(publish=False).updates.get()
    before = rows()

    answer = preview(edward, screen("incident_draft", draft.pk), body="Other words.")

    assert "Other words." in answer.context["panes"][0].content
    assert rows() == before


def test_the_preview_says_how_each_time_will_read(edward):
    answer = preview(
        edward,
        "/admin/incidents/scheduledmaintenance/schedule/",
        title="Work",
        body="Soon.",
        **at("work_starts_at", "2026-07-04", "21:00"),
        **at("work_ends_at", "2026-07-04", "24:00"),
    )

    assert ("Work starts", "Saturday 4 July 2026, 21:00 CEST (19:00 UTC)") in answer.context["times"]
    assert ("Work ends", "Sunday 5 July 2026, 00:00 CEST (4 Jul 22:00 UTC) · lasts 3 h") in answer.context["times"]


def test_a_suggested_time_that_was_emptied_is_not_told(edward):
    answer = preview(edward, OPEN, title="Late", body="Soon.", **at("next_update_by", "", ""))

    assert answer.context["times"] == []


@pytest.mark.parametrize("body", ["[" * 20_000, "x" * 1_000_000, "a\x00b"], ids=["brackets", "a megabyte", "NUL"])
def test_the_limits_of_text_hold_for_a_preview_too(edward, panes, body):
    answer = preview(edward, OPEN, title="Late", body=body)

    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {"body"}
    assert "panes" not in answer.context


def test_what_a_verb_refuses_is_said_instead_of_a_preview(edward, panes):
    notice = make_incident()
    Incident.objects.filter(pk=notice.pk).update(status="postmortem")

    answer = preview(edward, screen("incident_post_update", notice.pk), status="identified", body="Found it.")

    assert "No preview yet" in answer.content.decode()


def test_a_preview_may_bring_styles_of_its_own_and_nothing_that_runs(edward):
    policy = dict(
        directive.split(" ", 1)
        for directive in preview(edward, OPEN, title="Late").headers["Content-Security-Policy"].split("; ")
    )

    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert (policy["default-src"], policy["form-action"]) == ("'none'", "'none'")
    assert policy["script-src"] == "'none'"


def test_the_form_itself_allows_nothing_inline(edward):
    assert "unsafe-inline" not in edward.get(OPEN).headers["Content-Security-Policy"]


def test_a_preview_looked_at_without_a_form_explains_itself(edward):
    assert "Press Preview" in edward.get(OPEN + "preview/").content.decode()
    assert not IncidentUpdate.objects.exists()


def test_a_preview_says_what_a_reader_would_trip_over_and_blocks_nothing(edward):
    page = preview(edward, OPEN, title="Late", body="Some users wait since 10-11-2013, 12 AM.").content.decode()

    assert f'href="{OPEN}#id_body" target="_top" data-control="id_body" data-words="Some users">Text</a>' in page
    assert "<q>12 AM</q>" in page
    assert f'href="{OPEN}#id_effects-0-function"' in page
    assert f'href="{OPEN}#id_data_statement_0"' in page


def test_a_preview_of_a_sound_notice_remarks_nothing(edward):
    mailings = make_component()
    values = {f"component-{mailings.pk}": "major_outage", "data_statement": "none_lost"}

    assert "trip over" not in preview(edward, OPEN, title="Late", body="Mailings wait.", **values).content.decode()
