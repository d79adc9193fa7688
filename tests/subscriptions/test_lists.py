"""Subscribers as a file: out, in, and out again the same."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from incidents.cells import as_meant, harmless
from publishing.forward import LARGEST_BODY
from subscriptions import limits
from subscriptions.choices import QuarantineCause
from subscriptions.importing import ConsentNotDeclared, carry_out, plan, read_sheet
from subscriptions.importing import reading as reading_module
from subscriptions.models import Delivery, Notification, Subscriber
from subscriptions.quarantine import quarantine
from subscriptions.sheet import csv_pieces
from tests.make import make_component, make_page, make_subscriber, utc

pytestmark = pytest.mark.django_db

NOW = utc(2090, 3, 2, 9)
HEADER = "address,state,confirmed_at,everything,components,groups,kinds,language,time_zone\n"


def exported() -> str:
    return "".join(csv_pieces(Subscriber.objects.all()))


def read(text: str | bytes):
    return read_sheet(text if isinstance(text, bytes) else text.encode(), now=NOW)


def bring(text: str | bytes, *, declared: bool = True):
    return carry_out(read(text), is_consent_declared=declared, now=NOW)


def refused(text: str) -> list[tuple[int, str]]:
    """Line and offending value of what is refused; nothing is written."""
    outcome = plan(read(text), now=NOW)
    return [(refusal.line, refusal.value) for refusal in outcome.refusals]


@pytest.mark.parametrize(
    "value", ["=1+1", "+ann@example.com", "-1", "@x", "\tx", "\rx", "'=1", "''@x", "'quoted'", "ann@example.com", ""]
)
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless_and_back(value):
    assert harmless(value)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert as_meant(harmless(value)) == value


def test_what_is_exported_comes_back_the_same():
    make_page()
    mail, odd = make_component("Mailings", group="=Sending"), make_component("Links; and images")
    make_component("Same"), make_component("same")
    make_subscriber("+ann@example.com", components=[mail, odd])
    make_subscriber("bob@example.com", groups=[mail.group], language="nl")
    make_subscriber("'cleo'@example.com", state="unsubscribed")
    make_subscriber("用户@bücher.example", state="unsubscribed")
    only_maintenance = make_subscriber("dan@example.com")
    only_maintenance.hears_incidents = only_maintenance.hears_reminders = False
    only_maintenance.time_zone = "Europe/Amsterdam"
    only_maintenance.save()
    quarantine([make_subscriber("eve@example.com").pk], QuarantineCause.UNREACHABLE, "550 unknown", now=NOW)
    before = exported()
    assert "'+ann@example.com" in before

    assert (plan(read(before), now=timezone.now()).unchanged) == 6
    Subscriber.objects.all().delete()
    outcome = bring(before)

    assert (outcome.new, outcome.declared, outcome.asked, outcome.refusals) == (6, 3, 0, [])
    assert exported() == before


def test_exporting_many_asks_the_database_no_more_often_per_row(django_assert_num_queries):
    for _one in range(5):
        make_subscriber(components=[make_component()])

    with django_assert_num_queries(5):
        assert len(list(csv.reader(io.StringIO(exported())))) == 6


def test_consent_that_a_file_speaks_of_has_to_be_declared():
    text = "address,confirmed_at\nann@example.com,2013-11-09T20:00Z\n"

    with pytest.raises(ConsentNotDeclared):
        bring(text, declared=False)
    assert not Subscriber.objects.exists()

    assert bring(text).declared == 1
    ann = Subscriber.objects.get()
    assert (ann.state, ann.confirmed_at) == ("active", utc(2013, 11, 9, 20))
    assert not Notification.objects.exists()


def test_an_address_without_consent_is_asked_once():
    outcome = bring("address\nann@example.com\nbob@example.com\n", declared=False)

    assert (outcome.new, outcome.asked) == (2, 2)
    assert set(Subscriber.objects.values_list("state", flat=True)) == {"pending"}
    assert Notification.objects.filter(purpose="confirm").count() == Delivery.objects.count() == 2
    assert bring("address\nann@example.com\n", declared=False).unchanged == 1
    assert Delivery.objects.count() == 2


def test_asking_keeps_to_the_limit_of_each_mailbox():
    limits.spend("mailbox", "ann@example.com", limit=10, per=limits.DAY, now=NOW)
    rows = "".join(f"ann+{number}@example.com\n" for number in range(12))

    outcome = bring(f"address\n{rows}")

    assert (outcome.new, outcome.asked) == (12, 9)
    assert Subscriber.objects.filter(confirmation_owed_at=None).count() == 3
    assert not limits.spend("mailbox", "ann@example.com", limit=10, per=limits.DAY, now=NOW)


def test_a_notice_overtakes_the_mails_of_a_large_import():
    bring("address\n" + "".join(f"r{number}@example.com\n" for number in range(41)))

    due = list(Delivery.objects.order_by("due_at").values_list("due_at", flat=True))
    assert (due[0], (due[-1] - due[0]).total_seconds()) == (NOW, 2)


def test_nobody_who_left_or_is_quarantined_is_brought_back():
    make_subscriber("ann@example.com", state="unsubscribed")
    quarantine([make_subscriber("bob@example.com").pk], QuarantineCause.UNREACHABLE, "550 unknown", now=NOW)
    text = "address,confirmed_at\nann@example.com,2013-11-09\nbob@example.com,\n"

    assert refused(text) == [(2, "ann@example.com"), (3, "bob@example.com")]
    bring(text)

    assert not Subscriber.objects.filter(state__in=["active", "pending"]).exists()


def test_who_is_subscribed_here_is_not_unsubscribed_by_a_file():
    ann = make_subscriber("ann@example.com")

    assert refused("address,state\nann@example.com,unsubscribed\n") == [(2, "unsubscribed")]
    ann.refresh_from_db()
    assert ann.state == "active"


def test_one_who_waits_here_becomes_active_by_a_declared_consent():
    make_subscriber("ann@example.com", state="pending")

    outcome = bring("address,confirmed_at\nANN@example.com,2013-11-09\n")

    assert (outcome.updated, outcome.declared) == (1, 1)
    assert Subscriber.objects.get().state == "active"


def test_a_row_changes_the_choices_it_names_and_no_others():
    links, mail = make_component("Links"), make_component("Mail", group="Sending")
    ann = make_subscriber("ann@example.com", components=[links], language="nl")

    assert bring("address,groups,kinds\nann@example.com,sending,maintenance\n").updated == 1

    ann.refresh_from_db()
    assert (list(ann.components.all()), list(ann.groups.all())) == ([], [mail.group])
    assert (ann.hears_incidents, ann.hears_maintenance, ann.language) == (False, True, "nl")
    assert bring(f"address,components\nann@example.com,{links.code}\n").updated == 1
    assert bring("address\nann@example.com\n").unchanged == 1


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("ann@localhost", "ann@localhost"),
        ('"ann\n@example.com"', "ann\n@example.com"),
        ("ann@example.com,curious", "curious"),
        ("ann@example.com,active,yesterday", "yesterday"),
        ("ann@example.com,active,0001-01-01T00:00+14:00", "0001-01-01T00:00+14:00"),
        ("ann@example.com,active,2100-01-01", "2100-01-01"),
        ("ann@example.com,pending,2013-11-09", "2013-11-09"),
        ("ann@example.com,,,perhaps", "perhaps"),
        ("ann@example.com,,,no", "ann@example.com"),
        ("ann@example.com,,,yes,Links", "Links"),
        ("ann@example.com,,,,Nowhere", "Nowhere"),
        ("ann@example.com,,,,,Nowhere", "Nowhere"),
        ("ann@example.com,,,,,,gossip", "gossip"),
        ("ann@example.com,,,,,,,klingon", "klingon"),
        ("ann@example.com,,,,,,,,Mars/Olympus", "Mars/Olympus"),
        ("ann@example.com,,,,,,,,,beyond", "beyond"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_and_value(row, value):
    make_component("Links")

    assert refused(f"{HEADER}bob@example.com\n{row}\n") == [(3, value)]


def test_a_second_row_of_one_address_is_refused():
    sheet = read("address\nann@example.com\nANN@Example.com\n")

    assert [row.address.endpoint for row in sheet.rows] == ["ann@example.com"]
    assert "line 2" in sheet.refusals[0].reason


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfaddress,language\r\nann@example.com,nl\r\n",
        b"address;language\rann@example.com;nl\r",
        b"address\tlanguage\nann@example.com\tnl",
        "address\tlanguage\r\nann@example.com\tnl\r\n".encode("utf-16"),
        b'\n\n"E-mail address";"Language";\nann@example.com;NL;\n;;\n',
    ],
)
def test_files_of_every_spreadsheet_are_read(content):
    (row,) = read(content).rows

    assert (row.address.endpoint, row.fields) == ("ann@example.com", {"language": "nl"})


def test_many_columns_that_are_not_ours_are_left_alone():
    names = [f"c{number}" for number in range(199)]
    sheet = read(f"address,{','.join(names)}\nann@example.com,{','.join(names)}\n")

    assert (len(sheet.rows), sheet.unused_columns) == (1, names)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"address\nann@example.com\nj\xf6rg@example.com\n", "Line 3 is not in UTF-8"),
        (b"address\nann@exam\x00ple.com\n", "Line 2 holds a NUL"),
        (b"ann@example.com\nbob@example.com\n", "has to name the columns"),
        (b"\n\n", "has to name the columns"),
        (b"address,E-mail\na@example.com,b@example.com\n", "two columns"),
        (b'address\nann@example.com\n"bob@example.com\ncleo@example.com\n', "Line 3 cannot be read"),
        (b"address\n" + b"x" * 200_000, "Line 2 cannot be read"),
        (b"\xff\xfea", "Line 1 is not in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", "Line 1 is not in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(content, words):
    with pytest.raises(ValidationError, match=words):
        read(content)


def test_a_file_that_is_too_large_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(reading_module, "MAX_ROWS", 2)
    monkeypatch.setattr(reading_module, "MAX_BYTES", 100)

    with pytest.raises(ValidationError, match="100,000 rows"):
        read("address\na@example.com\nb@example.com\nc@example.com\n")
    with pytest.raises(ValidationError, match="10 MB"):
        read("address\n" + "\n" * 100)


def test_the_largest_file_passes_the_servers_in_front():
    docs = Path(__file__).parents[2] / "docs"

    assert LARGEST_BODY >= reading_module.MAX_BYTES + 64 * 1024
    for example in ("operations.md", "deploy/nginx.conf"):
        assert f"client_max_body_size {LARGEST_BODY // 1024**2}m;" in (docs / example).read_text()


def test_the_commands_do_the_same(tmp_path, capsys):
    make_page()
    make_subscriber("ann@example.com")
    file = tmp_path / "list.csv"
    call_command("subscribers", "export", str(file))
    assert file.read_text(encoding="utf-8").startswith(HEADER.strip())
    Subscriber.objects.all().delete()

    with pytest.raises(CommandError, match="consent-given"):
        call_command("subscribers", "import", str(file))
    call_command("subscribers", "import", str(file), "--dry-run")
    assert not Subscriber.objects.exists()
    call_command("subscribers", "import", str(file), "--consent-given")

    assert Subscriber.objects.active().get().endpoint == "ann@example.com"
    assert "1 new" in capsys.readouterr().out


def test_the_command_says_which_lines_are_refused(tmp_path, capsys):
    file = tmp_path / "list.csv"
    file.write_text("address\nann@localhost\n")

    call_command("subscribers", "import", str(file))

    assert "line 2: ann@localhost" in capsys.readouterr().out
    file.write_bytes(b"\xff")
    with pytest.raises(CommandError, match="not in UTF-8"):
        call_command("subscribers", "import", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("subscribers", "import", str(tmp_path / "none.csv"))
