"""Access tokens for programs, asked for as a program does: over HTTP, with a key."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from sqlalchemy import select

from bot.domain.api_key import ApiKey, OwnerAnswer
from bot.domain.channel import Channel, InboxSpec, Kind, State
from bot.domain.errors import NotAllowed
from bot.domain.features import Audience
from bot.domain.ids import GrantId
from bot.services.connections.api_keys import KeySpec
from bot.services.connections.token_broker import (
    LONGEST_TTL,
    PER_MINUTE,
    Code,
    GivenToken,
    NoToken,
    TokenBroker,
)
from bot.services.monitoring.probes import LEASED_FOR
from storage import Storage, StorageAway, UnitOfWork, rekey
from storage.forget import forget
from storage.tables import access_token, api_key_channel, token_use
from tests.e2e.gate import a_gate
from tests.services.play import ACME, Gate, Play, on_both
from tests.services.test_secrets import Unfiltered, everything_stored, log
from tests.simulation.process_kill import Fate, Killed
from tests.stage import KEY, a_stage

__all__ = ["log"]
SUPPORT = "support@acme.example"
FILE = """
[crm]
on = true
name.en = "CRM"
reason.en = "to log"
scopes.google = ["https://mail.google.com/"]
scopes.microsoft = ["Mail.Read"]

[send]
on = true
name.en = "Send"
reason.en = "to answer"
scopes.google = ["https://www.googleapis.com/auth/gmail.send"]
"""


@pytest.fixture
async def play(settled_url: str, inline_sqlite: None, tmp_path: Path) -> AsyncIterator[Play]:
    """The usual play, where programs may ask."""
    file = tmp_path / "features.toml"
    file.write_text(FILE)
    async with a_stage(settled_url, key=KEY, FEATURES_FILE=str(file), API="true") as stage:
        await stage.settles()
        yield Play(stage)


@dataclass
class Program:
    """Somebody with a key."""

    play: Play
    key: ApiKey
    secret: str

    async def asks(
        self, path: str = f"/channels/{SUPPORT}/token", body: Any = None, **how: Any
    ) -> tuple[int, dict[str, Any]]:
        """A POST with this body, or ``method``; the answer's status and JSON."""
        base = self.play.services.core.policy.base_url
        how = {"headers": {"Authorization": f"Bearer {self.secret}"}} | how
        if "data" not in how and how.get("method") != "GET":
            how["json"] = {"audience": "imap"} if body is None else body
        method = how.pop("method", "POST")
        url = f"{base}/api/v1{path}"
        async with self.play.stage.session.request(method, url, **how) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.content_type == "application/json"
            told: dict[str, Any] = await answer.json()
            return answer.status, told

    async def refreshes(self, audience: str = "imap", **form: str) -> tuple[int, dict[str, Any]]:
        """As an OAuth client."""
        base = self.play.services.core.policy.base_url
        url = f"{base}/api/oauth/{quote(SUPPORT)}/{audience}/token"
        form = {"grant_type": "refresh_token", "refresh_token": self.secret} | form
        async with self.play.stage.session.post(url, data=form) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            told: dict[str, Any] = await answer.json()
            assert isinstance(told.get("error", ""), str)
            return answer.status, told


async def program(play: Play, **changes: Any) -> Program:
    spec = {
        "name": "Help desk",
        "addresses": [SUPPORT],
        "features": ["crm"],
        "created_by": "operator",
    } | changes
    key, secret = await play.services.api_keys.create(ACME, KeySpec(**spec))
    return Program(play, key, secret.reveal())


async def connected(play: Play) -> tuple[Channel, Program]:
    return await play.connect_team(SUPPORT), await program(play)


async def uses(play: Play, channel: Channel) -> dict[str, int]:
    """How often what was answered, by outcome."""
    async with play.storage.reading() as uow:
        found = await uow.token_uses.of_channel(channel.id, play.now - timedelta(days=1))
    return {one.outcome: one.times for one in found}


@on_both
async def test_a_program_is_given_what_a_look_has_brought(play: Play) -> None:
    """A token with all that a mail program needs, without another request to the provider."""
    support, desk = await connected(play)
    await play.look(support)
    asked = play.google.requests["token"]
    status, told = await desk.asks()
    assert status == 200
    assert told["access_token"] in play.handed_out()
    assert (told["user"], told["host"], told["port"]) == (SUPPORT, "imap.gmail.com", 993)
    assert (told["token_type"], told["audience"]) == ("Bearer", "imap")
    assert 3500 < told["expires_in"] < 3600
    assert "https://mail.google.com/" in told["scopes"]
    assert play.google.requests["token"] == asked
    assert await uses(play, support) == {"given": 1}
    [key] = await play.services.api_keys.of_workspace(ACME)
    assert key.last_used_at == play.now
    assert told["access_token"] not in await everything_stored(play)


@on_both
async def test_two_hundred_at_once_cause_one_refresh(play: Play) -> None:
    """In two processes, for one mailbox whose token has too little life left."""
    support, desk = await connected(play)
    await _forget_tokens(play, support)
    asked = play.google.requests["token"]
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(play.another_process())
        brokers = [play.services.token_broker, other.token_broker]
        given = await asyncio.gather(
            *(one.token(desk.key, SUPPORT, Audience.IMAP, address="") for one in brokers * 100)
        )
    assert len({one.token.reveal() for one in given}) == 1
    assert play.google.requests["token"] == asked + 1
    assert await uses(play, support) == {"given": 200}


async def _forget_tokens(play: Play, channel: Channel) -> None:
    assert channel.grant_id
    async with play.storage.writing() as uow:
        await uow.access_tokens.drop(channel.grant_id)
        await uow.commit()


@on_both
async def test_a_refresh_for_a_program_loses_no_rotated_secret(play: Play) -> None:
    """Each brings a new one, and the one before is worth nothing any more."""
    play.google.break_down("rotating")
    support, desk = await connected(play)
    for _ in range(3):
        await _forget_tokens(play, support)
        assert (await desk.asks())[0] == 200
    await play.look(support)
    assert (await play.now_of(support)).state is State.CONNECTED


@on_both
async def test_killed_at_any_step_of_a_refresh_no_secret_is_lost(play: Play) -> None:
    """``kill -9`` before or after each commit and the provider's answer: once the dead process's turn is over
    others get their token, and nothing was taken for a refusal. (Microsoft brings a new secret each time,
    and the one before lives on: what died with the answer is not needed.)"""
    support = await play.connect_team(SUPPORT, provider="microsoft")
    desk = await program(play)
    steps = await _dies_at(play, support, desk, None)
    assert steps[:1] + steps[-1:] == ["commit", "commit"]
    assert steps.count("refresh") == 1
    for number in range(len(steps)):
        for after in (False, True):
            await _dies_at(play, support, desk, number, after=after)
            play.stage.town.clock.advance(LEASED_FOR + timedelta(seconds=1))
            status, _ = await desk.asks(body={"audience": "graph"})
            assert status == 200, (steps, number, after)
            await play.look(support)
            now = await play.now_of(support)
            assert (now.state, now.cause) == (State.CONNECTED, support.cause), (steps, number, after)


@on_both
async def test_killed_once_it_is_saved_a_rotated_secret_is_used(play: Play) -> None:
    """Where the one before is dead: saved at once, and before the turn is given back or the token kept."""
    play.google.break_down("rotating")
    support, desk = await connected(play)
    steps = await _dies_at(play, support, desk, None, audience=Audience.IMAP)
    saves = steps.index("refresh") + 1
    for number, after in [(saves, True), *((later, False) for later in range(saves + 1, len(steps)))]:
        await _dies_at(play, support, desk, number, after=after, audience=Audience.IMAP)
        play.stage.town.clock.advance(LEASED_FOR + timedelta(seconds=1))
        assert (await desk.asks())[0] == 200, (steps, number, after)
        await play.look(support)
        assert (await play.now_of(support)).state is State.CONNECTED


async def _dies_at(
    play: Play,
    channel: Channel,
    desk: Program,
    step: int | None,
    *,
    after: bool = False,
    audience: Audience = Audience.GRAPH,
) -> list[str]:
    """A process that is asked for a token which it must fetch, and is killed at this step of that. Returns
    the steps that it took."""
    await _forget_tokens(play, channel)
    fate = Fate()
    async with play.another_process(provider=fate.provider, database=fate.storage_class()) as doomed:
        asking = doomed.token_broker.token(desk.key, SUPPORT, audience, address="")
        if step is None:
            await asking
        else:
            fate.dooms(in_steps=step, after=after)
            with pytest.raises(Killed):
                await asking
    return fate.steps


async def test_who_hangs_up_cancels_nobody_elses_refresh(play: Play) -> None:
    """Another one waits for the same refresh, and gets its token."""
    support, desk = await connected(play)
    await _forget_tokens(play, support)
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        first, second = (
            asyncio.create_task(other.token_broker.token(desk.key, SUPPORT, Audience.IMAP, address=""))
            for _ in range(2)
        )
        await gate.reached.wait()
        first.cancel()
        gate.go_on.set()
        assert (await second).token.reveal() in play.handed_out()


async def test_whoever_waits_for_another_process_gives_up_in_words(play: Play) -> None:
    """One that hangs keeps the grant: after a while the program is told to come back."""
    support, desk = await connected(play)
    await _forget_tokens(play, support)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    core, probes = play.services.core, play.services.probes
    broker = TokenBroker(core, probes, play.services.api_keys, pause=pause)
    assert support.grant_id
    async with probes.turn(support.grant_id) as turn:
        assert turn is not None
        with pytest.raises(NoToken) as caught:
            await broker.token(desk.key, SUPPORT, Audience.IMAP, address="")
    assert caught.value.code is Code.PROVIDER_UNAVAILABLE
    assert sum(pauses) == 10
    assert (await broker.token(desk.key, SUPPORT, Audience.IMAP, address="")).life


async def test_a_refresh_that_served_who_needs_less_is_not_the_last_word(play: Play) -> None:
    """Who asks for a longer life joins one that waits for its turn. Meanwhile a look has brought a token,
    which is enough for the first one, and not for the second: a new one is made for that, at once."""
    support, desk = await connected(play)
    await _forget_tokens(play, support)
    assert support.grant_id
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def pause(_: float) -> None:
        waiting.set()
        await go_on.wait()

    core, probes = play.services.core, play.services.probes
    broker = TokenBroker(core, probes, play.services.api_keys, pause=pause)

    def asks(**how: Any) -> asyncio.Task[GivenToken]:
        return asyncio.create_task(broker.token(desk.key, SUPPORT, Audience.IMAP, address="", **how))

    async with probes.turn(support.grant_id):
        first = asks()
        await waiting.wait()
    await play.look(support)
    play.stage.town.clock.advance(timedelta(minutes=11))
    asked = play.google.requests["token"]
    second = asks(min_ttl=LONGEST_TTL)
    with pytest.raises(NoToken):  # asked later and answered: by now the second one waits, too
        await broker.token(desk.key, "nobody@acme.example", Audience.IMAP, address="")
    go_on.set()
    assert (await first).life < LONGEST_TTL <= (await second).life
    assert play.google.requests["token"] == asked + 1


@on_both
async def test_a_disconnected_mailbox_is_424(play: Play) -> None:
    """With its cause, and nothing to retry; connected again, it works again."""
    support, desk = await connected(play)
    play.google.break_down("revoked", SUPPORT)
    await play.passes(minutes=20)
    status, told = await desk.asks()
    assert (status, told["error"], told["retry"]) == (424, "disconnected", False)
    assert told["cause"] == "grant_refused"
    since = (await play.now_of(support)).since
    assert told["since"] == f"{since:%Y-%m-%dT%H:%M:%SZ}"
    status, told = await desk.refreshes()
    assert (status, told["error"]) == (400, "temporarily_unavailable")
    assert "disconnected" in told["error_description"]
    play.google.break_down("revoked", SUPPORT, times=0)
    await play.signs_in(await play.reconnect("omar", support))
    assert (await desk.asks())[0] == 200
    assert await uses(play, support) == {"disconnected": 2, "given": 1}


async def test_while_in_doubt_what_lives_is_handed_out(play: Play) -> None:
    """An outage of the provider costs programs nothing as long as a token lives."""
    support, desk = await connected(play)
    play.google.break_down("server_error", SUPPORT, at="gmail")
    await play.passes(minutes=50)
    assert (await play.now_of(support)).state is State.IMPAIRED
    async with play.storage.writing() as uow:
        assert support.grant_id
        kept = await uow.access_tokens.find(support.grant_id, "")
        assert kept is not None
        soon = {"obtained_at": kept.obtained_at, "expires_at": play.now + timedelta(minutes=5)}
        await uow.access_tokens.put(support.grant_id, "", kept.token, **soon)
        await uow.commit()
    status, told = await desk.asks()
    assert (status, told["expires_in"]) == (200, 300)
    status, told = await desk.asks(body={"audience": "imap", "min_ttl": 900})
    assert (status, told["error"], told["retry"], told["retry_after"] > 0) == (503, "impaired", True, True)
    assert (await desk.refreshes())[1]["error"] == "temporarily_unavailable"


async def test_switched_off_is_no_alarm(play: Play) -> None:
    support, desk = await connected(play)
    await play.disable("omar", support)
    status, told = await desk.asks()
    assert (status, told["error"], told["retry"]) == (409, "disabled", False)


async def test_a_refusal_by_the_provider_is_no_strike(play: Play) -> None:
    """A look is due at once and finds out; the next program does not ask the provider again."""
    support, desk = await connected(play)
    await _forget_tokens(play, support)
    play.google.break_down("revoked", SUPPORT)
    play.stage.town.clock.advance(timedelta(seconds=40))
    asked = play.google.requests["token"]
    for _ in range(3):
        status, told = await desk.asks()
        assert (status, told["error"]) == (503, "provider_unavailable")
    assert play.google.requests["token"] == asked + 1
    assert (await play.now_of(support)).state is State.CONNECTED
    probe = await play.probe(support)
    assert probe is not None
    assert (probe.due_at <= play.now, probe.strikes) == (True, 0)


async def test_a_token_that_a_server_refused_is_replaced_once(play: Play) -> None:
    """A program's word leads to a look and a new token, never to a refusal that counts."""
    support, desk = await connected(play)
    await play.look(support)
    first = (await desk.asks())[1]
    play.stage.town.clock.advance(timedelta(minutes=1))
    path = f"/channels/{support.id}/token/refused"
    assert await desk.asks(path, {"fingerprint": first["fingerprint"]}) == (202, {"was_latest": True})
    second = (await desk.asks())[1]
    assert second["fingerprint"] != first["fingerprint"]
    assert await desk.asks(path, {"fingerprint": first["fingerprint"]}) == (202, {"was_latest": False})
    assert (await desk.asks())[1]["fingerprint"] == second["fingerprint"]
    assert (await play.now_of(support)).state is State.CONNECTED


@on_both
async def test_every_key_that_does_not_work_is_401(play: Play) -> None:
    """Nothing tells which of the reasons it is; OAuth's clients hear it in their words."""
    _, desk = await connected(play)
    off = await program(play, name="Revoked")
    await play.services.api_keys.revoke(off.key.id)
    elsewhere = await program(play, networks=["192.0.2.0/24"])
    wrong = Program(play, desk.key, desk.secret[:-1] + ("a" if desk.secret[-1] != "a" else "b"))
    answers = [await one.asks() for one in (off, elsewhere, wrong, Program(play, desk.key, "é"))]
    answers.append(await desk.asks(headers={}))
    answers.append(await desk.asks(headers={"Authorization": "Basic ////"}))
    assert {status for status, _ in answers} == {401}
    assert len({str(told) for _, told in answers}) == 1
    status, told = await off.refreshes()
    assert (status, told["error"]) == (400, "invalid_grant")


async def test_what_a_key_may_not_see_is_unknown(play: Play) -> None:
    """Other addresses, other people's inboxes, and what there is not: one answer."""
    support, desk = await connected(play)
    alice = await play.connect("alice")
    everything = await program(play, addresses=[], is_for_team=True)
    for one, which in (
        (desk, "billing@acme.example"),
        (desk, alice.id),
        (everything, alice.id),
        (everything, "alice@acme.example"),
        (everything, "x" * 3000),
        (everything, "%00"),
    ):
        status, told = await one.asks(f"/channels/{which}/token")
        assert (status, told["error"]) == (404, "unknown_channel"), which
    _, told = await everything.asks("/channels", method="GET")
    assert [one["address"] for one in told["channels"]] == [SUPPORT]
    _, told = await desk.asks(f"/channels/{support.id}", method="GET")
    assert (told["state"], told["features"], told["audiences"]) == (
        "connected",
        ["crm"],
        ["gmail", "imap", "smtp"],
    )


@on_both
async def test_what_a_key_may_see_is_read_page_by_page(play: Play) -> None:
    """Each once, whether it is named or not; a wrong place or limit is said."""
    await play.connect("alice")
    addresses = [f"{it}@acme.example" for it in ("sales", "support")]
    for address in addresses:
        await play.connect_team(address)
    for desk in (
        await program(play, addresses=[], is_for_team=True),
        await program(play, addresses=addresses),
    ):
        seen, after, more = [], "", True
        while more:
            status, told = await desk.asks(f"/channels?limit=1&after={after}", method="GET")
            assert status == 200, told
            seen += [one["address"] for one in told["channels"]]
            after, more = told["next"], told["more"]
        assert sorted(seen) == addresses
        last = await desk.asks(f"/channels?after={after}", method="GET")
        assert last == (200, {"channels": [], "next": after, "more": False})
        for query in ("after=%00", "after=a&after=b", "limit=0", "limit=501", "page=1"):
            assert (await desk.asks(f"/channels?{query}", method="GET"))[0] == 400, query


async def test_a_key_is_for_its_features_alone(play: Play) -> None:
    """Sending by the API is no logging in by IMAP; what was not granted is named."""
    await play.connect_team(SUPPORT)
    sender = await program(play, features=["send"])
    status, told = await sender.asks()
    assert (status, told["error"], told["audiences"]) == (403, "use_not_allowed", ["gmail"])
    assert (await sender.asks(body={"audience": "gmail"}))[0] == 200
    assert (await sender.refreshes())[1]["error"] == "invalid_scope"


async def test_what_was_not_granted_is_named(play: Play) -> None:
    spec = InboxSpec(SUPPORT, Kind.TEAM, use="Zendesk reads it", name="Support", provider="google")
    begun = await play.services.connections.begin(await play.actor("omar"), spec)
    await play.signs_in(begun, untick=["https://mail.google.com/"])
    desk = await program(play)
    status, told = await desk.asks()
    assert (status, told["error"], told["feature"]) == (403, "use_not_granted", "crm")
    assert told["missing"] == ["https://mail.google.com/"]
    channel = await play.channel(SUPPORT)
    assert channel is not None
    assert channel.state is State.CONNECTED


WRONG: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    ({"body": {}}, "audience must be one of"),
    ({"body": {"audience": "pop"}}, "imap, smtp, graph, gmail"),
    ({"body": {"audience": ["imap"]}}, "audience must be"),
    ({"body": {"audience": "imap", "min_ttl": True}}, "min_ttl"),
    ({"body": {"audience": "imap", "min_ttl": 1e9}}, "min_ttl"),
    ({"body": {"audience": "imap", "min_tll": 5}}, "min_tll is unknown"),
    ({"body": []}, "JSON object"),
    ({"data": b"{"}, "JSON object"),
    ({"data": b"[" * 4000}, "JSON object"),
    ({"data": b"\xff"}, "JSON object"),
    ({"data": b"x" * 10_000}, "4096 bytes"),
)


async def test_what_is_wrong_with_a_request_is_named(play: Play) -> None:
    """In words, with the same status."""
    _, desk = await connected(play)
    for how, words in WRONG:
        status, told = await desk.asks(**how)
        assert (status, told["error"]) == (400, "bad_request"), how
        assert words in told["message"], how


@on_both
async def test_a_huge_body_is_not_read(play: Play) -> None:
    """Said to be huge, or without a word of its length; at each door, with a key that works and without."""
    support, desk = await connected(play)
    asked = play.google.requests["token"]

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65_536

    for key, status in ((desk.secret, 400), ("ik_nothing", 401)):
        for path in (f"/channels/{SUPPORT}/token", f"/channels/{SUPPORT}/token/refused"):
            for body in (b"x" * 1_000_000, endless()):
                who = Program(play, desk.key, key)
                got, told = await who.asks(path, data=body)
                assert (got, told["error"]) == (status, "bad_request" if status == 400 else "bad_key")
    base = play.services.core.policy.base_url
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"refresh_token=" + b"x" * 1_000_000, endless()):
        url = f"{base}/api/oauth/{SUPPORT}/imap/token"
        async with play.stage.session.post(url, data=body, headers=form) as answer:
            assert (answer.status, (await answer.json())["error"]) == (413, "invalid_request")
    assert play.google.requests["token"] == asked
    assert await uses(play, support) == {}


@on_both
async def test_what_no_database_can_be_asked_for_harms_nobody(play: Play) -> None:
    """Programs that ask at the same time are answered from one reading: an odd name is nowhere, and the
    others get what they want."""
    _, desk = await connected(play)
    odd = ["%00", f"{SUPPORT}%00", "%ED%A0%80", "%0A", "x" * 399 + "%00", "@", "'--"]
    asked = [desk.asks(f"/channels/{name}/token") for name in odd]
    told = await asyncio.gather(*asked, *(desk.asks() for _ in range(5)))
    assert [status for status, _ in told] == [404] * len(odd) + [200] * 5
    assert {answer["error"] for _, answer in told[: len(odd)]} == {"unknown_channel"}
    for name in odd:
        assert (await desk.asks(f"/channels/{name}", method="GET"))[0] == 404


@on_both
async def test_programs_that_ask_at_once_get_each_their_own(play: Play) -> None:
    """By address, however it is written, and by id; what a key may not see stays unknown beside it."""
    support, desk = await connected(play)
    sales = await play.connect_team("sales@acme.example")
    both = await program(play, addresses=[SUPPORT, "sales@acme.example"])
    wanted = [
        (desk, "Support@ACME.example"),
        (desk, support.id),
        (both, "sales@acme.example"),
        (both, sales.id),
        (desk, sales.id),
        (desk, "nobody@acme.example"),
    ]
    told = await asyncio.gather(*(who.asks(f"/channels/{which}/token") for who, which in wanted))
    assert [(status, answer.get("user")) for status, answer in told] == [
        (200, SUPPORT),
        (200, SUPPORT),
        (200, "sales@acme.example"),
        (200, "sales@acme.example"),
        (404, None),
        (404, None),
    ]
    assert await uses(play, sales) == {"given": 2}
    assert await uses(play, support) == {"given": 2}


@on_both
async def test_what_could_not_be_noted_was_not_given(play: Play) -> None:
    """Whoever was told to come back is in no list of those who got a token, then or later."""
    is_full = asyncio.Event()

    class Disk(Storage):
        """One that may be full: what stands there is read, and nothing is written."""

        @asynccontextmanager
        async def writing(self) -> AsyncIterator[UnitOfWork]:
            if is_full.is_set():
                raise StorageAway
            async with super().writing() as uow:
                yield uow

    support, desk = await connected(play)
    async with play.another_process(database=Disk) as other:

        def asks() -> Awaitable[object]:
            return other.token_broker.token(desk.key, SUPPORT, Audience.IMAP, address="")

        await asks()
        is_full.set()
        told = await asyncio.gather(*(asks() for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [StorageAway] * 3
        is_full.clear()
        await asyncio.gather(asks(), asks())
    assert await uses(play, support) == {"given": 3}


async def test_a_key_that_asks_all_the_time_is_slowed_down(play: Play) -> None:
    """Others are not."""
    _, desk = await connected(play)
    other = await program(play)
    broker = play.services.token_broker
    for _ in range(PER_MINUTE):
        broker.pace(desk.key)
    status, told = await desk.asks()
    assert (status, told["error"], told["retry_after"]) == (429, "slow_down", 61)
    for path in ("/channels", f"/channels/{SUPPORT}", "/events"):
        assert (await desk.asks(path, method="GET"))[0] == 429
    assert (await desk.refreshes())[1]["error"] == "temporarily_unavailable"
    assert (await other.asks())[0] == 200
    play.stage.town.clock.advance(timedelta(minutes=1))
    assert (await desk.asks())[0] == 200


async def test_an_oauth_client_refreshes_with_its_key(play: Play) -> None:
    """The key comes back unchanged, no time as text, and five minutes less than there are."""
    _, desk = await connected(play)
    status, told = await desk.refreshes(client_id="anything", client_secret="at all", scope="mail")
    assert status == 200
    assert set(told) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (told["token_type"], told["refresh_token"], told["scope"]) == ("Bearer", desk.secret, "mail")
    assert 3100 < told["expires_in"] <= 3300
    assert "scope" not in (await desk.refreshes())[1]
    base = play.services.core.policy.base_url
    url = f"{base}/api/oauth/{SUPPORT}/imap/token"
    form = {"grant_type": "refresh_token", "refresh_token": desk.secret}
    basic = {"Authorization": "Basic bWU6c2VjcmV0"}
    async with play.stage.session.post(url, data=form, headers=basic, allow_redirects=False) as answer:
        assert answer.status == 200


async def test_an_oauth_client_is_told_in_flat_words(play: Play) -> None:
    """``error`` is a word, whatever is wrong."""
    _, desk = await connected(play)
    wrong: tuple[tuple[str, dict[str, str], str], ...] = (
        ("imap", {"grant_type": "password"}, "unsupported_grant_type"),
        ("imap", {"refresh_token": ""}, "invalid_grant"),
        ("pop", {}, "invalid_request"),
        ("graph", {}, "invalid_scope"),
    )
    for audience, form, error in wrong:
        status, told = await desk.refreshes(audience, **form)
        assert (status, told["error"]) == (400, error)
        assert told["error_description"]


async def test_microsofts_token_is_graphs(play: Play) -> None:
    """IMAP there takes tokens of another resource, which is not asked for yet: said, not guessed."""
    await play.connect_team(SUPPORT, provider="microsoft")
    desk = await program(play)
    status, told = await desk.asks(body={"audience": "graph"})
    assert (status, told["user"]) == (200, SUPPORT)
    assert "host" not in told
    assert (await desk.asks())[1]["error"] == "use_not_allowed"


@on_both
async def test_personal_inboxes_tokens_are_not_kept(play: Play) -> None:
    """But for as long as their owner allows it to a key that works."""
    alice = await play.connect("alice")
    desk = await program(play, addresses=[alice.address])
    owner, omar = await play.actor("alice"), await play.actor("omar")
    assert alice.grant_id

    async def is_kept() -> bool:
        await play.look(alice)
        async with play.storage.reading() as uow:
            return await uow.access_tokens.find(alice.grant_id or GrantId(""), "") is not None

    assert not await is_kept()
    with pytest.raises(NotAllowed):
        await play.services.api_keys.answer(omar, desk.key.id, alice.id, OwnerAnswer.ALLOWED)
    assert not await is_kept()
    await play.services.api_keys.answer(owner, desk.key.id, alice.id, OwnerAnswer.ALLOWED)
    assert await is_kept()
    await play.services.api_keys.answer(owner, desk.key.id, alice.id, OwnerAnswer.DECLINED)
    async with play.storage.reading() as uow:
        assert await uow.access_tokens.find(alice.grant_id, "") is None
    assert not await is_kept()


@on_both
async def test_with_the_key_goes_what_was_kept_of_a_personal_inbox(play: Play) -> None:
    """Revoked or run out, though its owner's yes stands; a key that works keeps one again."""
    alice = await play.connect("alice")
    owner = await play.actor("alice")

    async def allowed(**changes: Any) -> Program:
        made = await program(play, addresses=[alice.address], **changes)
        await play.services.api_keys.answer(owner, made.key.id, alice.id, OwnerAnswer.ALLOWED)
        await play.look(alice)
        return made

    async def is_kept() -> bool:
        async with play.storage.reading() as uow:
            return await uow.access_tokens.find(alice.grant_id or GrantId(""), "") is not None

    desk = await allowed()
    assert await is_kept()
    await play.services.api_keys.revoke(desk.key.id)
    assert not await is_kept()
    await allowed(lasts=timedelta(hours=1))
    assert await is_kept()
    play.stage.town.clock.advance(timedelta(hours=1))
    async with play.storage.writing() as uow:
        await uow.access_tokens.drop(alice.grant_id or GrantId(""))
        await uow.commit()
    await play.look(alice)
    assert not await is_kept()
    await allowed()
    assert await is_kept()


@on_both
async def test_what_waits_for_an_owner_is_no_strike(play: Play) -> None:
    """At every door; neither the list nor the feed says that there is such an inbox."""
    alice = await play.connect("alice")
    desk = await program(play, addresses=[alice.address])
    for path, how in (
        (f"/channels/{alice.address}", {"method": "GET"}),
        (f"/channels/{alice.address}/token", {}),
        (f"/channels/{alice.id}/token/refused", {"body": {"fingerprint": "0" * 16}}),
    ):
        status, told = await desk.asks(path, **how)
        assert (status, told["error"], told["waits_for"]) == (403, "use_not_granted", "owner")
        assert "owner" in told["message"] and told["retry"] is False
    assert (await desk.asks("/channels", method="GET"))[1]["channels"] == []
    await play.disable("alice", alice)
    assert (await desk.asks("/events", method="GET"))[1]["events"] == []
    await play.enable("alice", alice)
    probe = await play.probe(alice)
    assert probe is not None and probe.strikes == 0
    used = await play.services.channels.status(await play.actor("alice"), alice.id)
    assert [(it.program, it.was_given) for it in used.programs] == [("Help desk", False)]


@on_both
async def test_what_is_kept_goes_with_the_grant(play: Play) -> None:
    """It lives through a rekeying; a grant that is given back answers nobody."""
    support, desk = await connected(play)
    assert (await desk.asks())[0] == 200
    assert await rekey(play.storage) == 0  # all is sealed with the newest key
    assert (await desk.asks())[0] == 200
    await play.remove("omar", support)
    await play.settles()
    assert (await desk.asks())[0] == 404
    assert support.grant_id
    async with play.storage.reading() as uow:
        assert await uow.access_tokens.find(support.grant_id, "") is None


@on_both
async def test_status_and_why_name_the_programs(play: Play) -> None:
    """Which got access, which did not, and when; of team addresses."""
    support, desk = await connected(play)
    await desk.asks()
    play.stage.town.clock.advance(timedelta(minutes=1))
    sender = await program(play, name="Mailer", features=["send"])
    await sender.asks()
    status = await play.services.channels.status(await play.actor("omar"), support.id)
    shown = [(one.program, one.audience, one.was_given) for one in status.programs]
    assert shown == [("Mailer", "imap", False), ("Help desk", "imap", True)]
    why = await play.services.history.why(await play.actor("omar"), support.id)
    assert why.programs == status.programs
    person = play.stage.person("omar")
    await person.types(f"/inbox status {SUPPORT}")
    assert "Help desk (IMAP): was given access" in (await person.sees()).plain


@on_both
async def test_whoever_disables_or_removes_reads_which_programs_lose_it(play: Play) -> None:
    """Before the click, and that tokens already out go on working for a while."""
    _, desk = await connected(play)
    await program(play, name="Never asked")
    assert (await desk.asks())[0] == 200
    for who, verb, lost, later in (
        ("omar", "disable", "Programs that lose access: Help desk.", "up to 90 minutes"),
        ("omar", "remove", "Programs that lose access: Help desk.", "up to 90 minutes"),
        ("sakura", "削除", "アクセスできなくなるプログラム：Help desk。", "最長 90 分間"),
    ):
        person = play.stage.person(who)
        await person.types(f"/inbox {verb} {SUPPORT}")
        modal = (await person.sees()).modal
        assert modal is not None and lost in modal.plain and later in modal.plain
        assert "Never asked" not in modal.plain
        await person.closes()


async def test_an_alarm_names_the_programs_that_lose_it(play: Play) -> None:
    """Those that have used it with a key that works; one whose key was taken back has lost it already."""
    support, desk = await connected(play)
    mailer = await program(play, name="Mailer")
    for one in (desk, mailer):
        assert (await one.asks())[0] == 200
    await play.services.api_keys.revoke(mailer.key.id)
    play.google.break_down("revoked", support.address)
    await play.passes(minutes=20)
    [alarm] = await play.told("omar", "stopped working")
    assert "Programs that lose access: Help desk." in alarm.plain
    [alarm] = await play.told("sakura", "使えなくなりました")
    assert "アクセスできなくなるプログラム：Help desk。" in alarm.plain


async def test_nothing_of_programs_lies_about(play: Play, log: io.StringIO) -> None:
    """Keys, tokens and rotated secrets: in no log, message of Slack's, figure, or error, and sealed."""
    unfiltered = Unfiltered()
    logging.getLogger().addHandler(unfiltered)
    logging.getLogger("bot").warning("listened to")
    play.google.break_down("rotating")
    support, desk = await connected(play)
    other = await program(play, name="Other", networks=["192.0.2.0/24"])
    answers = [await desk.asks(), await desk.refreshes(), await other.asks(), await other.refreshes()]
    await desk.asks(f"/channels/{desk.secret}/token")
    await desk.asks(body={desk.secret: desk.secret})
    await _forget_tokens(play, support)
    play.google.break_down("server_error", SUPPORT, at="token")
    answers.append(await desk.asks())
    play.google.mend(SUPPORT)
    answers.append(await Program(play, desk.key, desk.secret[:-2]).asks())
    await play.stage.person("omar").types(f"/inbox why {SUPPORT}")
    await play.passes(minutes=5)
    secrets = {desk.secret, desk.secret[12:], other.secret, other.secret[12:], *play.handed_out()}
    refused = str([told for status, told in answers if status != 200])
    assert "error" in refused
    places = {
        "database": await everything_stored(play),
        "log": log.getvalue(),
        "our own log calls": "\n".join(unfiltered.lines),
        "Slack": str(await play.stage.driver.calls()),
        "figures": play.stage.bot.metrics.exposition().decode(),
        "refusals": refused,
    }
    logging.getLogger().removeHandler(unfiltered)
    assert "listened to" in places["log"]
    assert not {place for secret in secrets for place, text in places.items() if secret in text}


@on_both
async def test_a_forgotten_address_leaves_no_key_token_or_use(play: Play) -> None:
    """The key stays, for nothing."""
    support, desk = await connected(play)
    await desk.asks()
    await desk.asks(f"/channels/{support.id}/token", {"audience": "graph"})
    await forget(play.storage, SUPPORT, force=True)
    async with play.storage.reading() as uow:
        assert support.grant_id
        assert await uow.access_tokens.find(support.grant_id, "") is None
        assert await uow.token_uses.of_channel(support.id, play.now - timedelta(days=1)) == ()
        for table in (access_token, api_key_channel, token_use):
            assert await uow.connection.rows(select(table)) == []
    assert (await desk.asks())[:1] == (404,)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_database_that_is_away_loses_no_rotated_secret(database_url: str, tmp_path: Path) -> None:
    """Lost between a program's refresh and its saving: kept, saved, and good for the next one."""
    file = tmp_path / "features.toml"
    file.write_text(FILE)
    async with AsyncExitStack() as stack:
        way, url = await stack.enter_async_context(a_gate(database_url))
        play = Play(await stack.enter_async_context(a_stage(url, FEATURES_FILE=str(file), API="true")))
        stack.callback(way.open)
        play.google.break_down("rotating")
        support, desk = await connected(play)
        await _forget_tokens(play, support)
        gate = Gate("refresh")
        other = await stack.enter_async_context(play.another_process(provider=gate.before))
        asking = asyncio.create_task(other.token_broker.token(desk.key, SUPPORT, Audience.IMAP, address=""))
        await gate.reached.wait()
        way.shut()
        gate.go_on.set()
        with pytest.raises(StorageAway):
            await asking
        way.open()
        play.stage.town.clock.advance(timedelta(seconds=16))
        assert await other.probes.run_due() == 1
        assert (await desk.asks())[0] == 200
        await play.look(support)
        assert (await play.now_of(support)).state is State.CONNECTED


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        ("", "10.20.0.5", 401),
        ("127.0.0.1/32", "10.20.0.5", 200),
        ("127.0.0.1/32", "192.0.2.1, 10.20.0.5", 200),
        ("127.0.0.1/32", "10.20.0.5, 192.0.2.1", 401),
        ("127.0.0.1/32", "10.20.0.5, nonsense", 401),
        ("127.0.0.1/32", None, 401),
        ("10.0.0.0/8", "10.20.0.5", 401),
    ],
)
async def test_behind_a_proxy_a_keys_networks_are_the_programs(
    settled_url: str, inline_sqlite: None, tmp_path: Path, proxies: str, forwarded: str | None, status: int
) -> None:
    """What the proxy says counts only if it is trusted, and nothing that stands before it."""
    file = tmp_path / "features.toml"
    file.write_text(FILE)
    async with a_stage(
        settled_url, key=KEY, FEATURES_FILE=str(file), API="true", TRUSTED_PROXIES=proxies
    ) as stage:
        await stage.settles()
        play = Play(stage)
        await play.connect_team(SUPPORT)
        desk = await program(play, networks=["10.20.0.0/16"])
        headers = {"Authorization": f"Bearer {desk.secret}"}
        if forwarded is not None:
            headers["X-Forwarded-For"] = forwarded
        assert (await desk.asks(headers=headers))[0] == status
        [key] = await play.services.api_keys.of_workspace(ACME)
        assert key.last_used_from == ("10.20.0.5" if status == 200 else "")


async def as_emailengine(play: Play, door: str, **query: str) -> tuple[int, dict[str, Any]]:
    """It sends no header of its own."""
    url = f"{play.services.core.policy.base_url}/api/emailengine/{door}"
    async with play.stage.session.get(url, params=query) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        told: dict[str, Any] = await answer.json()
        return answer.status, told


@on_both
async def test_emailengine_asks_at_an_address_of_its_own(play: Play) -> None:
    """By address or id; the address is not the key, there is one at a time, and it ends with the key."""
    support, desk = await connected(play)
    keys = play.services.api_keys
    assert (await as_emailengine(play, desk.secret, account=SUPPORT))[0] == 401
    door = await keys.open_door(desk.key.id)
    assert door is not None
    status, told = await as_emailengine(play, door.reveal(), account=SUPPORT, proto="imap")
    assert (status, set(told), told["user"]) == (200, {"user", "accessToken"}, SUPPORT)
    assert told["accessToken"] in play.handed_out()
    for proto in ("smtp", "api"):
        assert (await as_emailengine(play, door.reveal(), account=support.id, proto=proto))[0] == 200
    async with play.storage.reading() as uow:
        used = await uow.token_uses.of_channel(support.id, play.now - timedelta(days=1))
    assert sorted((one.audience, one.outcome) for one in used) == [
        ("gmail", "given"),
        ("imap", "given"),
        ("smtp", "given"),
    ]
    assert door.reveal() not in await everything_stored(play)
    for account in ("", "alice@acme.example", "x" * 900):
        assert (await as_emailengine(play, door.reveal(), account=account))[0] == 404
    assert (await as_emailengine(play, door.reveal(), account=SUPPORT, proto="pop3"))[0] == 400
    assert (await desk.asks(headers={"Authorization": f"Bearer {door.reveal()}"}))[0] == 401
    other = await keys.open_door(desk.key.id)
    assert other is not None
    assert (await as_emailengine(play, door.reveal(), account=SUPPORT))[0] == 401
    assert (await as_emailengine(play, other.reveal(), account=SUPPORT))[0] == 200
    assert await keys.revoke(desk.key.id)
    assert (await as_emailengine(play, other.reveal(), account=SUPPORT))[0] == 401
    assert await keys.open_door(desk.key.id) is None
