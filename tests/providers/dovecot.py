"""A real Dovecot of our own, as long as somebody needs one."""

from __future__ import annotations

import asyncio
import getpass
import grp
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp

from providers.http_client import HttpClient
from providers.imap.autoconfig import Autoconfig
from providers.imap.protocol import ImapClient, Trust
from providers.imap.provider import Imap
from providers.ssrf import SsrfGuard
from sandbox.imap.certificates import Authority
from tests.providers.contract import NOW
from tests.providers.imap_stage import LOOPBACK, Names

DOVECOT = shutil.which("dovecot") or shutil.which("/usr/sbin/dovecot")
HOST, USER = "imap.dovecot.example", "alice@dovecot.example"
PATIENCE = 20

CONFIG = """
base_dir = {run}
state_dir = {run}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 0
mail_uid = {uid}
mail_gid = {gid}
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_failure_delay = {delay}
auth_mechanisms = {mechanisms}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass
class Dovecot:
    """A running one."""

    provider: Imap
    folder: Path
    tls: int
    starttls: int

    def has(self, password: str, user: str = USER) -> None:
        """From now on this is the user's password."""
        (self.folder / "users").write_text(f"{user}:{{PLAIN}}{password}\n")

    def form(self, password: str, **changes: str) -> dict[str, str]:
        form = {"host": HOST, "port": str(self.tls), "security": "tls", "user": USER}
        return {**form, "password": password, **changes}


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@asynccontextmanager
async def running(
    program: str, *, mechanisms: str = "plain", delay: str = "0", within: timedelta = timedelta(seconds=10)
) -> AsyncIterator[Dovecot]:
    """``program`` with nobody in it, and the product's provider before it."""
    # Not below pytest's own folder: a socket's path may have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    authority = Authority()
    pair = authority.sign(HOST)
    for name, content in (("cert", pair.certificate_pem), ("key", pair.key_pem), ("ca", authority.pem)):
        (folder / f"{name}.pem").write_bytes(content)
    tls, starttls = free_port(), free_port()
    (folder / "conf").write_text(
        CONFIG.format(
            folder=folder,
            run=folder / "run",
            **_users(folder),
            tls=tls,
            starttls=starttls,
            mechanisms=mechanisms,
            delay=delay,
        )
    )
    (folder / "users").touch()
    process = await asyncio.create_subprocess_exec(
        program, "-F", "-c", str(folder / "conf"), stderr=asyncio.subprocess.PIPE
    )
    try:
        guard = SsrfGuard(
            Names({HOST: "127.0.0.1"}), allowed_networks=(LOOPBACK,), allowed_ports=frozenset({tls, starttls})
        )
        wire = ImapClient(guard, Trust.of(str(folder / "ca.pem")), timeout=within)
        await _until_open(tls, process, folder)
        async with aiohttp.ClientSession() as session:
            web = HttpClient(session)
            autoconfig = Autoconfig(Names(), own=web, listed=web, ispdb_url="", own_urls=())
            yield Dovecot(Imap(wire, autoconfig, clock=lambda: NOW), folder, tls, starttls)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def _users(folder: Path) -> dict[str, object]:
    """Whom Dovecot runs as: ourselves; or, since it refuses to be root, the users of its own package."""
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        me = getpass.getuser()
        return {"internal": me, "group": grp.getgrgid(gid).gr_name, "login": me, "uid": uid, "gid": gid}
    own = pwd.getpwnam("dovecot")
    folder.chmod(0o755)
    (folder / "mail").mkdir()
    os.chown(folder / "mail", own.pw_uid, own.pw_gid)
    return {
        "internal": "dovecot",
        "group": grp.getgrgid(own.pw_gid).gr_name,
        "login": "dovenull",
        "uid": own.pw_uid,
        "gid": own.pw_gid,
    }


async def _until_open(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if process.returncode is not None:
                log = folder / "log"
                _, said = await process.communicate()
                raise AssertionError(said.decode() + (log.read_text() if log.exists() else ""))
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.transport.abort()
                return
            await asyncio.sleep(0.05)
