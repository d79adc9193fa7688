from __future__ import annotations

import csv
import io
from pathlib import Path
from re import findall
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from incidents import history
from incidents.actions import discard_draft, edit_draft, edit_notice, open_incident, post_update
from incidents.audit import ACTS, ACTS_ON_PEOPLE, act_in_words, csv_pieces, differences
from incidents.component_actions import set_component_status
from incidents.models import Change, Incident
from incidents.values import EffectLine, NoticeDetails, UpdateText
from tests.incidents.screens import screen
from tests.make import make_component, make_incident, make_page, make_role, make_staff, utc

pytestmark = pytest.mark.django_db

CHANGES = "/admin/incidents/change/"
EXPORT = CHANGES + "export/"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def newest(verb: str) -> Change:
    return Change.objects.filter(verb=verb).order_by("-pk").first()


def told(verb: str) -> dict[str, tuple[str, str]]:
    """What the newest act of that kind changed, as staff read it."""
    return {row.label: (row.before, row.after) for row in differences(newest(verb), AMSTERDAM)}


def browser_of(role: str) -> Client:
    client = Client()
    client.force_login(make_role(role))
    return client


def test_what_was_written_is_kept():
    mailings = make_component("Mailings")
    incident = make_incident(components={mailings.pk: "major_outage"})
    promised = UpdateText("identified", "A full disk.", next_update_by=utc(2026, 11, 9, 20))

    post_update(incident, promised, actor=None)

    assert told("open_incident")["components"] == ("", "Mailings: Major outage")
    assert told("post_update")["text"] == ("", "A full disk.")
    assert told("post_update")["status"] == ("Investigating", "Identified")
    assert told("post_update")["next update by"] == ("", "Monday 9 November 2026, 21:00 CET (20:00 UTC)")


def test_a_draft_is_followed_from_its_beginning_to_its_end():
    anna = make_staff("anna")
    draft = open_incident(title="Late", update=UpdateText("investigating", "We look."), actor=anna, publish=False)
    edit_draft(draft, UpdateText("identified", "We found it.", notify=False), actor=anna)
    edit_draft(draft, UpdateText("identified", "We found it.", notify=False), actor=anna)
    discard_draft(draft, actor=anna)

    assert [change.verb for change in Change.objects.order_by("pk")] == ["draft_notice", "edit_draft", "discard_draft"]
    assert told("edit_draft") == {
        "status": ("Investigating", "Identified"),
        "text": ("We look.", "We found it."),
        "tell subscribers": ("yes", "no"),
    }
    assert told("discard_draft")["text"] == ("We found it.", "")


def test_effects_and_reminders_read_as_words():
    incident = make_incident()
    details = NoticeDetails(effects=[EffectLine("Mailings", "delayed", "one hour")], data_statement="none_lost")

    edit_notice(incident, actor=None, title=incident.title, details=details)

    assert told("edit_notice") == {
        "effects": ("", "Mailings: Delayed – one hour"),
        "data": ("", "No data was lost."),
    }


def test_a_long_text_shows_the_words_that_went_and_came():
    long = "We are looking into it and come back with news. " * 4
    draft = make_incident(publish=False, body=long).updates.get()
    edit_draft(draft, UpdateText("investigating", long.replace("news", "answers", 1)), actor=None)

    row = next(row for row in differences(newest("edit_draft"), AMSTERDAM) if row.label == "text")

    assert [part for part in row.parts if part[0] != "same"] == [("gone", "news. "), ("new", "answers. ")]
    assert "".join(words for kind, words in row.parts if kind != "new").strip() == long.strip()


def test_components_and_page_tell_what_they_were_before(edward):
    mailings = make_component("Mailings")
    edward.post(screen("component_change", mailings.pk), {"name": "Sending", "position": "1", "status": "operational"})
    set_component_status(mailings, "partial_outage", actor=None)
    page = {"name": "Copernica", "time_zone": "Europe/Amsterdam", "language": "en", "reminders": "1 hour"}
    kept = {"icon_shows_state": "on", "uses_style_sheet": "on"}
    edward.post("/admin/incidents/page/1/change/", {**page, **kept, "needs_review": "on"})

    assert told("set_component_status")["own status"] == ("Operational", "Partial outage")
    assert told("change") == {
        "reminders of maintenance": ("24 hours, 1 hour", "1 hour"),
        "publishing needs a second person": ("no", "yes"),
    }
    changed = Change.objects.filter(verb="change").order_by("pk").first()
    assert ("name", "Mailings", "Sending") in [(r.label, r.before, r.after) for r in differences(changed, AMSTERDAM)]


def test_accounts_rights_passwords_and_sign_ins_are_kept_without_the_password(edward):
    anna = make_role("Writer", "anna")
    publisher = Group.objects.get(name="Publisher")
    fields = {"username": "anna", "is_active": "on", "is_staff": "on", "groups": [publisher.pk]}
    fields |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": ""}
    edward.post(f"/admin/auth/user/{anna.pk}/change/", fields)
    secret = {"password1": "a new long secret", "password2": "a new long secret", "usable_password": "true"}
    edward.post(f"/admin/auth/user/{anna.pk}/password/", secret)
    edward.post(f"/admin/auth/group/{publisher.pk}/change/", {"name": "Publisher", "permissions": []})
    edward.post(f"/admin/auth/user/{anna.pk}/delete/", {"post": "yes"})

    verbs = list(Change.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["sign_in", "change_account", "change_password", "change_account", "delete_account"]
    groups = Change.objects.filter(verb="change_account").order_by("pk")[0]
    assert (groups.before["groups"], groups.after["groups"]) == ("Writer", "Publisher")
    assert "publish" in newest("change_account").before["permissions"]
    assert "secret" not in str(list(Change.objects.values()))
    assert not User.objects.filter(username="anna").exists()


def test_acts_on_people_are_for_auditors_and_administrators():
    make_page()
    browsers = {role: browser_of(role) for role in ("Writer", "Publisher", "Administrator", "Auditor")}

    shown = {role: "signed in" in client.get(CHANGES).content.decode() for role, client in browsers.items()}

    assert shown == {"Writer": False, "Publisher": False, "Administrator": True, "Auditor": True}
    change = newest("sign_in")
    assert browsers["Writer"].get(screen("change_change", change.pk)).status_code == 302
    assert browsers["Auditor"].get(screen("change_change", change.pk)).status_code == 200


def test_the_list_is_filtered_by_act_person_and_notice(edward):
    anna = make_staff("anna")
    first, second = make_incident("First", actor=anna), make_incident("Second")
    post_update(first, UpdateText("resolved", "Done."), actor=None)

    def found(**query) -> list[str]:
        return [str(change) for change in edward.get(CHANGES, query).context["cl"].result_list]

    assert found(act="post_update") == ["post_update: First"]
    assert found(who=str(anna.pk)) == ["open_incident: First"]
    assert found(who="clock") == ["post_update: First", "open_incident: Second"]
    assert found(incident__id__exact=str(second.pk)) == ["open_incident: Second"]
    assert screen("incident_change", first.pk) in edward.get(CHANGES).content.decode()


@pytest.mark.parametrize("url", [CHANGES, "notice"])
def test_more_acts_ask_the_database_nothing_more(edward, url, django_assert_max_num_queries):
    incident = make_incident()
    url = screen("incident_change", incident.pk) if url == "notice" else url
    counted = []
    for posts in (1, 3):
        for _post in range(posts):
            edit_notice(incident, actor=None, title=f"Title {posts}{_post}", details=NoticeDetails())
        edward.get(url)
        with django_assert_max_num_queries(100) as queries:
            edward.get(url)
        counted.append(len(queries))

    assert counted[0] == counted[1]


def test_the_notice_shows_its_acts_with_what_they_changed(edward):
    incident = make_incident("Slow mailings")
    edit_notice(incident, actor=make_staff("anna"), title="Late mailings", details=NoticeDetails())

    page = edward.get(screen("incident_change", incident.pk)).content.decode()

    assert "anna: edited the notice" in page
    assert "<td>Slow mailings</td><td>Late mailings</td>" in page


def test_the_export_holds_what_is_listed_and_nothing_that_a_spreadsheet_would_run(edward):
    make_incident("=1+1", body="+cmd")
    make_incident("Other")

    answer = edward.post(EXPORT + "?act=open_incident")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["subject"] for row in rows] == ["Other", "'=1+1"]
    assert rows[1]["notice"] == Incident.objects.get(title="=1+1").code
    assert "text: – → +cmd" in rows[1]["what changed"]
    assert newest("export_changes").actor.username == "edward"


def test_a_cell_of_the_export_never_begins_with_a_formula():
    history.note(verb="=x", actor=None, subject="@x", at=utc(2026, 1, 1), after={"-x": "1"})

    row = next(csv.reader(list(csv_pieces(Change.objects.all(), AMSTERDAM))[1].splitlines()))

    assert [cell[:1] for cell in row if cell[:1] in tuple("=+-@")] == []


def test_only_auditors_and_administrators_export_and_only_by_post(edward):
    make_page()
    answers = {role: browser_of(role).post(EXPORT).status_code for role in ("Writer", "Publisher", "Auditor")}

    assert answers == {"Writer": 403, "Publisher": 403, "Auditor": 200}
    assert edward.get(EXPORT).status_code == 405


def test_every_act_that_the_code_records_has_words():
    places = [Path(settings.BASE_DIR) / app for app in ("incidents", "subscriptions", "statuspage")]
    texts = [file.read_text() for place in places for file in place.rglob("*.py")]
    verbs = {verb for text in texts for verb in findall(r'\bverb\s*=\s*"(\w+)"', text)}

    assert len(verbs) > 20
    assert verbs - {*ACTS, *ACTS_ON_PEOPLE} == set()


def test_an_unknown_act_of_a_newer_release_still_shows():
    assert act_in_words(Change(verb="teleport")) == "teleport"


def test_a_notice_cannot_be_deleted_by_hand(edward):
    incident = make_incident()

    for name in ("incident", "scheduledmaintenance"):
        action = {"action": "delete_selected", "_selected_action": [incident.pk], "post": "yes"}
        edward.post(screen(f"{name}_changelist"), action)
        assert edward.post(screen(f"{name}_delete", incident.pk), {"post": "yes"}).status_code in (302, 403, 404)

    assert Incident.objects.filter(pk=incident.pk).exists()
