from __future__ import annotations

import pytest
from django_q.models import OrmQ

from incidents.actions import open_incident
from incidents.rehearsal import PreviewPane, preview, rehearsal
from incidents.values import UpdateText
from subscriptions.choices import Channel
from subscriptions.models import Notification
from subscriptions.previews import TOLD_BY
from tests.make import make_component, make_page, make_subscribers

pytestmark = pytest.mark.django_db


def panes(*, notify: bool = True, components: dict[int, str] | None = None) -> dict[str, PreviewPane]:
    text = UpdateText(status="investigating", body="We **look**.", components=components or {}, notify=notify)
    with rehearsal():
        update = open_incident(title="No mail", update=text, actor=None)
        return {pane.name: pane for pane in preview(update)}


def test_a_draft_is_shown_as_the_mail_it_would_be():
    make_page(name="Copernica status")

    shown = panes()

    assert shown["mail-text"].content.startswith("Subject: [Investigating] No mail\n\n[Investigating] No mail\n")
    assert "<strong>look</strong>" in shown["mail-html"].content
    assert (shown["mail-html"].kind, shown["mail-text"].kind, shown["line"].kind) == ("html", "text", "line")
    assert "slot" not in shown["mail-text"].content
    assert Notification.objects.count() == OrmQ.objects.count() == 0


def test_the_line_counts_whom_the_fan_out_would_reach():
    api, web = make_component("API"), make_component("Web")
    make_subscribers(1_202)
    first, second, *_rest = make_subscribers(3, all_components=False)
    first.components.add(api)
    second.components.add(web)

    assert panes(components={api.pk: "major_outage"})["line"].content == "1,203 subscribers will be told by e-mail."


def test_each_channel_has_words_for_its_own_count():
    assert set(TOLD_BY) == set(Channel)


def test_one_is_not_many():
    make_subscribers(1)

    assert panes()["line"].content == "1 subscriber will be told by e-mail."


def test_the_line_says_why_nobody_hears():
    api, web = make_component("API"), make_component("Web")

    assert panes()["line"].content == "Nobody will be told: nobody has subscribed yet."

    (reader,) = make_subscribers(1, all_components=False)
    reader.components.add(web)
    assert panes(components={api.pk: "major_outage"})["line"].content == (
        "Nobody will be told: no subscriber has chosen what this notice affects."
    )
    assert panes(notify=False)["line"].content == (
        "Nobody will be told: this update is posted without telling subscribers."
    )
