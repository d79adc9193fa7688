"""A real IMAP server on loopback with one empty mailbox: Dovecot, as whoever runs the suite."""

from __future__ import annotations

import contextlib
import email
import grp
import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port, wait_for

USER, PASSWORD = "bounces", "secret"

CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {login_user}
first_valid_uid = {uid}
first_valid_gid = {gid}
mail_location = maildir:{directory}/mail
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


def find_dovecot() -> str | None:
    return shutil.which("dovecot", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


@dataclass(frozen=True)
class ImapServer:
    port: int

    @property
    def url(self) -> str:
        return f"imap://{USER}:{PASSWORD}@127.0.0.1:{self.port}/INBOX"

    def add(self, raw: bytes) -> None:
        with self._client() as client:
            client.append("INBOX", "", None, raw)

    def subjects(self) -> list[str]:
        with self._client() as client:
            client.select("INBOX", readonly=True)
            found = client.uid("SEARCH", "ALL")[1][0].decode().split()
            raws = [client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in found]
        return [str(email.message_from_bytes(raw)["Subject"]) for raw in raws]

    def _client(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.login(USER, PASSWORD)
        return client


@contextlib.contextmanager
def imap_server() -> Iterator[ImapServer]:
    directory = Path(tempfile.mkdtemp(prefix="statuspage-imap-"))
    directory.chmod(0o755)
    port, me = free_port(), pwd.getpwuid(os.geteuid())
    # Root starts it as users of its own, which its package has made; anybody else as themselves.
    internal, login = ("dovecot", "dovenull") if me.pw_uid == 0 else (me.pw_name, me.pw_name)
    owner = pwd.getpwnam(internal)
    (directory / "mail").mkdir()
    os.chown(directory / "mail", owner.pw_uid, owner.pw_gid)
    configuration = directory / "dovecot.conf"
    configuration.write_text(
        CONFIGURATION.format(
            directory=directory,
            port=port,
            password=PASSWORD,
            user=internal,
            group=grp.getgrgid(owner.pw_gid).gr_name,
            login_user=login,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
        )
    )
    program = find_dovecot()
    assert program, "Dovecot is not installed: apt-get install dovecot-imapd"
    process = subprocess.Popen([program, "-F", "-c", configuration], stderr=subprocess.STDOUT)
    server = ImapServer(port)
    try:
        wait_for(lambda: _answers(server), what="Dovecot to start")
        yield server
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(directory)


def _answers(server: ImapServer) -> bool:
    try:
        with server._client():
            return True
    except (OSError, imaplib.IMAP4.error):
        return False
