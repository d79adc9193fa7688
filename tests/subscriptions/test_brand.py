"""Mails and the pages of subscribers in the look of the page's owner."""

from __future__ import annotations

import pytest

from incidents.brand import load_brand
from incidents.brand_actions import set_picture, set_style_sheet
from incidents.choices import BrandFileKind
from incidents.component_actions import save_page_part
from incidents.models import Page
from tests.make import make_incident, make_page, make_subscribers
from tests.publishing.test_brand import LOGO
from tests.subscriptions.test_mail_rules import found_in, mails

pytestmark = pytest.mark.django_db

FOOTER = "Copernica B.V., *Amsterdam*, [terms](https://example.com/terms)"


@pytest.fixture(autouse=True)
def branded(settings) -> None:
    settings.PUBLIC_URL = "https://status.example.com"
    settings.DEFAULT_FROM_EMAIL = "status@example.com"
    settings.MAIL_SERVER = None
    page = make_page(
        accent="#000",
        footer_text=FOOTER,
        legal_links="Imprint https://example.com/imprint\nPrivacy /privacy",
        footer_links="Careers https://example.com/careers",
    )
    changed = ["accent", "footer_text", "legal_links", "footer_links"]
    save_page_part(page, actor=None, changed=changed)
    set_picture(BrandFileKind.LOGO, "a.svg", LOGO, actor=None)
    set_style_sheet("a {}", actor=None)


def test_mails_carry_colour_footer_and_legal_links_and_keep_the_rules(settings):
    make_subscribers(1)
    make_incident()
    written = "https://example.com/terms https://example.com/imprint"
    found = mails(settings, is_notice=True, written=written)

    assert found_in(found) == []
    for mail in found:
        for body in (mail.text, mail.html):
            assert "Copernica B.V." in body
            assert "https://example.com/imprint" in body
            assert "https://status.example.com/privacy" in body
            assert "careers" not in body
        assert "background-color: #010101" in mail.html
        assert "#1f4fa3" not in mail.html
        assert f"a, .footer a, .page-name a {{ color: {load_brand(Page.objects.current()).accent_dark}" in mail.html
        assert "<img" not in mail.html


def test_the_pages_of_subscribers_carry_it(client):
    brand = load_brand(Page.objects.current())

    for path, status in (("/subscribe/", 200), ("/subscribe/check-mail", 200), ("/subscribe/nothing", 404)):
        response = client.get(path, secure=True)
        shown = response.content.decode()
        assert response.status_code == status, path
        assert {brand.colours_path, brand.style_sheet_path, brand.logo.path} <= set(shown.split('"')), path


def test_a_page_that_needs_no_database_asks_for_none(client, django_assert_num_queries):
    from statuspage.errors import server_error  # noqa: PLC0415

    with django_assert_num_queries(0):
        assert b"masthead" not in server_error(None).content
