"""A grant is refreshed by one at a time: nothing dies at a provider that ends what is used twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from bot.domain.channel import Channel, State
from bot.domain.grant import Revocation
from bot.domain.ids import GrantId
from bot.services.core.ports import Core
from bot.services.monitoring.probes import LEASED_FOR, ProbedGrant, Probes
from tests.services.play import Gate, Play, on_both

pytestmark = pytest.mark.threaded

ALICE, KENJI, OMAR = (f"{name}@acme.example" for name in ("alice", "kenji", "omar"))
NAMES = ("alice", "kenji", "omar", "sakura")


async def connected(play: Play, *names: str) -> list[Channel]:
    """At a Google that takes every refresh token once."""
    play.google.break_down("rotating")
    return [await play.connect(name) for name in names]


async def states(play: Play, channels: list[Channel]) -> list[State]:
    return [(await play.now_of(channel)).state for channel in channels]


@on_both
async def test_several_processes_never_use_one_secret_twice(play: Play) -> None:
    """One mailbox is refused, and three processes at once look, ask its peers and look again."""
    channels = await connected(play, *NAMES)
    play.google.break_down("revoked", ALICE)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(play.another_process()) for _ in range(2)]
        everybody = [play.services, *others]
        for _ in range(6):
            play.stage.town.clock.advance(timedelta(minutes=15, seconds=1))
            await asyncio.gather(*(one.monitoring.run_due(limit=2) for one in everybody * 2))
    await play.settles()
    assert await states(play, channels) == [State.DISCONNECTED, *[State.CONNECTED] * 3]
    assert [play.refresh_tokens(one) for one in (KENJI, OMAR)] == [1, 1]
    for one in channels[1:]:
        await play.look(one)
    assert (await states(play, channels))[1:] == [State.CONNECTED] * 3


@on_both
async def test_a_sibling_that_somebody_looks_at_is_not_looked_at_too(play: Play) -> None:
    """Others are asked instead; its own look, still under way elsewhere, ends well."""
    alice, kenji, omar = await connected(play, "alice", "kenji", "omar")
    play.google.break_down("revoked", ALICE)
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        looking = asyncio.create_task(play.look(kenji, services=other))
        await gate.reached.wait()
        await play.look(alice)
        assert "strike" in await play.history(alice)
        gate.go_on.set()
        await looking
    await play.look(kenji)
    assert await states(play, [kenji, omar]) == [State.CONNECTED, State.CONNECTED]


@on_both
async def test_two_who_look_at_the_same_mailbox_take_turns(play: Play) -> None:
    """A person enables while an old look, voided by the disabling, still waits for the provider."""
    [alice] = await connected(play, "alice")
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        looking = asyncio.create_task(play.look(alice, services=other))
        await gate.reached.wait()
        await play.disable("alice", alice)
        assert (await play.enable("alice", alice)).state is State.IMPAIRED
        gate.go_on.set()
        await looking
    await play.passes(seconds=10)
    assert await states(play, [alice]) == [State.CONNECTED]
    await play.look(alice)
    assert await states(play, [alice]) == [State.CONNECTED]


@on_both
async def test_a_removal_waits_for_the_look_that_is_under_way(play: Play) -> None:
    """And is then asked for with the secret which that look has brought."""
    [alice] = await connected(play, "alice")
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as other:
        looking = asyncio.create_task(play.look(alice, services=other))
        await gate.reached.wait()
        await play.remove("alice", alice)
        assert play.google.requests["revoke"] == 0
        gate.go_on.set()
        await looking
    await play.passes(seconds=15)
    assert (await play.grant(alice.grant_id)).revocation is Revocation.CONFIRMED


@on_both
async def test_a_dead_holder_keeps_a_grant_for_a_while_only(play: Play) -> None:
    """Its lease runs out by the database's clock; what it might still find out counts for nothing."""
    [alice] = await connected(play, "alice")
    probes = Probes(play.services.core)
    assert alice.grant_id
    async with probes.turn(alice.grant_id) as held:
        assert held is not None
        assert await probes.looks([alice.grant_id]) == {}
        play.stage.town.clock.advance(LEASED_FOR + timedelta(seconds=1))
        assert (await probes.looks([alice.grant_id]))[alice.grant_id].look.error is None


@on_both
async def test_a_look_that_is_cut_off_keeps_nobody_waiting(play: Play) -> None:
    """The process ends in good order while a provider is slow: the next one looks at once."""
    [alice] = await connected(play, "alice")
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as ending:
        looking = asyncio.create_task(play.look(alice, services=ending))
        await gate.reached.wait()
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
    async with play.storage.writing() as uow:
        lease_for = timedelta(minutes=1)
        claimed = await uow.probes.claim(now=play.now, limit=1, lease_for=lease_for, only=alice.id)
        assert alice.grant_id
        _, leased = await uow.grants.lease([alice.grant_id], lease_for=lease_for)
    assert [probe.channel_id for probe in claimed] == [alice.id]
    assert [grant.id for grant in leased] == [alice.grant_id]


async def test_what_was_learned_without_the_lease_is_no_news(play: Play) -> None:
    """Whoever overslept its lease hears nothing of what came of it."""
    [alice] = await connected(play, "alice")
    assert alice.grant_id
    gate = Gate("refresh")
    async with play.another_process(provider=gate.before) as slow:
        looking = asyncio.create_task(_looks(slow.core, alice))
        await gate.reached.wait()
        play.stage.town.clock.advance(LEASED_FOR + timedelta(seconds=1))
        await play.look(alice)
        gate.go_on.set()
        assert await looking == {}


async def _looks(core: Core, channel: Channel) -> Mapping[GrantId, ProbedGrant]:
    assert channel.grant_id
    return await Probes(core).looks([channel.grant_id])


@on_both
async def test_a_token_that_died_on_the_way_costs_no_grant(play: Play) -> None:
    """After a 401 of the mailbox the newest secret is used, and the one that comes back is kept."""
    [alice] = await connected(play, "alice")
    for _ in range(3):
        play.google.break_down("gmail_unauthorized", ALICE, times=1)
        await play.look(alice)
    play.google.break_down("gmail_unauthorized", ALICE, times=2)
    await play.look(alice)  # refused for good, and the secret of the second refresh is kept all the same
    assert (await play.now_of(alice)).state is State.IMPAIRED
    await play.look(alice)
    assert await states(play, [alice]) == [State.CONNECTED]


async def test_a_token_that_died_at_microsoft_costs_no_grant_either(play: Play) -> None:
    """With the claims that Microsoft names, and the newest secret."""
    play.microsoft.break_down("rotating")
    support = await play.connect_team(provider="microsoft")
    for _ in range(3):
        play.microsoft.break_down("challenged", "support@acme.example", times=1)
        await play.look(support)
        assert await states(play, [support]) == [State.CONNECTED]


async def test_looking_after_a_removed_access_does_not_end_it(play: Play) -> None:
    """Each look whether the person has removed it brings a new secret, and the next look uses that."""
    play.microsoft.break_down("rotating")
    support = await play.connect_team(provider="microsoft")
    await play.remove("omar", support)
    await play.passes(hours=2)
    grant = await play.grant(support.grant_id)
    assert grant.revocation is not Revocation.CONFIRMED
    assert grant.renewals > 1
    play.microsoft.break_down("consent_revoked", "support@acme.example")
    await play.passes(hours=13)
    assert (await play.grant(support.grant_id)).revocation is Revocation.CONFIRMED
