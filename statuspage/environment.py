"""What the operator sets, read and checked. Knows the variables and their rules; knows no Django."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from environs import EnvValidationError, FileAwareEnv

EMAIL_PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
SECRET_KEY_LENGTH = 32


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
    """`database` is Django's dictionary; `mail_server` is None when mails are to be written as files."""

    secret_key: str
    debug: bool
    database: dict[str, Any]
    mail_server: MailServer | None
    mail_from: str
    public_url: str
    allowed_hosts: list[str]
    data_dir: Path
    host: str
    port: int


def read_environment(base_dir: Path) -> Environment:
    """Read all variables; a relative DATA_DIR counts from `base_dir`.

    NAME may also be given as NAME_FILE, a file that holds the value. Raises WrongEnvironment.
    """
    env = UnsurprisingEnv(eager=False, strip_whitespace=True)
    for parse in (_secret_key, _port, _origin, _database, _mail_server, _hosts):
        env.add_parser(parse.__name__.strip("_"), _unless_default(parse))
    secret_key = env.secret_key("SECRET_KEY")
    debug = env.bool("DEBUG", False)
    host = env.str("HOST", "127.0.0.1")
    port = env.port("PORT", 8000)
    data_dir = env.path("DATA_DIR", Path("var"))
    public_url = env.origin("PUBLIC_URL", None)
    allowed_hosts = env.hosts("ALLOWED_HOSTS", None)
    database = env.database("DATABASE_URL", None)
    mail_server = env.mail_server("EMAIL_URL", None)
    mail_from = env.str("EMAIL_FROM", None)
    try:
        env.seal()
    except EnvValidationError as error:
        lines = [f"{name}: {' '.join(map(str, messages))}" for name, messages in sorted(error.error_messages.items())]
        raise WrongEnvironment("these settings need attention:\n  " + "\n  ".join(lines)) from None

    data_dir = base_dir / data_dir.expanduser()
    public_url = public_url or f"http://{'127.0.0.1' if host in ('0.0.0.0', '::', '') else host}:{port}"
    public_host = urlsplit(public_url).hostname or "localhost"
    return Environment(
        secret_key=secret_key,
        debug=debug,
        database=database or dj_database_url.parse(f"sqlite:///{data_dir / 'status.sqlite3'}"),
        mail_server=mail_server,
        mail_from=mail_from or f"status@{public_host}",
        public_url=public_url,
        allowed_hosts=allowed_hosts or list(dict.fromkeys([public_host, "127.0.0.1", "localhost", "[::1]"])),
        data_dir=data_dir,
        host=host,
        port=port,
    )


class UnsurprisingEnv(FileAwareEnv):
    """An empty value counts as not set, and an unreadable NAME_FILE is one more finding, not the end of the search."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            value = super()._get_value(env_key, default)
        except (ValueError, OSError) as problem:
            self._errors[env_key].append(str(problem))
            return default
        return default if value == "" else value


def _unless_default(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """environs hands a parser the default too, which is no text from the operator."""
    return lambda value: parse(value) if isinstance(value, str) else value


def _secret_key(value: str) -> str:
    if len(value) < SECRET_KEY_LENGTH:
        raise EnvValidationError(f"must have at least {SECRET_KEY_LENGTH} characters.", ())
    return value


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise EnvValidationError("must be a number from 1 to 65535.", ())
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
    return value.rstrip("/")


def _database(value: str) -> dict[str, Any]:
    if urlsplit(value).scheme not in ("sqlite", "postgres", "postgresql"):
        raise EnvValidationError("must begin with sqlite:// or postgresql://.", ())
    try:
        return dict(dj_database_url.parse(value))
    except ValueError as problem:
        raise EnvValidationError(f"cannot be read: {problem}", ()) from None


def _mail_server(value: str) -> MailServer:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise EnvValidationError("is not a URL.", ()) from None
    if parts.scheme not in EMAIL_PORTS or not parts.hostname:
        raise EnvValidationError("must be smtp://, smtps:// or smtp+tls:// with user:password@host:port.", ())
    return MailServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or EMAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _hosts(value: str) -> list[str]:
    return [host.strip() for host in value.split(",") if host.strip()]
