from __future__ import annotations

from email.message import EmailMessage

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from statuspage.environment import MailServer

pytestmark = pytest.mark.django_db
LIST = reverse("admin:subscriptions_outbox")


def mail_url(name, page="mail"):
    return reverse(f"admin:subscriptions_outbox_{page}", args=[name])


@pytest.fixture
def write_mail(settings):
    settings.OUTBOX_DIR.mkdir()

    def write(name, *, to="ann@example.com", subject="[Resolved] Slow mailings", text="Hello", html=""):
        message = EmailMessage()
        message["To"], message["Subject"] = to, subject
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        (settings.OUTBOX_DIR / name).write_bytes(bytes(message))

    return write


def test_mails_are_listed_newest_first(admin_client, write_mail):
    write_mail("20131106T090000Z-a.eml", subject="Older")
    write_mail("20131107T090000Z-b.eml", subject="Größer <b>", to="bob@example.com")

    page = admin_client.get(LIST).content.decode()

    assert page.index("Größer &lt;b&gt;") < page.index("Older")
    assert "bob@example.com" in page


def test_a_long_outbox_is_shown_in_pages(admin_client, write_mail):
    for number in range(51):
        write_mail(f"20131106T0900{number:02d}Z.eml", subject=f"Mail number {number:02d}.")

    assert "number 00." not in admin_client.get(LIST).content.decode()
    assert "number 00." in admin_client.get(LIST + "?p=2").content.decode()


def test_an_empty_outbox_says_so(admin_client):
    assert "No mail was written yet." in admin_client.get(LIST).content.decode()


def test_with_a_mail_server_it_says_where_mails_go(admin_client, settings, write_mail):
    settings.MAIL_SERVER = MailServer("smtp", "mx.example.com", 25, "user", "secret password")
    write_mail("a.eml")

    page = admin_client.get(LIST).content.decode()

    assert "mx.example.com" in page
    assert "secret password" not in page
    assert "a.eml" not in page


def test_the_links_of_a_mail_can_be_clicked(admin_client, write_mail):
    write_mail("a.eml", text="Confirm:\nhttp://127.0.0.1:8000/subscribe/confirm/abc.de-f_\n")

    page = admin_client.get(mail_url("a.eml")).content.decode()

    assert '<a href="http://127.0.0.1:8000/subscribe/confirm/abc.de-f_" target="_blank"' in page


def test_the_html_of_a_mail_may_bring_style_and_nothing_else(admin_client, write_mail):
    html = "<!doctype html><html><head lang=en></head><body style='color:red'>Hi <a href='/x'>x</a></body></html>"
    write_mail("a.eml", html=html)

    page = admin_client.get(mail_url("a.eml"))
    frame = admin_client.get(mail_url("a.eml", "html"))

    assert "unsafe-inline" not in page["Content-Security-Policy"]
    policy = frame["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'unsafe-inline'" in policy
    assert "sandbox allow-popups" in policy
    assert "script" not in policy
    assert '<head lang=en><base target="_blank">' in frame.content.decode()
    assert "style='color:red'" in frame.content.decode()


@pytest.mark.parametrize(
    "name", ["nonesuch.eml", "..", "../secret.eml", "..%2fsecret.eml", "%2e%2e/secret.eml", "/etc/passwd", "link.eml",
             "secret", ".hidden.eml", "a.eml%00", "%00.eml", "a" * 300 + ".eml", "folder.eml"]
)  # fmt: skip
def test_nothing_outside_the_outbox_is_shown(admin_client, settings, write_mail, name):
    (settings.OUTBOX_DIR.parent / "secret.eml").write_text("Subject: secret\n\nsecret")
    (settings.OUTBOX_DIR / "link.eml").symlink_to("../secret.eml")
    (settings.OUTBOX_DIR / "folder.eml").mkdir()
    (settings.OUTBOX_DIR / ".hidden.eml").write_text("Subject: secret\n\nsecret")

    for page in ("", "html"):
        assert admin_client.get(f"{LIST}{name}/{page}").status_code == 404
    assert "secret" not in admin_client.get(LIST).content.decode()


def test_only_staff_who_may_act_for_subscribers_look_in(client, write_mail):
    write_mail("a.eml")
    urls = [LIST, mail_url("a.eml"), mail_url("a.eml", "html")]
    assert [client.get(url).status_code for url in urls] == [302] * 3

    colleague = User.objects.create_user("colleague", is_staff=True)
    client.force_login(colleague)
    assert [client.get(url).status_code for url in urls] == [403] * 3

    colleague.user_permissions.add(Permission.objects.get(codename="change_subscriber"))
    assert [client.get(url).status_code for url in urls] == [200] * 3
