from __future__ import annotations

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from incidents.checker import check
from incidents.models import Change, Incident, IncidentTemplate, Page
from incidents.prepared import Prepared, prepared_from, prepared_of
from incidents.shipped_templates import SHIPPED
from incidents.template_actions import (
    delete_template,
    duplicate_template,
    install_shipped,
    save_template,
    use_template,
)
from incidents.values import EffectLine, NoticeDetails
from tests.make import make_component, make_incident, make_maintenance, make_page, make_staff, utc

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("our_texts")]

STARTS, ENDS = utc(2013, 11, 9, 20), utc(2013, 11, 9, 23)


@pytest.fixture
def slow() -> IncidentTemplate:
    mailings = make_component("Mailings")
    return save_template(
        Prepared(
            "incident",
            "Slow again",
            title="((functions)) are slow",
            body="See ((ticket)).",
            status="investigating",
            effects=[EffectLine("Mailings", "slower"), EffectLine("Images", "unaffected", "in sent mail")],
            components={mailings.pk: "degraded_performance"},
        ),
        actor=make_staff("edward"),
    )


def test_what_was_saved_is_read_again(slow):
    prepared = prepared_of(slow)

    assert (prepared.name, prepared.title, prepared.status) == ("Slow again", "((functions)) are slow", "investigating")
    assert [line.function for line in prepared.effects] == ["Mailings", "Images"]
    assert list(prepared.components.values()) == ["degraded_performance"]


def test_an_act_is_written_down_with_what_was_before_and_stays_private(slow):
    version = Page.objects.current().version
    held = prepared_of(slow)

    save_template(
        Prepared("incident", "Slow again", body="Changed.", components=held.components),
        actor=make_staff("anna"),
        template=slow,
    )
    delete_template(slow, actor=None)

    added, changed, deleted = Change.objects.order_by("pk")
    assert [c.verb for c in (added, changed, deleted)] == ["add_template", "change_template", "delete_template"]
    assert (changed.actor_name, changed.before["body"], changed.after["body"]) == (
        "anna",
        "See ((ticket)).",
        "Changed.",
    )
    assert (changed.before["components"], deleted.before["name"]) == ("Mailings: degraded_performance", "Slow again")
    assert (changed.version, Page.objects.current().version) == (None, version)
    assert not IncidentTemplate.objects.filter(pk=slow.pk).exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Slow again"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"title": "a\x00b"}, "title"),
        ({"body": "x" * 10_001}, "body"),
        ({"status": "completed"}, "status"),
    ],
)
def test_what_no_notice_could_say_is_refused_by_field(slow, wrong, field):
    with pytest.raises(ValidationError) as refused:
        save_template(Prepared(**{"kind": "incident", "name": "Other", **wrong}), actor=None)

    assert list(refused.value.message_dict) == [field]


def test_a_copy_has_a_name_and_rows_of_its_own_and_waits_to_be_put_in_use(slow):
    first, second = (duplicate_template(slow, actor=None) for _time in range(2))

    assert [first.name, second.name] == ["Slow again (copy)", "Slow again (copy) 2"]
    assert (first.is_in_use, first.effects.count(), slow.effects.count()) == (False, 2, 2)
    assert first.position > slow.position


def test_taking_out_of_use_twice_is_one_act(slow):
    for _time in range(2):
        use_template(slow, False, actor=None)

    assert Change.objects.filter(verb="change_template").count() == 1
    assert not IncidentTemplate.objects.in_use().filter(pk=slow.pk).exists()


def test_what_a_colleague_deleted_is_not_written_again(slow):
    delete_template(slow, actor=None)

    with pytest.raises(ValidationError, match="deleted meanwhile"):
        save_template(Prepared("incident", "Slow again"), actor=None, template=slow)


def test_a_new_database_has_our_texts():
    assert list(
        IncidentTemplate.objects.exclude(shipped_as="").values_list("shipped_as", flat=True).order_by("pk")
    ) == (list(SHIPPED))


def test_our_texts_come_back_on_request_alone_and_change_nothing_that_is_there():
    make_page()
    IncidentTemplate.objects.filter(shipped_as="slow").update(body="Ours now.", name="Sluggish")
    IncidentTemplate.objects.filter(shipped_as__in=["delayed", "resolved"]).delete()
    said = io.StringIO()

    call_command("migrate", verbosity=0)
    call_command("templates", stdout=said)
    assert "Missing of ours, added by --install: Data is delayed, not lost, Resolved." in said.getvalue()
    assert IncidentTemplate.objects.count() == len(SHIPPED) - 2

    call_command("templates", "--install", stdout=said)

    assert "Added: 2." in said.getvalue()
    assert install_shipped(actor=None) == []
    assert IncidentTemplate.objects.get(shipped_as="slow").body == "Ours now."


def test_a_text_of_ours_whose_name_is_taken_gets_a_number():
    IncidentTemplate.objects.filter(shipped_as="slow").update(shipped_as="")

    assert [template.name for template in install_shipped(actor=None)] == ["A function is slow 2"]


def test_a_notice_becomes_a_template_without_what_was_of_its_day():
    mailings = make_component("Mailings")
    details = NoticeDetails(reason="So.", data_statement="none_expected_lost", effects=[EffectLine("A", "delayed")])
    work = make_maintenance(
        starts=STARTS,
        ends=ENDS,
        avoid_starts=utc(2013, 11, 9, 17),
        avoid_ends=ENDS,
        components={mailings.pk: "major_outage"},
        details=details,
    )

    prepared = prepared_from(work, name="Power")

    assert (prepared.kind, prepared.body, prepared.status) == ("maintenance", "All servers get new power feeds.", "")
    assert (prepared.work_minutes, prepared.avoid_before_minutes, prepared.avoid_after_minutes) == (180, 180, 0)
    assert (prepared.reason, prepared.effects) == ("So.", [EffectLine("A", "delayed")])
    assert prepared.components == {mailings.pk: "major_outage"}


def test_a_closed_notice_gives_the_trouble_that_it_began_with():
    mailings = make_component("Mailings")
    incident = make_incident(components={mailings.pk: "partial_outage"})
    Incident.objects.filter(pk=incident.pk).update(status="resolved")
    incident.affected.update(status="operational")

    prepared = prepared_from(incident, name="Late")

    assert (prepared.status, prepared.components) == ("investigating", {mailings.pk: "partial_outage"})


def test_a_gap_is_the_gravest_remark_wherever_it_stands():
    details = NoticeDetails(reason="((why))", effects=[EffectLine("Mailings", "slower", "by ((how much))")])
    update = make_incident("((ticket))", body="((ticket)) or `((code))`", details=details).updates.get()

    remarks = check(update, now=STARTS)

    assert [(remark.field, remark.words) for remark in remarks[:4]] == [
        ("title", "((ticket))"),
        ("body", "((ticket))"),
        ("reason", "((why))"),
        ("effects", "((how much))"),
    ]
    assert not any(remark.words.startswith("((") for remark in remarks[4:])


@pytest.mark.parametrize("key", SHIPPED)
def test_our_own_texts_draw_no_remark_on_their_words(key):
    text = SHIPPED[key]
    status = text.status or "investigating"
    status = status if status in ("investigating", "identified", "monitoring", "resolved") else "monitoring"
    details = NoticeDetails(reason=text.reason, advice_before=text.advice_before, advice_during=text.advice_during)
    update = make_incident(text.title or "A title", body=text.body, status=status, details=details).updates.get()

    assert [r.words for r in check(update, now=STARTS) if r.words and not r.words.startswith("((")] == []
