"""The same provider against a real Dovecot: what no stand-in of ours can prove.

Without Dovecot these tests are left out where people work, saying how to get it, and fail in CI.
"""

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
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.domain.channel import Cause
from bot.domain.errors import GrantRejected, ProviderUnavailable
from bot.domain.grant import Revocation
from providers.http_client import HttpClient
from providers.imap.autoconfig import Autoconfig
from providers.imap.protocol import ImapClient, Trust
from providers.imap.provider import Imap
from providers.ssrf import SsrfGuard
from sandbox.imap.certificates import Authority
from tests.providers.contract import NOW, a_consent, a_grant
from tests.providers.imap_stage import LOOPBACK, Names

DOVECOT = shutil.which("dovecot") or shutil.which("/usr/sbin/dovecot")
MISSING = "these tests need Dovecot, and there is none. On Debian: apt install dovecot-imapd"
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


@pytest.fixture
async def dovecot(request: pytest.FixtureRequest) -> AsyncIterator[Dovecot]:
    """``request.param`` may be other settings than the usual ones."""
    settings = {"mechanisms": "plain", "delay": 0, **getattr(request, "param", {})}
    if DOVECOT is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
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
            **settings,
        )
    )
    (folder / "users").touch()
    process = await asyncio.create_subprocess_exec(
        DOVECOT, "-F", "-c", str(folder / "conf"), stderr=asyncio.subprocess.PIPE
    )
    guard = SsrfGuard(
        Names({HOST: "127.0.0.1"}), allowed_networks=(LOOPBACK,), allowed_ports=frozenset({tls, starttls})
    )
    wire = ImapClient(guard, Trust.of(str(folder / "ca.pem")), timeout=timedelta(seconds=10))
    await _until_open(tls, process, folder)
    async with aiohttp.ClientSession() as session:
        web = HttpClient(session)
        autoconfig = Autoconfig(Names(), own=web, listed=web, ispdb_url="", own_urls=())
        yield Dovecot(Imap(wire, autoconfig, clock=lambda: NOW), folder, tls, starttls)
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


@pytest.mark.parametrize("password", ["plain", 'a "quoted" \\ one', "パスワード", "with {5} braces"])
async def test_a_right_password_opens_inbox(dovecot: Dovecot, password: str) -> None:
    """Over TLS from the start and over STARTTLS, however the password is spelt."""
    dovecot.has(password)
    for changes in ({}, {"port": str(dovecot.starttls), "security": "starttls"}):
        got = await dovecot.provider.redeem(a_consent(USER), dovecot.form(password, **changes))
        grant = a_grant(got)
        evidence = await dovecot.provider.probe(grant, await dovecot.provider.refresh(grant))
        assert evidence.what == "imap.examine"


async def test_a_wrong_password_is_refused_by_its_code(dovecot: Dovecot) -> None:
    """Dovecot says AUTHENTICATIONFAILED, over both ways of logging in."""
    dovecot.has("right")
    for wrong in ("wrong", "ちがう"):
        with pytest.raises(GrantRejected) as refused:
            await dovecot.provider.redeem(a_consent(USER), dovecot.form(wrong))
        assert (refused.value.code, refused.value.cause) == ("AUTHENTICATIONFAILED", Cause.PASSWORD_REFUSED)


async def test_a_changed_password_ends_the_grant(dovecot: Dovecot) -> None:
    """It works until it is changed; that it was changed is what confirms the end."""
    dovecot.has("first")
    grant = a_grant(await dovecot.provider.redeem(a_consent(USER), dovecot.form("first")))
    assert await dovecot.provider.revoke(grant) is Revocation.BY_HAND
    dovecot.has("second")
    # Dovecot looks at its list of passwords once a second.
    async with asyncio.timeout(PATIENCE):
        while await dovecot.provider.revoke(grant) is not Revocation.CONFIRMED:
            await asyncio.sleep(0.2)
    with pytest.raises(GrantRejected):
        await dovecot.provider.refresh(grant)


async def test_the_wrong_port_gets_nothing(dovecot: Dovecot) -> None:
    """TLS spoken to the STARTTLS port, and the other way round."""
    dovecot.has("right")
    crossed = ({"port": str(dovecot.starttls)}, {"security": "starttls"})
    for changes in crossed:
        with pytest.raises(ProviderUnavailable):
            await dovecot.provider.redeem(a_consent(USER), dovecot.form("right", **changes))


ONLY_SASL_LOGIN = pytest.mark.parametrize("dovecot", [{"mechanisms": "login"}], indirect=True)


@ONLY_SASL_LOGIN
@pytest.mark.parametrize("changes", [{}, {"security": "starttls"}])
async def test_a_host_that_knows_only_sasl_login(dovecot: Dovecot, changes: dict[str, str]) -> None:
    """The command LOGIN is not taken there (it is PLAIN in disguise), and no wrong password either."""
    dovecot.has("right")
    port = {"port": str(dovecot.starttls)} if changes else {}
    got = await dovecot.provider.redeem(a_consent(USER), dovecot.form("right", **port, **changes))
    grant = a_grant(got)
    assert await dovecot.provider.probe(grant, await dovecot.provider.refresh(grant))
    with pytest.raises(GrantRejected):
        await dovecot.provider.redeem(a_consent(USER), dovecot.form("wrong"))


@pytest.mark.parametrize("dovecot", [{"delay": "1 secs"}], indirect=True)
async def test_an_answer_that_is_held_back_is_waited_for(dovecot: Dovecot) -> None:
    """After a wrong login the answer comes later, and is the same."""
    dovecot.has("right")
    with pytest.raises(GrantRejected):
        await dovecot.provider.redeem(a_consent(USER), dovecot.form("wrong"))
    assert await dovecot.provider.redeem(a_consent(USER), dovecot.form("right"))
