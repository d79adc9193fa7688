"""What the operator sets, read and checked. Knows the variables and their rules; knows no Django."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from environs import EnvValidationError, FileAwareEnv

FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
EMAIL_PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
SECRET_KEY_LENGTH = 32
MAX_CONNECTIONS = 32
SQLITE = "django.db.backends.sqlite3"
NO_MAIL_SERVER = (
    "must be smtp://, smtps:// or smtp+tls:// with user:password@host:port; special characters in user and password "
    "must be %-encoded."
)
NO_SECRET_KEY = (
    f"is not set. Set it to {SECRET_KEY_LENGTH} or more random characters that only this installation knows, or "
    "SECRET_KEY_FILE to a file that holds them (./run makes such a file by itself). To make one: "
    "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
)


class WrongEnvironment(Exception):
    """Names every variable that is missing or wrong."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. `scheme` is smtp (plain), smtps (TLS from the start) or smtp+tls (STARTTLS)."""

    scheme: str
    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Environment:
    """`database` is Django's dictionary; `mail_server` is None when mails are to be written as files.

    `trusted_proxies` is how many proxies of the operator stand between readers and us: their word on who asks is taken.
    `sign_ups_per_hour` is how many sign-ups are taken from everybody together; `forget_notices_after_days` for how long
    after its end a single notice is still followed, in case it is reopened.
    """

    secret_key: str
    debug: bool
    database: dict[str, Any]
    mail_server: MailServer | None
    mail_from: str
    bounce_address: str
    bounce_mailbox: str
    anymail: dict[str, Any]
    mail_connections: int
    mail_per_connection: int
    mail_per_minute: int | None
    mail_per_minute_to_domain: int | None
    public_url: str
    allowed_hosts: list[str]
    data_dir: Path
    host: str
    port: int
    trusted_proxies: int
    sign_ups_per_hour: int
    forget_notices_after_days: int


def read_environment(base_dir: Path) -> Environment:
    """Read all variables; a relative DATA_DIR or database file counts from `base_dir`.

    NAME may also be given as NAME_FILE, a file that holds the value. Raises WrongEnvironment, which names each wrong
    variable and never shows a value: it may be a secret.
    """
    env = UnsurprisingEnv(eager=False, strip_whitespace=True)
    plain = (_secret_key, _flag, _port, _count, _amount, _number, _rate, _origin, _hosts)
    for parse in (*plain, _database, _mail_server, _address, _connections, _bounce_address, _anymail):
        env.add_parser(parse.__name__.strip("_"), _unless_default(parse))
    secret_key = env.secret_key("SECRET_KEY", None)
    debug = env.flag("DEBUG", False)
    host = env.str("HOST", "127.0.0.1")
    port = env.port("PORT", 8000)
    trusted_proxies = env.count("TRUSTED_PROXIES", 0)
    sign_ups_per_hour = env.amount("SIGN_UPS_PER_HOUR", 1_000)
    forget_notices_after_days = env.amount("FORGET_NOTICES_AFTER_DAYS", 7)
    data_dir = env.path("DATA_DIR", Path("var"))
    public_url = env.origin("PUBLIC_URL", None)
    allowed_hosts = env.hosts("ALLOWED_HOSTS", None)
    database = env.database("DATABASE_URL", None)
    mail_server = env.mail_server("EMAIL_URL", None)
    mail_from = env.address("EMAIL_FROM", None)
    bounce_address = env.bounce_address("BOUNCE_ADDRESS", None)
    bounce_mailbox = env.str("BOUNCE_MAILBOX", "")
    anymail = env.anymail("ANYMAIL", None)
    mail_connections = env.connections("EMAIL_CONNECTIONS", 4)
    mail_per_connection = env.number("EMAIL_PER_CONNECTION", 100)
    mail_per_minute = env.rate("EMAIL_PER_MINUTE", None)
    mail_per_minute_to_domain = env.rate("EMAIL_PER_MINUTE_PER_DOMAIN", None)
    if secret_key is None:
        env.demand("SECRET_KEY", NO_SECRET_KEY)
    try:
        env.seal()
    except EnvValidationError as error:
        raise WrongEnvironment(_explain(error.error_messages)) from None

    data_dir = base_dir / data_dir.expanduser()
    public_url = public_url or f"http://{_reachable(host)}:{port}"
    public_host = urlsplit(public_url).hostname or "localhost"
    return Environment(
        secret_key=secret_key,
        debug=debug,
        database=_from_base(database or {"ENGINE": SQLITE, "NAME": str(data_dir / "status.sqlite3")}, base_dir),
        mail_server=mail_server,
        mail_from=mail_from or f"status@{public_host}",
        bounce_address=bounce_address or "",
        bounce_mailbox=bounce_mailbox,
        anymail=anymail or {},
        mail_connections=mail_connections,
        mail_per_connection=mail_per_connection,
        mail_per_minute=mail_per_minute,
        mail_per_minute_to_domain=mail_per_minute_to_domain,
        public_url=public_url,
        allowed_hosts=allowed_hosts or list(dict.fromkeys([public_host, "127.0.0.1", "localhost", "[::1]"])),
        data_dir=data_dir,
        host=host,
        port=port,
        trusted_proxies=trusted_proxies,
        sign_ups_per_hour=sign_ups_per_hour,
        forget_notices_after_days=forget_notices_after_days,
    )


def _from_base(database: dict[str, Any], base_dir: Path) -> dict[str, Any]:
    """A file named by a relative path must be the same one for every process, wherever it was started."""
    if database["ENGINE"] != SQLITE:
        return database
    return {**database, "NAME": str(base_dir / database["NAME"])}


def _explain(problems: Mapping[str, Sequence[object]]) -> str:
    lines = [f"{name}: {' '.join(map(str, problems[name]))}" for name in sorted(problems)]
    return "these settings need attention:\n  " + "\n  ".join(lines)


def _reachable(host: str) -> str:
    """`host` as a URL names it; this machine, where `host` means all of its addresses."""
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


class UnsurprisingEnv(FileAwareEnv):
    """An empty value counts as not set, and an unreadable NAME_FILE is one more finding, not the end of the search."""

    def demand(self, name: str, finding: str) -> None:
        """Note that `name` is needed, unless something is known to be wrong with it already."""
        if name not in self._errors:
            self._errors[name].append(finding)

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            value = super()._get_value(env_key, default)
        except (ValueError, OSError):
            self._errors[env_key].append(f"{env_key}_FILE names a file that cannot be read as text.")
            return default
        return default if value == "" else value


def _unless_default(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """environs hands a parser the default too, which is no text from the operator."""
    return lambda value: parse(value) if isinstance(value, str) else value


def _secret_key(value: str) -> str:
    if len(value) < SECRET_KEY_LENGTH:
        raise EnvValidationError(f"must have at least {SECRET_KEY_LENGTH} characters.", ())
    return value


def _flag(value: str) -> bool:
    if value.lower() not in FLAGS:
        raise EnvValidationError("must be true or false.", ())
    return FLAGS[value.lower()]


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise EnvValidationError("must be a number from 1 to 65535.", ())
    return int(value)


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) > 9:
        raise EnvValidationError("must be a number from 0 to 9.", ())
    return int(value)


def _amount(value: str) -> int:
    if not value.isdecimal() or len(value) > 7 or not 0 < int(value) <= 1_000_000:
        raise EnvValidationError("must be a number from 1 to 1000000.", ())
    return int(value)


def _origin(value: str) -> str:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise EnvValidationError("is not a URL.", ()) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise EnvValidationError("must be an address such as https://status.example.com.", ())
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise EnvValidationError("must have no path: the page lives at the root of its host.", ())
    try:
        host = parts.netloc.encode("idna").decode()
    except UnicodeError:
        raise EnvValidationError("holds a host name that is none.", ()) from None
    return f"{parts.scheme}://{host}"


def _database(value: str) -> dict[str, Any]:
    if urlsplit(value).scheme not in ("sqlite", "postgres", "postgresql"):
        raise EnvValidationError("must begin with sqlite:// or postgresql://.", ())
    try:
        database = dict(dj_database_url.parse(value))
    except ValueError:
        raise EnvValidationError("cannot be read: special characters in the password must be %-encoded.", ()) from None
    if database["NAME"] in ("", ":memory:"):
        raise EnvValidationError("must name a database that all processes share.", ())
    return database


def _mail_server(value: str) -> MailServer:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise EnvValidationError(NO_MAIL_SERVER, ()) from None
    if parts.scheme not in EMAIL_PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise EnvValidationError(NO_MAIL_SERVER, ())
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or EMAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _address(value: str) -> str:
    _name, address = parseaddr(value)
    if not address.partition("@")[2] or "\n" in value:
        raise EnvValidationError("must be an address: status@example.com or Our status <status@example.com>.", ())
    return value


def _bounce_address(value: str) -> str:
    local, _at, domain = value.rpartition("@")
    # What we add to the local part must fit into its 64 octets (RFC 5321, 4.5.3.1.1).
    if not (local and domain and value.isascii() and value.isprintable()) or len(local) > 15 or set(local) & set(" +@"):
        raise EnvValidationError("must be an address such as bounces@example.com, with at most 15 signs before @.", ())
    return value


def _anymail(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found.get("WEBHOOK_SECRET"):
        raise EnvValidationError('must be JSON with a secret for the webhook: {"WEBHOOK_SECRET": "user:password"}', ())
    return found


def _connections(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) <= MAX_CONNECTIONS:
        raise EnvValidationError(f"must be a number from 1 to {MAX_CONNECTIONS}.", ())
    return int(value)


def _number(value: str) -> int:
    if not value.isdecimal():
        raise EnvValidationError("must be a number; 0 means no limit.", ())
    return int(value)


def _rate(value: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise EnvValidationError("must be a number above 0; not set means no limit.", ())
    return int(value)


def _hosts(value: str) -> list[str]:
    hosts = [host.strip() for host in value.split(",") if host.strip()]
    if any("/" in host or (":" in host and not host.startswith("[")) for host in hosts):
        raise EnvValidationError("must be host names with commas between them, without https:// and port.", ())
    return hosts
