"""Tokens for IMAP and SMTP at Microsoft: of another resource than mailboxes are looked at with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from bot.domain.channel import Channel, InboxSpec, Kind, State
from sandbox.microsoft.scopes import IMAP, SMTP
from sandbox.sasl import EXCHANGE, Verdict
from tests.services.play import Play, on_both
from tests.services.test_consumers import MSMTP, MUTT, a_client
from tests.services.test_token_broker import FILE, SUPPORT, Program, program
from tests.services.test_token_command import at
from tests.stage import KEY, a_stage

RELAY: Final = f"""
[relay]
on = true
name.en = "Relay"
reason.en = "to send and fetch mail"
scopes.microsoft = ["{IMAP}", "{SMTP}"]
scopes.microsoft_shared = ["{IMAP}"]
"""


@pytest.fixture
async def play(settled_url: str, inline_sqlite: None, tmp_path: Path) -> AsyncIterator[Play]:
    file = tmp_path / "features.toml"
    file.write_text(FILE + RELAY)
    async with a_stage(settled_url, key=KEY, FEATURES_FILE=str(file), API="true") as stage:
        await stage.settles()
        yield Play(stage)


async def at_microsoft(play: Play) -> tuple[Channel, Program]:
    support = await play.connect_team(SUPPORT, provider="microsoft")
    return support, await program(play, features=["crm", "relay"])


@on_both
async def test_one_consent_brings_a_token_for_each_resource(play: Play) -> None:
    """Each is kept, and good where it belongs alone; a look that renews the secret ends neither."""
    support, desk = await at_microsoft(play)
    microsoft = play.stage.town.microsoft
    status, imap = await desk.asks()
    assert (status, imap["host"], imap["port"], imap["user"]) == (200, "outlook.office365.com", 993, SUPPORT)
    assert imap["scopes"] == [IMAP, SMTP]
    graph = (await desk.asks(body={"audience": "graph"}))[1]
    assert "Mail.Read" in graph["scopes"]
    assert IMAP not in graph["scopes"]
    assert microsoft.judges_imap(SUPPORT, imap["access_token"]) is Verdict.TAKEN
    assert microsoft.judges_imap(SUPPORT, graph["access_token"]) is Verdict.REFUSED
    assert microsoft.judges_imap("alice@acme.example", imap["access_token"]) is Verdict.REFUSED
    asked = play.stage.town.microsoft.requests["token"]
    await play.look(support)
    assert (await desk.asks())[1]["access_token"] == imap["access_token"]
    assert (await desk.asks(body={"audience": "smtp"}))[1]["access_token"] == imap["access_token"]
    assert play.stage.town.microsoft.requests["token"] == asked + 1
    assert (await play.now_of(support)).state is State.CONNECTED


@on_both
async def test_a_use_that_was_not_granted_is_no_strike(play: Play) -> None:
    """Exchange's part of the consent is gone: the mailbox is fine, other programs go on, and whoever wants
    this use is told what is missing until somebody consents again."""
    support, desk = await at_microsoft(play)
    microsoft = play.stage.town.microsoft
    play.microsoft.break_down("exchange_withdrawn", SUPPORT)
    status, told = await desk.asks()
    assert (status, told["error"], told["feature"]) == (403, "use_not_granted", "relay")
    assert told["missing"] == [IMAP, SMTP]
    asked = microsoft.requests["token"]
    assert (await desk.asks())[1]["error"] == "use_not_granted"
    assert microsoft.requests["token"] == asked
    assert (await desk.asks(body={"audience": "graph"}))[0] == 200
    await play.passes(minutes=30)
    now = await play.now_of(support)
    assert (now.state, now.cause) == (State.CONNECTED, support.cause)
    await play.signs_in(await play.reconnect("omar", support))
    assert (await desk.asks())[0] == 200


@pytest.mark.parametrize("code", [53003, 650057])
async def test_a_use_that_a_policy_withholds_is_no_strike_and_comes_back(play: Play, code: int) -> None:
    """The operator hears of it once, and the provider is left alone between; nobody has to consent again."""
    support, desk = await at_microsoft(play)
    microsoft = play.stage.town.microsoft
    play.microsoft.break_down("aad", SUPPORT, code=code, at="exchange")
    with capture_logs() as logs:
        status, told = await desk.asks()
        assert (status, told["error"], told["feature"]) == (403, "use_withheld", "relay")
        asked = microsoft.requests["token"]
        assert (await desk.asks())[1]["error"] == "use_withheld"
        assert microsoft.requests["token"] == asked
        await play.passes(minutes=1)
        assert (await desk.asks())[1]["error"] == "use_withheld"
    assert [it["code"] for it in logs if "gives programs no token" in it["event"]] == [f"AADSTS{code}"]
    assert (await desk.refreshes())[1]["error"] == "invalid_scope"
    assert (await desk.asks(body={"audience": "graph"}))[0] == 200
    assert (await play.now_of(support)).state is State.CONNECTED
    play.microsoft.mend(SUPPORT)
    await play.passes(minutes=1)
    assert (await desk.asks())[0] == 200


async def test_what_passes_is_not_called_withheld(play: Play) -> None:
    """A use that was withheld may be allowed by now: whoever meets trouble at the provider comes back."""
    support, desk = await at_microsoft(play)
    play.microsoft.break_down("aad", SUPPORT, code=53003, at="exchange")
    assert (await desk.asks())[1]["error"] == "use_withheld"
    play.microsoft.mend(SUPPORT)
    play.microsoft.break_down("server_error", SUPPORT, at="exchange")
    await play.passes(minutes=1)
    for _ in range(2):
        status, told = await desk.asks()
        assert (status, told["error"], told["retry"]) == (503, "provider_unavailable", True)
    assert (await play.now_of(support)).state is State.CONNECTED


async def test_a_grant_that_has_ended_is_a_strike_by_a_look_alone(play: Play) -> None:
    support, desk = await at_microsoft(play)
    play.microsoft.break_down("sessions_revoked", SUPPORT)
    status, told = await desk.asks()
    assert (status, told["error"]) == (503, "provider_unavailable")
    await play.passes(minutes=20)
    assert (await play.now_of(support)).state is State.DISCONNECTED
    assert (await desk.asks())[0] == 424


async def test_a_shared_mailbox_is_opened_by_its_own_name(play: Play) -> None:
    """With the token of the account that may open it."""
    spec = InboxSpec("help@acme.example", Kind.TEAM, use="desk", provider="microsoft", is_shared=True)
    begun = await play.services.connections.begin(await play.actor("omar"), spec)
    microsoft = play.stage.town.microsoft
    await play.signs_in(begun, "omar@acme.example")
    desk = await program(play, addresses=["help@acme.example"], features=["relay"])
    status, told = await desk.asks("/channels/help@acme.example/token")
    assert (status, told["user"]) == (200, "help@acme.example"), told
    assert microsoft.judges_imap("help@acme.example", told["access_token"]) is Verdict.TAKEN


@pytest.mark.parametrize("name", [MSMTP, MUTT])
async def test_a_mail_is_sent_at_exchange(play: Play, tmp_path: Path, name: str) -> None:
    _, desk = await at_microsoft(play)
    check = play.stage.town.microsoft.judges_smtp
    async with a_client(play, tmp_path, check, EXCHANGE) as client:
        ran = await getattr(client, name)(at(desk), "XOAUTH2")
        assert ran.status == 0, ran.told
        assert [one.login for one in client.smtp.sent] == [SUPPORT]
