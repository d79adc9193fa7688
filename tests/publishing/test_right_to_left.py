"""Pages and mails that are read from right to left, and texts of either direction on both."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from incidents.actions import edit_notice, post_update
from incidents.corrections import edit_update
from incidents.forms.fields import LineField, MarkdownField
from incidents.models import Incident
from incidents.text import render_markdown
from incidents.times import describe
from incidents.values import AllClear, EffectLine, LinkTo, NoticeDetails, UpdateText
from subscriptions import wording
from subscriptions.tokens import MANAGE, make_token
from tests.browser import DARK, DARK_PHONE, LIGHT, LIGHT_PHONE, flaws, served
from tests.make import make_component, make_incident, make_maintenance, make_page, make_subscriber, move, utc
from tests.render import everything, files

STYLES = sorted([*Path(settings.BASE_DIR, "static/public").glob("*.css")])
# An arrow of two edges, which is turned around afterwards: it points down in every language.
SIDED = {"border-width: 0 1.5px 1.5px 0"}
NOW = utc(2026, 3, 4, 12)
LINKS = dict.fromkeys(("confirm", "manage", "unsubscribe"), "https://status.example.com/x")

TITLE = "بطء في الإرسال عبر SMTP"
BODY = "نعمل على الإصلاح.\n\n- لا تُفقد أي رسالة.\n\nالهاتف: +31 20 520 61 90."


@pytest.mark.parametrize("file", [*STYLES, Path(settings.BASE_DIR, "templates/publishing/widget.js")], ids=str)
def test_no_style_names_a_side_of_the_screen(file):
    css = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
    boxes = re.findall(r"[\w-]+:\s*[^;{}()]+ [^;{}() ]+ [^;{}() ]+ [^;{}() ]+(?=;)", css)
    lopsided = [" ".join(box.split()) for box in boxes if box.split()[2:3] != box.split()[4:5]]

    assert re.findall(r"[^;{}]*\b(?:left|right)\b[^;{}]*", css) == []
    assert {box for box in lopsided if re.match("(margin|padding|inset|border-(width|style|color))", box)} <= SIDED


class Texts(HTMLParser):
    """What stands in the body of a page outside of elements that take their direction from their content."""

    VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.path: list[tuple[str, bool]] = []
        self.framed: list[str] = []
        self.isolated: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        own = dict(attrs)
        # Nobody sees it: what is read aloud has no direction.
        is_unseen = "unseen" in (own.get("class") or "").split()
        if tag not in self.VOID:
            self.path.append((tag, tag == "bdi" or own.get("dir") == "auto" or is_unseen))

    def handle_endtag(self, tag):
        while self.path and self.path.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = {tag for tag, _is_own in self.path}
        if "body" in tags and not tags & {"script", "style", "svg", "title", "option"}:
            (self.isolated if any(is_own for _tag, is_own in self.path) else self.framed).append(data)


def is_arabic(text: str) -> bool:
    return bool(re.search("[\u0621-\u064a]", text))


def tell_in_arabic(language: str = "en") -> Incident:
    """Everything that staff can write, in Arabic: an incident with a past, and a maintenance that is over."""
    make_page(language=language)
    named = {"group": "الرسائل", "description": "الرسائل المجدولة", "created_at": utc(2026, 1, 1)}
    component = make_component("الإرسال", start_date=dt.date(2026, 1, 1), **named)
    effects = (EffectLine("الصور", "slower", "حتى 20 دقيقة"),)
    cause = make_incident("عطل في الخادم", at=utc(2026, 3, 1, 9), components={component.pk: "major_outage"}, body=BODY)
    post_update(cause, UpdateText(status="resolved", body=BODY, byline="سارة"), actor=None, at=utc(2026, 3, 1, 12))
    report = UpdateText(status="postmortem", body=BODY, byline="سارة")
    post_update(cause, report, actor=None, at=utc(2026, 3, 1, 15))
    details = NoticeDetails(
        *(BODY, BODY, BODY, BODY), effects=effects, links=[LinkTo(cause.pk, "caused_by")], byline="سارة العلي"
    )
    work = make_maintenance(
        "استبدال الخادم", starts=utc(2026, 3, 2, 20), ends=utc(2026, 3, 2, 23), body=BODY, details=details,
        components={component.pk: "under_maintenance"}, at=utc(2026, 2, 27),
    )  # fmt: skip
    over = AllClear(utc(2026, 3, 2, 20), utc(2026, 3, 2, 22), data_outcome="none_lost", deviations=BODY)
    done = UpdateText(status="completed", body=BODY, byline="سارة")
    post_update(work, done, actor=None, all_clear=over, at=utc(2026, 3, 2, 23))
    slow = make_incident(
        TITLE, body=BODY, details=details, components={component.pk: "degraded_performance"}, at=utc(2026, 3, 4, 9)
    )
    later = post_update(slow, UpdateText(status="identified", body=BODY, byline="سارة"), actor=None)
    edit_update(later, f"{BODY} قريبًا.", kind="correction", why="خطأ في الرقم", actor=None)
    slow.refresh_from_db()
    edit_notice(slow, actor=None, title=f"{TITLE} فقط", details=details)
    planned = {"starts": utc(2026, 3, 6, 20), "ends": utc(2026, 3, 6, 23), "body": BODY, "at": utc(2026, 3, 3)}
    move(make_maintenance("نقل الصور", **planned), starts=utc(2026, 3, 6, 21), body=BODY, at=utc(2026, 3, 4))
    return Incident.objects.get(pk=slow.pk)


def mails(incident: Incident, language: str) -> list[wording.Words]:
    update = incident.updates.public().order_by("-pk")[0]
    correction = update.revisions.get()
    return [
        wording.write_update(update, LINKS, language=language, time_zone=""),
        wording.write_correction(correction, LINKS, language=language, time_zone=""),
        wording.write_offer(incident, LINKS, language=language),
    ]


@pytest.mark.django_db
def test_what_staff_wrote_takes_its_own_direction_on_an_english_page_and_in_an_english_mail(client):
    incident = tell_in_arabic()
    pages = [made.body.decode() for made in everything(NOW) if made.content_type.startswith("text/html")]
    manage = f"/subscribe/manage/{make_token(make_subscriber(), MANAGE)}?notice={incident.code}"
    pages += [client.get(path).content.decode() for path in (f"/subscribe/?notice={incident.code}", manage)]
    pages += [mail.html for mail in mails(incident, "en")]

    found = [Texts(page) for page in pages]

    assert all(any(map(is_arabic, page.isolated)) for page in found if any(map(is_arabic, page.framed + page.isolated)))
    assert {text.strip() for page in found for text in page.framed if is_arabic(text)} == set()


@pytest.mark.django_db
def test_what_was_written_in_english_takes_its_own_direction_on_an_arabic_page():
    make_page(language="ar")
    make_incident(
        "Mail is late (again).", body="We look into it.", components={make_component("Mail").pk: "major_outage"}
    )
    home = Texts(files(NOW)["/"].decode())

    assert {"Mail is late (again).", "We look into it.", "Mail"} <= set(home.isolated)
    # The page's name stands by itself in the masthead, the rest are names of formats.
    framed = {word for text in home.framed for word in re.findall("[A-Za-z]+", re.sub(r"\{\w+\}", "", text))}
    assert framed == {"Copernica", "Atom", "RSS", "API"}


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "start"), [("en", '<html lang="en">'), ("ar", '<html lang="ar" dir="rtl">')])
def test_pages_and_mails_say_how_they_are_read(client, language, start):
    make_page(language=language)
    incident = make_incident(at=utc(2026, 3, 4, 9))
    subscriber = make_subscriber(language=language)
    pages = {made.path: made.body.decode() for made in everything(NOW) if made.content_type.startswith("text/html")}
    for path in ("/subscribe/", f"/subscribe/manage/{make_token(subscriber, MANAGE)}"):
        pages[path] = client.get(path).content.decode()
    with translation.override(language):
        pages["error"] = render_to_string("503.html")
    mail = wording.write_choices(subscriber, LINKS, language=language).html
    pages["mail"] = mail
    pages["update"] = wording.write_update(incident.updates.get(), LINKS, language=language, time_zone="").html

    assert [path for path, html in pages.items() if start not in html] == []
    # Web mail strips the html element, and Outlook looks at cells.
    assert (mail.count('dir="rtl"'), 'dir="rtl"' in mail) == ((4, True) if language == "ar" else (0, False))
    sides = re.findall(r"(?:padding|border)-(left|right): (?:16|4)px", pages["update"])
    assert set(sides) == {"right" if language == "ar" else "left"}


def test_plain_text_keeps_times_together_where_it_runs_from_right_to_left():
    moment, zone = utc(2013, 11, 9, 23), ZoneInfo("Europe/Amsterdam")

    with translation.override("en"):
        assert describe(moment, zone) == "Sunday 10 November 2013, 00:00 CET (9 Nov 23:00 UTC)"
    with translation.override("ar"):
        assert describe(moment, zone) == "الأحد 10 نوفمبر 2013، \u206800:00 CET\u2069 (\u20689 نوفمبر 23:00 UTC\u2069)"


@pytest.mark.django_db
def test_feeds_say_the_direction_only_where_it_is_not_that_of_their_readers():
    plain = make_incident("Mail is late", at=utc(2026, 3, 4, 9))
    assert 'dir="' not in files(NOW)["/history.atom"].decode()

    post_update(plain, UpdateText(status="resolved", body=BODY), actor=None, at=utc(2026, 3, 4, 10))
    assert '&lt;span dir="auto"&gt;نعمل' in files(NOW)["/history.atom"].decode()

    make_page(language="ar")
    assert '&lt;p dir="rtl"&gt;&lt;small&gt;مارس' in files(NOW)["/history.atom"].decode()


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("الهاتف: +31 20 520 61 90.", '<p>الهاتف: <bdi dir="ltr">+31 20 520 61 90</bdi>.</p>'),
        ("الهاتف ٠٢٠ ٥٢٠ ٦١ ٩٠", '<p>الهاتف <bdi dir="ltr">٠٢٠ ٥٢٠ ٦١ ٩٠</bdi></p>'),
        ("من 01:00 حتى 02:00", "<p>من 01:00 حتى 02:00</p>"),
        ("Call +31 20 520 61 90.", "<p>Call +31 20 520 61 90.</p>"),
        ('م <bdi dir="rtl" onclick="x">+31 20</bdi>', "<p>م +31 20</p>"),
        (
            '[م](https://a.example/ "م> +31 20 520 61 90")',
            '<p><a href="https://a.example/" title="م&gt; +31 20 520 61 90" rel="noopener nofollow">م</a></p>',
        ),
    ],
)
def test_a_telephone_number_is_not_turned_around(source, html):
    assert render_markdown(source) == html


def test_staff_type_in_the_direction_of_their_script():
    assert [field().widget.attrs["dir"] for field in (LineField, MarkdownField)] == ["auto", "auto"]


@pytest.mark.browser
@pytest.mark.django_db
def test_an_arabic_page_is_whole_and_time_runs_as_it_is_read(browser):
    incident = tell_in_arabic("ar")
    work = Incident.objects.get(title="استبدال الخادم")
    found = []
    with served(everything(NOW)) as address:
        page = browser.new_page()
        for path in (f"/incidents/{incident.code}", "/history/2026/03", f"/incidents/{work.code}", "/"):
            page.goto(address + path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            found += flaws(page, path, LIGHT_PHONE, DARK_PHONE, LIGHT, DARK)
            if work.code in path:
                marks = [mark.bounding_box()["x"] for mark in page.locator(".mark-time").all()]
                label, axis = page.locator(".bar-label").first.bounding_box(), page.locator(".axis").bounding_box()
        # The newest day, in trouble today, is the last in the drawing: it stands where reading ends.
        bars = page.locator(".bars").first.bounding_box()
        today = page.locator(".bars rect").first.bounding_box()

    assert found == []
    assert len(marks) == 2
    assert marks[0] > marks[1]
    assert label["x"] + label["width"] == pytest.approx(axis["x"] + axis["width"], abs=6)  # its edge is drawn around it
    assert today["x"] == pytest.approx(bars["x"], abs=5)
