from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from incidents.models import Component, Incident, IncidentUpdate, Page
from tests.incidents.screens import at, errors, fill, publish, read_form, screen
from tests.make import make_component, make_incident, utc

pytestmark = pytest.mark.django_db

OPEN = "/admin/incidents/incident/open/"
SOON = at("next_update_by", "2026-11-09", "21:20")


@pytest.fixture(autouse=True)
def monday_evening(time_machine):
    time_machine.move_to(utc(2026, 11, 9, 20, 2, 11), tick=False)


def test_an_incident_is_opened_and_seen(edward):
    mailings = make_component("Sending mailings")

    answer = publish(
        edward,
        OPEN,
        title="Mailings leave late",
        body="They wait **ten minutes**.",
        **{f"component-{mailings.pk}": "partial_outage"},
    )

    notice = Incident.objects.public().get()
    update = notice.updates.get()
    assert answer.url == screen("incident_change", notice.pk)
    assert (notice.title, notice.status, notice.impact) == ("Mailings leave late", "investigating", "major")
    assert (update.body_html, update.notify, update.byline) == (
        "<p>They wait <strong>ten minutes</strong>.</p>",
        True,
        "edward",
    )
    assert Component.objects.values_list("shown_status", flat=True).get() == "partial_outage"


def test_the_answer_leads_to_the_public_notice(edward):
    answer = publish(edward, OPEN, title="Mailings leave late", body="They wait.")

    page = edward.get(answer.url).content.decode()
    update = IncidentUpdate.objects.select_related("incident").get()
    assert f'href="/incidents/{update.incident.code}#update-{update.code}"' in page


def test_the_next_update_is_suggested_in_about_twenty_minutes_in_the_page_zone(edward):
    sent = fill(edward, OPEN)

    assert (sent["next_update_by_date"], sent["next_update_by_time"]) == ("2026-11-09", "21:25")


def test_everything_a_notice_can_say_is_kept(edward):
    earlier = make_incident("A cabinet lost power", status="resolved")

    publish(
        edward,
        OPEN,
        title="Mailings leave late",
        body="They wait.",
        status="identified",
        reason="A switch failed.",
        advice_during="Send nothing.",
        data_statement="delayed_not_lost",
        impact_override="critical",
        byline="The night shift",
        notify=None,
        **at("started_at", "2026-11-09", "20:30"),
        **{
            "effects-0-function": "Images",
            "effects-0-level": "unavailable",
            "effects-0-note": "also in mail already sent",
            "effects-2-function": "Mailings",
            "effects-2-level": "delayed",
            "links-0-kind": "caused_by",
            "links-0-target": str(earlier.pk),
        },
    )

    notice = Incident.objects.get(title="Mailings leave late")
    assert (notice.status, notice.impact, notice.byline) == ("identified", "critical", "The night shift")
    assert (notice.reason_html, notice.advice_during) == ("<p>A switch failed.</p>", "Send nothing.")
    assert (notice.data_statement, notice.started_at) == ("delayed_not_lost", utc(2026, 11, 9, 19, 30))
    assert [str(effect) for effect in notice.effects.all()] == ["Images: Unavailable", "Mailings: Delayed"]
    assert notice.links_out.values_list("kind", "target").get() == ("caused_by", earlier.pk)
    assert not notice.updates.get().notify


def test_without_a_title_or_a_text_nothing_is_published_and_nothing_typed_is_lost(edward):
    answer = publish(edward, OPEN, title="", body="", reason="A switch failed.", **{"effects-0-function": "Images"})

    assert set(errors(answer)) == {"title", "body"}
    assert answer.context["form"].effects.forms[0].errors == {"level": ["Say what happens to it."]}
    sent = read_form(answer).values
    assert (sent["reason"], sent["effects-0-function"]) == ("A switch failed.", "Images")
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "[" * 20_000,
        "a\x00b",
        "a\x0bb",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin1"),
        "> " * 60,
    ],
    ids=["a megabyte", "brackets", "NUL", "vertical tab", "half a surrogate", "nested quotes"],
)
@pytest.mark.parametrize("field", ["body", "reason", "advice_before"])
def test_text_beyond_the_limits_is_refused_at_its_field_and_comes_back_whole(edward, field, text):
    sent = {**fill(edward, OPEN, title="Late", body="Text."), field: text, "act": "publish"}

    answer = edward.post(OPEN, sent)

    assert answer.status_code == 200
    assert list(errors(answer)) == [field]
    assert answer.context["form"][field].value() == text
    assert Page.objects.current().version == 1


@pytest.mark.parametrize("text", ["x" * 201, "a\x00b", "a\u2028b", "a\u202eb"])
def test_a_title_is_one_line_that_can_be_shown(edward, text):
    assert set(errors(publish(edward, OPEN, title=text, body="Text."))) == {"title"}


HOSTILE = ["\x00", "-1", "9" * 40, "%s", "' OR 1=1 --", "\ud7ff" * 3, "nan", "x" * 100_000]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_input_everywhere_is_refused_and_no_error_of_ours(edward, value):
    sent = fill(edward, OPEN, title="Late", body="Text.", **{f"component-{make_component().pk}": ""})

    assert edward.post(OPEN, {**dict.fromkeys(sent, value), "act": "publish"}).status_code == 200


@pytest.mark.parametrize("value", HOSTILE[:3:2], ids=range(2))
def test_hostile_input_in_one_field_is_no_error_of_ours(edward, value):
    sent = fill(edward, OPEN, title="Late", body="Text.")

    for name in [*sent, "next_update_by_which", "started_at_date"]:
        answer = edward.post(OPEN, {**sent, name: value, "act": "draft"})
        assert answer.status_code in (200, 302), name


def test_an_incident_does_not_start_in_the_future(edward):
    answer = publish(edward, OPEN, title="Late", body="Text.", **at("started_at", "2026-11-10", "10:00"))

    assert set(errors(answer)) == {"started_at"}


def test_a_next_update_promised_for_the_past_is_refused(edward):
    answer = publish(edward, OPEN, title="Late", body="Text.", **at("next_update_by", "2026-11-09", "20:00"))

    assert set(errors(answer)) == {"next_update_by"}


def test_the_same_link_twice_is_one_link(edward):
    earlier = make_incident()
    row = {"kind": "related", "target": str(earlier.pk)}
    links = {f"links-{n}-{name}": value for n in range(2) for name, value in row.items()}

    publish(edward, OPEN, title="Late", body="Text.", **links, **{"links-TOTAL_FORMS": "2"})

    assert Incident.objects.get(title="Late").links_out.count() == 1


def test_an_incident_without_a_start_starts_when_it_is_published(edward):
    publish(edward, OPEN, title="Late", body="Text.")

    assert Incident.objects.get().started_at == timezone.now()
    assert dt.timedelta() == timezone.now() - Incident.objects.get().published_at
