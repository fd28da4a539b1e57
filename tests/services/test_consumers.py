"""Programs as people run them log in at a mail host with a token from the bot.

A program that this machine lacks is left out where people work, and is a failure in CI.
"""

from __future__ import annotations

import asyncio
import imaplib
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from bot.domain.channel import InboxSpec, Kind
from sandbox.imap import LocalImap
from sandbox.sasl import EXCHANGE, GMAIL, Manners, TokenCheck, Verdict
from sandbox.smtp import LocalSmtp
from tests.services.play import Play
from tests.services.test_token_broker import SUPPORT, Program, connected, play, program
from tests.services.test_token_command import COMMAND, at

__all__ = ["play"]
CURL: Final = shutil.which("curl")


def needs(program: str, package: str) -> pytest.MarkDecorator:
    lacks = shutil.which(program) is None and not os.environ.get("CI")
    return pytest.mark.skipif(lacks, reason=f"this test needs {program}. On Debian: apt install {package}")


needs_curl = needs("curl", "curl")

SCRIPT: Final = """
token=$("$PYTHON" -I "$COMMAND" "$ADDRESS") || exit 99
printf 'oauth2-bearer = "%s"\\nuser = "%s:"\\n' "$token" "$ADDRESS" |
    "$CURL" --silent --show-error --max-time 20 --cacert "$CA" --resolve "$HOST:$PORT:127.0.0.1" \
    --login-options "AUTH=$MECHANISM" --request "EXAMINE INBOX" --config - "imaps://$HOST:$PORT/"
"""
LOGIN_DENIED: Final = 67
"""Of curl."""


async def curl(
    play: Play, env: dict[str, str], folder: Path, mechanism: str = "XOAUTH2"
) -> tuple[int, str, str]:
    """The line of ``docs/api.md``: the token never stands among the arguments of a process."""
    assert CURL is not None
    imap = play.stage.town.imap
    ca = folder / "ca.pem"
    ca.write_bytes(imap.authority.pem)
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", SCRIPT),
        env={
            **env,
            "PYTHON": sys.executable,
            "COMMAND": str(COMMAND),
            "ADDRESS": SUPPORT,
            "CURL": CURL,
            "CA": str(ca),
            "HOST": imap.name,
            "PORT": str(imap.tls_port),
            "MECHANISM": mechanism,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@needs_curl
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_curl_reads_a_mailbox_until_it_is_disconnected(
    play: Play, tmp_path: Path, mechanism: str
) -> None:
    """It works; broken it says so in the command's words; reconnected it works again."""
    support, desk = await connected(play)
    status, out, err = await curl(play, at(desk), tmp_path, mechanism)
    assert (status, err) == (0, "")
    assert "EXISTS" in out
    play.google.break_down("revoked", SUPPORT)
    await play.passes(minutes=20)
    status, out, err = await curl(play, at(desk), tmp_path, mechanism)
    assert (status, out) == (99, "")
    assert "People have been told" in err
    play.google.mend(SUPPORT)
    await play.signs_in(await play.reconnect("omar", support))
    assert (await curl(play, at(desk), tmp_path, mechanism))[0] == 0


@needs_curl
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_curl_is_refused_with_a_token_for_less(play: Play, tmp_path: Path, mechanism: str) -> None:
    """The host wants the permission for all of Gmail: what the broker would not hand out for IMAP."""
    spec = InboxSpec(SUPPORT, Kind.TEAM, use="Zendesk reads it", name="Support", provider="google")
    begun = await play.services.connections.begin(await play.actor("omar"), spec)
    await play.signs_in(begun, untick=["https://mail.google.com/"])
    sender = await program(play, features=["send"])
    told = (await sender.asks(body={"audience": "gmail"}))[1]
    status, _, err = await curl(play, at(sender), tmp_path, mechanism)
    assert status == 99
    assert "may not be used for that" in err
    assert (await by_imaplib(play, told["access_token"], mechanism))[0] == "refused"


async def by_imaplib(play: Play, token: str, mechanism: str, user: str = SUPPORT) -> tuple[str, str]:
    """As a script with nothing but what comes with Python."""
    imap = play.stage.town.imap
    context = ssl.create_default_context(cadata=imap.authority.pem.decode())
    context.check_hostname = False  # it is reached by its address here
    start, end = ("user=", "\x01auth=Bearer ") if mechanism == "XOAUTH2" else ("n,a=", ",\x01auth=Bearer ")
    first = f"{start}{user}{end}{token}\x01\x01".encode()

    def talk() -> tuple[str, str]:
        with imaplib.IMAP4_SSL("127.0.0.1", imap.tls_port, ssl_context=context, timeout=20) as client:
            try:
                client.authenticate(mechanism, lambda challenge: b"" if challenge else first)
            except imaplib.IMAP4.error as error:
                return "refused", str(error)
            status, _ = client.select("INBOX", readonly=True)
            return status, ""

    return await asyncio.to_thread(talk)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_a_script_logs_in_and_is_refused_as_at_gmail(play: Play, mechanism: str) -> None:
    """Another account's mailbox, a token that ended, one that is none."""
    _, desk = await connected(play)
    told = (await desk.asks())[1]
    assert await by_imaplib(play, told["access_token"], mechanism, told["user"]) == ("OK", "")
    refused = ("refused", "[AUTHENTICATIONFAILED] Invalid credentials (Failure)")
    assert await by_imaplib(play, told["access_token"], mechanism, "alice@acme.example") == refused
    assert await by_imaplib(play, "ya29.nothing", mechanism) == refused
    play.stage.town.clock.advance(timedelta(hours=1))
    assert await by_imaplib(play, told["access_token"], mechanism) == refused
    assert (await by_imaplib(play, (await desk.asks())[1]["access_token"], mechanism))[0] == "OK"


# --- sending


@dataclass
class Ran:
    """A program of Debian's, after it has ended."""

    status: int
    told: str


@dataclass
class MailClient:
    """How a mail program of Debian's is set up with the command of ours."""

    play: Play
    folder: Path
    smtp: LocalSmtp

    def command(self, audience: str) -> str:
        return f"{sys.executable} -I {COMMAND} --for {audience} {SUPPORT}"

    def file(self, name: str, text: str) -> str:
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o600)
        return str(file)

    @property
    def ca(self) -> str:
        return self.file("ca.pem", self.smtp.authority.pem.decode())

    async def runs(self, env: dict[str, str], *args: str, stdin: str = "") -> Ran:
        process = await asyncio.create_subprocess_exec(
            *args,
            env={**env, "HOME": str(self.folder), "PATH": os.environ["PATH"], "TERM": "dumb"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        assert process.returncode is not None
        return Ran(process.returncode, out.decode("utf-8", "replace"))

    async def msmtp(self, env: dict[str, str], mechanism: str) -> Ran:
        config = f"""
defaults
tls on
tls_starttls off
tls_trust_file {self.ca}
account desk
host localhost
port {self.smtp.port}
from {SUPPORT}
auth {mechanism.lower()}
user {SUPPORT}
passwordeval "{self.command("smtp")}"
account default : desk
"""
        return await self.runs(
            env, "msmtp", f"--file={self.file('msmtprc', config)}", "to@acme.example", stdin=MAIL
        )

    async def mutt(self, env: dict[str, str], mechanism: str) -> Ran:
        config = f"""
set ssl_ca_certificates_file="{self.ca}"
set ssl_usesystemcerts=no
set smtp_url="smtps://{SUPPORT.replace("@", "%40")}@localhost:{self.smtp.port}/"
set smtp_authenticators="{mechanism.lower()}"
set smtp_oauth_refresh_command="{self.command("smtp")}"
set from="{SUPPORT}"
set use_from=yes
set copy=no
"""
        muttrc = self.file("muttrc", config)
        return await self.runs(env, "mutt", "-F", muttrc, "-s", "Hello", "to@acme.example", stdin="Body\n")


MAIL: Final = f"From: {SUPPORT}\nTo: to@acme.example\nSubject: Hello\n\nBody\n"
MSMTP: Final = pytest.param("msmtp", marks=needs("msmtp", "msmtp"))
MUTT: Final = pytest.param("mutt", marks=needs("mutt", "mutt"))
NOT_LET_IN: Final = {"msmtp": 77, "mutt": 1}
NO_TOKEN: Final = {"msmtp": 78, "mutt": 1}


@asynccontextmanager
async def a_client(
    play: Play, folder: Path, check: TokenCheck | None = None, manners: Manners = GMAIL
) -> AsyncIterator[MailClient]:
    town = play.stage.town
    smtp = LocalSmtp(check or town.google.judges_token, town.imap.authority, manners, name="localhost")
    await smtp.start()
    try:
        yield MailClient(play, folder, smtp)
    finally:
        await smtp.close()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("name", [MSMTP, MUTT])
async def test_a_mail_is_sent_until_the_mailbox_is_disconnected(
    play: Play, tmp_path: Path, name: str, mechanism: str
) -> None:
    """The lines of ``docs/api.md``: broken, nothing is tried at the host, and the words say why."""
    support, desk = await connected(play)
    async with a_client(play, tmp_path) as client:
        sends = getattr(client, name)
        ran = await sends(at(desk), mechanism)
        assert ran.status == 0, ran.told
        [sent] = client.smtp.sent
        assert (sent.login, sent.sender, sent.recipients) == (SUPPORT, SUPPORT, ("to@acme.example",))
        assert "Body" in sent.text
        play.google.break_down("revoked", SUPPORT)
        await play.passes(minutes=20)
        ran = await sends(at(desk), mechanism)
        assert ran.status == NO_TOKEN[name]
        assert "People have been told" in ran.told
        assert client.smtp.requests == {"login": 1}
        play.google.mend(SUPPORT)
        await play.signs_in(await play.reconnect("omar", support))
        assert (await sends(at(desk), mechanism)).status == 0
        assert len(client.smtp.sent) == 2


@pytest.mark.parametrize(
    ("manners", "verdict", "words"),
    [
        (GMAIL, Verdict.REFUSED, "5.7.8"),
        (EXCHANGE, Verdict.REFUSED, "535 5.7.3 Authentication unsuccessful"),
        (EXCHANGE, Verdict.ENDS_SOON, "501 5.5.127 Token will expire soon"),
    ],
)
@pytest.mark.parametrize("name", [MSMTP, MUTT])
async def test_a_token_that_a_host_refuses_sends_nothing(
    play: Play, tmp_path: Path, name: str, manners: Manners, verdict: Verdict, words: str
) -> None:
    """In the words of Gmail and of Exchange, and never with the token."""
    _, desk = await connected(play)
    shown: list[str] = []

    def check(address: str, token: str) -> Verdict:
        shown.append(token)
        return verdict

    async with a_client(play, tmp_path, check, manners) as client:
        ran = await getattr(client, name)(at(desk), "XOAUTH2")
        assert ran.status == NOT_LET_IN[name], ran.told
        assert not client.smtp.sent
    assert name == "mutt" or words in ran.told
    assert shown == [(await desk.asks())[1]["access_token"]]
    assert shown[0] not in ran.told


@needs("mbsync", "isync libsasl2-modules-kdexoauth2")
async def test_mbsync_logs_in(play: Play, tmp_path: Path) -> None:
    """With the module for XOAUTH2 of Debian's; without a token it does not try."""
    support, desk = await connected(play)
    town = play.stage.town
    imap = LocalImap("localhost")
    imap.takes_tokens(town.google.judges_token)
    await imap.start()
    try:
        async with a_client(play, tmp_path) as client:
            config = f"""
IMAPAccount desk
Host localhost
Port {imap.tls_port}
User {SUPPORT}
AuthMechs XOAUTH2
PassCmd "{client.command("imap")}"
SSLType IMAPS
SystemCertificates no
CertificateFile {client.ca}

IMAPStore remote
Account desk

MaildirStore local
Path {tmp_path}/mail/
Inbox {tmp_path}/mail/INBOX

Channel desk
Far :remote:
Near :local:
Patterns *
"""
            (tmp_path / "mail").mkdir()
            mbsync = ("mbsync", "-c", client.file("mbsyncrc", config), "--list", "desk")
            ran = await client.runs(at(desk), *mbsync)
            assert (ran.status, imap.requests["login"], imap.requests["refused"]) == (0, 1, 0), ran.told
            assert "INBOX" in ran.told
            play.google.break_down("revoked", SUPPORT)
            await play.passes(minutes=20)
            ran = await client.runs(at(desk), *mbsync)
            assert (ran.status, imap.requests["login"]) == (1, 1)
            assert "People have been told" in ran.told
    finally:
        await imap.close()
    assert support.address == SUPPORT


# --- refreshing by OAuth

NODE: Final = """
const nodemailer = require('nodemailer')
const {url, user, port} = JSON.parse(process.argv[2])
const transport = nodemailer.createTransport({host: 'localhost', port, secure: true, auth: {
  type: 'OAuth2', user, clientId: 'any', clientSecret: 'any',
  refreshToken: process.env.INBOXKEEPER_KEY,
  accessUrl: `${url}/api/oauth/${user}/smtp/token`}})
const mail = {from: user, to: 'to@acme.example', subject: 'Hello', text: 'Body'}
transport.sendMail(mail).then(
  sent => console.log(JSON.stringify({accepted: sent.accepted})),
  error => console.log(JSON.stringify({code: error.code, message: error.message})))
"""
MODULES: Final = "/usr/share/nodejs"
"""Where Debian's modules are: only its own node looks there by itself."""


@cache
def lacks_nodemailer() -> bool:
    if (node := shutil.which("node")) is None:
        return True
    asked = subprocess.run(
        [node, "-e", "require('nodemailer')"],
        env={"NODE_PATH": MODULES},
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    return asked.returncode != 0


needs_nodemailer = pytest.mark.skipif(
    not os.environ.get("CI") and lacks_nodemailer(),
    reason="this test needs Nodemailer. On Debian: apt install nodejs node-nodemailer",
)


async def nodemailer(client: MailClient, desk: Program) -> dict[str, Any]:
    """The lines of ``docs/api.md``: what a program of Node's is told. The host's certificate is all it is
    told beyond them."""
    at_bot = {"url": client.play.services.core.policy.base_url, "user": SUPPORT, "port": client.smtp.port}
    env = {"NODE_PATH": MODULES, "NODE_EXTRA_CA_CERTS": client.ca, "INBOXKEEPER_KEY": desk.secret}
    ran = await client.runs(env, "node", client.file("send.js", NODE), json.dumps(at_bot))
    assert ran.status == 0, ran.told
    told: dict[str, Any] = json.loads(ran.told)
    return told


@needs_nodemailer
async def test_nodemailer_sends_until_the_mailbox_is_disconnected(play: Play, tmp_path: Path) -> None:
    """With the key as its refresh token; broken, whoever runs it reads why, and the host is not asked."""
    support, desk = await connected(play)
    async with a_client(play, tmp_path) as client:
        assert await nodemailer(client, desk) == {"accepted": ["to@acme.example"]}
        [sent] = client.smtp.sent
        assert (sent.login, sent.sender, sent.recipients) == (SUPPORT, SUPPORT, ("to@acme.example",))
        assert "Body" in sent.text
        play.google.break_down("revoked", SUPPORT)
        await play.passes(minutes=20)
        told = await nodemailer(client, desk)
        assert told["code"] == "EAUTH"
        assert told["message"].startswith("temporarily_unavailable: The mailbox is disconnected.")
        assert "People have been told" in told["message"]
        assert client.smtp.requests == {"login": 1}
        play.google.mend(SUPPORT)
        await play.signs_in(await play.reconnect("omar", support))
        assert await nodemailer(client, desk) == {"accepted": ["to@acme.example"]}
        assert len(client.smtp.sent) == 2


@needs_nodemailer
@pytest.mark.parametrize(
    ("manners", "times", "words"),
    [(GMAIL, 2, "5.7.8"), (EXCHANGE, 1, "535 5.7.3")],
    ids=["gmail", "exchange"],
)
async def test_nodemailer_reports_what_a_host_refuses(
    play: Play, tmp_path: Path, manners: Manners, times: int, words: str
) -> None:
    """It asks for another token by itself, but only after a challenge, which Exchange does not send: then
    the one it has is kept for the transport's next mail, too."""
    _, desk = await connected(play)
    shown: list[str] = []

    def check(address: str, token: str) -> Verdict:
        shown.append(token)
        return Verdict.REFUSED

    async with a_client(play, tmp_path, check, manners) as client:
        told = await nodemailer(client, desk)
        assert not client.smtp.sent
    assert told["code"] == "EAUTH"
    assert told["message"].startswith("Invalid login: ")
    assert words in told["message"]
    assert shown == [(await desk.asks())[1]["access_token"]] * times
    assert desk.secret not in told["message"]
    assert shown[0] not in told["message"]


@needs_nodemailer
async def test_nodemailer_is_told_that_a_key_does_not_work(play: Play, tmp_path: Path) -> None:
    _, desk = await connected(play)
    await play.services.api_keys.revoke(desk.key.id)
    async with a_client(play, tmp_path) as client:
        told = await nodemailer(client, desk)
    assert told == {"code": "EAUTH", "message": "invalid_grant: This key does not work."}
