"""Programs as people run them log in at a mail host with a token from the bot.

A program that this machine lacks is left out where people work, and is a failure in CI.
"""

from __future__ import annotations

import asyncio
import imaplib
import os
import shutil
import ssl
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from bot.domain.channel import InboxSpec, Kind
from tests.services.play import Play
from tests.services.test_token_broker import SUPPORT, connected, play, program
from tests.services.test_token_command import COMMAND, at

__all__ = ["play"]
CURL: Final = shutil.which("curl")
needs_curl = pytest.mark.skipif(
    CURL is None and not os.environ.get("CI"), reason="this test needs curl. On Debian: apt install curl"
)

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
