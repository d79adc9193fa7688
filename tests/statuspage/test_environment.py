from __future__ import annotations

import os
from pathlib import Path

import pytest

from statuspage.environment import Environment, MailServer, WrongEnvironment, read_environment

pytestmark = pytest.mark.any_database

KEY = "0123456789abcdef0123456789abcdef"
BASE = Path("/srv/status")


@pytest.fixture
def read(monkeypatch):
    def read(**variables: str) -> Environment:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read_environment(BASE)

    return read


@pytest.fixture
def findings(read):
    def findings(**variables: str) -> list[str]:
        with pytest.raises(WrongEnvironment) as raised:
            read(**{"SECRET_KEY": KEY, **variables})
        return [line.strip() for line in str(raised.value).splitlines()[1:]]

    return findings


def test_a_secret_key_is_enough(read):
    environment = read(SECRET_KEY=KEY)

    assert environment == Environment(
        secret_key=KEY,
        debug=False,
        database={"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/status/var/status.sqlite3"},
        mail_server=None,
        mail_from="status@127.0.0.1",
        bounce_address="",
        bounce_mailbox="",
        anymail={},
        mail_connections=4,
        mail_per_connection=100,
        mail_per_minute=None,
        mail_per_minute_to_domain=None,
        public_url="http://127.0.0.1:8000",
        allowed_hosts=["127.0.0.1", "localhost", "[::1]"],
        data_dir=BASE / "var",
        host="127.0.0.1",
        port=8000,
        trusted_proxies=0,
        sign_ups_per_hour=1000,
        forget_notices_after_days=7,
    )


def test_without_a_secret_key_it_is_said_how_to_make_one(findings):
    (finding,) = findings(SECRET_KEY="")

    assert finding.startswith("SECRET_KEY: is not set. Set it to 32 or more random characters")
    assert finding.endswith("python3 -c 'import secrets; print(secrets.token_urlsafe(50))'")


@pytest.mark.parametrize(
    ("name", "value", "finding"),
    [
        ("SECRET_KEY", "short", "must have at least 32 characters."),
        ("DEBUG", "maybe", "must be true or false."),
        ("PORT", "http", "must be a number from 1 to 65535."),
        ("PORT", "0", "must be a number from 1 to 65535."),
        ("PORT", "65536", "must be a number from 1 to 65535."),
        ("TRUSTED_PROXIES", "10.0.0.1", "must be a number from 0 to 9."),
        ("SIGN_UPS_PER_HOUR", "0", "must be a number from 1 to 1000000."),
        ("FORGET_NOTICES_AFTER_DAYS", "a week", "must be a number from 1 to 1000000."),
        ("PUBLIC_URL", "status.example.com", "must be an address such as https://status.example.com."),
        ("PUBLIC_URL", "https://example.com/status", "must have no path: the page lives at the root of its host."),
        ("PUBLIC_URL", "https://example.com:port", "is not a URL."),
        ("DATABASE_URL", "mysql://localhost/status", "must begin with sqlite:// or postgresql://."),
        ("DATABASE_URL", "sqlite://", "must name a database that all processes share."),
        (
            "DATABASE_URL",
            "postgresql://status:a/b@db/status",
            "cannot be read: special characters in the password must be %-encoded.",
        ),
        ("EMAIL_FROM", "us", "must be an address: status@example.com or Our status <status@example.com>."),
        *[
            (
                "BOUNCE_ADDRESS",
                wrong,
                "must be an address such as bounces@example.com, with at most 15 signs before @.",
            )
            for wrong in ("us", "@example.com", "a+b@example.com", f"{16 * 'b'}@example.com", "bøunces@example.com")
        ],
        *[
            ("ANYMAIL", wrong, 'must be JSON with a secret for the webhook: {"WEBHOOK_SECRET": "user:password"}')
            for wrong in ("user:password", "[]", "{}", '{"WEBHOOK_SECRET": ""}')
        ],
        ("EMAIL_CONNECTIONS", "0", "must be a number from 1 to 32."),
        ("EMAIL_CONNECTIONS", "33", "must be a number from 1 to 32."),
        ("EMAIL_PER_CONNECTION", "-1", "must be a number; 0 means no limit."),
        ("EMAIL_PER_MINUTE", "0", "must be a number above 0; not set means no limit."),
        ("EMAIL_PER_MINUTE_PER_DOMAIN", "many", "must be a number above 0; not set means no limit."),
        (
            "ALLOWED_HOSTS",
            "https://status.example.com",
            "must be host names with commas between them, without https:// and port.",
        ),
        ("SECRET_KEY_FILE", "/nowhere/key", "SECRET_KEY_FILE names a file that cannot be read as text."),
    ],
)
def test_a_wrong_value_is_named(findings, name, value, finding):
    assert findings(**{name: value}) == [f"{name.removesuffix('_FILE')}: {finding}"]


@pytest.mark.parametrize(
    "value",
    [
        "mail.example.com:25",
        "imap://mail.example.com",
        "smtp://",
        "smtp://user:a/b@mail.example.com",
        "smtp://user:a#b@mail.example.com",
        "smtp://mail.example.com:smtp",
    ],
)
def test_a_wrong_mail_server_is_explained(findings, value):
    assert findings(EMAIL_URL=value) == [
        "EMAIL_URL: must be smtp://, smtps:// or smtp+tls:// with user:password@host:port; special characters in user "
        "and password must be %-encoded."
    ]


def test_all_wrong_values_are_named_at_once(findings):
    found = findings(SECRET_KEY="short", PORT="http", DEBUG="maybe", EMAIL_URL="x", DATABASE_URL_FILE="/nowhere")

    assert [finding.partition(":")[0] for finding in found] == [
        "DATABASE_URL",
        "DEBUG",
        "EMAIL_URL",
        "PORT",
        "SECRET_KEY",
    ]


def test_no_value_is_shown_for_it_may_be_a_secret(findings):
    found = findings(
        SECRET_KEY="hunter2", EMAIL_URL="smtp://me:hunter2/@mail", DATABASE_URL="postgresql://a:hunter2/@b"
    )

    assert len(found) == 3
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", MailServer("smtp", "localhost", 25, "", "")),
        ("smtps://u:p@mail.example.com", MailServer("smtps", "mail.example.com", 465, "u", "p")),
        ("smtp+tls://u:p@mail.example.com", MailServer("smtp+tls", "mail.example.com", 587, "u", "p")),
        (
            "smtp+tls://me%40example.com:p%2Fw@mail.example.com:2525",
            MailServer("smtp+tls", "mail.example.com", 2525, "me@example.com", "p/w"),
        ),
        ("smtp://[::1]:2525", MailServer("smtp", "::1", 2525, "", "")),
    ],
)
def test_a_mail_server_is_read_from_its_url(read, url, server):
    assert read(SECRET_KEY=KEY, EMAIL_URL=url).mail_server == server


def test_a_secret_may_come_from_a_file(read, tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")

    assert read(SECRET_KEY_FILE=str(file)).secret_key == KEY


def test_a_database_file_is_the_same_wherever_the_process_starts(read):
    assert read(SECRET_KEY=KEY, DATABASE_URL="sqlite:///my.db").database["NAME"] == "/srv/status/my.db"
    assert read(SECRET_KEY=KEY, DATABASE_URL="sqlite:////data/my.db").database["NAME"] == "/data/my.db"


def test_postgresql_is_taken_as_given(read):
    database = read(SECRET_KEY=KEY, DATABASE_URL="postgresql://me:p%40ss@db:6432/status?sslmode=require").database

    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"], database["NAME"]) == (
        "me",
        "p@ss",
        "db",
        6432,
        "status",
    )
    assert database["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:9000"),
        ("::", "http://127.0.0.1:9000"),
        ("::1", "http://[::1]:9000"),
        ("10.0.0.7", "http://10.0.0.7:9000"),
    ],
)
def test_without_a_public_url_links_lead_to_this_machine(read, host, url):
    assert read(SECRET_KEY=KEY, HOST=host, PORT="9000").public_url == url


def test_the_public_url_gives_the_host_that_is_answered_to(read):
    environment = read(SECRET_KEY=KEY, PUBLIC_URL="https://status.example.com/")

    assert environment.public_url == "https://status.example.com"
    assert environment.allowed_hosts == ["status.example.com", "127.0.0.1", "localhost", "[::1]"]
    assert environment.mail_from == "status@status.example.com"


def test_a_public_url_in_any_script_is_written_as_mail_and_servers_write_it(read):
    assert read(SECRET_KEY=KEY, PUBLIC_URL="https://bücher.example:8443").public_url == (
        "https://xn--bcher-kva.example:8443"
    )


def test_an_empty_variable_counts_as_not_set(read):
    assert read(SECRET_KEY=KEY, PORT="", EMAIL_URL="", DEBUG="").port == 8000
