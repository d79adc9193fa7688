"""What docs/take_screenshots.py takes: scenes that follow one another on one page, and in each the pictures of it.

To picture one page more, add a line to its scene. A scene tells what happens by the verbs that staff use, at its time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import Page

from incidents.actions import post_update, reschedule_maintenance, schedule_maintenance
from incidents.clock import run_clock
from incidents.component_actions import save_page_part
from incidents.corrections import edit_update
from incidents.demo import ADMIN, load_demo
from incidents.models import Component, Incident
from incidents.models import Page as StatusPage
from incidents.staff_reminders import to_dos
from incidents.translation_actions import translate_notice
from incidents.values import AllClear, EffectAnswer, NoticeDetails, UpdateText, Window
from subscriptions.consent import confirm, request_subscription
from subscriptions.models import Notification, Subscriber
from subscriptions.tokens import make_token
from subscriptions.wording import Words, write, write_correction, write_to_dos, write_update

PASSWORD = "only for these pictures"
ZONE = "Europe/Amsterdam"
A_WORKING_DAY = dt.datetime(2026, 5, 12, 8, 20, tzinfo=dt.UTC)
AN_HOUR_ON = dt.datetime(2026, 5, 12, 9, 20, tzinfo=dt.UTC)
WORK_BEGINS = dt.datetime(2026, 5, 16, 19, 0, tzinfo=dt.UTC)
WORK_GOES_ON = dt.datetime(2026, 5, 16, 20, 10, tzinfo=dt.UTC)
WORK_IS_DONE = dt.datetime(2026, 5, 16, 21, 48, tzinfo=dt.UTC)
WEEKS_LATER = dt.datetime(2026, 6, 9, 8, 20, tzinfo=dt.UTC)

PHONE = ("phone-light", "phone-dark")
DESKTOP = ("desktop-light", "desktop-dark")
SCREENS = (*PHONE, *DESKTOP)
EVERY = (*SCREENS, "desktop-forced", "print")
STAFF = ("staff-desktop-light",)
MAIL = ("mail-phone-light", "mail-phone-dark", "mail-desktop-light", "mail-desktop-dark")


@dataclass(frozen=True)
class Picture:
    """`name` begins the names of its files; `path` is where it is, or the mail that it is of; `act` comes first."""

    name: str
    says: str
    path: str | Words
    looks: tuple[str, ...] = SCREENS
    act: Callable[[Page], Any] | None = None


@dataclass(frozen=True)
class Scene:
    title: str
    at: dt.datetime
    tell: Callable[[], list[Picture]]


def a_working_day() -> list[Picture]:
    load_demo(A_WORKING_DAY, password=PASSWORD)
    story = notice("Work on the power feeds")
    announced = notice("Move of all images")
    moved, cancelled = move_one(), cancel_one()
    cause = tell_the_cause(notice("Images in mail already sent load slowly", otherwise="Images"))
    return [
        Picture("home", "Home on a working day: one incident open, one maintenance ahead", "/", EVERY),
        Picture("notice", "A maintenance that is over, the promise beside the outcome", public(story), EVERY),
        Picture("notice-incident", "An incident that goes on", public(notice("Follow-up actions run late"))),
        Picture("notice-announced", "A maintenance to come", public(announced)),
        Picture("notice-moved", "A maintenance that was moved", public(moved)),
        Picture("notice-cancelled", "A maintenance that was cancelled", public(cancelled)),
        Picture("notice-postmortem", "An incident with a post-mortem", public(cause)),
        Picture("home-chosen", "Home for whoever uses two of its functions", "/", act=choose_functions),
        Picture("function", "One function and its year", f"/components/{function('Sending mailings').code}"),
        Picture("history", "The history", "/history"),
        Picture("search", "A search in it", "/history?q=power", act=found),
        Picture("month", "A month of it", "/history/2013/11"),
        Picture("offline", "A page that was never read, without a network", "/offline"),
        Picture("not-found", "An address that leads nowhere", "/nowhere"),
        Picture("guide", "The guide to feeds and data", "/api"),
        *subscribing(announced),
        *working(announced),
    ]


def subscribing(announced: Incident) -> list[Picture]:
    reader = subscriber("ann@example.com")
    stranger = request_subscription("bob@example.com", all_components=True, language="en", now=A_WORKING_DAY)
    manage, leave = (link(reader, purpose) for purpose in ("manage", "unsubscribe"))
    return [
        Picture("subscribe", "Subscribing", "/subscribe/"),
        Picture("subscribe-choose", "Choosing what to hear of", "/subscribe/?choose=1"),
        Picture("subscribe-error", "An address with a slip in it", "/subscribe/", act=send("#email", "ann@example")),
        Picture("subscribe-notice", "Following one notice", f"/subscribe/?notice={announced.code}"),
        Picture("check-mail", "After the form", "/subscribe/check-mail"),
        Picture("confirm", "The link in the first mail", link(stranger, "confirm")),
        Picture("manage", "What an address gets", manage),
        Picture("unsubscribe", "Leaving", leave),
        Picture("link-void", "A link that no longer holds", "/subscribe/manage/junk"),
        Picture("confirmed", "Confirmed", link(reader, "confirm")),
    ]


def working(announced: Incident) -> list[Picture]:
    late = notice("Follow-up actions run late")
    waiting = to_dos(AN_HOUR_ON)
    return [
        Picture("mail-to-do", "Mail to staff: what waits for them", write_to_dos(waiting, now=AN_HOUR_ON), MAIL),
        Picture("staff-login", "The login", "/admin/login/", STAFF),
        Picture("staff-first", "The first screen", "/admin/", STAFF, act=sign_in),
        Picture("template", "Opening an incident, begun with a template", "/admin/", STAFF, act=begin_with_a_template),
        Picture("staff-update", "An update", admin("incidents_incident_post_update", late.pk), STAFF),
        Picture("staff-notice", "A notice", admin("incidents_scheduledmaintenance_change", announced.pk), STAFF),
        Picture("staff-schedule", "Maintenance", admin("incidents_scheduledmaintenance_schedule"), STAFF),
        Picture("staff-incidents", "All incidents", admin("incidents_incident_changelist"), STAFF),
        Picture("staff-components", "Components", admin("incidents_component_changelist"), STAFF),
        Picture("staff-templates", "Prepared texts", admin("incidents_incidenttemplate_changelist"), STAFF),
        Picture("staff-changes", "Who did what", admin("incidents_change_changelist"), STAFF),
        Picture("staff-page", "The page's own settings", admin("incidents_page_change", 1), STAFF),
        Picture("staff-subscribers", "Subscribers", admin("subscriptions_subscriber_changelist"), STAFF),
        Picture("staff-lists", "Lists of subscribers", admin("subscriptions_lists"), STAFF),
    ]


def the_work_goes_on() -> list[Picture]:
    run_clock(WORK_BEGINS)
    end_open_incidents(WORK_GOES_ON)
    return [
        Picture("home-maintenance", "Home during a maintenance", "/"),
        Picture("notice-going-on", "A maintenance that goes on", public(notice("Move of all images"))),
    ]


def the_work_is_done() -> list[Picture]:
    work = notice("Move of all images")
    answers = [EffectAnswer(effect.function, "as_announced") for effect in work.effects.all()]
    went = AllClear(
        actual_started_at=work.work_starts_at,
        actual_ended_at=WORK_IS_DONE,
        data_outcome="none_lost",
        effects=answers,
    )
    words = "All images lie in the new store, and load faster than before. Mailings that waited have been sent."
    update = post_update(work, UpdateText(status="completed", body=words, components={}), actor=None, all_clear=went)
    return [
        Picture("home-all-clear", "Home after the all-clear", "/"),
        Picture("notice-all-clear", "The all-clear", public(work)),
        *mails(update),
    ]


def mails(all_clear: Any) -> list[Picture]:
    late, story = notice("Follow-up actions run late"), notice("Work on the power feeds")
    first, last = late.updates.order_by("display_at").first(), late.updates.order_by("-display_at").first()
    corrected = edit_update(
        first, first.body.replace("half an hour", "an hour"), kind="correction", why="It was longer.", actor=None
    )
    announcement = story.updates.order_by("display_at").first()
    moved = notice("Larger database").updates.order_by("-pk").first()
    reminder = Notification(
        purpose="reminder", update=announcement, lead_minutes=24 * 60, starts_at=story.work_starts_at
    )
    reader = subscriber("ann@example.com")
    plain = {"language": "en", "time_zone": ZONE}
    letters = {
        "incident": ("An incident", write_update(first, LINKS, **plain)),
        "resolved": ("It is over", write_update(last, LINKS, **plain)),
        "announcement": ("A maintenance is announced", write_update(announcement, LINKS, **plain)),
        "moved": ("It was moved", write_update(moved, LINKS, **plain)),
        "reminder": ("A reminder", write(reminder, LINKS, **plain)),
        "all-clear": ("The all-clear", write_update(all_clear, LINKS, **plain)),
        "correction": ("A correction", write_correction(corrected.revisions.get(), LINKS, **plain)),
        "catch-up": ("What was open already", write_update(first, LINKS, **plain, template="catch_up")),
        **{
            name: (says, write(Notification(purpose=purpose, subscriber=reader, incident=about), LINKS, **plain))
            for name, says, purpose, about in (
                ("confirm", "The first mail", "confirm", None),
                ("manage", "The link to a subscription", "manage", None),
                ("offer", "Following one notice", "manage", late),
                ("choices", "What was changed", "choices", None),
            )
        },
    }
    return [Picture(f"mail-{name}", f"Mail: {says}", words, MAIL) for name, (says, words) in letters.items()]


def weeks_later() -> list[Picture]:
    for work in Incident.objects.public().open():
        post_update(work, UpdateText(status="cancelled", body="It is not needed.", components={}), actor=None)
    return [Picture("home-calm", "Home when all is well", "/", EVERY)]


def in_other_languages() -> list[Picture]:
    page = StatusPage.objects.current()
    page.languages = ["nl", "ar"]
    save_page_part(page, actor=admin_user(), changed=["languages"])
    work = notice("Move of all images")
    all_clear = work.updates.order_by("-display_at").first()
    for language, (title, words) in TRANSLATED.items():
        translate_notice(
            work, language, actor=admin_user(), notice={"title": title}, updates={all_clear.pk: {"body": words}}
        )
    arabic = write_update(all_clear, LINKS, language="ar", time_zone=ZONE)
    return [
        Picture("home-nl", "Home in Dutch", "/nl"),
        Picture("notice-nl", "A notice of which a part is translated", f"/nl{public(work)}"),
        Picture("home-ar", "Home in Arabic", "/ar"),
        Picture("notice-ar", "A notice in Arabic", f"/ar{public(work)}"),
        Picture("history-ar", "The history in Arabic", "/ar/history"),
        Picture("subscribe-ar", "Subscribing in Arabic", "/subscribe/?choose=1&language=ar"),
        Picture("mail-ar", "Mail: the all-clear in Arabic", arabic, MAIL),
        Picture(
            "staff-translations",
            "Translating a notice",
            admin("incidents_scheduledmaintenance_change", work.pk),
            STAFF,
            act=begin_to_translate,
        ),
    ]


TRANSLATED = {
    "nl": (
        "Verhuizing van alle afbeeldingen naar een grotere opslag",
        "Alle afbeeldingen staan in de nieuwe opslag en laden sneller dan voorheen. Wat wachtte, is verzonden.",
    ),
    "ar": (
        "نقل جميع الصور إلى مخزن أكبر",
        "أصبحت جميع الصور في المخزن الجديد، وتُحمَّل أسرع من ذي قبل. وقد أُرسلت الرسائل التي كانت تنتظر.",
    ),
}

SCENES = [
    Scene("On a working day", A_WORKING_DAY, a_working_day),
    Scene("While work goes on", WORK_GOES_ON, the_work_goes_on),
    Scene("After the all-clear", WORK_IS_DONE, the_work_is_done),
    Scene("Weeks later", WEEKS_LATER, weeks_later),
    Scene("In other languages", WEEKS_LATER, in_other_languages),
]

LINKS = {
    purpose: f"https://status.example.com/subscribe/{purpose}/…" for purpose in ("confirm", "manage", "unsubscribe")
}


def notice(title: str, *, otherwise: str = "") -> Incident:
    """The newest one whose title begins so."""
    found = Incident.objects.public().order_by("-pk")
    return found.filter(title__startswith=title).first() or found.get(title__startswith=otherwise or title)


def function(name: str) -> Component:
    return Component.objects.get(name=name)


def public(about: Incident) -> str:
    return f"/incidents/{about.code}"


def admin(name: str, *args: int) -> str:
    return reverse(f"admin:{name}", args=args)


def link(reader: Subscriber, purpose: str) -> str:
    return f"/subscribe/{purpose}/{make_token(reader, purpose)}"


def subscriber(address: str) -> Subscriber:
    if found := Subscriber.objects.filter(endpoint=address).first():
        return found
    reader = request_subscription(address, all_components=True, language="en", now=A_WORKING_DAY)
    confirm(reader, A_WORKING_DAY)
    return reader


def admin_user() -> Any:
    return get_user_model().objects.get(username=ADMIN)


def announce(title: str, body: str, *, day: int) -> Incident:
    window = Window(
        work_starts_at=dt.datetime(2026, 5, day, 20, tzinfo=dt.UTC),
        work_ends_at=dt.datetime(2026, 5, day, 21, tzinfo=dt.UTC),
        time_zone=ZONE,
    )
    held = {function("The application").pk: "under_maintenance"}
    text = UpdateText(status="scheduled", body=body, components=held, notify=False)
    at = A_WORKING_DAY - dt.timedelta(days=3)
    return schedule_maintenance(
        title=title, window=window, update=text, details=NoticeDetails(), actor=admin_user(), at=at
    ).incident


def move_one() -> Incident:
    work = announce("Larger database", "The database moves to a larger machine.", day=19)
    later = dt.timedelta(days=7)
    window = Window(work_starts_at=work.work_starts_at + later, work_ends_at=work.work_ends_at + later, time_zone=ZONE)
    text = UpdateText(status="scheduled", body="The machine arrives a week later.", notify=False)
    reschedule_maintenance(work, window, text, actor=admin_user(), at=A_WORKING_DAY - dt.timedelta(days=1))
    return work


def cancel_one() -> Incident:
    work = announce("New certificates", "All our servers get new certificates.", day=20)
    text = UpdateText(
        status="cancelled", body="They could be renewed without an interruption.", components={}, notify=False
    )
    post_update(work, text, actor=admin_user(), at=A_WORKING_DAY - dt.timedelta(hours=20))
    return work


def tell_the_cause(incident: Incident) -> Incident:
    body = "### What happened\n\nThe store was almost full, and slowed down as it looked for room.\n\n"
    body += "### What we change\n\n- All images move to a larger store.\n- We are warned at three quarters."
    text = UpdateText(status="postmortem", body=body, notify=False)
    post_update(incident, text, actor=admin_user(), at=A_WORKING_DAY - dt.timedelta(hours=3))
    return incident


def end_open_incidents(at: dt.datetime) -> None:
    for incident in Incident.objects.public().open().filter(kind="realtime"):
        over = UpdateText(status="resolved", body="Follow-up actions start at once again.", components={}, notify=False)
        post_update(incident, over, actor=admin_user(), at=at - dt.timedelta(days=3))


def choose_functions(page: Page) -> None:
    page.click("[data-act=choose]")
    for name in ("Sending mailings", "Hyperlink redirects"):
        page.get_by_role("checkbox", name=name).check()
    page.click("#choose-functions button[value=keep]")


def found(page: Page) -> None:
    page.locator("#found-list li").first.wait_for()


def send(field: str, words: str) -> Callable[[Page], Any]:
    def act(page: Page) -> None:
        page.fill(field, words)
        page.click("main form button")
        page.locator("[aria-invalid]").first.wait_for()

    return act


def sign_in(page: Page) -> None:
    """All pictures of staff screens are taken in one browser: the others follow this one."""
    page.fill("#id_username", ADMIN)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.locator("#user-tools").wait_for()


def begin_to_translate(page: Page) -> None:
    sign_in(page)
    page.locator(".translations a").first.click()
    page.locator("form textarea").first.wait_for()


def begin_with_a_template(page: Page) -> None:
    page.click("text=A function is slow")
    page.select_option("text=Sending mailings", "degraded_performance")
    page.click(".compose-acts button[value=preview]")
    page.frame_locator("#preview").frame_locator(".pane-1 iframe").get_by_text("Sending mailings").first.wait_for()
